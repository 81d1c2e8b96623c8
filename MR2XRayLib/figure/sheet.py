"""One figure of all views: MR projection, synthesized X-ray, reference, difference, and the metrics in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.figure.pngs import QUANTITY, Window, grey_window
from MR2XRayLib.figure.sides import patient_side
from MR2XRayLib.files import atomic_path
from MR2XRayLib.metrics import Comparison
from MR2XRayLib.projection.projections import Projections

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 12
"""Views in one figure; of more, as many are shown, spread over their list."""

MOST_TICKS = 5
"""Steps on a colour bar: labels of three decimals still stand apart."""

NOTE = "Synthesized image: a guess from MR, not for diagnosis."


def write_figure(
    path: Path,
    mr: Projections,
    synthesized: Projections,
    reference: Projections | None = None,
    comparison: Comparison | None = None,
    deviation: Projections | None = None,
) -> None:
    """Write a PNG with a row a view: MR projection, synthesized X-ray, reference, difference, and the metrics.

    Without a reference there are two columns; a predicted standard deviation makes one more. Of more than
    `MOST_ROWS` views some from all of their list are shown, and the figure says so.

    Raises:
        MR2XRayError: if the file's name does not end in .png, or the projections differ in views or pixels.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise MR2XRayError(
            f"The figure is written as .png, not {path.name}; choose a name that ends in .png."
        )
    shapes = {p.pixels.shape for p in (mr, synthesized, reference, deviation) if p is not None}
    if len(shapes) > 1:
        raise MR2XRayError(
            f"The projections for the figure differ in views, rows or columns ({sorted(shapes)}); project all "
            "with the same views and C-arm."
        )
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with matplotlib.style.context("default"), atomic_path(path) as temporary:
        figure = draw_figure(mr, synthesized, reference, comparison, deviation)
        FigureCanvasAgg(figure).print_png(str(temporary), metadata={"Software": "MR2XRay"})


def draw_figure(
    mr: Projections,
    synthesized: Projections,
    reference: Projections | None = None,
    comparison: Comparison | None = None,
    deviation: Projections | None = None,
) -> Figure:
    """The figure that `write_figure` writes, as a matplotlib Figure."""
    from matplotlib.figure import Figure

    views = mr.views
    shown = np.unique(np.linspace(0, len(views) - 1, min(len(views), MOST_ROWS)).round().astype(int))
    columns = _columns(mr, synthesized, reference, deviation)
    layout = _Layout(len(shown), len(columns), _height_to_width(views[0]), 0.52 if comparison else 0.12)
    figure = Figure(figsize=(layout.width, layout.height), dpi=150, facecolor="white")
    _write_heading(figure, layout, views, len(shown), comparison)
    for row, index in enumerate(shown):
        for place, column in enumerate(columns):
            axes = figure.add_axes(layout.panel(row, place))
            column.show(axes, index, layout.height_to_width)
            if row == 0:
                axes.set_title(column.title, fontsize=10, pad=6)
            if place == 0:
                axes.set_ylabel(views[index].label, fontsize=10, labelpad=6, parse_math=False)
                _mark_sides(axes, views[index])
        if comparison is not None:
            words = "\n".join(comparison.views[index].words())
            figure.text(*layout.under(row), words, fontsize=8, va="top", linespacing=1.5)
    _draw_bars(figure, layout, columns)
    return figure


@dataclass(frozen=True, eq=False)
class _Column:
    """One column of the figure; those with the same quantity share a window and a colour bar."""

    title: str
    pixels: np.ndarray
    quantity: str
    window: Window
    colours: str = "gray"

    def show(self, axes: Axes, index: int, height_to_width: float) -> None:
        rows, columns = self.pixels.shape[1:]
        low, high = self.window
        aspect = height_to_width * columns / rows
        axes.imshow(self.pixels[index], cmap=self.colours, vmin=low, vmax=high, aspect=aspect)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_linewidth(0.5)


