"""Stacks: `Projections` as one volume node with a slice a view, which a saved scene gives back bit for bit.

Layers of an MR are the slices of a second node, hidden from the user and referenced from the stack. Slicer's dialog
saves no file of a hidden node by itself; only a scene in one file (MRB) keeps them.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import slicer

from MR2XRayLib.carm import Angulation, View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.projection.projections import Projections, Unit
from MR2XRayScene.attributes import LAYERS, ROLE, UNIT, VIEWS, describe, nodes_of, provenance_of
from MR2XRayScene.roles import STACKS, all_node
from MR2XRayScene.volumes import place, set_voxels

if TYPE_CHECKING:
    from MR2XRayScene.parameters import MR2XRayParameterNode

LAYERS_ROLE = "layers"
"""Of the node that holds the layers of a stack, one after the other, a slice a view."""

_VECTORS = ("source_mm", "corner_mm", "column_step_mm", "row_step_mm", "isocentre_mm")


def node_from_projections(
    scene: slicer.vtkMRMLScene,
    projections: Projections,
    name: str,
    role: str,
    node: slicer.vtkMRMLScalarVolumeNode | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """A float32 volume with one slice a view; what the slices mean stands in its attributes.

    Its spacing is the pixel pitch and 1 from view to view; its axes are those of the NRRD that
    `Projections.write` writes, so an axial slice view shows each radiograph upright.

    Args:
        scene: gets the node.
        projections: what to put into it.
        name: of the node.
        role: one of `roles.STACKS`.
        node: a stack to replace; a new one is made without it, or where it has left the scene.
    """
    if node is None or node.GetScene() is not scene:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    row_pitch, column_pitch = projections.views[0].pixel_pitch_mm
    with slicer.util.NodeModify(node):
        node.SetName(name)
        set_voxels(node, np.asarray(projections.pixels, np.float32))
        place(node, np.diag([column_pitch, row_pitch, 1.0, 1.0]))
        describe(
            node,
            role=role,
            unit=projections.unit,
            views=[_view_to_json(view) for view in projections.views],
            provenance=dict(projections.provenance),
            layers=list(projections.layers) or None,
        )
        _keep_layers(node, projections)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    return node


def projections_from_node(node: slicer.vtkMRMLScalarVolumeNode | None, *, layers: bool = True) -> Projections:
    """The projections of a stack, their pixels copied.

    Args:
        node: the stack.
        layers: whether its layers, where it has some, come too.

    Raises:
        MR2XRayError: if there is no node, it is not a stack, or it was changed so that it no longer is one.
    """
    if node is None:
        raise MR2XRayError("There are no projections yet; project or synthesize first.")
    name, text = node.GetName(), node.GetAttribute(VIEWS)
    if not text or not node.IsA("vtkMRMLScalarVolumeNode"):
        raise MR2XRayError(f"{name} is not a stack of projections; project the volume first.")
    pixels = _pixels(node, name)
    try:
        views = tuple(_view_from_json(view) for view in json.loads(text))
    except (KeyError, TypeError, ValueError, MR2XRayError) as error:
        raise MR2XRayError(f"The views of {name} are not readable ({error}); project again.") from None
    unit = node.GetAttribute(UNIT)
    if unit not in get_args(Unit):
        raise MR2XRayError(f'{name} is in the unknown unit "{unit}"; project again.')
    return Projections(pixels, views, unit, provenance_of(node), _layers(node) if layers else {})


def state_of(node: slicer.vtkMRMLScalarVolumeNode) -> Hashable:
    """What `projections_from_node` depends on; equal as long as it would give the same again."""
    image = node.GetImageData()
    return node.GetID(), node.GetMTime(), None if image is None else image.GetMTime()


def stack_nodes(parameters: MR2XRayParameterNode) -> dict[str, slicer.vtkMRMLScalarVolumeNode]:
    """The stacks of the parameter node that are in the scene, by role."""
    return {role: node for role in STACKS if (node := all_node(parameters, role)) is not None}


def read_stacks(parameters: MR2XRayParameterNode, *, layers: bool = True) -> dict[str, Projections]:
    """The projections of all stacks of the parameter node, by role; raises as `projections_from_node`."""
    nodes = stack_nodes(parameters)
    return {role: projections_from_node(node, layers=layers) for role, node in nodes.items()}


def state_of_stacks(parameters: MR2XRayParameterNode) -> Hashable:
    """What `read_stacks` depends on."""
    return tuple((role, state_of(node)) for role, node in stack_nodes(parameters).items())


def remove(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Take a stack out of its scene, with its layers."""
    scene = node.GetScene()
    scene.RemoveNode(node)
    _remove_forsaken_layers(scene)


