"""`Projections`: the pixels of several views, what they mean, and their file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path, draft_folder, move_all, read_json, write_json

Unit = Literal["1", "mm", "raw mm"]
"""Of a pixel: line integral of attenuation, of normalised MR intensity, or of a volume's own numbers."""

SIGNAL = "signal"
"""The layer that `Projections.pixels` are: the volume's own line integrals."""

LAYER_NAME = re.compile(r"[a-z]{1,20}")
MOST_LAYERS = 16

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
        layers: of an MR, line integrals of other volumes made from it along the same rays, each by its name and shaped
            like `pixels`, see `mr_layers`; often none.

    Raises:
        MR2XRayError: if pixels and views do not fit each other.
    """

    pixels: np.ndarray
    views: tuple[View, ...]
    unit: Unit
    provenance: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, np.ndarray] = field(default_factory=dict)

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
        for name, pixels in self.layers.items():
            if pixels.shape != self.pixels.shape:
                raise MR2XRayError(
                    f'The layer "{name}" of shape {pixels.shape} does not fit projections of shape '
                    f"{self.pixels.shape}; project again."
                )

    def layer(self, name: str) -> np.ndarray:
        """The line integrals of one layer, float32 (views, rows, columns); "signal" is `pixels`.

        Raises:
            MR2XRayError: if these projections do not hold it.
        """
        if name != SIGNAL and name not in self.layers:
            raise MR2XRayError(
                f'These projections lack the layer "{name}", which is made from the MR volume; project the volume '
                "again with its layers."
            )
        return self.pixels if name == SIGNAL else self.layers[name]

    def write(self, path: Path) -> None:
        """Write one NRRD of float32, one page a view, and a JSON sidecar of the same stem.

        The sidecar holds unit, provenance and for each page the angles, the distances and the 3x4 matrix. Layers, where
        there are any, become the pages of a second NRRD, "-layers" added to its stem, one layer after the other. All
        files are written, or none.

        Raises:
            MR2XRayError: if the name does not end in .nrrd, a folder lies in the way of a file, or writing fails.
        """
        path = Path(path)
        if path.suffix.lower() != ".nrrd":
            raise MR2XRayError(
                f"Projections are written as .nrrd, not {path.name}; choose a name that ends in .nrrd."
            )
        with draft_folder(path.parent) as folder:
            try:
                self._write_files(folder / path.name)
            except MR2XRayError as error:
                # The user named a place, not the draft in it.
                raise MR2XRayError(str(error).replace(str(folder), str(path.parent))) from None
            move_all(folder, path.parent)

    @staticmethod
    def files(path: Path) -> tuple[Path, Path, Path]:
        """The files that projections at `path` lie in: pages, sidecar, and layers where there are any."""
        path = Path(path)
        return path, path.parent / f"{path.stem}.json", path.parent / f"{path.stem}-layers.nrrd"

    def _write_files(self, path: Path) -> None:
        pages, sidecar, layers = self.files(path)
        self._write_pages(pages, self.pixels)
        if self.layers:
            self._write_pages(layers, np.concatenate(list(self.layers.values())))
        content = {
            "unit": self.unit,
            "layers": list(self.layers),
            "views": [view.to_json() for view in self.views],
            "provenance": dict(self.provenance),
        }
        write_json(sidecar, content)

    def _write_pages(self, path: Path, pixels: np.ndarray) -> None:
        import SimpleITK as sitk

        image = sitk.GetImageFromArray(np.ascontiguousarray(pixels, np.float32))
        row_pitch, column_pitch = self.views[0].pixel_pitch_mm
        image.SetSpacing((column_pitch, row_pitch, 1.0))
        with atomic_path(path) as temporary:
            sitk.WriteImage(image, str(temporary))

    @classmethod
    def read(cls, path: Path) -> Projections:
        """Read what `write` wrote.

        Raises:
            MR2XRayError: if the file or its sidecar is missing, unreadable, not finite, or they do not fit.
        """
        path, sidecar, layers = cls.files(path)
        pixels = _read_pages(path)
        content = read_json(sidecar, "projection sidecar")
        try:
            views = tuple(View.from_json(view) for view in content["views"])
            unit, provenance = content["unit"], dict(content["provenance"])
            names = _checked_names(content.get("layers", []))
        except (KeyError, TypeError, ValueError):
            unit = None
        if unit not in UNIT_OF_INTEGRAL.values():
            raise MR2XRayError(f"The sidecar {sidecar} is not of this program's form; project again.")
        return cls(pixels, views, unit, provenance, _read_layers(layers, names, len(pixels)))


def _checked_names(names: list[str]) -> tuple[str, ...]:
    """The names of layers in a sidecar.

    Raises:
        ValueError: if they cannot be such names.
    """
    if len(names) > MOST_LAYERS or len(set(names)) < len(names) or not all(map(LAYER_NAME.fullmatch, names)):
        raise ValueError(names)
    return tuple(names)


def _read_layers(path: Path, names: tuple[str, ...], views: int) -> dict[str, np.ndarray]:
    """The layers in the file of layers, each (views, rows, columns)."""
    if not names:
        return {}
    pages = _read_pages(path)
    if len(pages) != len(names) * views:
        raise MR2XRayError(
            f"{path} holds {len(pages)} pages, not {views} for each of {len(names)} layers; project again."
        )
    return dict(zip(names, np.split(pages, len(names)), strict=True))


def _read_pages(path: Path) -> np.ndarray:
    """The finite float32 pages of an NRRD."""
    import SimpleITK as sitk

    if not path.is_file():
        raise MR2XRayError(f"The projection file {path} does not exist; check the path.")
    try:
        pixels: np.ndarray = sitk.GetArrayFromImage(sitk.ReadImage(str(path), sitk.sitkFloat32))
    except RuntimeError:
        raise MR2XRayError(f"The projection file {path} cannot be read as NRRD; project again.") from None
    if not np.isfinite(pixels).all():
        raise MR2XRayError(f"The projection file {path} holds NaN or infinite pixels; project again.")
    return pixels
