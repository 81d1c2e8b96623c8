"""A head as CT and as MR, modelled of ellipsoids: with table, foam, a neck and a sinus that is open to the outside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MR2XRayLib.volume import Volume

CENTRE = np.array([10.0, -20.0, 130.0])
"""Of the modelled skull; its half axes are 75 x 95 x 110 mm, and a neck goes down from it."""

HALF_AXES = np.array([75.0, 95.0, 110.0])


def grid(spacing: tuple[float, float, float], rotation_z: float = 0.0) -> Volume:
    """An empty volume of about 220 x 260 x 290 mm around the head, its axes turned about z by radians."""
    size = np.ceil(np.array([220, 260, 290]) / spacing).astype(int)
    affine = np.eye(4)
    cosine, sine = np.cos(rotation_z), np.sin(rotation_z)
    affine[:3, :3] = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) * spacing
    affine[:3, 3] = CENTRE - (0, 0, 20) - affine[:3, :3] @ ((size - 1) / 2)
    return Volume(np.zeros(size[::-1], np.float32), affine)


def world(volume: Volume) -> np.ndarray:
    """World positions of all voxels, shape (nk, nj, ni, 3)."""
    k, j, i = np.indices(volume.voxels.shape)
    return volume.to_world(np.stack([i, j, k], axis=-1))


def outline(points: np.ndarray) -> np.ndarray:
    """The head: an ellipsoid and a neck of 55 mm radius below it."""
    offset = points - CENTRE
    neck = (np.hypot(offset[..., 0], offset[..., 1] - 20) < 55) & (offset[..., 2] < 0)
    return (((offset / HALF_AXES) ** 2).sum(axis=-1) < 1) | neck


def sinus(points: np.ndarray) -> np.ndarray:
    """A cavity of 18 mm radius behind the face, open to the outside through a nostril that leads down."""
    offset = points - CENTRE - (0, -55, -20)
    nostril = (
        (np.hypot(offset[..., 0], offset[..., 1] + 12) < 5) & (offset[..., 2] < 0) & (offset[..., 2] > -90)
    )
    return (np.linalg.norm(offset, axis=-1) < 18) | nostril


def ct_head(spacing: tuple[float, float, float], rotation_z: float = 0.0, table: bool = True) -> Volume:
    """A CT with noise of 20 HU; a table of 4 mm touches the back of the head and 25 mm of foam lie beside it."""
    volume = grid(spacing, rotation_z)
    points = world(volume)
    depth = np.sqrt((((points - CENTRE) / HALF_AXES) ** 2).sum(axis=-1))
    hu = np.where(outline(points), 40.0, -1000.0)
    hu[(depth > 0.85) & (depth < 0.93)] = 1200
    hu[sinus(points)] = -1000
    if table:
        behind = points[..., 1] - CENTRE[1] - HALF_AXES[1]
        hu[(behind >= -0.5) & (behind < 4)] = 200
        hu[(behind >= 4) & (behind < 25)] = -930
    noise = np.random.default_rng(0).normal(0, 20, hu.shape)
    return replace(volume, voxels=(hu + noise).astype(np.int16), unit="HU", name="ct")


def mr_head(spacing: tuple[float, float, float], rotation_z: float = 0.0, scale: float = 1.0) -> Volume:
    """An MR with scalp of 6 mm, a dark skull, brain, and Rician noise in the air."""
    volume = grid(spacing, rotation_z)
    points = world(volume)
    depth = np.sqrt((((points - CENTRE) / HALF_AXES) ** 2).sum(axis=-1))
    signal = np.where(outline(points), 60.0, 0.0)
    signal[depth < 0.93] = 5
    signal[depth < 0.85] = 100
    signal[sinus(points)] = 0
    generator = np.random.default_rng(0)
    noisy = np.hypot(signal + generator.normal(0, 3, signal.shape), generator.normal(0, 3, signal.shape))
    return replace(volume, voxels=(noisy * scale).astype(np.float32), name="mr")
