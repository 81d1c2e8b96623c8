"""`mr2xray cohort`: a user's own heads checked, and registered."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from MR2XRayLib.cli.inputs import check_spared
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.files import check_writable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from MR2XRayLib.cohort.heads import Cohort
    from MR2XRayLib.cohort.loading import Fault, LoadedHead
    from MR2XRayLib.cohort.records import Outcome
    from MR2XRayLib.cohort.summary import Summary
    from MR2XRayLib.volume import Volume


def check(options: Namespace, reporter: Reporter) -> None:
    """Read every head's volumes; a line a head."""
    from MR2XRayLib.cohort.heads import Cohort
    from MR2XRayLib.cohort.loading import Fault, load_heads, refuse_faults
    from MR2XRayLib.cohort.reading import read_cohort

    cohort, faults, sound = read_cohort(options.file), [], []
    for found in load_heads(cohort.heads, reporter):
        if isinstance(found, Fault):
            faults.append(found)
            reporter.warn(f"{found.head}: {found.reason}")
        else:
            sound.append(found.head)
            reporter.say(_line(found))
    if sound:
        _tell_split(Cohort(cohort.file, tuple(sound)) if options.skip_bad else cohort, reporter)
    refuse_faults(faults, len(cohort.heads), options.skip_bad)
    reporter.result({"heads": len(cohort.heads), "faults": _by_name(faults)})


def prepare(options: Namespace, reporter: Reporter) -> None:
    """Register this task's share of the heads; when all heads are done, write the summary."""
    from MR2XRayLib.cohort.loading import Fault, refuse_faults
    from MR2XRayLib.cohort.preparing import prepare_heads
    from MR2XRayLib.cohort.reading import read_cohort
    from MR2XRayLib.cohort.records import TRANSFORM, head_folder
    from MR2XRayLib.cohort.shares import share_of
    from MR2XRayLib.cohort.summary import PAGE, PREPARED, summarise

    check_writable(options.out)
    check_spared([options.file], [options.out / PREPARED, options.out / PAGE])
    cohort, share = read_cohort(options.file), share_of(options.task, os.environ)
    for head in cohort.heads:
        check_spared([head.transform], [head_folder(options.out, head.name) / TRANSFORM])
    mine = share.of(cohort.heads)
    if share.count > 1:
        reporter.say(f"Share {share.index + 1} of {share.count}: {len(mine)} of {len(cohort.heads)} heads")
    faults = []
    for outcome in prepare_heads(mine, options.out, options.preset, reporter):
        _tell_outcome(outcome, reporter)
        if isinstance(outcome.done, Fault):
            faults.append(outcome.done)
    summary = summarise(cohort, options.out, options.preset, options.skip_bad)
    _tell_summary(summary, reporter)
    faults = faults if summary is None else list(summary.faults)
    refuse_faults(faults, len(cohort.heads), options.skip_bad)
    reporter.result(
        {
            "folder": str(options.out),
            "heads": len(mine),
            "faults": _by_name(faults),
            "complete": summary is not None,
        }
    )


def _by_name(faults: Sequence[Fault]) -> dict[str, str]:
    return {fault.head: fault.reason for fault in faults}


def _line(loaded: LoadedHead) -> str:
    """A head in one line: side of the split, volumes with size and voxels, and whether it has a transform."""
    head = loaded.head
    volumes = {**loaded.mr, "CT": loaded.ct}
    described = ", ".join(f"{name} {_size(volume)}" for name, volume in volumes.items())
    return f"{head.name} ({head.split}): {described}, {'a' if loaded.transform else 'no'} transform"


def _size(volume: Volume) -> str:
    voxels, spacing = "x".join(map(str, volume.size)), "x".join(f"{mm:.3g}" for mm in volume.spacing_mm)
    return f"{voxels} of {spacing} mm"


def _tell_split(cohort: Cohort, reporter: Reporter) -> None:
    from MR2XRayLib.cohort.heads import SPLITS

    counts = {split: len(cohort.of(split)) for split in SPLITS}
    reporter.say(", ".join(f"{count} to {split}" for split, count in counts.items()))
    for split in [split for split, count in counts.items() if not count]:
        reporter.warn(f'No head is there to {split}; give some heads split = "{split}" in {cohort.file}.')


def _tell_outcome(outcome: Outcome, reporter: Reporter) -> None:
    """The quality of each contrast in words; a warning where it is not good."""
    from MR2XRayLib.cohort.loading import Fault

    done = outcome.done
    if isinstance(done, Fault):
        reporter.warn(f"{done.head}: {done.reason}")
        return
    again = ", done before" if outcome.resumed else ""
    for contrast, found in done.quality.items():
        text = f"{outcome.head.name}, {contrast} ({done.how}{again}): {found['words']}"
        (reporter.warn if contrast in done.doubtful else reporter.say)(text)


def _tell_summary(summary: Summary | None, reporter: Reporter) -> None:
    if summary is None:
        reporter.say("Other heads are still to be done; the task that does the last one writes the summary.")
        return
    reporter.say(f"Judge the registrations by {summary.page}")
    if summary.prepared is not None:
        reporter.say(f"Train with {summary.prepared}")
