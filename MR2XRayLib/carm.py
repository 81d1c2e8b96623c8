"""The C-arm: `CArm`, `Angulation` in DICOM's signs, and `View`, a C-arm at one angulation.

World coordinates are LPS mm. At primary 0 and secondary 0 the source is posterior and the detector anterior
(a PA view). The primary angle turns the detector towards the patient's left (LAO), the secondary towards the
head (CRA): DICOM PS3.3 C.8.7.5, Positioner Primary Angle (0018,1510) and Secondary Angle (0018,1511). The
angles name the **detector's** side.

Images are seen from the detector, as on a monitor beside the C-arm: in a PA view columns run to the patient's
left and rows to the feet. (row 0, column 0) is the **centre** of a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import index
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from MR2XRayLib.errors import MR2XRayError

MAX_SIDE = 8192
"""The most rows or columns of a detector; more is a slip of the pen, and would fill the memory."""

DIGITS = 2
"""Decimals of an angle in words, in degrees: no C-arm tells its angles finer."""

MOST_APART_DEG = 0.5
"""How far a view's stated angles may point from where its matrix looks: rounded, they are still the same view."""


@dataclass(frozen=True)
class Angulation:
    """Where the detector stands: degrees, DICOM's signs.

    Attributes:
        primary: positive towards the patient's left (LAO), negative towards the right (RAO).
        secondary: positive towards the head (CRA), negative towards the feet (CAU).

    Raises:
        MR2XRayError: if an angle is NaN or infinite.
    """

    primary: float
    secondary: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite([self.primary, self.secondary]).all():
            raise MR2XRayError(f"The angles {self.primary}/{self.secondary} are not finite; give degrees.")

    def __str__(self) -> str:
        return f"{_words(self.primary, 'LAO', 'RAO')}, {_words(self.secondary, 'CRA', 'CAU')}"

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors in LPS: the image's column direction, its row direction, and source to detector."""
        p, s = np.deg2rad([self.primary, self.secondary])
        column = np.array([np.cos(p), np.sin(p), 0.0])
        normal = np.array([np.sin(p) * np.cos(s), -np.cos(p) * np.cos(s), np.sin(s)])
        return column, np.cross(column, normal), normal

    @classmethod
    def of_direction(cls, normal: np.ndarray) -> Angulation:
        """The angulation of a source-to-detector direction (3,), LPS.

        The secondary angle lies within -90..90; at its ends any primary has this direction, and 0 is given.
        """
        x, y, z = np.asarray(normal, float) / np.linalg.norm(normal)
        primary = 0.0 if np.hypot(x, y) < 1e-9 else np.rad2deg(np.arctan2(x, -y))
        return cls(float(primary), float(np.rad2deg(np.arcsin(np.clip(z, -1, 1)))))


def _words(angle: float, positive: str, negative: str) -> str:
    text = f"{abs(angle):.{DIGITS}f}".rstrip("0").rstrip(".")
    return f"{positive if angle >= 0 or text == '0' else negative} {text}°"


