"""Other projectors, each as a function from a view to an image in our conventions; None where not installed.

RTK: PyPI itk-rtk. nanodrr, DiffDRR: PyPI. plastimatch: the program, on the PATH. All take an axis-aligned volume
in 1/mm that is centred on the origin, as the benchmark makes it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume

Peer = Callable[[View], np.ndarray]


def rtk(volume: Volume, views: list[View]) -> Peer | None:
    """RTK's JosephForwardProjectionImageFilter, the strongest peer on a CPU."""
    try:
        import itk

        itk.RTK  # noqa: B018
    except (ImportError, AttributeError):
        return None
    image_type = itk.Image[itk.F, 3]
    image = itk.image_from_array(volume.voxels)
    image.SetSpacing([float(s) for s in volume.spacing_mm])
    image.SetOrigin([float(x) for x in volume.affine[:3, 3]])
    rows, columns = views[0].rows, views[0].columns
    row_pitch, column_pitch = views[0].pixel_pitch_mm
    empty = itk.image_from_array(np.zeros((1, rows, columns), np.float32))
    empty.SetSpacing([column_pitch, row_pitch, 1])
    empty.SetOrigin([-(columns - 1) / 2 * column_pitch, -(rows - 1) / 2 * row_pitch, 0])
    point, vector = itk.Point[itk.D, 3], itk.Vector[itk.D, 3]

    def project(view: View) -> np.ndarray:
        geometry = itk.RTK.ThreeDCircularProjectionGeometry.New()
        geometry.AddProjection(
            point([float(x) for x in view.source_mm]),
            point([float(x) for x in middle(view)]),
            vector([float(x) for x in view.column_step_mm / column_pitch]),
            vector([float(x) for x in view.row_step_mm / row_pitch]),
        )
        projector = itk.RTK.JosephForwardProjectionImageFilter[image_type, image_type].New()
        projector.InPlaceOff()
        projector.SetGeometry(geometry)
        projector.SetInput(0, empty)
        projector.SetInput(1, image)
        projector.Update()
        return itk.array_view_from_image(projector.GetOutput())[0]

    return project


def nanodrr(volume: Volume, views: list[View]) -> Peer | None:
    """nanodrr's render with 500 samples a ray; its camera looks from the source, so its columns mirror ours."""
    try:
        import torch
        from nanodrr.camera import make_k_inv
        from nanodrr.data import Subject
        from nanodrr.drr import render
    except ImportError:
        return None
    image = torch.from_numpy(volume.voxels)[None, None]
    to_world = torch.tensor(volume.affine, dtype=torch.float32)
    to_grid = torch.eye(4)
    for axis, n in enumerate(volume.size):
        to_grid[axis, axis], to_grid[axis, 3] = 2 / n, 1 / n - 1
    subject = Subject(
        image, torch.zeros_like(image), to_world, torch.linalg.inv(to_world), to_grid, torch.zeros(3),
        convert_to_mu=False,
    )  # fmt: skip
    view = views[0]
    pitch, distance = view.pixel_pitch_mm[0], view.source_to_detector_mm
    inverse = make_k_inv(distance, pitch, pitch, 0.0, 0.0, view.rows, view.columns, dtype=torch.float32)

    def project(view: View) -> np.ndarray:
        column, row = -view.column_step_mm / pitch, view.row_step_mm / pitch
        pose = np.eye(4)
        pose[:3, :3] = np.stack([column, row, np.cross(column, row)], axis=1)
        pose[:3, 3] = view.source_mm
        matrix = torch.tensor(pose, dtype=torch.float32)[None]
        with torch.inference_mode():
            image = render(
                subject, inverse, matrix, torch.tensor([distance]), view.rows, view.columns, n_samples=500
            )
        return image[0, 0].numpy()[:, ::-1]

    return project


def diffdrr(volume: Volume, views: list[View]) -> Peer | None:
    """DiffDRR's trilinear renderer with its default 500 points, in voxel coordinates."""
    try:
        import torch
        from diffdrr.renderers import Trilinear
    except ImportError:
        return None
    renderer = Trilinear()
    voxels = torch.from_numpy(volume.voxels).permute(2, 1, 0).contiguous()

    def project(view: View) -> np.ndarray:
        i, j = np.mgrid[: view.rows, : view.columns]
        pixels = view.corner_mm + i[..., None] * view.row_step_mm + j[..., None] * view.column_step_mm
        length = np.linalg.norm(pixels - view.source_mm, axis=-1)
        source = torch.tensor(volume.to_index(view.source_mm), dtype=torch.float32)[None, None]
        target = torch.tensor(volume.to_index(pixels.reshape(1, -1, 3)), dtype=torch.float32)
        with torch.inference_mode():
            lengths = torch.tensor(length.reshape(1, 1, -1), dtype=torch.float32)
            image: Any = renderer(voxels, source, target, lengths)
        return image.reshape(view.rows, view.columns).numpy()

    return project


def plastimatch(volume: Volume, views: list[View]) -> Peer | None:
    """plastimatch drr, exact ray tracing; a program, so each call also starts it and reads the volume."""
    program = shutil.which("plastimatch")
    if program is None:
        return None
    folder = tempfile.TemporaryDirectory(prefix="plastimatch-")
    write_volume(volume, Path(folder.name) / "volume.mha")

    def project(view: View) -> np.ndarray:
        words = {
            "-r": (view.rows, view.columns),
            "-z": (view.rows * view.pixel_pitch_mm[0], view.columns * view.pixel_pitch_mm[1]),
            "--sad": (view.source_to_isocentre_mm,),
            "--sid": (view.source_to_detector_mm,),
            "-n": tuple(-view.normal),
            "--vup": tuple(-view.row_step_mm / view.pixel_pitch_mm[0]),
        }
        command = [program, "drr", "-t", "pfm", "-i", "exact", "-P", "none", "-O", folder.name + "/out"]
        for word, numbers in words.items():
            command += [word, " ".join(f"{number:.9g}" for number in numbers)]
        subprocess.run([*command, folder.name + "/volume.mha"], check=True, capture_output=True)
        data = next(Path(folder.name).glob("out*.pfm")).read_bytes()
        pixels = np.frombuffer(data[-4 * view.rows * view.columns :], "<f4").reshape(view.rows, view.columns)
        return pixels[:, ::-1] * 10

    return project


def middle(view: View) -> np.ndarray:
    """The world point in the middle of the detector."""
    return (
        view.corner_mm + (view.columns - 1) / 2 * view.column_step_mm + (view.rows - 1) / 2 * view.row_step_mm
    )


PEERS: dict[str, Callable[[Volume, list[View]], Peer | None]] = {
    "RTK Joseph": rtk,
    "plastimatch exact, whole program": plastimatch,
    "nanodrr": nanodrr,
    "DiffDRR trilinear": diffdrr,
}
