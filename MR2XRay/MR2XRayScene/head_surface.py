"""The head as a translucent surface in the 3D view, quickly: on blocks of about 3 mm."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.head import head_mask
from MR2XRayLib.volume import Volume
from MR2XRayScene.attributes import describe, find
from MR2XRayScene.geometry import flipped

COARSE_MM = 3.0
"""About the voxel of the grid on which the surface is found."""

SKIN = (0.92, 0.76, 0.66)

HEAD = "head"
"""The role of the model."""


def find_head(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLModelNode | None:
    """The scene's model of the head, if it has one."""
    return find(scene, "vtkMRMLModelNode", HEAD)


def show_skin(
    scene: slicer.vtkMRMLScene, surface: vtk.vtkPolyData, *, visible: bool = True
) -> slicer.vtkMRMLModelNode:
    """Put a head's skin into the scene's model of the head, whose looks stay; it is made where it is missing.

    Args:
        scene: gets the model.
        surface: what `skin` gives.
        visible: whether a new model is seen.
    """
    node = find_head(scene)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLModelNode", "Head")
        describe(node, role=HEAD)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetColor(*SKIN)
        display.SetOpacity(0.55)
        display.SetVisibility2D(False)
        display.SetVisibility(visible)
    node.SetAndObservePolyData(surface)
    return node


def skin(volume: Volume) -> vtk.vtkPolyData:
    """The skin of the head in a volume as triangles with normals, RAS mm; touches no scene, so safe on a thread.

    Args:
        volume: CT in HU, or anything in which air is dark.

    Raises:
        MR2XRayError: if nothing like a head is found.
    """
    coarse = _coarse(volume)
    # A margin of air closes the surface where the head leaves the volume.
    mask = np.pad(head_mask(coarse).astype(np.float32), 2)
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(_smooth(mask, coarse.spacing_mm))
    contour.SetValue(0, 0.5)
    contour.ComputeNormalsOff()
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(contour.GetOutputPort())
    smooth.SetNumberOfIterations(20)
    smooth.SetPassBand(0.05)
    smooth.NormalizeCoordinatesOn()
    smooth.Update()
    surface = smooth.GetOutput()
    if surface.GetNumberOfPoints() == 0:
        raise MR2XRayError(
            f"No head is found in {volume.name}: what stands out from the air is too thin; choose a volume of a head."
        )
    points = vtk_to_numpy(surface.GetPoints().GetData()) / coarse.spacing_mm - 2
    surface.GetPoints().SetData(numpy_to_vtk(flipped(coarse.to_world(points)).astype(np.float32), deep=True))
    return _with_normals(surface)


def _coarse(volume: Volume) -> Volume:
    """Every n-th voxel; the mask needs no means, and slicing is instant for any size."""
    steps = [max(1, round(COARSE_MM / spacing)) for spacing in volume.spacing_mm]
    i, j, k = steps
    return Volume(
        np.ascontiguousarray(volume.voxels[::k, ::j, ::i]),
        volume.affine @ np.diag([i, j, k, 1.0]),
        volume.unit,
        volume.name,
    )


def _smooth(mask: np.ndarray, spacing_mm: np.ndarray) -> vtk.vtkImageData:
    """The mask as a smooth field, so that no stairs of voxels are left."""
    image = vtk.vtkImageData()
    nk, nj, ni = mask.shape
    image.SetDimensions(ni, nj, nk)
    image.SetSpacing(*spacing_mm)
    image.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(), deep=True))
    smooth = vtk.vtkImageGaussianSmooth()
    smooth.SetInputData(image)
    smooth.SetStandardDeviations(*(COARSE_MM / spacing_mm))
    smooth.SetRadiusFactors(2, 2, 2)
    smooth.Update()
    return smooth.GetOutput()


def _with_normals(surface: vtk.vtkPolyData) -> vtk.vtkPolyData:
    """Smooth normals that point outwards, whatever the handedness of the volume's axes."""
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputData(surface)
    normals.SplittingOff()
    normals.AutoOrientNormalsOn()
    normals.Update()
    return normals.GetOutput()
