"""What several commands ask of their paths and options before the work."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import check_writable

if TYPE_CHECKING:
    from MR2XRayLib.transform import Transform


ABSENT = "absent"
"""Stands for an MR contrast that is not there; a file of this name is given as ./absent."""

DEFAULT_PRESET = "rigid"
"""How a pair is registered where an option that is only a pair's does not say it."""

LARGEST_SEED = 2**32 - 1
"""Multiples of it still fit into the 64 bits that torch has for a seed."""

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


def check_file(path: Path) -> None:
    """Say before the work, not after it, that a result cannot be written to `path`.

    Raises:
        MR2XRayError: if it is a folder, or lies where nothing can be written.
    """
    if path.is_dir():
        raise MR2XRayError(f"{path} is a folder; give the name of a file for the result.")
    check_writable(path.parent)


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


def check_device_and_energy(options: Namespace) -> None:
    """Say before the work, not after it, that there is no such device or energy.

    Raises:
        MR2XRayError: if the device is not available, or as `check_energy`.
    """
    from MR2XRayLib.device import resolve_device

    resolve_device(options.device)
    check_energy(options)


def check_energy(options: Namespace) -> None:
    """Say before the work, not after it, that there is no such energy, or no CT that it would change.

    Raises:
        MR2XRayError: if the energy is outside the table, or other than that of the simulated heads and the digital
            head where there are no others.
    """
    from MR2XRayLib.intensity import TRAINED_KEV, water_attenuation

    water_attenuation(options.energy)
    of_a_ct = options.cohort or getattr(options, "ct", None)
    if options.energy != TRAINED_KEV and not of_a_ct:
        raise MR2XRayError(
            f"--energy is of your own CT, and simulated heads and the digital head are at {TRAINED_KEV:g} keV; leave "
            "it out."
        )


def check_skip_bad(options: Namespace) -> None:
    """Say before the work, not after it, that there are no heads that could be skipped.

    Raises:
        MR2XRayError: if --skip-bad is given without --cohort.
    """
    if options.skip_bad and not options.cohort:
        raise MR2XRayError("--skip-bad is of a cohort's heads; give --cohort, or leave it out.")


def check_of_a_pair(options: Namespace, *names: str) -> None:
    """Say before the work, not after it, that options would change nothing, as there is no pair of volumes.

    Args:
        options: of the command.
        names: of the options that are a pair's alone; None is one that was not given.

    Raises:
        MR2XRayError: if one is given without --ct.
    """
    given = [f"--{name}" for name in names if getattr(options, name) is not None]
    if given and not options.ct:
        raise MR2XRayError(
            f"{' and '.join(given)} would change nothing here, as only a pair is registered; give --mr and --ct, or "
            "leave that out."
        )


def check_seed(seed: int) -> None:
    """Say before the work, not after it, that random numbers cannot begin so.

    Raises:
        MR2XRayError: if it is negative or too large.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise MR2XRayError(f"--seed cannot be {seed}; give 0 to {LARGEST_SEED}.")


def check_registers(options: Namespace, name: str) -> None:
    """Say before the work, not after it, that nothing is left to register.

    Args:
        options: of the command.
        name: of the option that says how to register; None is one that was not given.

    Raises:
        MR2XRayError: if it is given beside --transform.
    """
    if getattr(options, name) is not None and options.transform is not None:
        raise MR2XRayError(
            f"--{name} says how to register, and with --transform nothing is; leave one of the two out."
        )


def check_ct_options(options: Namespace, has_ct: bool) -> None:
    """Say before the work, not after it, that there is no such energy, or no CT that an option would change.

    Raises:
        MR2XRayError: if the energy is outside the table, or --energy or --whole-ct is given and `has_ct` is false.
    """
    from MR2XRayLib.intensity import TRAINED_KEV, water_attenuation

    water_attenuation(options.energy)
    given = ["--energy"] * (options.energy != TRAINED_KEV) + ["--whole-ct"] * options.whole_ct
    if given and not has_ct:
        raise MR2XRayError(
            f"{' and '.join(given)} would change nothing here, as there is no CT; leave that out."
        )


def warn_of_energy(energy_kev: float, reporter: Reporter) -> None:
    """Tell once that references are of another energy than generators are trained at."""
    from MR2XRayLib.generators.applicability import unlike_energy

    for sentence in unlike_energy(energy_kev):
        reporter.warn(sentence)
