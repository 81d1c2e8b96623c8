"""The heads of a cohort file, for commands that measure generators on them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from MR2XRayLib.cli.reporter import Reporter

if TYPE_CHECKING:
    from MR2XRayLib.cohort import CohortHead
    from MR2XRayLib.evaluation import CaseGroup
    from MR2XRayLib.evaluation.cohort_group import Side
    from MR2XRayLib.generators.store import TrainedGenerator


def cohort_group(
    options: Namespace,
    side: Side,
    generators: Sequence[TrainedGenerator],
    reporter: Reporter,
    pixels: int,
    views: int | None = None,
) -> CaseGroup:
    """The heads of a side of the cohort `options.cohort`, each read once before the work.

    It warns of heads that cannot be used and are left out (`options.skip_bad`), and of those that a generator may have
    been trained on.

    Raises:
        MR2XRayError: if the file or a head cannot be used, there is no head of that side, or one has no contrast that
            a generator takes.
    """
    from MR2XRayLib.cohort import read_cohort
    from MR2XRayLib.cohort.loading import sound_heads
    from MR2XRayLib.cohort.shelf import HeadShelf
    from MR2XRayLib.evaluation import CaseSettings
    from MR2XRayLib.evaluation.cohort_group import VIEWS, cohort_heads, heads_for

    cohort = read_cohort(options.cohort)
    contrasts = cohort.contrasts
    heads, faults = sound_heads(heads_for(cohort.heads, side), contrasts, options.skip_bad, reporter)
    for fault in faults:
        reporter.warn(f"{fault.head} is left out: {fault.reason}")
    heads_for(heads, side)
    for trained in generators:
        _check_generator(trained, [head for head in heads if head.split == side], reporter)
    shelf = HeadShelf(contrasts, options.energy)
    return cohort_heads(heads, side, shelf, CaseSettings(pixels, views=views or VIEWS))


def _check_generator(trained: TrainedGenerator, heads: Sequence[CohortHead], reporter: Reporter) -> None:
    """Refuse heads without a contrast that the generator takes; warn of those it may have been trained on."""
    from MR2XRayLib.evaluation.cases import check_contrasts
    from MR2XRayLib.evaluation.cohort_group import trained_on

    for head in heads:
        check_contrasts(trained.card, head.mr, head.name)
    seen = trained_on(trained.card, heads)
    if seen:
        reporter.warn(
            f'"{trained.card.name}" was trained on heads called {", ".join(seen)}, too; if they are these, its '
            "numbers here say nothing of unseen heads."
        )
