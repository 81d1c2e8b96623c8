"""`Cohort` and `CohortHead`: which files belong to a head, and on which side of the split it lies.

The split is by person, never by view: two views of one head are nearly the same picture.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from MR2XRayLib.errors import MR2XRayError

Split = Literal["train", "validate", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

SHARES: Mapping[Split, int] = {"train": 70, "validate": 15, "test": 15}
"""Percent of the persons on each side, on average, where the file does not say."""


@dataclass(frozen=True)
class CohortHead:
    """One head of a cohort.

    Attributes:
        name: unique in the cohort, fit to be a folder's name.
        mr: a file or DICOM folder for each MR contrast by name; the first is the one that is registered, and all
            share its world frame.
        ct: a file or DICOM folder, HU.
        transform: an ITK transform file, MR to CT as Slicer saves it; None where it is not known yet.
        person: heads of one person lie on one side of the split; the head's name where nobody said.
        split: "train", "validate" or "test".
        place: where the head stands in its file, for messages.
    """

    name: str
    mr: Mapping[str, Path]
    ct: Path
    transform: Path | None
    person: str
    split: Split
    place: str = ""

    @property
    def volumes(self) -> dict[str, Path]:
        """The CT as "ct", and each contrast as "mr_<contrast>"."""
        return {"ct": self.ct} | {f"mr_{contrast}": path for contrast, path in self.mr.items()}


@dataclass(frozen=True)
class Cohort:
    """The heads of one file.

    Attributes:
        file: where they are listed.
        heads: in the file's order.

    Raises:
        MR2XRayError: if there is none, names repeat, a contrast is spelled in two ways, or one person or file lies on
            two sides of the split.
    """

    file: Path
    heads: tuple[CohortHead, ...]

    def __post_init__(self) -> None:
        if not self.heads:
            raise MR2XRayError(f"The cohort file {self.file} lists no head; give a line for each head.")
        self._refuse_namesakes()
        # "P1" and "p1" were one person to whoever typed them.
        refuse_leaks((head, f'the person "{head.person}"', head.person.casefold()) for head in self.heads)
        refuse_leaks(
            (head, str(path), str(path.resolve())) for head in self.heads for path in head.volumes.values()
        )

    def _refuse_namesakes(self) -> None:
        """No two heads of one name, and no contrast in two spellings, which would be two channels."""
        named: dict[str, CohortHead] = {}
        for head in self.heads:
            # Folders are called after heads, and not every system tells "P1" from "p1".
            other = named.setdefault(head.name.casefold(), head)
            if other is not head:
                raise MR2XRayError(
                    f'{head.place} has the name "{head.name}", as has {other.place}; give each head its own name.'
                )
        spelled: dict[str, str] = {}
        for contrast in self.contrasts:
            if spelled.setdefault(contrast.casefold(), contrast) != contrast:
                raise MR2XRayError(
                    f'{self.file} calls MR contrasts "{spelled[contrast.casefold()]}" and "{contrast}"; spell one '
                    "contrast the same everywhere."
                )

    @property
    def contrasts(self) -> tuple[str, ...]:
        """The names of all MR contrasts, in the order in which they first appear."""
        return tuple(dict.fromkeys(contrast for head in self.heads for contrast in head.mr))

    def of(self, split: Split) -> tuple[CohortHead, ...]:
        """The heads on one side of the split."""
        return tuple(head for head in self.heads if head.split == split)


def split_of(person: str) -> Split:
    """The side of a person for whom the file names none: by a hash of the name, so it depends on nothing else.

    Heads that are added later, and the order of the file, move no one across the split; the price is that the
    shares of a small cohort may stray far from `SHARES`.
    """
    percent = int.from_bytes(hashlib.sha256(person.encode()).digest()[:8], "big") % 100
    if percent < SHARES["train"]:
        return "train"
    return "validate" if percent < SHARES["train"] + SHARES["validate"] else "test"


def can_name_a_head(name: str) -> bool:
    """Whether a folder may be called so on every system: letters, digits, ".", "_" and "-", no dot at the ends."""
    return re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?", name) is not None


def refuse_leaks(items: Iterable[tuple[CohortHead, str, str]]) -> None:
    """Refuse a cohort in which a training would see what it is to be judged by.

    Args:
        items: a head, something that belongs to it in words, and by what two such things are the same.

    Raises:
        MR2XRayError: naming two heads that share such a thing across the split.
    """
    owners: dict[str, CohortHead] = {}
    for head, what, key in items:
        owner = owners.setdefault(key, head)
        if owner.split != head.split:
            raise MR2XRayError(
                f'The heads "{owner.name}" ({owner.split}) and "{head.name}" ({head.split}) share {what}, and so leak '
                'across the split; give both the same "person", and the same "split" if you give any.'
            )
