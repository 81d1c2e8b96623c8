"""What runs in the child process: `python -m MR2XRayLib.registration.worker FOLDER`.

The folder holds `job.json` and the arrays fixed.npy, moving.npy (float32) and mask.npy (uint8), each (nk, nj, ni).
The child reads them and removes the folder at once, so that no volume stays on the disk should its caller be killed.
Its log goes to stdout, and last a line of `RESULT` and the 4x4 map of fixed to moving points that elastix found.
A fault inside elastix, even one that ends the process, thereby stays a message to the caller.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from MR2XRayLib.ending import end_with_reader
from MR2XRayLib.files import read_json
from MR2XRayLib.registration.elastix import RESULT


def take_job(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The job and its itk images by name; the folder is gone afterwards, whether or not they could be read.

    Windows keeps the folder itself as long as it is some process's working folder, but no file in it.
    """
    try:
        job = read_json(folder / "job.json", "registration job")
        return job, {name: itk_image(folder, name, affine) for name, affine in job["affines"].items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def itk_image(folder: Path, name: str, affine: list[list[float]]) -> Any:
    """The array `name`.npy of the folder as an itk image placed by its 4x4 index-to-world affine."""
    import itk

    image = itk.image_from_array(np.load(folder / f"{name}.npy", allow_pickle=False))
    linear = np.array(affine)[:3, :3]
    spacing = np.linalg.norm(linear, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin([row[3] for row in affine[:3]])
    image.SetDirection(linear / spacing)
    return image


def run_elastix(job: dict[str, Any], images: dict[str, Any]) -> np.ndarray:
    """Run the job on its images; the 4x4 map of fixed to moving points, all stages together.

    The wrapped classes are imported from their own modules: by way of `itk.ElastixRegistrationMethod`, itk 5.4
    first loads every module that elastix might touch, which takes longer than the registration itself.
    """
    from itk.elxParameterObjectPython import elastixParameterObject
    from itk.itkElastixRegistrationMethodPython import itkElastixRegistrationMethodIF3IF3

    parameters = elastixParameterObject.New()
    for stage in job["stages"]:
        parameters.AddParameterMap(stage)
    elastix = itkElastixRegistrationMethodIF3IF3.New()
    elastix.SetFixedImage(images["fixed"])
    elastix.SetMovingImage(images["moving"])
    elastix.SetFixedMask(images["mask"])
    elastix.SetParameterObject(parameters)
    elastix.SetNumberOfThreads(job["threads"])
    elastix.LogToConsoleOn()
    elastix.Update()
    return matrix_of(elastix.GetCombinationTransform())


def matrix_of(transform: Any) -> np.ndarray:
    """The 4x4 matrix of a linear itk transform, from where it takes points: no Euler convention to mistake."""
    origin = np.array(transform.TransformPoint([0.0, 0.0, 0.0]))
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis in range(3):
        matrix[:3, axis] = np.array(transform.TransformPoint(np.eye(3)[axis].tolist())) - origin
    return matrix


def main() -> None:
    """Do the job in the folder that the command line names."""
    job, images = take_job(Path(sys.argv[1]))
    end_with_reader()
    matrix = run_elastix(job, images)
    # A new line first: elastix may have left one open.
    sys.stdout.write(f"\n{RESULT}{json.dumps(matrix.tolist())}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
