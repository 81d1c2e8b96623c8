"""What voxel values mean: CT numbers to attenuation, MR to a normalised scale, and where the head is."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.volume import Volume

if TYPE_CHECKING:
    import SimpleITK as sitk

logger = logging.getLogger(__name__)

WATER_KEV = (20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
WATER_CM2_PER_G = (0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505)
"""Mass attenuation of liquid water, with coherent scatter: Hubbell and Seltzer, NISTIR 5632, table 4."""

MR_REFERENCE_PERCENTILE = 95.0
"""The bright tissue that becomes 1 in normalised MR. Of the statistics tried (median, mean, percentiles 75 to
99) on two T1 heads, cutting the neck off moved this one least in both: 3 and 11 %, the median by up to 55 %."""

MR_CEILING = 2.0
"""Where normalised MR is clipped: above all tissue (percentile 99.9 lies at 1.6), below inflow and artefacts."""

HEAD_HEIGHT_MM = 220.0
"""Vertex to chin; what lies lower is neck."""

SKIN_MARGIN_MM = 3.0
"""How far beyond the mask voxels are kept: partial volume at the skin."""

COARSE_MM = 3.2
"""Largest block of voxels on which the head is searched for."""


def water_attenuation(energy_kev: float) -> float:
    """Linear attenuation of water in 1/mm at a photon energy of 20 to 150 keV, log-log between table entries.

    Raises:
        MR2XRayError: if the energy is outside the table.
    """
    low, high = WATER_KEV[0], WATER_KEV[-1]
    if not low <= energy_kev <= high:
        raise MR2XRayError(
            f"The X-ray energy {energy_kev:g} keV is outside the table; give {low:g} to {high:g} keV."
        )
    per_cm = np.exp(np.interp(np.log(energy_kev), np.log(WATER_KEV), np.log(WATER_CM2_PER_G)))
    return float(per_cm) / 10


def attenuation(ct: Volume, energy_kev: float = 60.0) -> Volume:
    """Linear attenuation, float32 in 1/mm, of a CT volume in HU, at an effective energy.

    mu = mu_water(E) * (1 + HU / 1000), not below 0: the definition of the Hounsfield unit solved for mu, with
    mu(air) = 0. HU were measured at the CT's own effective energy (about 70 keV), so this is exact for water;
    bone, whose attenuation falls faster with energy, comes out too low below that energy and too high above.

    Clipping turns noise around air at -1000 HU into a small positive mean, 0.4 of its standard deviation: 8 HU,
    or 0.025 in a line integral through 150 mm of air, for noise of 20 HU. No threshold on air is set against it,
    since foam, headrest and table weigh more; `head_only` before this function removes both.

    Raises:
        MR2XRayError: if the volume is not in HU, or the energy is outside 20 to 150 keV.
    """
    if ct.unit != "HU":
        raise MR2XRayError(f"{ct.name} is not in HU but in {ct.unit}; give a CT volume.")
    water = water_attenuation(energy_kev)
    voxels = np.multiply(ct.voxels, np.float32(water / 1000), dtype=np.float32)
    voxels += np.float32(water)
    np.maximum(voxels, 0, out=voxels)
    provenance = {**ct.provenance, "effective_energy_kev": energy_kev}
    return replace(ct, voxels=voxels, unit="1/mm", provenance=provenance)


def normalise_mr(mr: Volume, head: np.ndarray | None = None) -> Volume:
    """MR intensity on a scale that does not depend on the scanner's unit: float32, bright tissue at 1, air 0.

    Values are divided by their 95th percentile inside the head mask (with a margin of 3 mm) and clipped at 2.
    Outside they are set to 0, so that the noise of air does not add up along the rays.

    Args:
        mr: unit "raw".
        head: that mask where it is known, bool (nk, nj, ni), margin included; else it is found.

    Raises:
        MR2XRayError: if no head is found.
    """
    if head is None:
        head = head_mask(mr, SKIN_MARGIN_MM)
    reference = float(np.percentile(mr.voxels[head], MR_REFERENCE_PERCENTILE))
    if reference <= 0:
        raise MR2XRayError(f"{mr.name} is dark inside the head; check that it is an MR volume of a head.")
    voxels = np.multiply(mr.voxels, 1 / reference, dtype=np.float32)
    np.clip(voxels, 0, MR_CEILING, out=voxels)
    voxels[~head] = 0
    provenance = {**mr.provenance, "normalised_by": reference}
    return replace(mr, voxels=voxels, unit="normalised", provenance=provenance)


def head_only(volume: Volume, margin_mm: float = SKIN_MARGIN_MM) -> Volume:
    """The volume with all that is not head set to air (-1000 in HU, else 0): table, headrest, foam and noise.

    In the Visible Human CT these make 4 to 5 % of the mean line integral over the head, and none of them is in an MR.
    """
    air = -1000 if volume.unit == "HU" else 0
    voxels = np.where(head_mask(volume, margin_mm), volume.voxels, np.asarray(air, volume.voxels.dtype))
    return replace(volume, voxels=voxels, provenance={**volume.provenance, "outside_head": "set to air"})


def head_mask(volume: Volume, margin_mm: float = 0.0) -> np.ndarray:
    """Where the head is: bool, shape (nk, nj, ni), with skull, sinuses and other cavities, without the table.

    On block means of 2 to 3 mm: threshold (-300 HU, or Otsu on the logarithm of intensity), cavities filled
    slice by slice, the largest part after an opening of 6 mm, a closing of 8 mm, filled again. All lengths are
    physical, so thick slices and oblique volumes work alike. Values may be scaled by any positive constant.

    Args:
        volume: CT in HU, or anything in which air is dark.
        margin_mm: how far beyond the skin the mask reaches.

    Raises:
        MR2XRayError: if nothing like a head is found.
    """
    import SimpleITK as sitk

    coarse, head = _coarse_head(volume)
    if margin_mm > 0:
        head = _dilated(head, margin_mm)
    blocks = np.round(coarse.spacing_mm / volume.spacing_mm)
    # In the volume's index space: a coarse voxel is `blocks` wide and its centre lies (blocks - 1) / 2 inside.
    head.SetSpacing(blocks.tolist())
    head.SetOrigin(((blocks - 1) / 2).tolist())
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(volume.size)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    return sitk.GetArrayFromImage(resampler.Execute(head * 100)) >= 50


def head_centre_mm(volume: Volume) -> np.ndarray:
    """The centre of the head, world LPS mm, shape (3,): the default isocentre.

    It is the middle of the bounding box of the head mask's upper 220 mm (vertex to chin; superior is +z), so that
    neck and shoulders in the field of view do not pull it down. The box is steadier than the centroid: cutting
    the lower 55 mm off a CT moves it by less than 0.1 mm sideways. A volume that ends above the chin is centred on
    what it shows.

    Raises:
        MR2XRayError: if nothing like a head is found.
    """
    import SimpleITK as sitk

    coarse, head = _coarse_head(volume)
    k, j, i = np.nonzero(sitk.GetArrayViewFromImage(head))
    points = coarse.to_world(np.stack([i, j, k], axis=-1))
    top = np.percentile(points[:, 2], 99.95)
    points = points[points[:, 2] > top - HEAD_HEIGHT_MM]
    # Half a percent is left out on either side: the tip of the nose or a lock of hair must not move the isocentre.
    x, y = np.percentile(points[:, :2], [0.5, 99.5], axis=0).mean(axis=0)
    return np.array([x, y, (top + points[:, 2].min()) / 2])


def as_ct(volume: Volume) -> Volume:
    """The volume in unit "HU", once its values look like CT numbers: air near -1000 and tissue near 0.

    Raises:
        MR2XRayError: if they do not; values without any negative are named as MR or as HU + 1024.
    """
    sample = _sample(volume)
    air, tissue = np.mean(sample <= -800), np.mean((sample > -200) & (sample < 3100))
    if air >= 0.001 and tissue >= 0.01 and np.percentile(sample, 99) < 4000:
        return replace(volume, unit="HU")
    low, high = float(sample.min()), float(sample.max())
    guess = "it may be MR, or CT stored as HU + 1024" if low >= 0 else "it may be MR or a rescaled CT"
    raise MR2XRayError(
        f"{volume.name} does not look like CT in HU: its values run from {low:g} to {high:g} without air at -1000 and "
        f"tissue near 0 ({guess}); give a CT volume in HU."
    )


def as_mr(volume: Volume) -> Volume:
    """The volume as float32, once its values look like MR; the few negatives that interpolation leaves become 0.

    Raises:
        MR2XRayError: if it looks like CT, like a label map (fewer than 20 different whole numbers), or is negative
            to more than a twentieth of its bright values.
    """
    sample = _sample(volume)
    if np.mean(sample <= -800) >= 0.01:
        raise MR2XRayError(f"{volume.name} looks like CT (air near -1000), not MR; give the MR volume here.")
    different = np.unique(sample)
    if len(different) < 20 and (different == np.round(different)).all():
        raise MR2XRayError(
            f"{volume.name} holds only {len(different)} different whole numbers, like a label map; give the MR image."
        )
    low, high = np.percentile(sample, [0.5, 99.5])
    if -low > 0.05 * high:
        raise MR2XRayError(
            f"{volume.name} holds negative values (down to {sample.min():g}), unlike an MR magnitude image; give one."
        )
    voxels = volume.voxels.astype(np.float32)
    negative = float(np.mean(voxels < 0))
    if not negative:
        return replace(volume, voxels=voxels)
    logger.info("%s: %.2g %% of the voxels are below 0 and set to 0", volume.name, 100 * negative)
    np.maximum(voxels, 0, out=voxels)
    return replace(volume, voxels=voxels, provenance={**volume.provenance, "negative_set_to_0": negative})


def _sample(volume: Volume) -> np.ndarray:
    """Up to about two million voxels, float32: enough to know a distribution. An odd stride follows no row."""
    stride = max(1, volume.voxels.size // 2_000_000) | 1
    return volume.voxels.reshape(-1)[::stride].astype(np.float32)


def _coarse_head(volume: Volume) -> tuple[Volume, sitk.Image]:
    """Block means of the volume, and the head on them as 0 and 1 with the spacing in mm."""
    import SimpleITK as sitk

    coarse = _coarse(volume)
    tissue = sitk.GetImageFromArray((coarse.voxels > _air_threshold(coarse)).astype(np.uint8))
    tissue.SetSpacing(coarse.spacing_mm.tolist())
    if volume.unit == "HU":
        # The shell of a headrest would close a ring with the head; MR has none, and its thin scalp must stay.
        tissue = _opened(tissue, 3.0)
    filled = _filled_by_slice(tissue)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(_opened(filled, 6.0)))
    # Ears and nose are thinner than the opening: what lies within 4 mm of the largest part comes back.
    head = _filled_by_slice(_closed(_dilated(parts == 1, 4.0) & filled, 8.0))
    if not sitk.GetArrayViewFromImage(head).any():
        raise MR2XRayError(f"No head is found in {volume.name}; check that it shows one against dark air.")
    return coarse, head


def _coarse(volume: Volume) -> Volume:
    import SimpleITK as sitk

    blocks = [max(1, min(int(COARSE_MM / s), n)) for s, n in zip(volume.spacing_mm, volume.size, strict=True)]
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    image = sitk.BinShrink(sitk.Cast(sitk.GetImageFromArray(voxels), sitk.sitkFloat32), blocks)
    affine = volume.affine @ np.diag([*blocks, 1.0])
    affine[:3, 3] = volume.to_world((np.array(blocks) - 1) / 2)
    return Volume(sitk.GetArrayFromImage(image), affine, volume.unit, volume.name)


def _air_threshold(coarse: Volume) -> float:
    """Between air and tissue. Otsu on the logarithm stays near the noise, where dark tissue still counts."""
    import SimpleITK as sitk

    if coarse.unit == "HU":
        return -300.0
    bright = float(np.percentile(coarse.voxels, 99))
    if bright <= 0:
        raise MR2XRayError(f"No head is found in {coarse.name}; check that it shows one against dark air.")
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetNumberOfHistogramBins(256)
    otsu.Execute(sitk.GetImageFromArray(np.log(np.clip(coarse.voxels / bright, 0.01, 1.0))))
    return bright * float(np.exp(otsu.GetThreshold()))


def _dilated(mask: sitk.Image, radius_mm: float) -> sitk.Image:
    import SimpleITK as sitk

    distance = sitk.SignedMaurerDistanceMap(mask, squaredDistance=False, useImageSpacing=True)
    return distance <= radius_mm


def _eroded(mask: sitk.Image, radius_mm: float) -> sitk.Image:
    """What lies deeper than the radius; the volume's own border does not erode, since the head goes on there."""
    return _dilated(mask == 0, radius_mm) == 0


