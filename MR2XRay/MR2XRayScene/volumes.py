"""Volume nodes and `Volume`: the voxels are shared, and every linear transform above a node counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.volume import Unit, Volume
from MR2XRayScene.attributes import UNIT, VIEW, VIEWS, describe, provenance_of
from MR2XRayScene.transforms import lps_to_ras, world_matrix_lps

_WIDENED = {"b1": np.uint8, "f2": np.float32}
"""Types that VTK has not, and those that hold them."""


def volume_from_node(node: slicer.vtkMRMLScalarVolumeNode | None, *, placed: bool = True) -> Volume:
    """The volume of a node, its affine in LPS.

    The voxels are the node's own memory, not a copy; they are marked read-only. They change with the node.

    Args:
        node: a scalar volume.
        placed: whether the transforms above the node are composed into the affine, so that the volume lies where
            the slice views show it; else it lies where its own header says.

    Raises:
        MR2XRayError: if there is no node, it is not one 3D scalar image of a scan, it is empty, blank, or holds
            NaN or infinite voxels, its affine or a transform above it cannot be inverted, or one is not linear.
    """
    if node is None:
        raise MR2XRayError("No volume is chosen; load one and choose it.")
    name, image = node.GetName(), _checked_image(node)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    affine = lps_to_ras(slicer.util.arrayFromVTKMatrix(matrix))
    # The first voxel of an image that was cropped need not have index 0.
    start = np.array([*image.GetExtent()[::2], 1.0])
    with np.errstate(invalid="ignore"):
        affine[:, 3] = affine @ start
        affine = world_matrix_lps(node) @ affine if placed else affine
    unit = node.GetAttribute(UNIT)
    return Volume(
        _checked_voxels(image, name),
        affine,
        unit if unit in get_args(Unit) else "raw",
        name,
        _provenance(node, placed),
    )


def node_from_volume(scene: slicer.vtkMRMLScene, volume: Volume, name: str) -> slicer.vtkMRMLScalarVolumeNode:
    """A new scalar volume node with its display node; any affine, oblique and left-handed ones too."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    set_voxels(node, volume.voxels)
    place(node, volume.affine)
    describe(node, unit=volume.unit, provenance=dict(volume.provenance))
    node.CreateDefaultDisplayNodes()
    return node


def set_voxels(node: slicer.vtkMRMLScalarVolumeNode, voxels: np.ndarray) -> None:
    """Copy voxels, shape (nk, nj, ni), into a node; into its present memory where size and type are the same.

    Types that VTK has not are widened: bool to uint8, float16 to float32.
    """
    dtype = np.dtype(_WIDENED.get(voxels.dtype.kind + str(voxels.dtype.itemsize), voxels.dtype)).newbyteorder(
        "="
    )
    scalar_type, size = get_vtk_array_type(dtype), voxels.shape[::-1]
    image = node.GetImageData()
    fits = image is not None and _layout(image) == ((0, 0, 0), size, scalar_type, 1)
    if not fits:
        image = vtk.vtkImageData()
        image.SetDimensions(*size)
        image.AllocateScalars(scalar_type, 1)
    scalars = image.GetPointData().GetScalars()
    vtk_to_numpy(scalars).reshape(voxels.shape)[...] = voxels
    if fits:
        scalars.Modified()
        image.Modified()
    else:
        node.SetAndObserveImageData(image)


def place(node: slicer.vtkMRMLVolumeNode, affine: np.ndarray) -> None:
    """Set where a node's own header places it: a 4x4 affine from index (i, j, k) to LPS mm."""
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(lps_to_ras(affine)))


def _layout(image: vtk.vtkImageData) -> tuple[Any, ...]:
    """First index, size, scalar type and number of components."""
    return (
        tuple(image.GetExtent()[::2]),
        image.GetDimensions(),
        image.GetScalarType(),
        image.GetNumberOfScalarComponents(),
    )


def _checked_image(node: slicer.vtkMRMLScalarVolumeNode) -> vtk.vtkImageData:
    """The image of a node that holds one 3D scalar image of a scan."""
    name = node.GetName()
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        raise MR2XRayError(f"{name} is not a scalar volume; choose an MR or CT volume.")
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise MR2XRayError(f"{name} is a label map; choose the image that it was drawn on.")
    if node.GetAttribute(VIEW) or node.GetAttribute(VIEWS):
        raise MR2XRayError(f"{name} is a projection, not a scan; choose an MR or CT volume.")
    image = node.GetImageData()
    if image is None or 0 in image.GetDimensions() or image.GetPointData().GetScalars() is None:
        raise MR2XRayError(f"{name} holds no image; load it again or choose another volume.")
    if image.GetNumberOfScalarComponents() != 1:
        raise MR2XRayError(
            f"{name} has {image.GetNumberOfScalarComponents()} values a voxel (a 4D, vector or colour image); "
            "extract one 3D scalar volume of it."
        )
    return image


def _checked_voxels(image: vtk.vtkImageData, name: str) -> np.ndarray:
    """The image's memory as a read-only array (nk, nj, ni) that shows something, all of it finite."""
    voxels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    voxels.setflags(write=False)
    low, high = voxels.min(), voxels.max()
    # NaN and infinity come through a minimum or a maximum.
    if not np.isfinite([low, high]).all():
        raise MR2XRayError(f"{name} holds NaN or infinite voxels; replace them by a number.")
    if low == high:
        raise MR2XRayError(f"{name} is blank: every voxel is {low:g}; choose another volume.")
    return voxels


def _provenance(node: slicer.vtkMRMLScalarVolumeNode, placed: bool) -> dict[str, Any]:
    """What is known of where a node comes from: the names of its file and of the transforms above it."""
    provenance = {**provenance_of(node), "node": node.GetName()}
    storage = node.GetStorageNode()
    if storage is not None and storage.GetFileName():
        provenance["file"] = Path(storage.GetFileName()).name
    above, names = node.GetParentTransformNode(), []
    while placed and above is not None:
        names.append(above.GetName())
        above = above.GetParentTransformNode()
    return {**provenance, "transforms": names} if names else provenance
