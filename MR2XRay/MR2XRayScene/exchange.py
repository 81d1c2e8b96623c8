"""What goes to the worker process and what comes back: files of fixed names in one temporary folder.

Every function here works on arrays and files alone, no MRML, so that it may run on a thread. Volumes go as .nii, the
one format of `write_volume` that is not compressed: a large CT takes a tenth of a second instead of ten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.cli.inputs import ABSENT
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import read_json
from MR2XRayLib.header_checks import is_orthogonal
from MR2XRayLib.live import first_present
from MR2XRayLib.projection import Projections
from MR2XRayLib.registration import RegistrationQuality
from MR2XRayLib.transform import Transform
from MR2XRayLib.views import write_views
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume
from MR2XRayScene.roles import DEVIATION

if TYPE_CHECKING:
    from MR2XRayScene.prepared import Pair

CT, VIEWS, FOUND, RESULTS = "ct.nii", "views.json", "found.tfm", "results"
PLACE = "place.tfm"
"""Where the MR lies, as far as its file cannot say."""


@dataclass(frozen=True, eq=False)
class FoundRegistration:
    """What a registration in the worker found.

    Attributes:
        transform: from where the MR lies in the world now to where it lies on the CT, LPS mm.
        words: the quality.
    """

    transform: Transform
    words: str


@dataclass(frozen=True, eq=False)
class RunJob:
    """The main job on volumes that lie where they lie.

    Attributes:
        pair: the volumes and their options.
        views: to make.
        generator: its folder, or None for the default one.
        device: "auto", "cpu", "cuda" or "mps".
        uncertain: make the expected error too; for generators that give it.
    """

    pair: Pair
    views: tuple[View, ...]
    generator: Path | None
    device: str = "auto"
    uncertain: bool = False


@dataclass(frozen=True, eq=False)
class RunResult:
    """What the main job made.

    Attributes:
        projections: by role: "mr" (the first contrast), "synthesized", with a CT "reference" and "difference", and
            "deviation" where it was wanted.
        metrics: `MR2XRayLib.metrics.Comparison.to_json`; None without a CT.
    """

    projections: dict[str, Projections]
    metrics: dict[str, Any] | None


@dataclass(frozen=True, eq=False)
class FinetuneJob:
    """Further training on a pair that lies on each other.

    Attributes:
        pair: the volumes and their options.
        generator: the folder of the one to start from, or None for the default one.
        name: of the new generator.
        minutes: of training.
    """

    pair: Pair
    generator: Path | None
    name: str
    minutes: float


def write_registration(folder: Path, pair: Pair, preset: str) -> list[str]:
    """Write the CT and the first MR that is there; the worker's arguments for registering them.

    Args:
        folder: exists and is writable.
        pair: the volumes.
        preset: "rigid" or "affine".

    Raises:
        MR2XRayError: if there is no CT or no MR, one of the volumes cannot be written, or the disk is full.
    """
    ct = _write_ct(folder, pair)
    (mr,) = _write_mr(folder, [first_present(pair.mr)])
    return ["register", "--fixed", ct, "--moving", mr, "--preset", preset, "--out", str(folder / FOUND)]


def read_registration(folder: Path, result: Mapping[str, Any]) -> FoundRegistration:
    """What the worker found.

    Args:
        folder: that `write_registration` wrote into.
        result: what the worker told at its end.

    Raises:
        MR2XRayError: if the worker left no usable result.
    """
    found, place = Transform.read(folder / FOUND), Transform.read(folder / PLACE)
    numbers: Any = result.get("quality")
    try:
        quality = RegistrationQuality(
            float(numbers["mutual_information_before_nats"]),
            float(numbers["mutual_information_after_nats"]),
            float(numbers["mask_overlap_dice"]),
            float(numbers["head_in_view"]),
            float(numbers["moving_head_in_view"]),
        )
    except (KeyError, TypeError, ValueError):
        raise MR2XRayError("The worker told no quality of its registration; register again.") from None
    return FoundRegistration(Transform(found.matrix @ place.inverse().matrix), quality.words)


def write_run(folder: Path, job: RunJob) -> list[str]:
    """Write volumes and views; the worker's arguments for the main job.

    Raises:
        MR2XRayError: if there are no views or no MR, a volume cannot be written, or the disk is full.
    """
    if not job.views:
        raise MR2XRayError("No view is kept yet; keep at least one in the section C-arm.")
    write_views(folder / VIEWS, job.views)
    return [
        "run",
        *_pair_arguments(folder, job.pair),
        *(["--whole-ct"] if job.pair.whole_ct and job.pair.ct is not None else []),
        *(["--uncertainty"] if job.uncertain else []),
        *_generator_arguments(job.generator),
        *("--views", str(folder / VIEWS), "--device", job.device, "--out", str(folder / RESULTS)),
    ]


def read_run(folder: Path) -> RunResult:
    """What the worker made of the job that `write_run` wrote.

    Raises:
        MR2XRayError: if the worker left no usable result.
    """
    results = folder / RESULTS
    roles = ["mr", "synthesized"]
    metrics = None
    if (folder / CT).exists():
        roles += ["reference", "difference"]
        metrics = read_json(results / "metrics.json", "metrics file")
    if (results / f"{DEVIATION}.nrrd").exists():
        roles.append(DEVIATION)
    return RunResult({role: Projections.read(results / f"{role}.nrrd") for role in roles}, metrics)


def write_finetune(folder: Path, job: FinetuneJob) -> list[str]:
    """Write the volumes; the worker's arguments for training on them. The result goes into the user's own store.

    Raises:
        MR2XRayError: if there is no CT or no MR, a volume cannot be written, or the disk is full.
    """
    if job.pair.ct is None:
        raise MR2XRayError("No CT volume is chosen; a generator is trained on an MR and a CT of one head.")
    # With "=", so that a name cannot be taken for an option.
    return [
        "finetune",
        *_pair_arguments(folder, job.pair),
        *_generator_arguments(job.generator),
        *(f"--minutes={job.minutes:g}", f"--name={job.name}"),
    ]


def _pair_arguments(folder: Path, pair: Pair) -> list[str]:
    arguments = [argument for word in _write_mr(folder, pair.mr) for argument in ("--mr", word)]
    if pair.ct is not None:
        arguments += ["--ct", _write_ct(folder, pair), "--energy", f"{pair.energy_kev:g}"]
    return [*arguments, "--transform", str(folder / PLACE)]


def _generator_arguments(generator: Path | None) -> list[str]:
    return [] if generator is None else ["--generator", str(generator)]


def _write_ct(folder: Path, pair: Pair) -> str:
    if pair.ct is None:
        raise MR2XRayError("No CT volume is chosen; choose the one to register to.")
    if not is_orthogonal(pair.ct.affine[:3, :3]):
        raise MR2XRayError(
            f"{pair.ct.name} lies under a transform that shears it; take the CT out of that transform, or resample it."
        )
    write_volume(pair.ct, folder / CT)
    return str(folder / CT)


def _write_mr(folder: Path, contrasts: Sequence[Volume | None]) -> list[str]:
    """Write the contrasts without their common shear, which no image file can hold, and the shear as `PLACE`.

    Returns:
        What the command line calls each contrast: its file, or `ABSENT`.
    """
    first_present(contrasts)
    stretch = common_stretch([volume for volume in contrasts if volume is not None])
    stretch.write(folder / PLACE)
    words = []
    for number, volume in enumerate(contrasts, 1):
        path = folder / f"mr{number}.nii"
        if volume is not None:
            write_volume(volume.moved(stretch.inverse().matrix), path)
        words.append(ABSENT if volume is None else str(path))
    return words


def common_stretch(volumes: Sequence[Volume]) -> Transform:
    """The stretch of the world that sheared these volumes: without it, each one's axes are at right angles.

    Volumes that an affine registration moved together have axes a, b at right angles not in the world's own metric
    but in another one, W: a @ W @ b = 0. That is linear in W; of all solutions the one nearest to the identity is
    taken, and the stretch is its inverse square root. Volumes that are not sheared have the identity.

    Raises:
        MR2XRayError: if no one stretch explains all volumes, as when they were moved by different transforms.
    """
    basis = [(np.outer(a, b) + np.outer(b, a)) / 2 for n, a in enumerate(np.eye(3)) for b in np.eye(3)[n:]]
    basis = [matrix / np.linalg.norm(matrix) for matrix in basis]
    conditions = [
        [a @ matrix @ b for matrix in basis]
        for volume in volumes
        for a, b in _pairs_of_axes(volume.affine[:3, :3] / volume.spacing_mm)
    ]
    identity = np.array([np.trace(matrix) for matrix in basis])
    nearest = identity - np.linalg.pinv(conditions, rcond=1e-6) @ (np.array(conditions) @ identity)
    values, vectors = np.linalg.eigh(np.tensordot(nearest, basis, axes=1))
    if values.min() > 1e-3:
        stretch = np.eye(4)
        stretch[:3, :3] = vectors / np.sqrt(values) @ vectors.T
        without = np.linalg.inv(stretch)
        if all(is_orthogonal(volume.moved(without).affine[:3, :3]) for volume in volumes):
            return Transform(stretch)
    raise MR2XRayError(
        f"{volumes[0].name} lies under a transform that shears it, and its contrasts do not lie under the same one; "
        "put all of them under one transform, or resample them."
    )


def _pairs_of_axes(axes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    i, j, k = axes.T
    return [(i, j), (i, k), (j, k)]
