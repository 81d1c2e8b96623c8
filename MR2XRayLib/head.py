"""Where the head is in a volume, whatever the scanner, slices and axes: its mask, and its centre."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.volume import Volume

if TYPE_CHECKING:
    import SimpleITK as sitk

HEAD_HEIGHT_MM = 220.0
"""Vertex to chin; what lies lower is neck."""

SKIN_MARGIN_MM = 3.0
"""How far beyond the mask voxels are kept: partial volume at the skin."""

MAD_TO_SD = 1.4826
NOISE_EDGE_SD = 6.0
"""Block means this many standard deviations above air's median are tissue; the tail of the noise ends below."""

LEAST_TISSUE = 0.012
"""Tissue is at least this share of the bright: where air was set to 0, rests of ghosts or of compression are none."""

COARSE_MM = 3.2
"""Largest block of voxels on which the head is searched for."""


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
    # In the volume's index space, where a coarse voxel is `blocks` wide.
    head.SetSpacing(blocks.tolist())
    head.SetOrigin(volume.to_index(coarse.affine[:3, 3]).tolist())
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
    """Means of blocks of voxels, whose middle is the volume's: they are the same however its axes are stored."""
    blocks = [max(1, min(int(COARSE_MM / s), n)) for s, n in zip(volume.spacing_mm, volume.size, strict=True)]
    along_i, along_j, along_k = (_overlaps(n, block) for n, block in zip(volume.size, blocks, strict=True))
    sums = along_j @ np.tensordot(along_k, volume.voxels.astype(np.float32), axes=1) @ along_i.T
    counts = along_k.sum(axis=1)[:, None, None] * along_j.sum(axis=1)[:, None] * along_i.sum(axis=1)
    affine = volume.affine @ np.diag([*blocks, 1.0])
    affine[:3, 3] = volume.centre_mm - affine[:3, :3] @ ((np.array(sums.shape[::-1]) - 1) / 2)
    return Volume(sums / counts, affine, volume.unit, volume.name)


def _overlaps(voxels: int, block: int) -> np.ndarray:
    """How much of each voxel lies in each block of an axis: 0, 1/2 or 1, float32 (blocks, voxels).

    Where the voxels do not fill whole blocks, the first and the last reach out of the volume, equally far; two blocks
    may then share a voxel.
    """
    blocks = -(-voxels // block)
    begins = (voxels - blocks * block) / 2 + block * np.arange(blocks)[:, None]
    place = np.arange(voxels)
    overlaps = np.minimum(begins + block, place + 1) - np.maximum(begins, place)
    return np.maximum(overlaps, 0).astype(np.float32)


def _air_threshold(coarse: Volume) -> float:
    """Between air and tissue.

    Of MR: Otsu's on the logarithm, or the edge of the noise where that is lower. A scalp whose fat is suppressed is
    hardly brighter than noise, and Otsu's threshold then parts it from the brain instead of from air.
    """
    import SimpleITK as sitk

    if coarse.unit == "HU":
        return -300.0
    bright = float(np.percentile(coarse.voxels, 99))
    if bright <= 0:
        raise MR2XRayError(f"No head is found in {coarse.name}; check that it shows one against dark air.")
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetNumberOfHistogramBins(256)
    otsu.Execute(sitk.GetImageFromArray(np.log(np.clip(coarse.voxels / bright, 0.01, 1.0))))
    threshold = bright * float(np.exp(otsu.GetThreshold()))
    air = coarse.voxels[coarse.voxels <= threshold]
    level = float(np.median(air))
    noise = MAD_TO_SD * float(np.median(np.abs(air - level)))
    return min(threshold, max(level + NOISE_EDGE_SD * noise, LEAST_TISSUE * bright))


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
