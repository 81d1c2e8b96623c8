"""`write_page`: one HTML page of all heads of a cohort, those that need a look first. No script, nothing from afar."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from MR2XRayLib.cohort.heads import SPLITS, Cohort
from MR2XRayLib.cohort.loading import Fault
from MR2XRayLib.cohort.records import FUSION, Outcome, Record, head_folder
from MR2XRayLib.files import write_text
from MR2XRayLib.registration.quality import LEAST_IN_VIEW

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 2rem auto; max-width: 62rem;
  padding: 0 1rem; }
section { border-top: 1px solid #bbb; padding: .8rem 0 1.4rem; }
h2 { margin: 0 0 .3rem; font-size: 1.15rem; }
p { margin: .25rem 0; }
img { max-width: 100%; margin-top: .6rem; }
.mark { font-weight: 600; padding: .05rem .45rem; border-radius: .3rem; font-size: .9rem; }
.good { background: #d8efdb; } .doubtful { background: #ffe6b0; } .failed { background: #f8c9c4; }
.files { color: #555; font-size: .85rem; overflow-wrap: anywhere; }
"""

ADVICE = (
    "Outlines of skin and bone that leave the MR's own, or edges that break at the squares of the checkerboard, are "
    "registrations to mend: give such a head a transform of your own in the cohort file, or take it out. The words "
    "“good” and “doubtful” come from mutual information and the overlap of the heads; neither sees an error of a few "
    "millimetres, you do."
)


def write_page(path: Path, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
    """Write the page into the folder of a preparation; the pictures are those in its heads' folders.

    Raises:
        MR2XRayError: if it cannot be written.
    """
    title = f"Registrations of {cohort.file.name}"
    sections = [_section(outcome, cohort, path.parent) for outcome in sorted(outcomes, key=_need)]
    body = [f"<h1>{escape(title)}</h1>", *_overview(cohort, outcomes), f"<p>{ADVICE}</p>", *sections]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    write_text(
        path,
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n",
    )


def _need(outcome: Outcome) -> tuple[int, float]:
    """Faults first, then doubtful registrations, then good ones; each from the least mutual information up."""
    if isinstance(outcome.done, Fault):
        return 0, 0.0
    information = min(found["mutual_information_after_nats"] for found in outcome.done.quality.values())
    return (1 if outcome.done.doubtful else 2), information


def _mark(outcome: Outcome) -> str:
    if isinstance(outcome.done, Fault):
        return "failed"
    return "doubtful" if outcome.done.doubtful else "good"


def _overview(cohort: Cohort, outcomes: Sequence[Outcome]) -> list[str]:
    marks = [_mark(outcome) for outcome in outcomes]
    counts = ", ".join(f"{marks.count(mark)} {mark}" for mark in ("failed", "doubtful", "good"))
    sides = ", ".join(f"{len(cohort.of(split))} {split}" for split in SPLITS)
    return [
        f"<p>Heads: {len(outcomes)} ({counts}). Split: {sides}. Contrasts: {escape(', '.join(cohort.contrasts))}.</p>"
    ]


def _section(outcome: Outcome, cohort: Cohort, folder: Path) -> str:
    head, mark = outcome.head, _mark(outcome)
    lines = [f'<h2>{escape(head.name)} <span class="mark {mark}">{mark}</span></h2>']
    person = "" if head.person == head.name else f" · person {escape(head.person)}"
    lines.append(f"<p>{head.split}{person}</p>")
    if isinstance(outcome.done, Fault):
        lines.append(f"<p>{escape(outcome.done.reason)}</p>")
    else:
        lines += _of_record(outcome.done, sorted(set(cohort.contrasts) - set(head.mr)))
    files = " · ".join(f"{escape(key)}: {escape(path.as_posix())}" for key, path in head.volumes.items())
    lines.append(f'<p class="files">{files}</p>')
    if isinstance(outcome.done, Record):
        picture = escape((head_folder(folder, head.name) / FUSION).relative_to(folder).as_posix())
        lines.append(
            f'<img src="{picture}" loading="lazy" alt="CT and MR of {escape(head.name)} on each other">'
        )
    return "<section>\n" + "\n".join(lines) + "\n</section>"


def _of_record(record: Record, absent: Sequence[str]) -> list[str]:
    """How the head was aligned and how well, contrast by contrast, and what it lacks."""
    lines = [f"<p>Transform {escape(record.how)}.</p>"]
    for contrast, found in record.quality.items():
        # The words tell it by themselves where it is so little that it is a doubt.
        share = found["head_in_view"]
        in_view = "" if share < LEAST_IN_VIEW else f"; {share:.0%} of the CT's head is in its view"
        lines.append(f"<p>{escape(contrast)}, {escape(found['words'])}{in_view}.</p>")
    if absent:
        lines.append(f"<p>Without {escape(', '.join(absent))}.</p>")
    return lines
