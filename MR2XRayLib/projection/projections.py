"""`Projections`: the pixels of several views, what they mean, and their file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path, read_json, write_json

Unit = Literal["1", "mm", "raw mm"]
"""Of a pixel: line integral of attenuation, of normalised MR intensity, or of a volume's own numbers."""

UNIT_OF_INTEGRAL: dict[str, Unit] = {"1/mm": "1", "normalised": "mm", "raw": "raw mm", "HU": "raw mm"}
"""From the unit of a `Volume` to the unit of its line integrals."""


@dataclass(frozen=True, eq=False)
class Projections:
    """Line integrals on the detector, one page a view.

    Attributes:
        pixels: float32, shape (views, rows, columns).
        views: the geometry of each page, all with the same rows and columns.
        unit: what a pixel value means.
        provenance: how the pixels were made; JSON-compatible.

    Raises:
        MR2XRayError: if pixels and views do not fit each other.
    """

    pixels: np.ndarray
    views: tuple[View, ...]
    unit: Unit
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = {(view.rows, view.columns) for view in self.views}
        if (
            self.pixels.ndim != 3
            or len(self.views) != len(self.pixels)
            or expected != {self.pixels.shape[1:]}
        ):
            raise MR2XRayError(
                f"Projections of shape {self.pixels.shape} do not fit {len(self.views)} views of {sorted(expected)} "
                "pixels; project again."
            )

    def write(self, path: Path) -> None:
        """Write one NRRD of float32, one page a view, and a JSON sidecar of the same stem.

        The sidecar holds unit, provenance and for each page the angles, the distances and the 3x4 matrix.
        """
        import SimpleITK as sitk

        path = Path(path)
        if path.suffix.lower() != ".nrrd":
            raise MR2XRayError(
                f"Projections are written as .nrrd, not {path.name}; choose a name that ends in .nrrd."
            )
        image = sitk.GetImageFromArray(np.ascontiguousarray(self.pixels, np.float32))
        row_pitch, column_pitch = self.views[0].pixel_pitch_mm
        image.SetSpacing((column_pitch, row_pitch, 1.0))
        with atomic_path(path) as temporary:
            sitk.WriteImage(image, str(temporary))
        content = {
            "unit": self.unit,
            "views": [view.to_json() for view in self.views],
            "provenance": dict(self.provenance),
        }
        write_json(path.with_suffix(".json"), content)

    @classmethod
    def read(cls, path: Path) -> Projections:
        """Read what `write` wrote.

        Raises:
            MR2XRayError: if the file or its sidecar is missing, unreadable, not finite, or they do not fit.
        """
        import SimpleITK as sitk

        path = Path(path)
        if not path.is_file():
            raise MR2XRayError(f"The projection file {path} does not exist; check the path.")
        try:
            pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path), sitk.sitkFloat32))
        except RuntimeError:
            raise MR2XRayError(f"The projection file {path} cannot be read as NRRD; project again.") from None
        if not np.isfinite(pixels).all():
            raise MR2XRayError(f"The projection file {path} holds NaN or infinite pixels; project again.")
        content = read_json(path.with_suffix(".json"), "projection sidecar")
        try:
            views = tuple(View.from_json(view) for view in content["views"])
            unit, provenance = content["unit"], dict(content["provenance"])
        except (KeyError, TypeError, ValueError):
            unit = None
        if unit not in UNIT_OF_INTEGRAL.values():
            raise MR2XRayError(
                f"The sidecar {path.with_suffix('.json')} is not of this program's form; project again."
            )
        return cls(pixels, views, unit, provenance)
