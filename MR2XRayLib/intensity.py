"""What voxel values mean: CT numbers to attenuation, and MR to a normalised scale."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.head import SKIN_MARGIN_MM, head_mask
from MR2XRayLib.volume import Volume

logger = logging.getLogger(__name__)

WATER_KEV = (20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
WATER_CM2_PER_G = (0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505)
"""Mass attenuation of liquid water, with coherent scatter: Hubbell and Seltzer, NISTIR 5632, table 4."""

TRAINED_KEV = 60.0
"""The effective energy at which CT numbers become attenuation unless another is named; all shipped generators' own."""

LEAST_PADDING = 0.02
"""From this share of a CT's voxels on, one value that fills a corner of the volume and is no air is padding."""

DENSER_THAN_AIR_HU = -300.0
"""Above it `head_mask` takes a voxel for tissue."""

MR_REFERENCE_PERCENTILE = 95.0
"""The bright tissue that becomes 1 in normalised MR. Of the statistics tried (median, mean, percentiles 75 to
99) on two T1 heads, cutting the neck off moved this one least in both: 3 and 11 %, the median by up to 55 %."""

MR_FLOOR = 1e-6
"""The least normalised MR inside the head: nothing in a line integral, yet the head stays known as what is above 0."""

MR_CEILING = 2.0
"""Where normalised MR is clipped: above all tissue (percentile 99.9 lies at 1.6), below inflow and artefacts."""


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


def attenuation(ct: Volume, energy_kev: float = TRAINED_KEV) -> Volume:
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
    Outside they are set to 0, so that the noise of air does not add up along the rays; inside they are above 0.

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
    np.clip(voxels, MR_FLOOR, MR_CEILING, out=voxels)
    voxels[~head] = 0
    provenance = {**mr.provenance, "normalised_by": reference}
    return replace(mr, voxels=voxels, unit="normalised", provenance=provenance)


def as_ct(volume: Volume) -> Volume:
    """The volume in unit "HU", once its values look like CT numbers: air near -1000 and tissue near 0.

    Raises:
        MR2XRayError: if they do not; values without any negative are named as MR or as HU + 1024. Also if the volume is
            padded with something denser than air.
    """
    sample = _sample(volume)
    air, tissue = np.mean(sample <= -800), np.mean((sample > -200) & (sample < 3100))
    if air >= 0.001 and tissue >= 0.01 and np.percentile(sample, 99) < 4000:
        _check_padding(volume, sample)
        return replace(volume, unit="HU")
    low, high = float(sample.min()), float(sample.max())
    guess = "it may be MR, or CT stored as HU + 1024" if low >= 0 else "it may be MR or a rescaled CT"
    raise MR2XRayError(
        f"{volume.name} does not look like CT in HU: its values run from {low:g} to {high:g} without air at -1000 and "
        f"tissue near 0 ({guess}); give a CT volume in HU."
    )


def _check_padding(volume: Volume, sample: np.ndarray) -> None:
    """Refuse a CT whose surroundings were filled with water, as SimpleITK does by default.

    Resampling onto another grid leaves at least a corner of it empty; in a CT as scanned corners are air or noisy.
    """
    corners = np.unique(volume.voxels[np.ix_([0, -1], [0, -1], [0, -1])]).astype(np.float32)
    for value in corners[corners > DENSER_THAN_AIR_HU]:
        share = float(np.mean(sample == value))
        if share >= LEAST_PADDING:
            raise MR2XRayError(
                f"{volume.name} is padded with {value:g} HU, which counts as tissue ({share:.0%} of its voxels, up to "
                "a corner); resample it again with -1000 as the default value."
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
