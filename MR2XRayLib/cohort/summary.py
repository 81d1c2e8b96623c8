"""`summarise`: what a preparation leaves for its reader, a page of pictures, and for training, the prepared cohort.

Every task calls it when its own heads are done; the one that finds all heads done writes. Where several do so at
once, each reads again after it wrote, until nothing has changed: what is written last is the newest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from MR2XRayLib.cohort.heads import Cohort, CohortHead, refuse_leaks
from MR2XRayLib.cohort.loading import Fault
from MR2XRayLib.cohort.page import write_page
from MR2XRayLib.cohort.records import TRANSFORM, Outcome, Record, head_folder, read_outcome
from MR2XRayLib.cohort.writing import write_cohort
from MR2XRayLib.errors import MR2XRayError

PAGE, PREPARED = "index.html", "cohort.toml"
NOTE = "Written by mr2xray cohort prepare; judge the registrations by index.html before training on them."


@dataclass(frozen=True)
class Summary:
    """What is there when every head is done.

    Attributes:
        page: pictures to judge the registrations by, HTML.
        prepared: the cohort with its transforms, for training; None where faults keep it from being written.
        outcomes: of all heads, in the cohort's order.
    """

    page: Path
    prepared: Path | None
    outcomes: tuple[Outcome, ...]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Of the heads that failed."""
        return tuple(outcome.done for outcome in self.outcomes if isinstance(outcome.done, Fault))


def summarise(cohort: Cohort, out: Path, preset: str = "rigid", skip_bad: bool = False) -> Summary | None:
    """Write the page and the prepared cohort, if every head is done.

    Args:
        cohort: all of it, whatever this task's share.
        out, preset: as in `preparing.prepare_heads`.
        skip_bad: leave heads that failed out of the prepared cohort; else there is none while any fails.

    Returns:
        None while a head is to be done, or is again: the task that does it will write.

    Raises:
        MR2XRayError: if one volume lies on two sides of the split, or no head is left, or writing fails.
    """
    found, summary = _outcomes(cohort, out, preset), None
    while found is not None and (summary is None or summary.outcomes != found):
        write_page(out / PAGE, cohort, found)
        summary = Summary(out / PAGE, _write_prepared(found, out, skip_bad), found)
        found = _outcomes(cohort, out, preset)
    return None if found is None else summary


def _outcomes(cohort: Cohort, out: Path, preset: str) -> tuple[Outcome, ...] | None:
    found = [read_outcome(head, out, preset) for head in cohort.heads]
    done = tuple(outcome for outcome in found if outcome is not None)
    return done if len(done) == len(found) else None


def _write_prepared(outcomes: Sequence[Outcome], out: Path, skip_bad: bool) -> Path | None:
    """Write the cohort of the good heads; where there may be none, the one of an earlier run goes."""
    good = [(outcome.head, outcome.done) for outcome in outcomes if isinstance(outcome.done, Record)]
    path = out / PREPARED
    try:
        refuse_leaks(_volumes(good))
    except MR2XRayError:
        path.unlink(missing_ok=True)
        raise
    if not good or (len(good) < len(outcomes) and not skip_bad):
        path.unlink(missing_ok=True)
        return None
    heads = [replace(head, transform=head_folder(out, head.name) / TRANSFORM) for head, _ in good]
    write_cohort(path, heads, NOTE)
    return path


def _volumes(good: Sequence[tuple[CohortHead, Record]]) -> Iterator[tuple[CohortHead, str, str]]:
    """Every volume by its content, as `refuse_leaks` takes it: a copy under another name leaks as well."""
    for head, record in good:
        for key, path in head.volumes.items():
            yield head, f"the content of {path}", record.inputs[key]
