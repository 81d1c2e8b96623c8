"""One view's image: a volume node of one slice that stands in the world where the detector is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer

from MR2XRayLib.carm import View
from MR2XRayScene import colours
from MR2XRayScene.attributes import UNIT, describe
from MR2XRayScene.roles import NAMES
from MR2XRayScene.transforms import lps_to_ras
from MR2XRayScene.volumes import place, set_voxels

THICKNESS_MM = 1.0
"""Of the slice: thin beside a C-arm, and thick enough that a slice view in the detector's plane meets it."""


def make_image_node(
    scene: slicer.vtkMRMLScene, role: str, name: str | None = None
) -> slicer.vtkMRMLScalarVolumeNode:
    """An empty image of a role ("mr", "synthesized", "reference", "difference") for `show` to fill.

    Its window is left to `colours`, not found anew from a histogram at each image. The pixels of a difference are
    shown without interpolation, so that its sign does not blur.
    """
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name or NAMES[role])
    describe(node, role=role)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetInterpolate(role != "difference")
    return node


def show(
    node: slicer.vtkMRMLScalarVolumeNode,
    pixels: np.ndarray,
    view: View,
    role: str,
    unit: str,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Put pixels (rows, columns) into an image node, as float32, and place it at the view's detector.

    The node tells of it once. Its memory is used again where the size is the same.
    """
    with slicer.util.NodeModify(node):
        set_voxels(node, np.asarray(pixels, np.float32)[None])
        place(node, pixels_to_lps(view))
        describe(
            node,
            role=role,
            unit=unit,
            view=str(view.angulation),
            provenance=None if provenance is None else dict(provenance),
        )


def show_as_intensity(node: slicer.vtkMRMLScalarVolumeNode, wanted: bool) -> None:
    """Turn an X-ray image's line integrals into detector intensity, or back; the unit tells which they are.

    Back again they differ by about 1e-7. A ray of which nothing arrived gets the longest line integral that float32
    can tell.
    """
    if node.GetImageData() is None or (node.GetAttribute(UNIT) == colours.INTENSITY) == wanted:
        return
    pixels = slicer.util.arrayFromVolume(node)
    smallest = np.finfo(np.float32).tiny
    with slicer.util.NodeModify(node):
        set_voxels(node, colours.as_intensity(pixels) if wanted else -np.log(np.maximum(pixels, smallest)))
        describe(node, unit=colours.INTENSITY if wanted else "1")


def pixels_to_lps(view: View) -> np.ndarray:
    """The 4x4 affine from (column, row, slice) to LPS mm; right-handed, its third axis across the detector."""
    across = np.cross(view.column_step_mm, view.row_step_mm)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = view.column_step_mm, view.row_step_mm
    affine[:3, 2] = THICKNESS_MM * across / np.linalg.norm(across)
    affine[:3, 3] = view.corner_mm
    return affine


def slice_to_ras(view: View) -> np.ndarray:
    """The 4x4 matrix of a slice view that shows the radiograph as on a monitor, the detector's middle at its own.

    x runs to the right along the columns, y up against the rows, z towards the viewer. Where pixels are skewed,
    x keeps its direction and y is made perpendicular within the detector.
    """
    right = view.column_step_mm / np.linalg.norm(view.column_step_mm)
    up = view.row_step_mm @ right * right - view.row_step_mm
    up /= np.linalg.norm(up)
    middle = (view.columns - 1) / 2 * view.column_step_mm + (view.rows - 1) / 2 * view.row_step_mm
    slice_to_lps = np.eye(4)
    slice_to_lps[:3] = np.stack([right, up, np.cross(right, up), view.corner_mm + middle], axis=1)
    return lps_to_ras(slice_to_lps)
