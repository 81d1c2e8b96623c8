"""Simulated heads: a MR and a CT volume of one label anatomy, with random looks (domain randomisation).

A label volume says where tissues lie; contrast, CT numbers, texture, sinuses, bias field, noise, slice thickness,
size and pose are drawn anew for every head. Everything follows from the seed and the head's index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import avg_pool3d

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.head import HEAD_HEIGHT_MM, SKIN_MARGIN_MM
from MR2XRayLib.simulation.aeration import aerated
from MR2XRayLib.simulation.anatomy import varied_anatomy
from MR2XRayLib.simulation.ellipsoids import fill_ellipsoid
from MR2XRayLib.simulation.implants import with_blooming
from MR2XRayLib.simulation.morphology import dilated
from MR2XRayLib.simulation.noise import smooth_noise
from MR2XRayLib.simulation.tissues import (
    ADDED_TISSUES,
    CAVITY,
    MARROW,
    SKULL,
    TISSUES,
    draw_added,
    draw_family,
    draw_hu,
    draw_mr_signal,
)
from MR2XRayLib.simulation.variety import Variety
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import read_volume

LABEL_SPACING_MM = (0.5, 10.0)
"""Voxel sizes of label volumes: what lies outside was saved in another unit. Cavities, textures and slices are drawn
in voxels of 1 mm; larger ones make quick heads for tests, in which these are too large."""

LARGEST_ELONGATION = 1.3
"""A label volume's longest voxel edge over its shortest."""

LEAST_COSINE = 0.9
"""Between an axis of a label volume and the patient's: a head may be tilted by 25°."""

VARIETY_STREAM, AIR_STREAM, CONTRAST_STREAM = 2, 3, 100
"""Random streams beside the head's own, which stays what it is for heads without variety; 1 is `training.pairs`'."""

CAVITY_LABELS = (5, 6, 9)
"""What a random air cavity may replace: soft tissue, in which MR shows it, but never brain."""

THICKNESS_WEIGHTS = (0.4, 0.2, 0.15, 0.1, 0.15)
"""How often a MR has slices of 1, 2, 3, 4, 5 voxels: 3D sequences are the commonest, 5 mm the classical 2D slice."""


@dataclass(frozen=True, eq=False)
class SimulatedHead:
    """One head as both scanners see it, in one world frame.

    Attributes:
        mr: unit "raw", with the slice thickness, bias field and noise of a scan.
        ct: unit "HU".
        head: which voxels of `mr` are head or within 3 mm of it, bool; what `head.head_mask` finds.
        family: the family of MR contrast (see `tissues.FAMILY_WEIGHTS`).
        centre_mm: the middle of the head without the neck, LPS: where an isocentre belongs.
    """

    mr: Volume
    ct: Volume
    head: np.ndarray
    family: str
    centre_mm: np.ndarray


def read_labels(path: Path) -> Volume:
    """Read a label volume: labels 0 to 11, in voxels of about 1 mm.

    Returns:
        The labels as uint8, where the file says that they lie, with i to the patient's right, j to the face and k up:
        axes in another order or direction are turned without resampling.

    Raises:
        MR2XRayError: as `read_volume`, or if the file holds anything but those labels, its voxels are no cubes or
            outside `LABEL_SPACING_MM`, or its axes lie askew to the patient.
    """
    path = Path(path)
    volume = read_volume(path)
    _check_labels(volume.voxels, path)
    _check_cubes(volume.spacing_mm, path)
    return replace(_upright(volume, path), name=path.name.split("_")[0])


def _check_labels(voxels: np.ndarray, path: Path) -> None:
    values = np.unique(voxels)
    if values[0] < 0 or values[-1] >= len(TISSUES) or len(values) < 4:
        raise MR2XRayError(
            f"{path} does not hold BrainWeb tissue labels (0 to 11); give another label volume."
        )
    fractions = values[values % 1 != 0]
    if fractions.size:
        raise MR2XRayError(
            f"{path} holds values between the labels, such as {fractions[0]:g}; resample it by nearest neighbour."
        )


def _check_cubes(spacing_mm: np.ndarray, path: Path) -> None:
    low, high = LABEL_SPACING_MM
    shortest, longest = spacing_mm.min(), spacing_mm.max()
    if not (low <= shortest and longest <= min(high, LARGEST_ELONGATION * shortest)):
        steps = " x ".join(f"{mm:g}" for mm in spacing_mm)
        raise MR2XRayError(
            f"The voxels of {path} are {steps} mm; resample it by nearest neighbour to cubes of 1 mm."
        )