_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Layout:
    """Where things stand in the figure: inches in, matplotlib's fractions out."""

    rows: int
    columns: int
    height_to_width: float
    text: float

    # Not fields, so the same for all: inches, as `text`, the height of the text under a row.
    panel_width, gap, left, right = 2.75, 0.1, 0.45, 0.2
    top, bottom = 1.25, 0.95

    @property
    def width(self) -> float:
        return self.left + self.columns * (self.panel_width + self.gap) - self.gap + self.right

    @property
    def row_height(self) -> float:
        return self.panel_width * self.height_to_width + self.text

    @property
    def height(self) -> float:
        return self.top + self.rows * self.row_height + self.bottom

    def panel(self, row: int, column: int) -> _Box:
        """The image at a row and a column: left, bottom, width, height."""
        left = self.left + column * (self.panel_width + self.gap)
        top = self.top + row * self.row_height
        height = self.panel_width * self.height_to_width
        return self._fractions(left, top + height, self.panel_width, height)

    def under(self, row: int) -> tuple[float, float]:
        """The point where the text under a row begins."""
        top = self.top + (row + 1) * self.row_height - self.text + 0.07
        return self._fractions(self.left, top, 0, 0)[:2]

    def bar(self, first: int, last: int) -> _Box:
        """A colour bar under the columns `first` to `last`: left, bottom, width, height."""
        span = (last - first + 1) * (self.panel_width + self.gap) - self.gap
        left = self.left + first * (self.panel_width + self.gap)
        return self._fractions(left + 0.1 * span, self.height - self.bottom + 0.2, 0.8 * span, 0.1)

    def _fractions(self, left: float, down: float, width: float, height: float) -> _Box:
        return left / self.width, 1 - down / self.height, width / self.width, height / self.height


def _columns(
    mr: Projections, synthesized: Projections, reference: Projections | None, deviation: Projections | None
) -> list[_Column]:
    """The figure's columns, from left to right."""
    columns = [_Column("MR projection", mr.pixels, QUANTITY[mr.unit], grey_window(mr))]
    x_rays = {"Synthesized X-ray": synthesized} | ({"Reference X-ray (CT)": reference} if reference else {})
    window = grey_window(*x_rays.values())
    for title, projections in x_rays.items():
        columns.append(_Column(title, projections.pixels, QUANTITY[projections.unit], window))
    if reference is not None:
        difference = synthesized.pixels - reference.pixels
        limit = max(float(np.percentile(np.abs(difference), 99)), 1e-6)
        quantity = "difference of the line integrals"
        columns.append(_Column("Synthesized − reference", difference, quantity, (-limit, limit), "RdBu_r"))
    if deviation is not None:
        limit = max(float(np.percentile(deviation.pixels, 99)), 1e-6)
        quantity = "standard deviation of the line integral"
        columns.append(_Column("Expected error", deviation.pixels, quantity, (0.0, limit), "magma"))
    return columns


def _write_heading(
    figure: Figure, layout: _Layout, views: tuple[View, ...], shown: int, comparison: Comparison | None
) -> None:
    """The title, what is shown of how many views, the mean metrics, and the note at the foot."""
    left = layout.left / layout.width
    view, pitch = views[0], views[0].pixel_pitch_mm
    selection = f"{shown} view{'s' if shown > 1 else ''}"
    if shown < len(views):
        selection = f"{shown} of {len(views)} views, spread over their list"
    facts = f"{selection}, {view.rows} × {view.columns} pixels of {pitch[0]:.3g} × {pitch[1]:.3g} mm"
    if comparison is not None and len(views) > 1:
        facts += "".join(f"\nMean of all {len(views)}. {line}" for line in comparison.mean.words())
    inch = 1 / layout.height
    figure.text(left, 1 - 0.15 * inch, "MR to X-ray projection", fontsize=13, weight="bold", va="top")
    figure.text(left, 1 - 0.45 * inch, facts, fontsize=8, va="top", linespacing=1.5)
    figure.text(left, 0.12 * inch, NOTE, fontsize=9, style="italic", va="bottom")


def _draw_bars(figure: Figure, layout: _Layout, columns: list[_Column]) -> None:
    """A colour bar under each run of columns that share a quantity."""
    first = 0
    for last, column in enumerate(columns):
        if last + 1 < len(columns) and columns[last + 1].quantity == column.quantity:
            continue
        axes = figure.add_axes(layout.bar(first, last))
        image = figure.axes[last].images[0]  # the first axes are the first row's panels
        bar = figure.colorbar(image, cax=axes, orientation="horizontal", extend="both")
        bar.set_label(column.quantity, fontsize=8)
        bar.ax.tick_params(labelsize=8)
        bar.ax.locator_params(nbins=MOST_TICKS)
        first = last + 1


def _mark_sides(axes: Axes, view: View) -> None:
    """Letters at the image's left, right and upper edge: the side of the patient that lies there."""
    from matplotlib.patheffects import withStroke

    left, right, up = -view.column_step_mm, view.column_step_mm, -view.row_step_mm
    for side, x, y in ((left, 0.05, 0.5), (right, 0.95, 0.5), (up, 0.5, 0.95)):
        letters = axes.text(x, y, patient_side(side), transform=axes.transAxes, ha="center", va="center")
        letters.set(color="gold", fontsize=9, path_effects=[withStroke(linewidth=1.5, foreground="black")])


def _height_to_width(view: View) -> float:
    """The detector's height divided by its width."""
    row_pitch, column_pitch = view.pixel_pitch_mm
    return view.rows * row_pitch / (view.columns * column_pitch)
