"""Preparing heads: each is checked and registered once, whoever does it, and however often it is begun.

A head belongs to one task, and its record is written last: a head without one is done again. Faults of an earlier
run are taken from all of a task's heads before its first one, so that no other task takes them for today's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from MR2XRayLib.cohort.fusion import write_fusion
from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.loading import Fault, LoadedHead, load_head
from MR2XRayLib.cohort.records import (
    FUSION,
    RECORD,
    TRANSFORM,
    Attempt,
    Outcome,
    Record,
    alignment_of,
    clear_faults,
    files_are_whole,
    head_folder,
    read_record,
    write_fault,
)
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.registration import RegistrationQuality, quality, register
from MR2XRayLib.transform import Transform


def prepare_heads(
    heads: Sequence[CohortHead], out: Path, preset: str = "rigid", progress: Progress = silent
) -> Iterator[Outcome]:
    """Check and register heads one after the other; one that fails does not keep the next from its turn.

    Args:
        heads: this task's share of a cohort.
        out: the folder of the whole preparation.
        preset: how heads without a transform are registered, "rigid" or "affine".
        progress: told of the registrations' stages.

    Raises:
        MR2XRayError: if `out` cannot be written to.
    """
    clear_faults(heads, out)
    for head in heads:
        folder, attempt = head_folder(out, head.name), Attempt.of(head, preset)
        try:
            yield prepare_head(head, folder, preset, progress)
            continue
        except MR2XRayError as error:
            reason = str(error)
        except MemoryError:
            reason = "There is not enough memory for its volumes; use a machine with more."
        write_fault(folder, reason, attempt)
        yield Outcome(head, Fault(head.name, reason))


def prepare_head(
    head: CohortHead, folder: Path, preset: str = "rigid", progress: Progress = silent
) -> Outcome:
    """Register a head, unless its record says that this was done with the same volumes and settings.

    A transform in `folder` that was changed by hand since then stays, and its quality and picture are made anew. The
    transform is found for the first contrast; the others share its world frame, as in `pipeline.run`, and are
    checked to do so.

    Raises:
        MR2XRayError: if a volume cannot be used, or the registration, or a given transform, fails.
    """
    loaded = load_head(head)
    alignment = alignment_of(head, preset)
    inputs = loaded.sha256
    if head.transform is not None:
        inputs["transform"] = sha256_of(head.transform)
    record = read_record(folder)
    mended = None
    if record and record.is_of(inputs, alignment):
        if files_are_whole(record, folder):
            return Outcome(head, record, resumed=True)
        mended = _mended(record, folder)
    if mended is None:
        (folder / RECORD).unlink(missing_ok=True)
    else:
        # The old record stays until there is a new one: without any, a repetition would register over the work.
        loaded = replace(loaded, transform=mended)
    for left_by_kill in folder.glob(".writing-*"):
        shutil.rmtree(left_by_kill, ignore_errors=True)
    transform, found = _aligned(loaded, preset, progress)
    if mended is None:
        transform.write(folder / TRANSFORM)
    write_fusion(folder / FUSION, loaded.ct, loaded.mr, transform)
    files = {name: sha256_of(folder / name) for name in (TRANSFORM, FUSION)}
    measured = {contrast: {**each.to_json(), "words": each.words} for contrast, each in found.items()}
    record = Record(inputs, alignment, measured, files, mended=mended is not None)
    record.write(folder)
    return Outcome(head, record)


def _mended(record: Record, folder: Path) -> Transform | None:
    """The transform beside a record if somebody changed it since; None where it is damaged or gone."""
    path = folder / TRANSFORM
    if not path.is_file() or (sha256_of(path) == record.files[TRANSFORM] and not record.mended):
        return None
    try:
        return Transform.read(path)
    except MR2XRayError:
        return None


def _aligned(
    loaded: LoadedHead, preset: str, progress: Progress
) -> tuple[Transform, Mapping[str, RegistrationQuality]]:
    """The transform of the head's MR to its CT, and its quality for every contrast."""
    first, *others = loaded.mr
    transform = loaded.transform
    if transform is None:
        registration = register(loaded.ct, loaded.mr[first], preset, progress)
        transform, found = registration.transform, {first: registration.quality}
    else:
        found = {first: quality(loaded.ct, loaded.mr[first], transform)}
    found |= {contrast: quality(loaded.ct, loaded.mr[contrast], transform) for contrast in others}
    for contrast, each in found.items():
        if each.verdict == "failed":
            advice = (
                "correct the transform" if contrast == first else f"bring it into the frame of {first} first"
            )
            raise MR2XRayError(f"The transform does not lay {contrast} on the CT ({each.words}); {advice}.")
    return transform, found