def _opened(mask: sitk.Image, radius_mm: float) -> sitk.Image:
    return _dilated(_eroded(mask, radius_mm), radius_mm)


def _closed(mask: sitk.Image, radius_mm: float) -> sitk.Image:
    import SimpleITK as sitk

    border = [int(radius_mm / spacing) + 2 for spacing in mask.GetSpacing()]
    padded = sitk.ConstantPad(mask, border, border, 0)
    return sitk.Crop(_eroded(_dilated(padded, radius_mm), radius_mm), border, border)


def _filled_by_slice(mask: sitk.Image) -> sitk.Image:
    """Holes of every slice across each of the three axes: nose and throat open in 3D and close in a slice."""
    import SimpleITK as sitk

    voxels = sitk.GetArrayFromImage(mask)
    filled = voxels.copy()
    for axis in range(3):
        slices, out = np.moveaxis(voxels, axis, 0), np.moveaxis(filled, axis, 0)
        # Walls before, between and after the slices, so that one filling in 3D fills each slice by itself.
        walled = np.ones((2 * len(slices) + 1, *slices.shape[1:]), np.uint8)
        walled[1::2] = slices
        out |= sitk.GetArrayFromImage(sitk.BinaryFillhole(sitk.GetImageFromArray(walled)))[1::2]
    result = sitk.GetImageFromArray(filled)
    result.CopyInformation(mask)
    return result
