"""Calibrations in a report: a table of their numbers, and error against predicted deviation as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from MR2XRayLib.evaluation.calibration import SHARES_LEFT_OUT, Calibration
from MR2XRayLib.evaluation.markdown import table
from MR2XRayLib.evaluation.results import Evaluation
from MR2XRayLib.evaluation.sections import Section
from MR2XRayLib.files import atomic_path, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE, CALIBRATIONS = "calibration.png", "calibration.json"
WORDS = (
    "Inside the heads, in line integrals of attenuation. Expected normalised calibration error (ENCE): the mean over "
    "bins of equally many pixels of |predicted − error| / predicted. Rank correlation: Spearman's, of the predicted "
    "deviation and the size of the error. Of normal errors 68.3 % lie within one deviation and 95.4 % within two. Log "
    "score: lower is better; beside it that of one deviation for all pixels. Gain: how much error goes when the least "
    "certain pixels are left out, as a share of what leaving out the worst would take away."
)

COLUMNS = (
    *("", "heads", "views", "error, RMS", "predicted, RMS", "ENCE", "rank correlation"),
    *("within 1", "within 2", "log score", "of a constant", "gain"),
)


def calibration_section(calibrations: Mapping[str, Calibration]) -> Section:
    """A section for `write_report`; nothing where there are no calibrations.

    Args:
        calibrations: by what they are called in table and picture.
    """

    def section(evaluation: Evaluation, folder: Path) -> list[str]:
        if not calibrations:
            return []
        write_calibration(folder / PICTURE, calibrations)
        write_json(folder / CALIBRATIONS, {name: made.to_json() for name, made in calibrations.items()})
        rows = [(name, *_row(made)) for name, made in calibrations.items()]
        picture = f"![Error against predicted deviation]({PICTURE})"
        return ["## Uncertainty", "", WORDS, "", *table(COLUMNS, rows), picture, ""]

    return section


def draw_calibration(calibrations: Mapping[str, Calibration]) -> Figure:
    """Error against predicted deviation, and the error that stays when the least certain pixels are left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 3.9), dpi=90, layout="constrained", facecolor="white")
    curve, left_out = figure.subplots(1, 2)
    highest = max(max(b.predicted, b.error) for made in calibrations.values() for b in made.bins)
    curve.plot([0, highest], [0, highest], color="0.5", linestyle=":", label="predicted = error")
    for name, made in calibrations.items():
        curve.plot([b.predicted for b in made.bins], [b.error for b in made.bins], marker="o", label=name)
        left_out.plot([100 * share for share in SHARES_LEFT_OUT], made.sparsification, label=name)
    curve.set(xlabel="predicted standard deviation", ylabel="root mean square error")
    left_out.set(xlabel="least certain pixels left out (%)", ylabel="root mean square error", ylim=(0, None))
    for axes in (curve, left_out):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def write_calibration(path: Path, calibrations: Mapping[str, Calibration]) -> None:
    """Write `draw_calibration`'s figure as a PNG.

    Raises:
        MR2XRayError: if the file cannot be written.
    """
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with matplotlib.style.context("default"), atomic_path(path) as temporary:
        canvas = FigureCanvasAgg(draw_calibration(calibrations))
        canvas.print_png(str(temporary), metadata={"Software": "MR2XRay"})


def _row(made: Calibration) -> tuple[str, ...]:
    return (
        str(made.heads),
        str(made.views),
        *(f"{value:.3f}" for value in (made.rms_error, made.rms_predicted, made.ence, made.rank_correlation)),
        *(f"{100 * share:.1f} %" for share in (made.within_1, made.within_2)),
        *(f"{value:.3f}" for value in (made.log_score, made.log_score_constant, made.sparsification_gain)),
    )
