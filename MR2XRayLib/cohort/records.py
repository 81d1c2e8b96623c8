"""`Record`: what was done to a head, and to which input; a head has one only when all of its files are whole.

`Outcome` is a record or a fault. In the folder of a preparation each head has a folder of its own for either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from MR2XRayLib import __version__
from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.loading import Fault
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import read_json, sha256_of, write_json

TRANSFORM, FUSION = "transform.tfm", "fusion.png"
RECORD, FAULT = "record.json", "fault.json"

UNSEEN = "unseen"
"""The mark of a file that is not there, or not for this machine."""


@dataclass(frozen=True)
class Record:
    """One head's preparation.

    Attributes:
        inputs: SHA-256 of its volumes, by "ct" and "mr_<contrast>", and of the "transform" where one was given.
        alignment: "given", or "registered (rigid)".
        quality: of each contrast, `RegistrationQuality.to_json` and its "words".
        files: SHA-256 of the files beside the record, by name.
        library: the version of this package that did it.
        mended: whether the transform is no longer the one that was found or given, but was changed by hand since.
    """

    inputs: Mapping[str, str]
    alignment: str
    quality: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]
    library: str = __version__
    mended: bool = False

    @property
    def how(self) -> str:
        """The alignment in words."""
        return f"{self.alignment}, changed by hand since" if self.mended else self.alignment

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The contrasts whose alignment is not called good."""
        return tuple(name for name, found in self.quality.items() if found["verdict"] != "good")

    def is_of(self, inputs: Mapping[str, str], alignment: str) -> bool:
        """Whether the work would be the same again; of contrasts in another order another one is registered."""
        return list(self.inputs.items()) == list(inputs.items()) and self.alignment == alignment

    def fits(self, head: CohortHead, preset: str) -> bool:
        """Whether it tells of a head's volumes, by their names and order, and of this alignment."""
        volumes = [key for key in self.inputs if key != "transform"]
        return volumes == list(head.volumes) and self.alignment == alignment_of(head, preset)

    def write(self, folder: Path) -> None:
        """Write it, when all its files lie in the folder."""
        write_json(folder / RECORD, asdict(self))


@dataclass(frozen=True)
class Attempt:
    """What a fault was found in.

    Attributes:
        alignment: as of a record.
        inputs: a mark of each of the head's files, in order, by which one that was mended is known without reading it.
    """

    alignment: str
    inputs: Mapping[str, str]

    @classmethod
    def of(cls, head: CohortHead, preset: str) -> Attempt:
        """As the head's files lie now."""
        transform = {} if head.transform is None else {"transform": head.transform}
        paths = {**head.volumes, **transform}
        return cls(alignment_of(head, preset), {key: _mark(path) for key, path in paths.items()})

    def is_repeated_by(self, now: Attempt) -> bool:
        """Whether nothing that is seen now differs: a machine without the file cannot tell that it was mended."""
        if self.alignment != now.alignment or list(self.inputs) != list(now.inputs):
            return False
        return all(mark in (UNSEEN, self.inputs[key]) for key, mark in now.inputs.items())


@dataclass(frozen=True)
class Outcome:
    """What became of one head.

    Attributes:
        head: of the cohort.
        done: its record, or why there is none.
        resumed: whether an earlier run had done it.
    """

    head: CohortHead
    done: Record | Fault
    resumed: bool = False


def head_folder(out: Path, name: str) -> Path:
    """Where a head's files lie in the folder of a preparation."""
    return out / "heads" / name


def alignment_of(head: CohortHead, preset: str) -> str:
    """How a head's MR comes to its CT: "given", or "registered (rigid)"."""
    return f"registered ({preset})" if head.transform is None else "given"


def read_outcome(head: CohortHead, out: Path, preset: str) -> Outcome | None:
    """What became of a head, by the files of its folder; None where it is still to be done.

    What its volumes hold is not compared with the record: that is left to the task whose head it is. A fault counts
    only while the alignment and the files that it was found in are the same, by names, sizes and times of change.
    What else may have been mended since (memory, the right to read, a slice beside the file that is named) only that
    task finds out, which takes the fault away when it begins: who looks before still sees the fault.
    """
    folder = head_folder(out, head.name)
    record = read_record(folder)
    if record is not None and record.fits(head, preset):
        return Outcome(head, record)
    reason = read_fault(folder, head, preset)
    return None if reason is None else Outcome(head, Fault(head.name, reason))


def read_record(folder: Path) -> Record | None:
    """The record in a head's folder; None where there is none of this form, so that the head is done again."""
    try:
        record = Record(**read_json(folder / RECORD, "record"))
        texts = [record.alignment, record.library, *record.inputs.values(), *record.files.values()]
        texts += [found[key] for found in record.quality.values() for key in ("verdict", "words")]
        numbers = [found["mutual_information_after_nats"] for found in record.quality.values()]
    except (MR2XRayError, TypeError, KeyError, AttributeError):
        return None
    whole = all(isinstance(text, str) for text in texts) and isinstance(record.mended, bool)
    whole = whole and set(record.files) == {TRANSFORM, FUSION}
    return record if whole and numbers and all(isinstance(number, float) for number in numbers) else None


def files_are_whole(record: Record, folder: Path) -> bool:
    """Whether the files beside a record are those that it was written for."""
    paths = {name: folder / name for name in record.files}
    return all(paths[name].is_file() and sha256_of(paths[name]) == sha for name, sha in record.files.items())


def write_fault(folder: Path, reason: str, attempt: Attempt) -> None:
    """Leave why a head cannot be used, in the place of a record.

    Args:
        folder: of the head.
        reason: one sentence.
        attempt: what it was found in, as it was before the head was read.

    Raises:
        MR2XRayError: if it cannot be written.
    """
    (folder / RECORD).unlink(missing_ok=True)
    write_json(folder / FAULT, {"reason": reason, **asdict(attempt)})


def read_fault(folder: Path, head: CohortHead, preset: str) -> str | None:
    """Why a head cannot be used; None where nothing was found wrong with what it is now."""
    try:
        found = read_json(folder / FAULT, "fault")
        reason, attempt = str(found["reason"]), Attempt(found["alignment"], dict(found["inputs"]))
    except (MR2XRayError, KeyError, TypeError, ValueError):
        return None
    return reason if attempt.is_repeated_by(Attempt.of(head, preset)) else None


def clear_faults(heads: Iterable[CohortHead], out: Path) -> None:
    """Take away what an earlier run found wrong with heads that are to be tried again.

    Raises:
        MR2XRayError: if a fault cannot be taken away.
    """
    for head in heads:
        path = head_folder(out, head.name) / FAULT
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise MR2XRayError(
                f"Cannot take away {path} ({error.strerror}); correct its folder, or choose another for --out."
            ) from None


def _mark(path: Path) -> str:
    """A digest of the names, sizes in bytes and times of change in s of a file, or of those in a folder."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [(file.name, stat.st_size, int(stat.st_mtime)) for file in files for stat in [file.stat()]]
    except OSError:
        return UNSEEN
    return hashlib.sha256(repr(found).encode()).hexdigest()
