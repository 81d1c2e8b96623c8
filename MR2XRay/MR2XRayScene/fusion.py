"""MR over CT in the anatomical slice views, to judge a registration by eye."""

from __future__ import annotations

import numpy as np
import slicer
from numpy.typing import ArrayLike

from MR2XRayScene.attributes import nodes_of
from MR2XRayScene.geometry import flipped
from MR2XRayScene.layout import composite_node, fit_slice

TAGS = ("Red", "Green", "Yellow")
WARM = "vtkMRMLColorTableNodeWarmShade1"
"""From black, so that the MR's air does not tint the CT, through brown to red; the CT's bone stays grey under it."""

_BEFORE = "MR2XRay.BeforeFusion"
_SHOWN = ("Background", "Foreground", "Label")


def show_fusion(
    scene: slicer.vtkMRMLScene,
    mr: slicer.vtkMRMLScalarVolumeNode,
    ct: slicer.vtkMRMLScalarVolumeNode,
    opacity: float = 0.5,
    centre_mm: ArrayLike | None = None,
) -> None:
    """Show Slicer's four-up layout with the CT in grey and the MR over it in warm colours.

    What was shown before, and the MR's own colours, come back with `leave_fusion`.

    Args:
        scene: with the two volumes.
        mr, ct: where they lie in the world.
        opacity: of the MR, 0 to 1.
        centre_mm: what all slices go through, (3,), LPS; by default the middle of the CT.
    """
    bounds = np.zeros(6)
    ct.GetRASBounds(bounds)
    low, high = bounds[::2], bounds[1::2]
    centre = (low + high) / 2 if centre_mm is None else flipped(centre_mm)
    _change_layout(scene)
    _colour(mr)
    for tag in TAGS:
        composite = composite_node(scene, tag)
        _remember(composite)
        composite.SetBackgroundVolumeID(ct.GetID())
        composite.SetForegroundVolumeID(mr.GetID())
        composite.SetForegroundOpacity(opacity)
        composite.SetLabelVolumeID(None)
    for node in _slice_nodes(scene):
        node.JumpSliceByCentering(*centre)
        axes = np.abs(
            [[node.GetSliceToRAS().GetElement(row, column) for row in range(3)] for column in (0, 1)]
        )
        fit_slice(node, *(axes @ (high - low)))


def is_shown(scene: slicer.vtkMRMLScene) -> bool:
    """Whether the fusion is shown."""
    return any(
        node.GetLayoutName() in TAGS and node.GetAttribute(_BEFORE) is not None
        for node in nodes_of(scene, "vtkMRMLSliceCompositeNode")
    )


def set_opacity(scene: slicer.vtkMRMLScene, opacity: float) -> None:
    """Change how much of the MR is seen, 0 to 1."""
    for tag in TAGS:
        composite_node(scene, tag).SetForegroundOpacity(opacity)


def leave_fusion(scene: slicer.vtkMRMLScene) -> None:
    """Bring back what was shown before `show_fusion`; without it, nothing happens."""
    for tag in TAGS:
        composite = composite_node(scene, tag)
        before = composite.GetAttribute(_BEFORE)
        if before is not None:
            *shown, opacity = before.split(",")
            for layer, node_id in zip(_SHOWN, shown, strict=True):
                getattr(composite, f"Set{layer}VolumeID")(node_id or None)
            composite.SetForegroundOpacity(float(opacity))
            composite.RemoveAttribute(_BEFORE)
    for display in nodes_of(scene, "vtkMRMLVolumeDisplayNode"):
        if display.GetAttribute(_BEFORE) is not None:
            display.SetAndObserveColorNodeID(display.GetAttribute(_BEFORE))
            display.RemoveAttribute(_BEFORE)
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    before = None if layout is None else layout.GetAttribute(_BEFORE)
    if before is not None:
        layout.RemoveAttribute(_BEFORE)
        if layout.GetViewArrangement() == layout.SlicerLayoutFourUpView:
            layout.SetViewArrangement(int(before))


def _change_layout(scene: slicer.vtkMRMLScene) -> None:
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is not None and layout.GetViewArrangement() != layout.SlicerLayoutFourUpView:
        layout.SetAttribute(_BEFORE, str(layout.GetViewArrangement()))
        layout.SetViewArrangement(layout.SlicerLayoutFourUpView)


def _colour(mr: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Give the MR warm colours, once."""
    if mr.GetDisplayNode() is None:
        mr.CreateDefaultDisplayNodes()
    display = mr.GetDisplayNode()
    if display.GetAttribute(_BEFORE) is None:
        display.SetAttribute(_BEFORE, display.GetColorNodeID() or "vtkMRMLColorTableNodeGrey")
        display.SetAndObserveColorNodeID(WARM)


def _remember(composite: slicer.vtkMRMLSliceCompositeNode) -> None:
    """Keep what a slice view shows, as node IDs and the opacity, unless it shows the fusion already."""
    if composite.GetAttribute(_BEFORE) is None:
        shown = [getattr(composite, f"Get{layer}VolumeID")() or "" for layer in _SHOWN]
        composite.SetAttribute(_BEFORE, ",".join([*shown, str(composite.GetForegroundOpacity())]))


def _slice_nodes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceNode]:
    return [node for node in nodes_of(scene, "vtkMRMLSliceNode") if node.GetLayoutName() in TAGS]
