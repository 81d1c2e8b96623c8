"""What runs in the child process: `python -m MR2XRayLib.registration.worker FOLDER`.

The folder holds `job.json` and the arrays fixed.npy, moving.npy (float32) and mask.npy (uint8), each (nk, nj, ni);
the child adds `result.json`: the 4x4 map of fixed to moving points that elastix found. Its log goes to stdout.
A fault inside elastix, even one that ends the process, thereby stays a message to the caller.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from MR2XRayLib.ending import end_with_reader
from MR2XRayLib.files import read_json, write_json


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


def run_elastix(folder: Path) -> np.ndarray:
    """Run the job in the folder; the 4x4 map of fixed to moving points, all stages together.

    The wrapped classes are imported from their own modules: by way of `itk.ElastixRegistrationMethod`, itk 5.4
    first loads every module that elastix might touch, which takes longer than the registration itself.
    """
    from itk.elxParameterObjectPython import elastixParameterObject
    from itk.itkElastixRegistrationMethodPython import itkElastixRegistrationMethodIF3IF3

    job = read_json(folder / "job.json", "registration job")
    parameters = elastixParameterObject.New()
    for stage in job["stages"]:
        parameters.AddParameterMap(stage)
    images = {name: itk_image(folder, name, job["affines"][name]) for name in ("fixed", "moving", "mask")}
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
    end_with_reader()
    folder = Path(sys.argv[1])
    matrix = run_elastix(folder)
    write_json(folder / "result.json", {"fixed_to_moving": matrix.tolist()})


if __name__ == "__main__":
    main()