@dataclass(frozen=True, eq=False)
class View:
    """One cone-beam projection geometry: a point source and a flat detector in the world, LPS mm.

    Attributes:
        source_mm: the focal spot, shape (3,).
        corner_mm: the centre of pixel (row 0, column 0), shape (3,).
        column_step_mm: from one column to the next, shape (3,).
        row_step_mm: from one row to the next, shape (3,).
        rows, columns: the detector's pixels; whole numbers of any type become int.
        isocentre_mm: the point the C-arm turns about, shape (3,).
        angulation: the detector's side; what is printed.
        name: what a list or file of views calls it, such as TOWNE; empty where it has no name.

    Raises:
        MR2XRayError: if a vector is not three finite numbers, or rows or columns are no whole numbers within 1..8192.
    """

    source_mm: np.ndarray
    corner_mm: np.ndarray
    column_step_mm: np.ndarray
    row_step_mm: np.ndarray
    rows: int
    columns: int
    isocentre_mm: np.ndarray
    angulation: Angulation
    name: str = ""

    def __post_init__(self) -> None:
        for name in ("isocentre_mm", "source_mm", "corner_mm", "column_step_mm", "row_step_mm"):
            vector = np.array(getattr(self, name), dtype=np.float64)
            if vector.shape != (3,) or not np.isfinite(vector).all():
                raise MR2XRayError(f"A view's {name} is not three finite numbers; correct the geometry.")
            object.__setattr__(self, name, vector)
        for name in ("rows", "columns"):
            side = getattr(self, name)
            if not (1 <= side <= MAX_SIDE and side == int(side)):
                raise MR2XRayError(
                    f"A view cannot have {side} {name}; give a whole number from 1 to {MAX_SIDE}."
                )
            object.__setattr__(self, name, int(side))

    @property
    def label(self) -> str:
        """The angles in words, and before them the name if there is one: "TOWNE (LAO 180°, CAU 30°)"."""
        return f"{self.name} ({self.angulation})" if self.name else str(self.angulation)

    @property
    def normal(self) -> np.ndarray:
        """Unit vector across the detector, away from the source."""
        normal = np.cross(self.column_step_mm, self.row_step_mm)
        normal /= np.linalg.norm(normal)
        return normal if (self.corner_mm - self.source_mm) @ normal > 0 else -normal

    @property
    def source_to_detector_mm(self) -> float:
        """Distance from the source to the detector's plane."""
        return float((self.corner_mm - self.source_mm) @ self.normal)

    @property
    def source_to_isocentre_mm(self) -> float:
        """Distance from the source to the isocentre."""
        return float(np.linalg.norm(self.isocentre_mm - self.source_mm))

    @property
    def pixel_pitch_mm(self) -> tuple[float, float]:
        """Distance between rows and between columns."""
        return float(np.linalg.norm(self.row_step_mm)), float(np.linalg.norm(self.column_step_mm))

    def matrix(self) -> np.ndarray:
        """The 3x4 projection matrix P: (column·w, row·w, w) = P @ (x, y, z, 1), world mm to pixels.

        w is the distance from the source along the detector's normal divided by the source-to-detector
        distance, so w is positive in front of the source and 1 on the detector.
        """
        rays = np.stack([self.column_step_mm, self.row_step_mm, self.corner_mm - self.source_mm], axis=1)
        linear = np.linalg.inv(rays)
        return np.concatenate([linear, -(linear @ self.source_mm)[:, None]], axis=1)

    @classmethod
    def from_matrix(
        cls,
        matrix: np.ndarray,
        rows: int,
        columns: int,
        source_to_detector_mm: float,
        isocentre_mm: ArrayLike = (0.0, 0.0, 0.0),
    ) -> View:
        """The view of a 3x4 projection matrix, world LPS mm to (column, row), known up to scale.

        A projection matrix says along which ray each pixel looks, not how far away the detector stands; that
        distance is given. The sign is taken so that the isocentre lies in front of the source.

        Raises:
            MR2XRayError: if the matrix is not a finite 3x4 matrix of a point source, or a number beside it is
                impossible.
        """
        matrix = np.asarray(matrix, float)
        if matrix.shape != (3, 4) or not np.isfinite(matrix).all() or np.linalg.cond(matrix[:, :3]) > 1e12:
            raise MR2XRayError(
                "A projection matrix must be 3x4, finite, and of a point source; check the view file."
            )
        if not 0 < source_to_detector_mm < np.inf:
            raise MR2XRayError(f"source_to_detector_mm must be positive, not {source_to_detector_mm}.")
        inverse = np.linalg.inv(matrix[:, :3])
        source = -inverse @ matrix[:, 3]
        isocentre = np.asarray(isocentre_mm, float)
        inverse = inverse * np.sign(matrix[2, :3] @ (isocentre - source) or 1.0)
        column, row, corner = inverse.T
        normal = np.cross(column, row)
        normal /= np.linalg.norm(normal)
        scale = source_to_detector_mm / abs(corner @ normal)
        column, row, corner = column * scale, row * scale, corner * scale
        centre = corner + (columns - 1) / 2 * column + (rows - 1) / 2 * row
        return cls(
            source, source + corner, column, row, rows, columns, isocentre, Angulation.of_direction(centre)
        )

    def to_json(self) -> dict[str, Any]:
        """Everything needed to rebuild the view, and its 3x4 matrix, for a sidecar file."""
        return {
            "label": self.label,
            "name": self.name,
            "primary_angle_deg": self.angulation.primary,
            "secondary_angle_deg": self.angulation.secondary,
            "source_to_isocentre_mm": self.source_to_isocentre_mm,
            "source_to_detector_mm": self.source_to_detector_mm,
            "rows": self.rows,
            "columns": self.columns,
            "isocentre_mm": [float(x) for x in self.isocentre_mm],
            "matrix": self.matrix().tolist(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> View:
        """The view that `to_json` described; without a name it has none, without angles they are the matrix's.

        Raises:
            MR2XRayError: if an entry is missing or is not a number, or the angles are not those of the matrix.
        """
        try:
            view = cls.from_matrix(
                np.array(content["matrix"], float),
                index(content["rows"]),
                index(content["columns"]),
                float(content["source_to_detector_mm"]),
                np.array(content["isocentre_mm"], float),
            )
            view = replace(view, name=str(content.get("name") or ""))
            if "primary_angle_deg" not in content and "secondary_angle_deg" not in content:
                return view
            angulation = Angulation(
                float(content["primary_angle_deg"]), float(content["secondary_angle_deg"])
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise MR2XRayError(
                f"A view's description lacks or garbles an entry ({error}); write the file anew."
            ) from None
        if view._degrees_from(angulation) > MOST_APART_DEG:
            raise MR2XRayError(
                f"A view's angles say {angulation}, but its matrix looks from {view.angulation}; correct the one that "
                "is wrong, or leave the angles out."
            )
        return replace(view, angulation=angulation)

    def _degrees_from(self, angulation: Angulation) -> float:
        """Between the direction of an angulation and the nearest that may be called this view's.

        That is across the detector, or from the source to the isocentre or to the detector's middle: they differ where
        the detector is shifted.
        """
        middle = (self.columns - 1) / 2 * self.column_step_mm + (self.rows - 1) / 2 * self.row_step_mm
        own = (
            self.normal,
            self.isocentre_mm - self.source_mm,
            self.corner_mm + middle - self.source_mm,
        )
        stated = angulation.axes()[2]
        return float(
            min(np.rad2deg(np.arctan2(np.linalg.norm(np.cross(stated, v)), stated @ v)) for v in own)
        )


@dataclass(frozen=True)
class CArm:
    """A C-arm's distances and detector.

    Attributes:
        source_to_isocentre_mm: from the focal spot to the point that the C-arm turns about (SOD).
        source_to_detector_mm: from the focal spot to the detector's plane (SID).
        detector_mm: height (along rows) and width (along columns) of the detector.
        pixels: rows and columns; whole numbers of any type become int.
        isocentre_mm: LPS; None until it is chosen (by default the centre of the CT's head).
        name: for lists and provenance.

    Raises:
        MR2XRayError: if the numbers cannot be those of a C-arm.
    """

    source_to_isocentre_mm: float = 750.0
    source_to_detector_mm: float = 1200.0
    detector_mm: tuple[float, float] = (400.0, 400.0)
    pixels: tuple[int, int] = (256, 256)
    isocentre_mm: tuple[float, float, float] | None = None
    name: str = "custom"

    def __post_init__(self) -> None:
        numbers = (self.source_to_isocentre_mm, self.source_to_detector_mm, *self.detector_mm, *self.pixels)
        if not all(np.isfinite(n) and n > 0 for n in numbers):
            raise MR2XRayError(
                f'C-arm "{self.name}": every distance, size and number of pixels must be positive and finite.'
            )
        if self.source_to_detector_mm <= self.source_to_isocentre_mm:
            raise MR2XRayError(
                f'C-arm "{self.name}": the detector ({self.source_to_detector_mm:g} mm from the source) '
                f"must stand beyond the isocentre ({self.source_to_isocentre_mm:g} mm)."
            )
        if any(side != int(side) or side > MAX_SIDE for side in self.pixels):
            raise MR2XRayError(
                f'C-arm "{self.name}": {self.pixels} pixels cannot be; give whole numbers of at most {MAX_SIDE}.'
            )
        object.__setattr__(self, "pixels", tuple(int(side) for side in self.pixels))
        if self.isocentre_mm is not None and not np.isfinite(self.isocentre_mm).all():
            raise MR2XRayError(f'C-arm "{self.name}": the isocentre must be three finite numbers in mm.')

    def at(self, isocentre_mm: np.ndarray) -> CArm:
        """The same C-arm turning about another point (3,), LPS mm."""
        x, y, z = (float(v) for v in isocentre_mm)
        return replace(self, isocentre_mm=(x, y, z))

    def view(self, angulation: Angulation) -> View:
        """The C-arm at one angulation.

        Raises:
            MR2XRayError: if no isocentre has been chosen.
        """
        if self.isocentre_mm is None:
            raise MR2XRayError(
                "The C-arm has no isocentre yet; give isocentre_mm or a CT volume to centre it on."
            )
        column, row, normal = angulation.axes()
        isocentre = np.array(self.isocentre_mm)
        rows, columns = self.pixels
        row_step, column_step = row * self.detector_mm[0] / rows, column * self.detector_mm[1] / columns
        source = isocentre - self.source_to_isocentre_mm * normal
        centre = source + self.source_to_detector_mm * normal
        corner = centre - (rows - 1) / 2 * row_step - (columns - 1) / 2 * column_step
        return View(source, corner, column_step, row_step, rows, columns, isocentre, angulation)
