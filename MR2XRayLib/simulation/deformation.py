"""Smooth random deformations of label volumes that never fold: every draw is another anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from MR2XRayLib.volume import Volume

INJECTIVITY = 2.479472
"""A 3D cubic B-spline deformation is injective if no coefficient exceeds the control points' distance divided by
this (Choi and Lee 2000, Injectivity conditions of 2D and 3D uniform cubic B-spline functions, Graph. Models 62)."""


@dataclass(frozen=True, eq=False)
class Deformation:
    """A displacement field, a uniform cubic B-spline on a grid of control points.

    Attributes:
        coefficients: voxels, shape (3, control points along k, j, i); first axis the direction k, j, i. No
            displacement exceeds the largest of them, for the weights of a B-spline sum to 1.
        weights: for each axis the weights of its control points, shape (voxels, control points).
    """

    coefficients: np.ndarray
    weights: tuple[np.ndarray, np.ndarray, np.ndarray]

    def displacement(self, k: int) -> np.ndarray:
        """Displacements of slice k in voxels, float32 (3, nj, ni), directions k, j, i."""
        along_k, along_j, along_i = self.weights
        plane = np.tensordot(self.coefficients, along_k[k], axes=(1, 0))
        return along_j @ plane @ along_i.T

    def apply(self, labels: np.ndarray) -> np.ndarray:
        """The labels where every voxel takes the label it is displaced to (nearest voxel); same shape."""
        deformed = np.empty_like(labels)
        rows = np.arange(labels.shape[1], dtype=np.float32)[:, None]
        columns = np.arange(labels.shape[2], dtype=np.float32)[None]
        last = np.array(labels.shape) - 1
        for k in range(labels.shape[0]):
            moved = self.displacement(k)
            source = [moved[0] + k, moved[1] + rows, moved[2] + columns]
            nearest = [np.clip(np.rint(s), 0, n).astype(np.intp) for s, n in zip(source, last, strict=True)]
            deformed[k] = labels[tuple(nearest)]
        return deformed


def draw_deformation(
    labels: Volume, largest_mm: float, control_mm: float, rng: np.random.Generator
) -> Deformation:
    """A random deformation of a volume: displacements up to `largest_mm` along each axis, smooth over `control_mm`.

    `largest_mm` is lowered to what cannot fold, `control_mm / INJECTIVITY`.
    """
    largest_mm = min(largest_mm, 0.999 * control_mm / INJECTIVITY)
    spacing = labels.spacing_mm[::-1]
    weights = tuple(
        _bspline_weights(n, control_mm / mm) for n, mm in zip(labels.voxels.shape, spacing, strict=True)
    )
    points = tuple(w.shape[1] for w in weights)
    coefficients = rng.uniform(-largest_mm, largest_mm, (3, *points)) / spacing[:, None, None, None]
    return Deformation(coefficients.astype(np.float32), weights)  # type: ignore[arg-type]


def _bspline_weights(count: int, step: float) -> np.ndarray:
    """Uniform cubic B-spline weights of `count` voxels, control points every `step` voxels: float32."""
    place = np.arange(count) / step
    distance = np.abs(place[:, None] - (np.arange(int(place[-1]) + 4) - 1))
    near = 2 / 3 - distance**2 * (1 - distance / 2)
    far = np.maximum(2 - distance, 0) ** 3 / 6
    return np.where(distance < 1, near, far).astype(np.float32)
