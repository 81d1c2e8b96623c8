"""The volumes of one head, each checked to be what it is said to be; and the heads that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.intensity import as_ct, as_mr
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import read_volume

MOST_TOLD = 20
"""Faults in one message."""


@dataclass(frozen=True, eq=False)
class LoadedHead:
    """A head in memory.

    Attributes:
        head: what the cohort file says of it.
        mr: unit "raw", by contrast, the registered one first.
        ct: unit "HU".
        transform: MR to CT, LPS mm; None where the file gives none.
    """

    head: CohortHead
    mr: Mapping[str, Volume]
    ct: Volume
    transform: Transform | None

    @property
    def sha256(self) -> dict[str, str]:
        """The hashes of the volumes' files, by "ct" and "mr_<contrast>"."""
        volumes = {"ct": self.ct} | {f"mr_{contrast}": volume for contrast, volume in self.mr.items()}
        return {key: str(volume.provenance["sha256"]) for key, volume in volumes.items()}


@dataclass(frozen=True)
class Fault:
    """Why a head cannot be used.

    Attributes:
        head: its name.
        reason: one sentence.
    """

    head: str
    reason: str


def load_head(head: CohortHead) -> LoadedHead:
    """Read a head's volumes and transform.

    Raises:
        MR2XRayError: if one is missing, unreadable, or not of its modality.
    """
    transform = None if head.transform is None else Transform.read(head.transform)
    ct = as_ct(read_volume(head.ct))
    mr = {contrast: as_mr(read_volume(path)) for contrast, path in head.mr.items()}
    return LoadedHead(head, mr, ct, transform)


def load_usable(head: CohortHead, contrasts: Sequence[str] = ()) -> LoadedHead:
    """A head that is to be projected; what can be told of it without its volumes is told first.

    Args:
        head: of a cohort.
        contrasts: it needs one of these; any will do where none is named.

    Raises:
        MR2XRayError: if it has no transform or none of the contrasts, or as `load_head`.
    """
    if head.transform is None:
        raise MR2XRayError(
            f"{head.place} has no transform; run mr2xray cohort prepare, and use the cohort.toml that it writes."
        )
    if contrasts and not any(contrast in head.mr for contrast in contrasts):
        raise MR2XRayError(
            f"{head.place} has none of the MR contrasts {', '.join(contrasts)}; add one, or take it out."
        )
    return load_head(head)


def load_heads(
    heads: Sequence[CohortHead],
    progress: Progress = silent,
    load: Callable[[CohortHead], LoadedHead] = load_head,
) -> Iterator[LoadedHead | Fault]:
    """Every head in turn, or why it cannot be used; keep none of them, and memory holds two at most.

    Args:
        heads: of a cohort.
        progress: told of "checking heads".
        load: what reads one, and raises why it cannot be used.
    """
    for number, head in enumerate(heads):
        progress("checking heads", number / len(heads))
        try:
            yield load(head)
        except MR2XRayError as error:
            yield Fault(head.name, str(error))
    progress("checking heads", 1.0)


def sound_heads(
    heads: Sequence[CohortHead],
    contrasts: Sequence[str] = (),
    skip_bad: bool = False,
    progress: Progress = silent,
) -> tuple[tuple[CohortHead, ...], tuple[Fault, ...]]:
    """Read every head once, and drop its voxels again: those to be projected, and what is wrong with the others.

    Args:
        heads: of a cohort; each needs a transform.
        contrasts: a head needs one of these; any will do where none is named.
        skip_bad: go on without the heads that cannot be used.
        progress: told of "checking heads".

    Raises:
        MR2XRayError: naming each head that fails, unless they are to be skipped; or if none is left.
    """
    loaded = load_heads(heads, progress, partial(load_usable, contrasts=contrasts))
    found = [each if isinstance(each, Fault) else each.head for each in loaded]
    faults = tuple(each for each in found if isinstance(each, Fault))
    refuse_faults(faults, len(heads), skip_bad)
    return tuple(each for each in found if isinstance(each, CohortHead)), faults


def refuse_faults(faults: Sequence[Fault], heads: int, skip_bad: bool) -> None:
    """Raise what is wrong with the heads that cannot be used.

    Args:
        faults: of these heads.
        heads: how many there are with the good ones.
        skip_bad: go on without them, as long as one is left.

    Raises:
        MR2XRayError: in one sentence, with each head and its reason.
    """
    if not faults or (skip_bad and len(faults) < heads):
        return
    advice = "none is left" if skip_bad else "mend them, or leave them out with --skip-bad"
    raise MR2XRayError(f"{len(faults)} of {heads} heads cannot be used: {_listed(faults)}; {advice}.")


def _listed(faults: Iterable[Fault]) -> str:
    told = [f'"{fault.head}" ({fault.reason.rstrip(".")})' for fault in faults]
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return "; ".join(told[:MOST_TOLD]) + more
