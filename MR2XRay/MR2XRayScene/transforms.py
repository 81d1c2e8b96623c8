"""`Transform` and transform nodes: where a node lies in the world, and putting the MR under its registration.

MRML is RAS, the library LPS; every 4x4 matrix that goes over from one to the other goes through `lps_to_ras` or
`map_lps_to_ras`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import slicer
import vtk

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.transform import Transform
from MR2XRayScene.attributes import FOUND, QUALITY, ROLE, describe, nodes_of

REGISTRATION = "registration"
"""The role of the transform nodes that `place_under` makes."""

BEFORE = "MR2XRay.Before"
"""Node reference of a registration: the transform that was above its volumes before."""

UNMOVED = 1e-4
"""Elements of a registration's matrix differ by less where it was merely saved and read again."""

_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def lps_to_ras(affine: np.ndarray) -> np.ndarray:
    """A 4x4 affine from indices (or anything) to LPS as one to RAS, or the reverse: it is one map."""
    return _FLIP @ affine


def map_lps_to_ras(matrix: np.ndarray) -> np.ndarray:
    """A 4x4 map of LPS points to LPS points as one of RAS points to RAS points, or the reverse."""
    return _FLIP @ matrix @ _FLIP


def world_matrix_lps(node: slicer.vtkMRMLTransformableNode) -> np.ndarray:
    """The 4x4 map, LPS mm, of all transforms above a node, however nested; the identity without any.

    Raises:
        MR2XRayError: if one of them is not linear, or together they cannot be inverted.
    """
    current = parent = node.GetParentTransformNode()
    while current is not None:
        if not current.IsLinear():
            raise MR2XRayError(
                f"{node.GetName()} is under the non-linear transform {current.GetName()}, which rays cannot "
                "follow; harden it or remove it."
            )
        current = current.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    ras = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(ras)
    matrix = map_lps_to_ras(slicer.util.arrayFromVTKMatrix(ras))
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
        raise MR2XRayError(
            f"The transform {parent.GetName()} above {node.GetName()} cannot be inverted; correct or remove it."
        )
    return matrix


class Whereabouts:
    """Where a volume lies at one moment, so that it can be said later how it was moved since."""

    def __init__(self, node: slicer.vtkMRMLVolumeNode) -> None:
        """Remember where it lies; raises as `world_matrix_lps`."""
        self._node, self._grid, self._matrix = node, _grid(node), _indices_to_world_lps(node)

    def moved(self) -> np.ndarray:
        """The 4x4 map, LPS mm, from where the voxels were to where they are; the identity if the volume is gone.

        It may have been put under a transform or taken out, that transform may have been changed or hardened, or the
        volume's own header.

        Raises:
            MR2XRayError: if the volume has other voxels by now, or as `world_matrix_lps`.
        """
        if self._node.GetScene() is None:
            return np.eye(4)
        if _grid(self._node) != self._grid:
            raise MR2XRayError(
                f"{self._node.GetName()} was changed while the registration ran, so its result does not fit any more; "
                "register again."
            )
        return _indices_to_world_lps(self._node) @ np.linalg.inv(self._matrix)


def _grid(node: slicer.vtkMRMLVolumeNode) -> tuple[int, ...]:
    """The first and the last index of the voxels along each axis."""
    image = node.GetImageData()
    return () if image is None else tuple(image.GetExtent())


def _indices_to_world_lps(node: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(ras)
    return world_matrix_lps(node) @ lps_to_ras(slicer.util.arrayFromVTKMatrix(ras))


def transform_from_node(node: slicer.vtkMRMLTransformNode | None) -> Transform:
    """The map to the world of what is directly under a transform node, with all transforms above it.

    Raises:
        MR2XRayError: if there is no transform node, it or one above is not linear, or it cannot be inverted.
    """
    if node is None or not node.IsA("vtkMRMLTransformNode"):
        raise MR2XRayError("No transform is chosen; choose a linear transform, or register the volumes.")
    if not node.IsLinear():
        raise MR2XRayError(
            f"The transform {node.GetName()} is not linear; choose a rigid or affine transform."
        )
    own = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToParent(own)
    return Transform(world_matrix_lps(node) @ map_lps_to_ras(slicer.util.arrayFromVTKMatrix(own)))


def place_under(
    scene: slicer.vtkMRMLScene,
    nodes: Sequence[slicer.vtkMRMLTransformableNode],
    transform: Transform,
    name: str,
    quality: str = "",
    provenance: Mapping[str, Any] | None = None,
) -> slicer.vtkMRMLLinearTransformNode:
    """Move nodes in the world by one linear transform node, the registration, directly above them.

    The registration takes the place of the transform that was above them; it holds both, and a reference to that
    one, so that `take_away` can restore it. A registration that is above these nodes alone is used again, where
    it is: registering twice does not nest.

    Args:
        scene: of the nodes.
        nodes: the MR that was registered, then what moves along with it (further contrasts).
        transform: maps where the first node is in the world now to where it shall be.
        name: of the transform node.
        quality: in words.
        provenance: how the transform was found; JSON-compatible.

    Raises:
        MR2XRayError: if there is no node, one is not in the scene, they are under different transforms, or under
            one that is not linear.
    """
    check_one_frame(scene, nodes)
    before = _before(nodes[0])
    world = world_matrix_lps(nodes[0])
    node = _own_registration(nodes)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.linalg.inv(world_matrix_lps(node)) @ transform.matrix @ world
    with slicer.util.NodeModify(node):
        node.SetName(name)
        found = map_lps_to_ras(matrix)
        node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(found))
        node.SetNodeReferenceID(BEFORE, None if before is None else before.GetID())
        describe(
            node, role=REGISTRATION, quality=quality or None, found=found.tolist(), provenance=provenance
        )
    _reparent(nodes, node)
    return node


