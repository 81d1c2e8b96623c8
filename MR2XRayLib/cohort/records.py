"""`Record`: what was done to a head, and to which input; a head has one only when all of its files are whole.

`Outcome` is a record or a fault. In the folder of a preparation each head has a folder of its own for either.
"""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class Record:
    """One head's preparation.

    Attributes:
        inputs: SHA-256 of its volumes, by "ct" and "mr_<contrast>", and of the "transform" where one was given.
        alignment: "given", or "registered (rigid)".
        quality: of each contrast, `RegistrationQuality.to_json` and its "words".
        files: SHA-256 of the files beside the record, by name.
        library: the version of this package that did it.
    """

    inputs: Mapping[str, str]
    alignment: str
    quality: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]
    library: str = __version__

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The contrasts whose alignment is not called good."""
        return tuple(name for name, found in self.quality.items() if found["verdict"] != "good")

    def is_of(self, inputs: Mapping[str, str], alignment: str) -> bool:
        """Whether the work would be the same again."""
        return self.inputs == inputs and self.alignment == alignment

    def write(self, folder: Path) -> None:
        """Write it, when all its files lie in the folder."""
        write_json(folder / RECORD, asdict(self))


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

    Its volumes are not compared with the record: that is left to the task whose head it is.
    """
    folder = head_folder(out, head.name)
    record = read_record(folder)
    if record is not None and record.alignment == alignment_of(head, preset):
        return Outcome(head, record)
    reason = read_fault(folder)
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
    whole = all(isinstance(text, str) for text in texts) and set(record.files) == {TRANSFORM, FUSION}
    return record if whole and numbers and all(isinstance(number, float) for number in numbers) else None


def files_are_whole(record: Record, folder: Path) -> bool:
    """Whether the files beside a record are those that it was written for."""
    paths = {name: folder / name for name in record.files}
    return all(paths[name].is_file() and sha256_of(paths[name]) == sha for name, sha in record.files.items())


def write_fault(folder: Path, reason: str) -> None:
    """Leave why a head cannot be used, in the place of a record.

    Raises:
        MR2XRayError: if it cannot be written.
    """
    (folder / RECORD).unlink(missing_ok=True)
    write_json(folder / FAULT, {"reason": reason})


def read_fault(folder: Path) -> str | None:
    """Why the head in a folder could not be used; None where nothing was found wrong."""
    try:
        return str(read_json(folder / FAULT, "fault")["reason"])
    except (MR2XRayError, KeyError, TypeError):
        return None