def _upright(labels: Volume, path: Path) -> Volume:
    """The labels as uint8 in the same places, with i to the patient's right, j to the face and k up."""
    cosines = labels.affine[:3, :3] / labels.spacing_mm
    order = np.abs(cosines).argmax(axis=1)  # which of i, j, k runs along the world's x, y, z
    along = cosines[range(3), order]
    if np.abs(along).min() < LEAST_COSINE:
        raise MR2XRayError(
            f"The axes of {path} lie askew to the patient; resample it by nearest neighbour along right, front and up."
        )
    wrong = np.sign(along) != (-1, -1, 1)
    turned = np.zeros((4, 4))  # index after to index before
    turned[order, range(3)] = np.where(wrong, -1, 1)
    turned[order, 3] = np.where(wrong, np.array(labels.size)[order] - 1, 0)
    turned[3, 3] = 1
    voxels = np.flip(labels.voxels.T.transpose(order), tuple(np.flatnonzero(wrong))).T
    return replace(labels, voxels=np.ascontiguousarray(voxels, np.uint8), affine=labels.affine @ turned)


def simulate_head(
    labels: Volume,
    seed: int,
    index: int,
    spacing: int = 1,
    family: str | None = None,
    clinical: bool = True,
    variety: Variety = Variety(),  # noqa: B008 (frozen)
    registered: bool = False,
) -> SimulatedHead:
    """Draw one head on an anatomy, seen in one contrast: the first of `simulate_contrasts`, which see.

    Args:
        family: the family of MR contrast; drawn if None.
    """
    return simulate_contrasts(labels, seed, index, spacing, (family,), clinical, variety, registered)[0]


def simulate_contrasts(
    labels: Volume,
    seed: int,
    index: int,
    spacing: int = 1,
    families: Sequence[str | None] = (None,),
    clinical: bool = True,
    variety: Variety = Variety(),  # noqa: B008 (frozen)
    registered: bool = False,
) -> tuple[SimulatedHead, ...]:
    """Draw one head on an anatomy, seen in several contrasts, which share anatomy and CT (the same `Volume`).

    Each contrast has its own slices, bias field, noise and error of registration. The first is what it would be
    alone.

    Args:
        labels: label volume of about 1 mm, as `read_labels` gives it.
        seed, index: everything random follows from these two.
        spacing: the CT's voxels, in voxels of `labels`; the MR's slices are up to 5 voxels thick besides.
        families: the family of each MR contrast; None is drawn.
        clinical: with slices up to 5 mm thick and a small error of registration, as real pairs have; else the MR
            has the CT's voxels and lies exactly on it.
        variety: how the anatomy itself is changed, its sinuses aired; by default not at all.
        registered: leave out the first clinical scan's error of registration, so that the others err against it and
            the CT alike; everything else stays what it is.
    """
    rng = np.random.default_rng([seed, index])
    added = np.random.default_rng([seed, index, VARIETY_STREAM])
    first = families[0] or draw_family(rng)
    anatomy = aerated(labels, np.random.default_rng([seed, index, AIR_STREAM]))
    anatomy = replace(anatomy, voxels=_with_cavities(anatomy, rng))
    anatomy = replace(varied_anatomy(anatomy, variety, added), name=f"{labels.name}-{seed}-{index}")
    pose = _draw_pose(rng)
    added_hu, added_signal = draw_added(added)
    hu = draw_hu(rng)
    hu[[SKULL, MARROW]] *= 1 + added.uniform(0.0, variety.denser_bone)
    means = np.concatenate([hu, added_hu])
    ct = _pooled(_paint(anatomy.voxels, means, _hu_texture(), rng), anatomy, (spacing,) * 3, "HU")
    seen = replace(anatomy, voxels=with_blooming(anatomy.voxels, added))
    ct = replace(ct.moved(pose), name=labels.name)
    heads = []
    for number, wanted in enumerate((first, *families[1:])):
        if number > 0:
            rng = np.random.default_rng([seed, index, CONTRAST_STREAM + number])
        family = wanted or draw_family(rng)
        mr, head = _scan(seen, family, added_signal, spacing, clinical, rng)
        if clinical and not (registered and number == 0):
            mr = mr.moved(_draw_misregistration(rng))
        heads.append(SimulatedHead(mr.moved(pose), ct, head, family, _centre_mm(ct)))
    return tuple(heads)


def _scan(
    anatomy: Volume,
    family: str,
    added_signal: np.ndarray,
    spacing: int,
    clinical: bool,
    rng: np.random.Generator,
) -> tuple[Volume, np.ndarray]:
    """A MR of one contrast family, where the anatomy is, and its mask of the head."""
    means = np.concatenate([draw_mr_signal(rng, family), added_signal])
    mr = _paint(anatomy.voxels, means, means * rng.uniform(0.02, 0.12), rng)
    block = _slice_shape(rng, spacing) if clinical else (spacing,) * 3
    scan = _pooled(mr, anatomy, block, "raw")
    scan = replace(scan, voxels=_scanned(scan.voxels, rng))
    return scan, _head_mask(anatomy, block)


