"""`write_fusion`: CT and MR of a head on each other in three planes, for a reader to judge a registration by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.figure.sides import patient_side
from MR2XRayLib.files import atomic_path
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.registration.similarity import values_at
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIELD_MM = 260
"""Width and height of each picture; a pixel is 1 mm."""

SQUARE_MM = 26
"""Of the checkerboard."""

CT_WINDOW_HU = (-200.0, 1000.0)
OUTLINES_HU = {"skin": (-300.0, "deepskyblue"), "bone": (300.0, "gold")}

PANEL_INCHES = 2.6


@dataclass(frozen=True)
class _Plane:
    """A plane through the head's centre: where its rows and columns lead, LPS."""

    name: str
    right: tuple[int, int, int]
    down: tuple[int, int, int]

    def points_mm(self, centre_mm: np.ndarray) -> np.ndarray:
        """World positions of its pixels, (FIELD_MM², 3)."""
        along = np.arange(FIELD_MM) - (FIELD_MM - 1) / 2
        grid = along[:, None, None] * np.array(self.down) + along[None, :, None] * np.array(self.right)
        return (centre_mm + grid).reshape(-1, 3)


PLANES = (
    _Plane("axial", (1, 0, 0), (0, 1, 0)),
    _Plane("coronal", (1, 0, 0), (0, 0, -1)),
    _Plane("sagittal", (0, 1, 0), (0, 0, -1)),
)


def write_fusion(path: Path, ct: Volume, mr: Mapping[str, Volume], transform: Transform) -> None:
    """Write a PNG of three planes: for each contrast a checkerboard with the CT, and the CT's outlines on the MR.

    Args:
        path: ends in .png.
        ct: unit "HU"; the planes go through the centre of its head, along its world's axes.
        mr: unit "raw", by contrast.
        transform: MR to CT, LPS mm.

    Raises:
        MR2XRayError: if the CT shows no head, or the file cannot be written.
    """
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, inches = 2 * len(mr), PANEL_INCHES
    with matplotlib.style.context("default"), atomic_path(path) as temporary:
        figure = Figure(figsize=(3 * inches + 0.3, rows * inches + 0.25), dpi=100, facecolor="white")
        grid = figure.subplots(rows, len(PLANES), squeeze=False)
        figure.subplots_adjust(0.035, 0.005, 0.998, 1 - 0.25 / figure.get_figheight(), 0.02, 0.02)
        centre_mm = head_centre_mm(ct)
        for column, plane in zip(grid.T, PLANES, strict=True):
            _show_plane(column, plane, centre_mm, ct, mr, transform)
        for number, contrast in enumerate(mr):
            grid[2 * number, 0].set_ylabel(f"CT and {contrast}", fontsize=9)
            grid[2 * number + 1, 0].set_ylabel(f"skin and bone of the CT on {contrast}", fontsize=9)
        FigureCanvasAgg(figure).print_png(str(temporary), metadata={"Software": "MR2XRay"})


def _show_plane(
    column: Sequence[Axes],
    plane: _Plane,
    centre_mm: np.ndarray,
    ct: Volume,
    mr: Mapping[str, Volume],
    transform: Transform,
) -> None:
    """Fill one column of the figure: two pictures a contrast."""
    points = plane.points_mm(centre_mm)
    ct_page = _page(ct, points)
    for number, volume in enumerate(mr.values()):
        mr_page = _page(volume, transform.inverse().apply(points))
        _show_checkerboard(column[2 * number], ct_page, mr_page)
        _show_outlines(column[2 * number + 1], ct_page, mr_page)
    column[0].set_title(plane.name, fontsize=9, pad=4)
    for axes in column:
        _finish(axes, plane)


def _page(volume: Volume, points_mm: np.ndarray) -> np.ndarray:
    """The volume at a plane's pixels, NaN where it shows nothing."""
    return values_at(volume, points_mm).reshape(FIELD_MM, FIELD_MM)


def _grey(page: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 to 1; what a volume does not show is black."""
    return np.nan_to_num(np.clip((page - low) / max(high - low, 1e-9), 0, 1))


def _grey_mr(page: np.ndarray) -> np.ndarray:
    shown = page[~np.isnan(page)]
    return _grey(page, 0.0, float(np.percentile(shown, 99)) if shown.size else 1.0)


def _show_checkerboard(axes: Axes, ct: np.ndarray, mr: np.ndarray) -> None:
    square = np.arange(FIELD_MM) // SQUARE_MM
    of_ct = (square[:, None] + square) % 2 == 0
    axes.imshow(np.where(of_ct, _grey(ct, *CT_WINDOW_HU), _grey_mr(mr)), cmap="gray", vmin=0, vmax=1)


def _show_outlines(axes: Axes, ct: np.ndarray, mr: np.ndarray) -> None:
    axes.imshow(_grey_mr(mr), cmap="gray", vmin=0, vmax=1)
    shown = np.nan_to_num(ct, nan=-1000.0)
    for level, colour in OUTLINES_HU.values():
        # matplotlib warns of a level that no pixel reaches.
        if shown.min() < level < shown.max():
            axes.contour(shown, levels=[level], colors=[colour], linewidths=0.7, linestyles="solid")


def _finish(axes: Axes, plane: _Plane) -> None:
    """No ticks, and letters for the sides of the patient."""
    axes.set(xticks=[], yticks=[])
    right, down = np.array(plane.right, float), np.array(plane.down, float)
    for side, x, y in ((-right, 0.04, 0.5), (right, 0.96, 0.5), (-down, 0.5, 0.95)):
        axes.text(
            x,
            y,
            patient_side(side),
            transform=axes.transAxes,
            ha="center",
            va="center",
            color="white",
            fontsize=8,
        )
