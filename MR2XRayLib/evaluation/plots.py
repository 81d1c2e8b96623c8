"""The plots of a report: correlation and power by frequency, numbers by angle, and strips of views."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.evaluation.by_angle import BIN_DEG, BY_ANGLE
from MR2XRayLib.evaluation.markdown import title_of
from MR2XRayLib.evaluation.results import GroupResult, MethodResult
from MR2XRayLib.evaluation.strips import Strip
from MR2XRayLib.metrics.structure import MID_BAND

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT_DPI, PLOT_COLOURS = 90, 64
JPEG_FORMS = ((110, 88), (110, 75), (100, 65), (85, 55), (70, 45))
"""Resolution (dots per inch) and quality of strips, the first that is small enough."""

WHITE, STRONGEST = 99.9, 99.0
"""Percentiles of the shown pixels that are drawn white, and in the strongest colour."""

PANEL_INCH, GAP_INCH, WORDS_INCH = 2.1, 0.05, 0.24
COLUMNS = ("MR projection", "synthesized", "reference", "difference, blue too low (±{most:.2g})")


def draw_curves(path: Path, group: GroupResult) -> None:
    """Fourier ring correlation, and power inside the head, by frequency: a line a method."""
    figure = _figure(9.5, 3.9)
    correlation, power = figure.subplots(1, 2)
    rings = slice(1, None)  # the first is the mean, which is taken away
    first = group.methods[0].curves
    frequencies = first.frequencies[rings]
    power.plot(frequencies, first.reference_power[rings], color="black", linewidth=2, label="reference")
    for method, style in zip(group.methods, _styles(group.methods), strict=True):
        correlation.plot(frequencies, method.curves.frc[rings], label=method.name, **style)
        power.plot(frequencies, method.curves.power[rings], label=method.name, **style)
    for axes in (correlation, power):
        axes.axvspan(*MID_BAND, color="0.93", zorder=0)
        axes.set(xlabel="spatial frequency (share of Nyquist; mid band grey)", xlim=(0, 1))
        axes.grid(alpha=0.3)
    correlation.axhline(0, color="0.5", linewidth=0.8)
    correlation.set(ylabel="Fourier ring correlation", ylim=(min(0, correlation.get_ylim()[0]), 1.02))
    power.set(ylabel="power inside the head", yscale="log")
    _legend_below(figure, power)
    _save_png(figure, path)


def draw_angles(path: Path, group: GroupResult) -> None:
    """The numbers of `BY_ANGLE` by primary and secondary angle: a line a method."""
    figure = _figure(9.5, 6.2)
    grid = figure.subplots(len(BY_ANGLE), len(BIN_DEG), sharey="row", sharex="col")
    for row, metric in zip(grid, BY_ANGLE, strict=True):
        for axes, angle in zip(row, BIN_DEG, strict=True):
            for method, style in zip(group.methods, _styles(group.methods), strict=True):
                bins = method.by_angle(angle, metric)
                middles = [(part.low_deg + part.high_deg) / 2 for part in bins]
                axes.plot(
                    middles,
                    [part.mean for part in bins],
                    marker="o",
                    markersize=3,
                    label=method.name,
                    **style,
                )
            axes.grid(alpha=0.3)
        row[0].set_ylabel(title_of(metric))
    for axes, (angle, width) in zip(grid[-1], BIN_DEG.items(), strict=True):
        axes.set_xlabel(f"{angle} angle (degrees; means of bins of {width:g}°)")
    _legend_below(figure, grid[0, 0])
    _save_png(figure, path)


def draw_strips(path: Path, strips: Sequence[Strip], most_bytes: int) -> None:
    """A row a view: MR projection, synthesized, reference, difference, as JPEG of at most about `most_bytes`.

    Synthesized and reference share one window, from air to the `WHITE` percentile of the references.
    """
    from matplotlib.figure import Figure

    width, height = len(COLUMNS) * (PANEL_INCH + GAP_INCH) - GAP_INCH, len(strips) * (PANEL_INCH + WORDS_INCH)
    figure = Figure(figsize=(width, height + WORDS_INCH), facecolor="white")
    white = _percentile([strip.reference for strip in strips], WHITE)
    most = _percentile([np.abs(strip.synthesized - strip.reference) for strip in strips], STRONGEST)
    for row, strip in enumerate(strips):
        difference = strip.synthesized - strip.reference
        windows = (
            (strip.mr, _percentile([strip.mr], WHITE)),
            (strip.synthesized, white),
            (strip.reference, white),
        )
        for column, (page, brightest) in enumerate(windows):
            _panel(figure, row, column).imshow(page, cmap="gray", vmin=0, vmax=brightest)
        _panel(figure, row, len(windows)).imshow(difference, cmap="RdBu_r", vmin=-most, vmax=most)
        top = row * (PANEL_INCH + WORDS_INCH) + 0.8 * WORDS_INCH
        figure.text(0.02 / width, 1 - top / (height + WORDS_INCH), _label(strip), fontsize=8)
    for axes, words in zip(figure.axes[-len(COLUMNS) :], COLUMNS, strict=True):
        axes.set_xlabel(words.format(most=most), fontsize=8)
    _save_jpeg(figure, path, most_bytes)


def _panel(figure: Figure, row: int, column: int) -> Axes:
    """Axes for one picture, below its row's words."""
    width, height = figure.get_size_inches()
    left = column * (PANEL_INCH + GAP_INCH)
    top = (row + 1) * (PANEL_INCH + WORDS_INCH)
    axes = figure.add_axes((left / width, 1 - top / height, PANEL_INCH / width, PANEL_INCH / height))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes


def _percentile(pages: Sequence[np.ndarray], percent: float) -> float:
    """Of all their pixels, above 0."""
    return max(float(np.percentile(np.stack(pages), percent)), 1e-6)


def _label(strip: Strip) -> str:
    numbers = strip.metrics
    return (
        f"{strip.rank}: {strip.label}; high-pass correlation {numbers.hp_corr:.2f}, "
        f"PSNR inside the head {numbers.masked_psnr:.1f} dB"
    )


def _styles(methods: Sequence[MethodResult]) -> list[dict[str, object]]:
    """A colour a generator; baselines are grey and not solid."""
    from matplotlib import colormaps

    colours, dashes = iter(colormaps["tab10"].colors * 9), iter(("--", ":", "-."))  # type: ignore[attr-defined]
    return [
        {"color": "0.45", "linestyle": next(dashes)} if method.is_baseline else {"color": next(colours)}
        for method in methods
    ]


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize=8, frameon=False
    )


def _save_png(figure: Figure, path: Path) -> None:
    """With few colours, which lines need no more of: a third of the bytes."""
    from PIL import Image

    content = io.BytesIO()
    figure.savefig(content, dpi=PLOT_DPI, format="png")
    with Image.open(content) as image:
        image.convert("RGB").quantize(PLOT_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def _save_jpeg(figure: Figure, path: Path, most_bytes: int) -> None:
    """In the best of `JPEG_FORMS` that fits, or in the last."""
    for dpi, quality in JPEG_FORMS:
        figure.savefig(path, dpi=dpi, format="jpeg", pil_kwargs={"quality": quality, "optimize": True})
        if path.stat().st_size <= most_bytes:
            return
