"""Which label anatomies serve which purpose: never two purposes of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from MR2XRayLib.errors import MR2XRayError

HELD_OUT = ("subject41", "subject46", "subject47", "subject48", "subject52", "subject53")
"""Anatomies that are evaluated on and never trained on nor chosen by."""

VALIDATION = "subject38"
"""The anatomy that choices are made by; not trained on either."""


@dataclass(frozen=True)
class AnatomyFiles:
    """Label volumes by their use.

    Attributes:
        training: all that have no other use.
        validation: the one of `VALIDATION`.
        held_out: those of `HELD_OUT`.
    """

    training: tuple[Path, ...]
    validation: Path
    held_out: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path) -> AnatomyFiles:
        """BrainWeb's `subjectNN_labels.nii.gz` in a folder.

        Raises:
            MR2XRayError: if the folder lacks one of the fixed anatomies or has none left to train on.
        """
        paths = {path.name.split("_")[0]: path for path in sorted(Path(folder).glob("*_labels.nii.gz"))}
        fixed = (*HELD_OUT, VALIDATION)
        missing = [name for name in fixed if name not in paths]
        if missing or len(paths) == len(fixed):
            raise MR2XRayError(
                f"{folder} lacks label volumes ({', '.join(missing) or 'to train on'}); give the folder of BrainWeb's "
                "subjectNN_labels.nii.gz."
            )
        training = tuple(path for name, path in paths.items() if name not in fixed)
        return cls(training, paths[VALIDATION], tuple(paths[name] for name in HELD_OUT))
