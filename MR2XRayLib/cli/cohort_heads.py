"""The heads of a cohort file, for commands that measure generators on them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from MR2XRayLib.cli.reporter import Reporter

if TYPE_CHECKING:
    from MR2XRayLib.cohort import Cohort, CohortHead
    from MR2XRayLib.cohort.loading import Fault
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
    baselines: bool = True,
) -> CaseGroup:
    """The heads of a side of the cohort `options.cohort`, and training heads for the baselines where these are wanted.

    Each is read once before the work.

    It warns of heads that cannot be used and are left out (`options.skip_bad`), of those that a generator may have been
    trained on, and of contrasts that the baselines do not know.

    Raises:
        MR2XRayError: if the file or a head cannot be used, there is no head of that side, or one has no contrast that
            a generator takes.
    """
    from MR2XRayLib.cohort import read_cohort
    from MR2XRayLib.cohort.loading import sound_heads
    from MR2XRayLib.cohort.shelf import HeadShelf
    from MR2XRayLib.evaluation import CaseSettings
    from MR2XRayLib.evaluation.cohort_group import VIEWS, cohort_heads, heads_of

    cohort = read_cohort(options.cohort)
    contrasts = _taken(cohort, generators)
    heads, faults = sound_heads(heads_of(cohort.heads, side), contrasts, options.skip_bad, reporter)
    known, more = _for_baselines(cohort, options.skip_bad, reporter) if baselines else ([], [])
    for fault in (*faults, *more):
        reporter.warn(f"{fault.head} is left out: {fault.reason}")
    for trained in generators:
        _check_generator(trained, heads, reporter)
    if known:
        _check_contrasts(known, heads, contrasts, reporter)
    shelf = HeadShelf(contrasts, options.energy)
    return cohort_heads((*heads, *known), side, shelf, CaseSettings(pixels, views=views or VIEWS))


def _taken(cohort: Cohort, generators: Sequence[TrainedGenerator]) -> tuple[str, ...]:
    """A cohort's contrasts that generators take by name, in its order; all if one takes any, or some head has none.

    What a head's reference shows is the field of view of the first: another contrast must not decide it.
    """
    known = [{name.lower() for name in trained.card.input.contrasts} for trained in generators]
    named = {name.lower() for name in cohort.contrasts}
    taken = tuple(name for name in cohort.contrasts if any(name.lower() in names for names in known))
    if any(not names & named for names in known) or not all(
        set(taken) & set(head.mr) for head in cohort.heads
    ):
        return tuple(cohort.contrasts)
    return taken


def _for_baselines(
    cohort: Cohort, skip_bad: bool, reporter: Reporter
) -> tuple[list[CohortHead], list[Fault]]:
    """The first sound training heads, as many as baselines are fitted on, and what is wrong with those before them.

    Raises:
        MR2XRayError: if one cannot be used, unless such are to be skipped.
    """
    from MR2XRayLib.cohort.loading import Fault, load_heads, load_usable, refuse_faults
    from MR2XRayLib.evaluation.cohort_group import KNOWN

    found: list[CohortHead] = []
    faults: list[Fault] = []
    load = partial(load_usable, contrasts=cohort.contrasts)
    for each in load_heads(cohort.of("train"), reporter, load):
        if isinstance(each, Fault):
            faults.append(each)
        else:
            found.append(each.head)
        if len(found) + (0 if skip_bad else len(faults)) == KNOWN:
            break
    if not skip_bad:
        refuse_faults(faults, len(found) + len(faults), skip_bad)
    return found, faults


def _check_contrasts(
    known: Sequence[CohortHead], heads: Sequence[CohortHead], contrasts: Sequence[str], reporter: Reporter
) -> None:
    """Warn of contrasts that the linear map never saw: on a head that has no other it is a constant."""
    names = {name for head in heads for name in head.mr} - {name for head in known for name in head.mr}
    unseen = sorted(names & set(contrasts))
    if unseen:
        reporter.warn(
            f"The baselines are fitted on {', '.join(head.name for head in known)}, without {', '.join(unseen)}: the "
            "linear map makes nothing of it, and a gain over it says little; put a training head that has it first."
        )


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
