"""elastix: its parameter maps, and the child process that runs it.

Method: Klein et al., "elastix: a toolbox for intensity-based medical image registration", IEEE Trans. Med.
Imaging 29(1), 2010; Mattes mutual information (Mattes et al., IEEE Trans. Med. Imaging 22(1), 2003) maximised by
adaptive stochastic gradient descent (Klein et al., Int. J. Comput. Vis. 81, 2009).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from functools import partial
from pathlib import Path

import numpy as np

import MR2XRayLib
from MR2XRayLib.ending import undone
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import reason_of, write_json
from MR2XRayLib.progress import Progress
from MR2XRayLib.registration.similarity import BINS, bin_range
from MR2XRayLib.volume import Volume

LEVELS_MM = (8.0, 4.0, 2.0, 1.0)
"""To which detail the volumes are smoothed, level by level."""

ITERATIONS = 250
SAMPLES = 4000
SEED = 20171029
WORKER = "MR2XRayLib.registration.worker"
RESULT = "Fixed to moving: "
"""Begins the line of the worker's log that holds the result: 4 rows of 4 numbers as JSON."""

LIBRARY_VARIABLE = "MR2XRAY_LIBRARY"
"""Tells the child where this package lies; a launcher such as 3D Slicer's may set PYTHONPATH anew."""

