"""`Transform`: where a moving volume goes to lie on a fixed one, and its file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path

WRITTEN_SUFFIXES = (".tfm", ".txt", ".h5")
TYPE = re.compile(rb"\w+_(?:double|float)_\d+_\d+")
"""What each transform of a file is, in every format of ITK: AffineTransform_double_3_3."""


def rotation_matrix(angles_deg: Sequence[float] | np.ndarray) -> np.ndarray:
    """The 3x3 rotation about x, then y, then z (fixed axes), by angles in degrees."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.deg2rad(angles_deg)), np.sin(np.deg2rad(angles_deg))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


@dataclass(frozen=True, eq=False)
class Transform:
    """An affine map of moving points to fixed points.

    Attributes:
        matrix: 4x4 float64, homogeneous, LPS mm: `fixed_point = matrix @ moving_point`.
    """

    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if (
            matrix.shape != (4, 4)
            or not np.isfinite(matrix).all()
            or abs(np.linalg.det(matrix[:3, :3])) < 1e-9
        ):
            raise MR2XRayError(
                "A transform must be an invertible, finite 4x4 matrix; check the transform file."
            )
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls) -> Transform:
        """The transform of volumes that already lie in one world frame."""
        return cls(np.eye(4))

    @classmethod
    def rigid(
        cls,
        angles_deg: Sequence[float] | np.ndarray,
        shift_mm: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0),
    ) -> Transform:
        """Turns about the world's x, then y, then z axis (right-handed, degrees), then a shift in mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = rotation_matrix(angles_deg)
        matrix[:3, 3] = shift_mm
        return cls(matrix)

    def inverse(self) -> Transform:
        """The map of fixed points to moving points."""
        return Transform(np.linalg.inv(self.matrix))

    def apply(self, points_mm: np.ndarray) -> np.ndarray:
        """Fixed points (..., 3) of moving points (..., 3), LPS mm."""
        return np.asarray(points_mm, float) @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def write(self, path: Path) -> None:
        """Write an ITK transform file (.tfm, .txt or .h5) that SimpleITK and 3D Slicer read.

        By ITK's resampling convention, which elastix and Slicer share, the **file** holds the opposite map to
        this object: from fixed points to moving points. In Slicer, load it and put the moving volume under it.

        Raises:
            MR2XRayError: if the suffix is another, or the file cannot be written.
        """
        import SimpleITK as sitk

        path = Path(path)
        if path.suffix.lower() not in WRITTEN_SUFFIXES:
            raise MR2XRayError(
                f"A transform cannot be written as {path.name}; choose a name that ends in "
                f"{', '.join(WRITTEN_SUFFIXES)}."
            )
        inverse = np.linalg.inv(self.matrix)
        affine = sitk.AffineTransform(3)
        affine.SetMatrix(inverse[:3, :3].ravel().tolist())
        affine.SetTranslation(inverse[:3, 3].tolist())
        with atomic_path(path) as temporary:
            sitk.WriteTransform(affine, str(temporary))

    @classmethod
    def read(cls, path: Path) -> Transform:
        """Read an ITK transform file (.tfm, .txt, .h5, .mat) that maps fixed points to moving points.

        Raises:
            MR2XRayError: if the file is missing, unreadable, or holds anything but one linear transform or one
                composite of them, or one that mirrors.
        """
        import SimpleITK as sitk

        path = Path(path)
        if not path.is_file():
            raise MR2XRayError(f"The transform file {path} does not exist; check the path.")
        try:
            transform = None if _is_cut_off(path) else sitk.ReadTransform(str(path))
        except (RuntimeError, OSError):
            transform = None
        if transform is None:
            raise MR2XRayError(
                f"The transform file {path} cannot be read; give an ITK transform (.tfm or .h5) as Slicer saves it."
            )
        _check_is_one(path)
        if transform.GetDimension() != 3 or not transform.IsLinear():
            raise MR2XRayError(
                f"The transform in {path} is not a 3D linear one; give a rigid or affine transform."
            )
        origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
        columns = [np.array(transform.TransformPoint(tuple(axis))) - origin for axis in np.eye(3)]
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack(columns, axis=1)
        matrix[:3, 3] = origin
        if abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
            raise MR2XRayError(f"The transform in {path} cannot be inverted; register the volumes again.")
        if np.linalg.det(matrix[:3, :3]) < 0:
            raise MR2XRayError(
                f"The transform in {path} mirrors the head, left to right or another way; register the volumes again."
            )
        return cls(np.linalg.inv(matrix))


def _is_cut_off(path: Path) -> bool:
    """Whether a text transform ends before its parameters do: ITK would read it as the identity."""
    content = path.read_bytes()
    transforms = content.count(b"\nTransform:") - content.count(b"\nTransform: CompositeTransform")
    return content.startswith(b"#Insight Transform") and content.count(b"\nFixedParameters:") < transforms


def _check_is_one(path: Path) -> None:
    """Of several transforms ITK reads all only if they are parts of a composite, which comes first; else one."""
    first, *others = TYPE.findall(path.read_bytes()) or [b""]
    parts = b"CompositeTransform" in first and not any(b"CompositeTransform" in other for other in others)
    if others and not parts:
        raise MR2XRayError(
            f"{path} holds {1 + len(others)} transforms side by side; save the one that is meant, or all of them "
            "as one composite transform."
        )