def registration_of(
    node: slicer.vtkMRMLTransformableNode | None,
) -> slicer.vtkMRMLLinearTransformNode | None:
    """The registration directly above a node."""
    parent = None if node is None else node.GetParentTransformNode()
    return parent if parent is not None and parent.GetAttribute(ROLE) == REGISTRATION else None


def quality_of(node: slicer.vtkMRMLTransformableNode | None) -> str:
    """The quality of the registration above a node in words; empty where there is none, or it does not say.

    Where its transform was changed by hand, the words tell that they are of the one that was found.
    """
    registration = registration_of(node)
    words = "" if registration is None else registration.GetAttribute(QUALITY) or ""
    if not words or _is_as_found(registration):
        return words
    return f"{words} (as it was registered; its transform was changed since)"


def _is_as_found(registration: slicer.vtkMRMLLinearTransformNode) -> bool:
    """Whether a registration still has the matrix that `place_under` gave it; so it is taken to be if none was kept."""
    kept = registration.GetAttribute(FOUND)
    if kept is None:
        return True
    own = vtk.vtkMatrix4x4()
    registration.GetMatrixTransformToParent(own)
    try:
        found = np.array(json.loads(kept), float)
        return found.shape == (4, 4) and np.allclose(slicer.util.arrayFromVTKMatrix(own), found, atol=UNMOVED)
    except (TypeError, ValueError):
        return False


def take_away(nodes: Iterable[slicer.vtkMRMLTransformableNode]) -> None:
    """Take the registration off nodes: they lie again where they lay before it. Nodes without one stay."""
    for node in nodes:
        if registration_of(node) is not None:
            _reparent([node], _before(node))


def use_transform(
    nodes: Sequence[slicer.vtkMRMLTransformableNode], transform_node: slicer.vtkMRMLTransformNode | None
) -> None:
    """Put nodes under a transform that the user has, in place of what is above them.

    Raises:
        MR2XRayError: as `transform_from_node`.
    """
    transform_from_node(transform_node)
    _reparent(nodes, transform_node)


def check_one_frame(scene: slicer.vtkMRMLScene, nodes: Sequence[slicer.vtkMRMLTransformableNode]) -> None:
    """Make sure that nodes can be moved together.

    Raises:
        MR2XRayError: if there is no node, one is not in the scene, or they are under different transforms.
    """
    if not nodes:
        raise MR2XRayError("There is no volume to move; choose an MR volume.")
    for node in nodes:
        if node is None or node.GetScene() is not scene:
            name = "A volume" if node is None else node.GetName()
            raise MR2XRayError(f"{name} is no longer in the scene; choose another volume.")
        if _before(node) is not _before(nodes[0]):
            raise MR2XRayError(
                f"{node.GetName()} and {nodes[0].GetName()} are under different transforms; put both under the same "
                "one, or under none."
            )


def _before(node: slicer.vtkMRMLTransformableNode) -> slicer.vtkMRMLTransformNode | None:
    """What is above a node, our registration aside."""
    registration = registration_of(node)
    return node.GetParentTransformNode() if registration is None else registration.GetNodeReference(BEFORE)


def _own_registration(
    nodes: Sequence[slicer.vtkMRMLTransformableNode],
) -> slicer.vtkMRMLLinearTransformNode | None:
    """The registration above the first node, unless it moves nodes besides these."""
    registration = registration_of(nodes[0])
    mine = {node.GetID() for node in nodes}
    return registration if registration is not None and _children(registration) <= mine else None


def _children(transform_node: slicer.vtkMRMLTransformNode) -> set[str]:
    """The IDs of the nodes directly under a transform node."""
    nodes = nodes_of(transform_node.GetScene(), "vtkMRMLTransformableNode")
    return {node.GetID() for node in nodes if node.GetParentTransformNode() is transform_node}


def _reparent(
    nodes: Iterable[slicer.vtkMRMLTransformableNode], transform_node: slicer.vtkMRMLTransformNode | None
) -> None:
    """Put nodes under a transform node (or none); registrations that nothing is under any more are removed."""
    for node in nodes:
        if node.GetParentTransformNode() is transform_node:
            continue
        former = registration_of(node)
        node.SetAndObserveTransformNodeID(None if transform_node is None else transform_node.GetID())
        if former is not None and not _children(former):
            _remove(former)


def _remove(node: slicer.vtkMRMLTransformNode) -> None:
    """Remove a transform node with its display and storage nodes, which MRML would leave behind."""
    scene = node.GetScene()
    displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    for attached in (*displays, node.GetStorageNode(), node):
        if attached is not None:
            scene.RemoveNode(attached)