LEAD = (
    f"import os, runpy, sys; sys.path.insert(0, os.environ['{LIBRARY_VARIABLE}']); del sys.argv[0]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
"""What the child runs: like `-m`, from wherever the package lies."""
PYTHON_VARIABLE = "MR2XRAY_PYTHON"
"""Environment variable that names the interpreter of the child process where `sys.executable` is none."""

PRESETS = {"rigid": ("EulerTransform",), "affine": ("EulerTransform", "AffineTransform")}
"""The transforms that each preset optimises, one after the other."""


def stage(transform: str, fixed: Volume, moving: Volume) -> dict[str, list[str]]:
    """One elastix parameter map: `transform` optimised from coarse to fine."""

    def schedule(volume: Volume) -> list[str]:
        return [str(max(round(level / mm), 1)) for level in LEVELS_MM for mm in volume.spacing_mm]

    words = {
        "Registration": "MultiResolutionRegistration",
        "NumberOfResolutions": len(LEVELS_MM),
        "FixedImagePyramid": "FixedSmoothingImagePyramid",
        "MovingImagePyramid": "MovingSmoothingImagePyramid",
        "FixedImagePyramidSchedule": schedule(fixed),
        "MovingImagePyramidSchedule": schedule(moving),
        "Transform": transform,
        "AutomaticTransformInitialization": "false",
        "AutomaticScalesEstimation": "true",
        "HowToCombineTransforms": "Compose",
        "Metric": "AdvancedMattesMutualInformation",
        "NumberOfHistogramBins": BINS,
        "RequiredRatioOfValidSamples": 0.25,
        "Optimizer": "AdaptiveStochasticGradientDescent",
        "MaximumNumberOfIterations": ITERATIONS,
        "ImageSampler": "RandomCoordinate",
        "NumberOfSpatialSamples": SAMPLES,
        "NewSamplesEveryIteration": "true",
        "RandomSeed": SEED,
        "ErodeMask": "false",
        "Interpolator": "LinearInterpolator",
        "ResampleInterpolator": "FinalLinearInterpolator",
        "Resampler": "DefaultResampler",
        "WriteResultImage": "false",
        "UseDirectionCosines": "true",
        "FixedInternalImagePixelType": "float",
        "MovingInternalImagePixelType": "float",
    }
    return {key: value if isinstance(value, list) else [str(value)] for key, value in words.items()}


def run_elastix(fixed: Volume, mask: Volume, moving: Volume, preset: str, progress: Progress) -> np.ndarray:
    """The 4x4 map of fixed to moving points that elastix finds, starting from the world frames as given.

    Args:
        mask: where in the fixed volume samples are drawn: voxels 0 or 1, on any grid.

    Raises:
        MR2XRayError: if elastix or its process fails, with the reason from its log, or its input cannot be written.
    """
    stages = [stage(transform, fixed, moving) for transform in PRESETS[preset]]
    folder = _temporary_folder()
    with undone(partial(shutil.rmtree, folder, ignore_errors=True)):
        volumes = {"fixed": _clipped(fixed), "moving": _clipped(moving), "mask": mask.voxels.astype(np.uint8)}
        for key, voxels in volumes.items():
            _save(folder / f"{key}.npy", voxels)
        affines = {
            key: v.affine.tolist() for key, v in (("fixed", fixed), ("moving", moving), ("mask", mask))
        }
        threads = min(os.cpu_count() or 1, 8)
        write_json(folder / "job.json", {"stages": stages, "affines": affines, "threads": threads})
        return _result(run_child(folder, len(stages) * len(LEVELS_MM), progress))


def _temporary_folder() -> Path:
    """A new folder for what the child reads."""
    try:
        return Path(tempfile.mkdtemp(prefix="mr2xray-registration-"))
    except OSError as error:
        raise MR2XRayError(
            f"No temporary folder can be made for the registration ({reason_of(error)}); free space, or name another "
            "place in the environment variable TMPDIR."
        ) from None


def _save(path: Path, voxels: np.ndarray) -> None:
    """Write voxels for the child."""
    try:
        np.save(path, voxels, allow_pickle=False)
    except OSError as error:
        raise MR2XRayError(
            f"Cannot write {path} ({reason_of(error)}); free space, or name another place for temporary files in the "
            "environment variable TMPDIR."
        ) from None


def _clipped(volume: Volume) -> np.ndarray:
    """The voxels as float32, without the few extreme ones that would stretch the histogram's bins."""
    return np.clip(volume.voxels, *bin_range(volume.voxels)).astype(np.float32)


def run_child(folder: Path, levels: int, progress: Progress) -> list[str]:
    """Run the worker on a job folder until it ends; whatever happens here, the child does not outlive the call.

    Returns:
        the last lines of its log.

    Raises:
        MR2XRayError: if the process cannot be started or does not end well.
    """
    python = os.environ.get(PYTHON_VARIABLE) or sys.executable
    command = [python, "-c", LEAD, WORKER, str(folder)]
    try:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise MR2XRayError(
            f'The Python interpreter "{python}" cannot be started ({error.strerror}); name one in {PYTHON_VARIABLE}.'
        ) from None
    with child, undone(partial(_end, child)):
        log = _follow(child, levels, progress)
        code = child.wait()
    if code != 0:
        raise MR2XRayError(_reason(log, code))
    return log


def _end(child: subprocess.Popen[str]) -> None:
    """Kill the child if it runs, and wait until it lets go of its files."""
    child.kill()
    child.wait()


def _environment() -> dict[str, str]:
    """The child's environment: this package importable from a checkout too, no foreign itk factories.

    3D Slicer sets ITK_AUTOLOAD_PATH to libraries built for its own ITK, which crash the itk wheels.
    """
    environment = {key: value for key, value in os.environ.items() if key != "ITK_AUTOLOAD_PATH"}
    environment[LIBRARY_VARIABLE] = str(Path(MR2XRayLib.__file__).resolve().parent.parent)
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def _follow(child: subprocess.Popen[str], levels: int, progress: Progress) -> list[str]:
    """Read the child's log to its end, telling the progress; the last hundred lines."""
    log: deque[str] = deque(maxlen=100)
    begun = 0
    assert child.stdout is not None
    for line in child.stdout:
        log.append(line.strip())
        if line.startswith("Resolution: "):
            progress("registering", begun / levels)
            begun += 1
    return list(log)


def _reason(log: list[str], code: int) -> str:
    """One sentence that says why the child failed, from its log and exit code."""
    if any("map outside moving image buffer" in line for line in log):
        return (
            "The registration lost the overlap of the two volumes; check that both show the same head, or give a "
            "transform."
        )
    described = [line.removeprefix("Description: ") for line in log if line.startswith("Description: ")]
    last = (described or [line for line in log if line] or ["its log is empty"])[-1]
    ended = f"signal {-code}" if code < 0 else f"exit code {code}"
    return (
        f"The registration program elastix stopped ({ended}; {last[:200].rstrip('.')}); check the volumes and that "
        "itk-elastix is installed, or give a transform."
    )


def _result(log: list[str]) -> np.ndarray:
    """The 4x4 matrix that the child told.

    Raises:
        MR2XRayError: if there is none, or it is not a finite 4x4 matrix.
    """
    told = [line.removeprefix(RESULT) for line in log if line.startswith(RESULT)]
    try:
        matrix = np.array(json.loads(told[-1]), float)
    except (IndexError, TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise MR2XRayError(
            "The registration program elastix ended without a usable result; run again, or give a transform."
        )
    return matrix