def _centre_mm(ct: Volume) -> np.ndarray:
    """The middle of the volume, or of its upper `HEAD_HEIGHT_MM` if it is longer."""
    ni, nj, nk = ct.size
    height = min(nk, round(HEAD_HEIGHT_MM / ct.spacing_mm[2]))
    return ct.to_world((np.array([ni, nj, 2 * nk - height]) - 1) / 2)


def _hu_texture() -> np.ndarray:
    return np.array([tissue.hu_texture for tissue in TISSUES + ADDED_TISSUES], np.float32)


def _with_cavities(labels: Volume, rng: np.random.Generator) -> np.ndarray:
    """The labels with up to five pairs of ellipsoid air cavities in the face and skull base (label `CAVITY`)."""
    anatomy = labels.voxels.copy()
    candidates = np.argwhere(np.isin(anatomy[::8, ::8, ::8], CAVITY_LABELS)) * 8
    world = labels.to_world(candidates[:, ::-1])
    lowest = labels.corners_mm()[:, 2].min()
    candidates = candidates[(world[:, 2] < lowest + 75) & (world[:, 1] < 40)]
    for centre in rng.permutation(candidates)[: rng.integers(0, 6)]:
        radii = rng.uniform(4.0, 14.0, 3)
        fill_ellipsoid(anatomy, centre, radii, CAVITY, CAVITY_LABELS)
        if rng.random() < 0.7:
            mirrored = (centre[0], centre[1], anatomy.shape[2] - 1 - centre[2])
            fill_ellipsoid(anatomy, mirrored, radii, CAVITY, CAVITY_LABELS)
    return anatomy


def _paint(
    anatomy: np.ndarray, means: np.ndarray, textures: np.ndarray, rng: np.random.Generator
) -> torch.Tensor:
    """Means plus smooth texture of a random grain, label by label: float32 (nk, nj, ni)."""
    grain_mm = rng.uniform(2.5, 6.0)
    texture = smooth_noise(anatomy.shape, grain_mm, rng).numpy()
    texture *= np.take(textures, anatomy)
    texture += np.take(means, anatomy)
    return torch.from_numpy(texture)


def _slice_shape(rng: np.random.Generator, spacing: int) -> tuple[int, int, int]:
    """Voxels of the labels in one voxel of the MR, order k, j, i: one axis has the slice thickness, 1 to 5."""
    shape = [spacing] * 3
    shape[rng.choice(3, p=[0.6, 0.2, 0.2])] = max(spacing, int(rng.choice(5, p=THICKNESS_WEIGHTS)) + 1)
    return shape[0], shape[1], shape[2]


def _pooled(values: torch.Tensor, labels: Volume, shape: tuple[int, int, int], unit: str) -> Volume:
    """Average blocks of voxels (partial volume, slice thickness) and place the coarser grid in the world."""
    coarse = avg_pool3d(values[None, None], shape)[0, 0] if max(shape) > 1 else values
    index = np.eye(4)
    index[range(3), range(3)] = shape[::-1]
    index[:3, 3] = (np.array(shape[::-1]) - 1) / 2
    return Volume(coarse.numpy(), labels.affine @ index, unit, labels.name)  # type: ignore[arg-type]


def _head_mask(labels: Volume, block: tuple[int, int, int]) -> np.ndarray:
    """The head on blocks of voxels, and up to `SKIN_MARGIN_MM` around it (a box for a ball)."""
    head = torch.from_numpy(labels.voxels > 0).float()[None, None]
    mask = avg_pool3d(head, block).ge(0.5)[0, 0].numpy()
    voxel_mm = np.array(block) * labels.spacing_mm[::-1]
    return dilated(mask, [int(SKIN_MARGIN_MM / mm + 1e-6) for mm in voxel_mm])


def _scanned(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A scanner's volume of a signal in 0..1: bias field, Rician noise (Gudbjartsson and Patz 1995), any unit."""
    bias = torch.exp(rng.uniform(0.0, 0.2) * smooth_noise(signal.shape, max(signal.shape) / 3, rng)).numpy()
    sigma = rng.uniform(0.0, 0.04)
    noise = sigma * rng.standard_normal((2, *signal.shape), dtype=np.float32)
    return rng.uniform(200.0, 2000.0) * np.hypot(signal * bias + noise[0], noise[1]).astype(np.float32)


def _draw_pose(rng: np.random.Generator) -> np.ndarray:
    """A 4x4 matrix, world to world, LPS mm: half of all heads mirrored, size ±7 % by axis, tilted up to 10°."""
    scale = np.diag([*rng.uniform(0.93, 1.07, 3), 1.0])
    scale[0, 0] *= rng.choice([-1.0, 1.0])
    return Transform.rigid(rng.uniform(-10.0, 10.0, 3)).matrix @ scale


def _draw_misregistration(rng: np.random.Generator) -> np.ndarray:
    """A 4x4 rigid matrix: about half a degree and half a millimetre, as a good registration leaves."""
    return Transform.rigid(rng.normal(0.0, 0.4, 3), rng.normal(0.0, 0.4, 3)).matrix
