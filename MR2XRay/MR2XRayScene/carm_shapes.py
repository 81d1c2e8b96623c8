"""The C-arm's parts as meshes in its own frame: the source at the origin, the beam along +z.

x runs along the columns, y against the rows; lengths in mm. What turns with the C-arm is not made anew, only placed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from MR2XRayLib.carm import View

ROLES = ("source", "beam", "rays", "detector", "c-arm")

BORDER_MM = 16.0
"""Width of the frame about the detector's active area."""

DEPTH_MM = 24.0
"""How far the detector's frame reaches behind the active area."""

HOUSING = ((-75, 0), (-75, 45), (-60, 62), (45, 62), (60, 45), (115, 38), (115, 0))
"""The X-ray tube's housing, turned about the beam: distance along it and radius, mm."""

TUBE_MM = 20.0
"""Half the thickness of the C."""


@dataclass(frozen=True)
class Outline:
    """All that the meshes depend on; equal outlines have equal meshes.

    Attributes:
        left, right, bottom, top: the active area's edges, along x and y.
        distance: from the source to the detector.
    """

    left: float
    right: float
    bottom: float
    top: float
    distance: float

    @classmethod
    def of(cls, view: View) -> Outline:
        """The outline of a view's detector, rounded to a micrometre so that turning does not change it."""
        axes = frame_of(view)[:, :3]
        edge = view.corner_mm - (view.column_step_mm + view.row_step_mm) / 2 - view.source_mm
        far = edge + view.columns * view.column_step_mm + view.rows * view.row_step_mm
        (left, top, distance), (right, bottom, _) = np.round(np.stack([edge, far]) @ axes, 3)
        return cls(*(float(v) for v in (left, right, bottom, top, distance)))

    def corners(self, margin: float = 0.0, beyond: float = 0.0) -> np.ndarray:
        """The four corners in order round the rectangle, grown by a margin, `beyond` the active area; (4, 3)."""
        left, right = self.left - margin, self.right + margin
        bottom, top, z = self.bottom - margin, self.top + margin, self.distance + beyond
        return np.array([[left, bottom, z], [right, bottom, z], [right, top, z], [left, top, z]])


def frame_of(view: View) -> np.ndarray:
    """The C-arm's frame in the world: a 3x4 matrix, columns x, y, z and the source, LPS."""
    x = view.column_step_mm / np.linalg.norm(view.column_step_mm)
    z = view.normal
    y = np.cross(z, x)
    return np.stack([x, y if y @ view.row_step_mm < 0 else -y, z, view.source_mm], axis=1)


def meshes(outline: Outline) -> dict[str, vtk.vtkPolyData]:
    """The mesh of every role, with normals where it has faces."""
    return {
        "source": _shaded(_housing()),
        "beam": _shaded(_beam(outline)),
        "rays": _rays(outline),
        "detector": _shaded(_detector(outline)),
        "c-arm": _c_arm(outline),
    }


def _housing() -> vtk.vtkPolyData:
    sides = 36
    turns = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    points = [(r * np.cos(t), r * np.sin(t), z) for z, r in HOUSING for t in turns]
    faces = [
        (
            ring * sides + n,
            ring * sides + (n + 1) % sides,
            (ring + 1) * sides + (n + 1) % sides,
            (ring + 1) * sides + n,
        )
        for ring in range(len(HOUSING) - 1)
        for n in range(sides)
    ]
    return _polydata(np.array(points), faces)


def _beam(outline: Outline) -> vtk.vtkPolyData:
    """The pyramid; its base lies 1 mm before the detector, so that it does not flicker through the image there."""
    points = np.concatenate([[[0.0, 0.0, 0.0]], outline.corners() * (1 - 1 / outline.distance)])
    return _polydata(points, [(0, 2, 1), (0, 3, 2), (0, 4, 3), (0, 1, 4), (1, 2, 3, 4)])


def _rays(outline: Outline) -> vtk.vtkPolyData:
    """The beam's four edges and its central ray."""
    corners = outline.corners()
    points = np.concatenate([[[0.0, 0.0, 0.0]], corners, [corners.mean(axis=0)]])
    return _polydata(points, [(0, n) for n in range(1, 6)])


def _detector(outline: Outline) -> vtk.vtkPolyData:
    """A frame, open where the image stands, so that the image is seen from both sides."""
    rings = [(0.0, 0.0), (BORDER_MM, 0.0), (BORDER_MM, DEPTH_MM), (0.0, DEPTH_MM)]
    points = np.concatenate([outline.corners(margin, beyond) for margin, beyond in rings])
    faces = [
        (4 * ring + n, 4 * ring + (n + 1) % 4, 4 * ((ring + 1) % 4) + (n + 1) % 4, 4 * ((ring + 1) % 4) + n)
        for ring in range(4)
        for n in range(4)
    ]
    return _polydata(points, faces)


def _c_arm(outline: Outline) -> vtk.vtkPolyData:
    """A tube on the circle from the source to the middle of the detector's upper edge, its centre on the beam's axis.

    The C lies in the plane of the secondary angle and has its back at the head's end, as on a floor stand.
    """
    middle, top = (outline.left + outline.right) / 2, outline.top + BORDER_MM
    end = outline.distance + DEPTH_MM / 2
    radius = (end**2 + top**2) / (2 * end)
    turns = np.linspace(np.pi, np.arctan2(top, end - radius), 64)
    along = np.linspace(0, middle, 64)
    points = np.stack([along, radius * np.sin(turns), radius * (1 + np.cos(turns))], axis=1)
    tube = vtk.vtkTubeFilter()
    tube.SetInputData(_polydata(points, [tuple(range(64))], lines=True))
    tube.SetRadius(TUBE_MM)
    tube.SetNumberOfSides(20)
    tube.CappingOn()
    tube.Update()
    return tube.GetOutput()


def _polydata(points: np.ndarray, cells: Sequence[tuple[int, ...]], lines: bool = False) -> vtk.vtkPolyData:
    """Faces, or lines where a cell has two points or `lines` says so."""
    polydata, cell_array, vtk_points = vtk.vtkPolyData(), vtk.vtkCellArray(), vtk.vtkPoints()
    vtk_points.SetData(numpy_to_vtk(np.asarray(points, np.float32), deep=True))
    polydata.SetPoints(vtk_points)
    for cell in cells:
        cell_array.InsertNextCell(len(cell), cell)
    if lines or len(cells[0]) == 2:
        polydata.SetLines(cell_array)
    else:
        polydata.SetPolys(cell_array)
    return polydata


def _shaded(polydata: vtk.vtkPolyData) -> vtk.vtkPolyData:
    """With normals that point outwards; edges sharper than 35 degrees stay edges."""
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputData(polydata)
    normals.SetFeatureAngle(35.0)
    normals.AutoOrientNormalsOn()
    normals.Update()
    return normals.GetOutput()
