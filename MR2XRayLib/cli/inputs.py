"""What several commands ask of their paths and options before the work."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError

if TYPE_CHECKING:
    from MR2XRayLib.transform import Transform


ABSENT = "absent"
"""Stands for an MR contrast that is not there; a file of this name is given as ./absent."""

Contrast = TypeVar("Contrast")


def path_or_absent(word: str) -> Path | None:
    """A word of the command line as a path; None for `ABSENT`."""
    return None if word == ABSENT else Path(word)


def read_contrasts(paths: Sequence[Path | None], read: Callable[[Path], Contrast]) -> list[Contrast | None]:
    """What is in the files, None for an absent contrast; it raises what `read` raises."""
    return [None if path is None else read(path) for path in paths]


def read_transform(path: Path | None) -> Transform | None:
    """The transform in a file; None for none."""
    from MR2XRayLib.transform import Transform

    return None if path is None else Transform.read(path)


def check_suffix(path: Path, suffixes: tuple[str, ...], what: str) -> None:
    """Say before the work, not after it, that the result cannot be written under this name.

    Raises:
        MR2XRayError: if `path` does not end in one of `suffixes`.
    """
    if path.suffix.lower() not in suffixes:
        raise MR2XRayError(f"{path} cannot hold {what}; choose a name that ends in {' or '.join(suffixes)}.")


def check_folder(path: Path) -> None:
    """Say before the work, not after it, that `path` is not a folder.

    Raises:
        MR2XRayError: if it is a file.
    """
    if path.exists() and not path.is_dir():
        raise MR2XRayError(f"{path} is a file; give a folder for the results.")


def check_spared(inputs: Iterable[Path | None], results: Iterable[Path]) -> None:
    """Say before the work, not after it, that a result would take the place of what it is made from.

    Args:
        inputs: files that were given; None is one that was not.
        results: files that will be written, or cleared away.

    Raises:
        MR2XRayError: if one file is both, by whatever path or link it is named.
    """
    for path, result in product(inputs, results):
        if path is not None and _are_one(path, result):
            raise MR2XRayError(
                f"The result {result} would replace the input {path}; choose another name or folder for the results."
            )


def _are_one(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there
        return False


def geometry_files(options: Namespace) -> list[Path | None]:
    """The files that `--views` and `--carm` name; words for views are a file's name that there is not."""
    from MR2XRayLib.carm_presets import file_of

    return [Path(options.views.strip()), file_of(options.carm or "")]


def check_device_and_energy(options: Namespace) -> None:
    """Say before the work, not after it, that there is no such device or energy.

    Raises:
        MR2XRayError: if the device is not available, or the energy is outside the table.
    """
    from MR2XRayLib.device import resolve_device
    from MR2XRayLib.intensity import water_attenuation

    resolve_device(options.device)
    water_attenuation(options.energy)


def warn_of_energy(energy_kev: float, reporter: Reporter) -> None:
    """Tell once that references are of another energy than generators are trained at."""
    from MR2XRayLib.generators.applicability import unlike_energy

    for sentence in unlike_energy(energy_kev):
        reporter.warn(sentence)