def _pixels(node: slicer.vtkMRMLScalarVolumeNode, name: str) -> np.ndarray:
    """A copy of a node's voxels, float32, all of them finite."""
    if node.GetImageData() is None or node.GetImageData().GetPointData().GetScalars() is None:
        raise MR2XRayError(f"{name} holds no pixels (its file may be missing); project again.")
    pixels = np.array(slicer.util.arrayFromVolume(node), np.float32)
    if not np.isfinite(pixels).all():
        raise MR2XRayError(f"{name} holds NaN or infinite pixels; project again.")
    return pixels


def _keep_layers(stack: slicer.vtkMRMLScalarVolumeNode, projections: Projections) -> None:
    """Put the layers into the stack's second node; without any there is none."""
    scene, node = stack.GetScene(), stack.GetNodeReference(LAYERS)
    if projections.layers:
        if node is None:
            node = slicer.vtkMRMLScalarVolumeNode()
            # Before it is added: the subject hierarchy and the boxes look at it then.
            node.SetHideFromEditors(True)
            describe(node, role=LAYERS_ROLE)
            scene.AddNode(node)
            stack.SetNodeReferenceID(LAYERS, node.GetID())
        with slicer.util.NodeModify(node):
            node.SetName(f"{stack.GetName()}, layers")
            set_voxels(node, np.concatenate(list(projections.layers.values()), dtype=np.float32))
    elif node is not None:
        stack.SetNodeReferenceID(LAYERS, None)
    _remove_forsaken_layers(scene)


def _remove_forsaken_layers(scene: slicer.vtkMRMLScene) -> None:
    """Remove the layers of stacks that are gone, which nobody else would find."""
    nodes = nodes_of(scene, "vtkMRMLScalarVolumeNode")
    kept = {node.GetNodeReferenceID(LAYERS) for node in nodes}
    for node in nodes:
        if node.GetAttribute(ROLE) == LAYERS_ROLE and node.GetID() not in kept:
            scene.RemoveNode(node)


def _layers(stack: slicer.vtkMRMLScalarVolumeNode) -> dict[str, np.ndarray]:
    """The layers of a stack, each (views, rows, columns); none where their file was not saved with the scene.

    A generator that sees them then says what it lacks; all others work.
    """
    text, node = stack.GetAttribute(LAYERS), stack.GetNodeReference(LAYERS)
    if not text or node is None or node.GetImageData() is None:
        return {}
    pixels = _pixels(node, node.GetName())
    try:
        names = [str(name) for name in json.loads(text)]
        return dict(zip(names, np.split(pixels, len(names)), strict=True))
    except (TypeError, ValueError, ZeroDivisionError):
        raise MR2XRayError(f"The layers of {stack.GetName()} are not readable; project again.") from None


def _view_to_json(view: View) -> dict[str, Any]:
    """A view by its own numbers: `View.to_json` goes through the 3x4 matrix, which rounds them."""
    return {
        "label": view.label,
        "name": view.name,
        "primary_angle_deg": view.angulation.primary,
        "secondary_angle_deg": view.angulation.secondary,
        "rows": view.rows,
        "columns": view.columns,
        **{name: getattr(view, name).tolist() for name in _VECTORS},
    }


def _view_from_json(content: Mapping[str, Any]) -> View:
    vectors = {name: np.array(content[name], float) for name in _VECTORS}
    angulation = Angulation(content["primary_angle_deg"], content["secondary_angle_deg"])
    return View(
        **vectors,
        rows=content["rows"],
        columns=content["columns"],
        angulation=angulation,
        name=str(content.get("name", "")),
    )
