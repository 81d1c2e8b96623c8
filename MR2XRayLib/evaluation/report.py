"""`write_report`: an evaluation as Markdown, JSON, CSV and pictures; nothing in it is typed by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation.results import Evaluation
from MR2XRayLib.evaluation.sections import SECTIONS, Section
from MR2XRayLib.files import draft_folder, write_json, write_text

REPORT, NUMBERS, CURVES = "report.md", "report.json", "curves.csv"


def write_report(
    evaluation: Evaluation, out: Path, command: str, sections: Sequence[Section] = SECTIONS
) -> None:
    """Write report.md, report.json, curves.csv and the pictures into a new folder, whole or not at all.

    Args:
        evaluation: what was measured.
        out: the folder; it must not exist.
        command: the command line that repeats it.
        sections: of the Markdown.

    Raises:
        MR2XRayError: if `out` exists or cannot be written.
    """
    import matplotlib.style

    out = Path(out)
    check_new(out)
    with draft_folder(out.parent) as draft:
        folder = draft / out.name
        folder.mkdir()
        write_json(folder / NUMBERS, {"command": command, **evaluation.to_json()})
        write_text(folder / CURVES, _curves(evaluation))
        # A user's own style would turn pictures over, or ask for programs that are not there.
        with matplotlib.style.context("default"):
            lines = [line for section in sections for line in section(evaluation, folder)]
        write_text(folder / REPORT, "\n".join([*_heading(evaluation, command), *lines]))
        folder.replace(out)


def check_new(out: Path) -> None:
    """Say before the work, not after it, that a report cannot go there.

    Raises:
        MR2XRayError: if it exists.
    """
    if Path(out).exists():
        raise MR2XRayError(f"{out} exists already; give the report another folder.")


def _heading(evaluation: Evaluation, command: str) -> list[str]:
    return [
        "# Evaluation",
        "",
        f"Written by {evaluation.library}; this repeats it:",
        "",
        f"    {command}",
        "",
        "Images are on the fixed scale of [−1, 1] on which a line integral of attenuation of 6 is +1, unclipped. MAE, "
        "SSIM and PSNR of the whole image are dominated by air and silhouette: pictures are told apart by the Fourier "
        "ring correlation (FRC) and the high-pass correlation inside the head. A synthesized image is a guess from MR, "
        "not for diagnosis.",
        "",
    ]


def _curves(evaluation: Evaluation) -> str:
    """A row a group, method and frequency, the reference among the methods; an undefined correlation is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("group", "method", "frequency_of_nyquist", "frc", "power"))
    for group in evaluation.groups:
        first = group.methods[0].curves
        rows = [("reference", first.frequencies, np.full(first.frc.shape, np.nan), first.reference_power)]
        rows += [(m.name, m.curves.frequencies, m.curves.frc, m.curves.power) for m in group.methods]
        for name, *columns in rows:
            for numbers in zip(*columns, strict=True):
                cells = ("" if np.isnan(value) else f"{value:.3g}" for value in numbers)
                writer.writerow((group.key, name, *cells))
    return text.getvalue()
