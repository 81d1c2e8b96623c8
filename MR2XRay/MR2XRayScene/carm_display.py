"""`CArmDisplay`: source, beam, detector and the C as models in the 3D views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from MR2XRayLib.carm import View
from MR2XRayScene.attributes import ROLE, describe, nodes_of
from MR2XRayScene.carm_shapes import ROLES, Outline, frame_of, meshes
from MR2XRayScene.geometry import flipped


@dataclass(frozen=True)
class _Look:
    """How a part is called and shown when it is first made; the user may change all of it."""

    name: str
    colour: tuple[float, float, float]
    opacity: float = 1.0
    lit: bool = True


_LOOKS = {
    "source": _Look("X-ray source", (0.36, 0.39, 0.44)),
    "beam": _Look("X-ray beam", (1.0, 0.86, 0.42), 0.14, lit=False),
    "rays": _Look("Central ray and edges of the beam", (1.0, 0.80, 0.25), 0.9, lit=False),
    "detector": _Look("X-ray detector", (0.20, 0.42, 0.66)),
    "c-arm": _Look("C-arm", (0.86, 0.88, 0.91)),
}


class CArmDisplay:
    """The C-arm of a scene.

    Its models carry the attribute `MR2XRay.Role`; those that a loaded scene brings are taken up, not made twice.
    A model that was deleted comes back at the next `update`.
    """

    def __init__(self, scene: slicer.vtkMRMLScene) -> None:
        self._scene = scene
        self._outline: Outline | None = None
        self._local: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
        self._meshes: dict[str, vtk.vtkPolyData] = {}

    @property
    def nodes(self) -> dict[str, slicer.vtkMRMLModelNode]:
        """The models that the scene holds, by role."""
        found = {model.GetAttribute(ROLE): model for model in nodes_of(self._scene, "vtkMRMLModelNode")}
        return {role: found[role] for role in ROLES if role in found}

    @property
    def visible(self) -> bool:
        """Whether the C-arm is shown."""
        return any(node.GetDisplayVisibility() for node in self.nodes.values())

    @visible.setter
    def visible(self, visible: bool) -> None:
        for node in self.nodes.values():
            node.SetDisplayVisibility(visible)

    def update(self, view: View) -> None:
        """Place the C-arm as the view says; turning it moves points and makes nothing anew."""
        outline, frame = Outline.of(view), frame_of(view)
        if outline != self._outline:
            self._outline, self._meshes = outline, meshes(outline)
            self._local = {role: _arrays(mesh) for role, mesh in self._meshes.items()}
        nodes = self.nodes
        for role in ROLES:
            self._place(nodes.get(role) or self._new_node(role), role, frame)

    def remove(self) -> None:
        """Take the models out of the scene."""
        for node in self.nodes.values():
            for part in (node.GetDisplayNode(), node.GetStorageNode(), node):
                if part is not None:
                    self._scene.RemoveNode(part)

    def _new_node(self, role: str) -> slicer.vtkMRMLModelNode:
        look = _LOOKS[role]
        node = self._scene.AddNewNodeByClass("vtkMRMLModelNode", look.name)
        describe(node, role=role)
        # Not selectable: picking a point in the 3D view goes through the beam to the head.
        node.SetSelectable(False)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetColor(*look.colour)
        display.SetOpacity(look.opacity)
        display.SetLighting(look.lit)
        display.SetLineWidth(2)
        display.SetBackfaceCulling(False)
        display.SetVisibility2D(False)
        return node

    def _place(self, node: slicer.vtkMRMLModelNode, role: str, frame: np.ndarray) -> None:
        """Put the part's points and normals where the frame (3x4, LPS) is."""
        points, normals = self._local[role]
        rotation, source = flipped(frame.T[:3]), flipped(frame[:, 3])
        polydata = node.GetPolyData()
        if polydata is None or polydata.GetNumberOfPoints() != len(points):
            polydata = vtk.vtkPolyData()
            polydata.DeepCopy(self._meshes[role])
            node.SetAndObservePolyData(polydata)
        _overwrite(polydata.GetPoints().GetData(), points @ rotation + source)
        if normals is not None:
            _overwrite(polydata.GetPointData().GetNormals(), normals @ rotation)
        polydata.GetPoints().Modified()
        polydata.Modified()


def _arrays(mesh: vtk.vtkPolyData) -> tuple[np.ndarray, np.ndarray | None]:
    """Points (n, 3) and normals (n, 3) of a mesh."""
    normals = mesh.GetPointData().GetNormals()
    return vtk_to_numpy(mesh.GetPoints().GetData()), None if normals is None else vtk_to_numpy(normals)


def _overwrite(array: vtk.vtkDataArray, values: np.ndarray) -> None:
    vtk_to_numpy(array)[...] = values
    array.Modified()
