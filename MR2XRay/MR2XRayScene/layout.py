"""The module's layouts: four linked slice views that stand where the detector is, and the 3D view with the C-arm."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import slicer

from MR2XRayLib.carm import View
from MR2XRayScene.attributes import nodes_of
from MR2XRayScene.images import slice_to_ras
from MR2XRayScene.roles import ROLES
from MR2XRayScene.transforms import lps_to_ras

IMAGES_LAYOUT = 1710
PLOT_LAYOUT = 1711
"""Numbers of the layouts, beyond Slicer's own; the second has a plot under the images."""

_OURS = (IMAGES_LAYOUT, PLOT_LAYOUT)

TAGS = {role: f"MR2XRay{role.capitalize() if role != 'mr' else 'MR'}" for role in ROLES}
"""Singleton tags of the slice views by role."""

PLOT_TAG = "MR2XRayPlot"
VIEW_GROUP = 1710
"""The group within which slice views are linked; Slicer's own views are in others."""

_COLOURS = {"mr": "#4C9BE8", "synthesized": "#E8A33D", "reference": "#59B36B", "difference": "#C46BC9"}
_LABELS = {"mr": "MR", "synthesized": "Syn", "reference": "Ref", "difference": "Dif"}
"""Short, for the bar over a slice view; the view itself tells more in words."""

_MARGIN = 1.04

_EYE_MM = (-2900.0, 2600.0, 760.0)
"""Where the 3D view's camera stands from the isocentre, RAS: so that C, head and detector image are all seen."""


def register_layout(scene: slicer.vtkMRMLScene) -> None:
    """Make the layouts known; where the scene has no layout node (no main window) there is nothing to do.

    A layout that was asked for before it was known, by a scene that was opened or by the program's settings, is empty
    until now.
    """
    node = _layout_node(scene)
    if node is None:
        return
    for number, description in ((IMAGES_LAYOUT, _images_xml()), (PLOT_LAYOUT, _with_plot_xml())):
        if not node.IsLayoutDescription(number):
            node.AddLayoutDescription(number, description)
    if node.GetViewArrangement() in _OURS and not is_shown(scene):
        node.SetViewArrangement(node.GetViewArrangement())
        claim_views(scene)


def enter_layout(scene: slicer.vtkMRMLScene) -> None:
    """Show the images and the C-arm; the layout shown until now is remembered for `leave_layout`."""
    _enter(scene, IMAGES_LAYOUT)


def is_shown(scene: slicer.vtkMRMLScene) -> bool:
    """Whether one of our layouts is shown; one that was asked for before it was known is not."""
    node = _layout_node(scene)
    return (
        node is not None and node.GetViewArrangement() in _OURS and bool(node.GetCurrentLayoutDescription())
    )


def leave_layout(scene: slicer.vtkMRMLScene) -> None:
    """Go back to the layout before, if one of ours is still shown; without one before, to Slicer's first."""
    if is_shown(scene):
        node = _layout_node(scene)
        node.SetViewArrangement(getattr(node, "before_mr2xray", node.SlicerLayoutFourUpView))


def show_plot(scene: slicer.vtkMRMLScene, chart: slicer.vtkMRMLPlotChartNode) -> None:
    """Show a plot under the images."""
    _enter(scene, PLOT_LAYOUT)
    for view in nodes_of(scene, "vtkMRMLPlotViewNode"):
        if view.GetSingletonTag() == PLOT_TAG:
            view.SetPlotChartNodeID(chart.GetID())


def claim_views(scene: slicer.vtkMRMLScene) -> None:
    """Let no volume that is loaded go into our slice views, where these have been shown, nor change their zoom.

    Closing a scene undoes it, and so may loading one.
    """
    for composite in composite_nodes(scene):
        composite.SetDoPropagateVolumeSelection(False)


def show_images(scene: slicer.vtkMRMLScene, images: Mapping[str, slicer.vtkMRMLVolumeNode]) -> bool:
    """Put images into their slice views, alone; views of roles that are not given stay as they are.

    Returns:
        Whether one of the views showed another image, or none.
    """
    showed_others = False
    for role, image in images.items():
        composite = composite_node(scene, TAGS[role])
        if composite.GetBackgroundVolumeID() == image.GetID():
            continue
        showed_others = True
        composite.SetBackgroundVolumeID(image.GetID())
        composite.SetForegroundVolumeID(None)
        composite.SetLabelVolumeID(None)
        composite.SetLinkedControl(True)
        composite.SetHotLinkedControl(True)
    return showed_others


def follow(scene: slicer.vtkMRMLScene, view: View) -> None:
    """Turn the four slice views into the detector's plane; the user's zoom and pan stay."""
    wanted = slice_to_ras(view)
    for node in _slice_nodes(scene).values():
        if not np.array_equal(slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()), wanted):
            node.GetSliceToRAS().DeepCopy(wanted.ravel())
            node.UpdateMatrices()


def fit(scene: slicer.vtkMRMLScene) -> None:
    """Show the whole of each image, and centre it."""
    for role, node in _slice_nodes(scene).items():
        image = scene.GetNodeByID(composite_node(scene, TAGS[role]).GetBackgroundVolumeID() or "")
        if image is not None and image.GetImageData() is not None:
            columns, rows, _ = image.GetImageData().GetDimensions()
            pitch = image.GetSpacing()
            fit_slice(node, columns * pitch[0], rows * pitch[1])


def fit_slice(node: slicer.vtkMRMLSliceNode, width_mm: float, height_mm: float) -> None:
    """Set a slice view's field of view so that a centred rectangle is seen whole, with a small margin."""
    across, up, _ = node.GetDimensions()
    mm_per_pixel = _MARGIN * max(width_mm / max(across, 1), height_mm / max(up, 1))
    node.SetFieldOfView(across * mm_per_pixel, up * mm_per_pixel, node.GetFieldOfView()[2])
    node.SetXYZOrigin(0, 0, 0)


def image_in_3d(scene: slicer.vtkMRMLScene, role: str | None) -> None:
    """Let one role's image stand in the 3D view where the detector is; None takes all out."""
    composites = [composite_node(scene, tag) for tag in TAGS.values()]
    linked = [composite.GetLinkedControl() for composite in composites]
    # Linked slice views would all become visible, or none.
    for composite in composites:
        composite.SetLinkedControl(False)
    for other, node in _slice_nodes(scene).items():
        node.SetSliceVisible(other == role)
    for composite, was_linked in zip(composites, linked, strict=True):
        composite.SetLinkedControl(was_linked)


def look_at_carm(scene: slicer.vtkMRMLScene, view: View) -> None:
    """Let the 3D view's camera see the whole C-arm: from the patient's left and front, a little from above."""
    isocentre = lps_to_ras(np.append(view.isocentre_mm, 1.0))[:3]
    centre = np.add(isocentre, (0, -40, 150))
    for camera in nodes_of(scene, "vtkMRMLCameraNode"):
        if camera.GetLayoutName() == "1":
            camera.SetFocalPoint(*centre)
            camera.SetPosition(*(centre + _EYE_MM))
            camera.SetViewUp(0, 0, 1)
            camera.ResetClippingRange()


def shows(scene: slicer.vtkMRMLScene, role: str, image: slicer.vtkMRMLVolumeNode) -> bool:
    """Whether a role's slice view shows this image, and not a volume that others put there."""
    return composite_node(scene, TAGS[role]).GetBackgroundVolumeID() == image.GetID()


def composite_nodes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceCompositeNode]:
    """What our slice views show, of those that are there."""
    nodes = nodes_of(scene, "vtkMRMLSliceCompositeNode")
    return [node for node in nodes if node.GetLayoutName() in TAGS.values()]


def composite_node(scene: slicer.vtkMRMLScene, tag: str) -> slicer.vtkMRMLSliceCompositeNode:
    """What the slice view of that tag shows; made where the view has not been shown yet, which then takes it up."""
    for found in nodes_of(scene, "vtkMRMLSliceCompositeNode"):
        if found.GetLayoutName() == tag:
            return found
    made = scene.CreateNodeByClass("vtkMRMLSliceCompositeNode")
    made.UnRegister(None)
    made.SetLayoutName(tag)
    scene.AddNode(made)
    return made


def _enter(scene: slicer.vtkMRMLScene, number: int) -> None:
    register_layout(scene)
    node = _layout_node(scene)
    if node is None:
        return
    before = node.GetViewArrangement()
    if before not in (*_OURS, node.SlicerLayoutInitialView):
        # A Python attribute, not a MRML one: it outlives closing and loading scenes, as the layout itself does.
        node.before_mr2xray = before
    node.SetViewArrangement(number)
    claim_views(scene)


def _layout_node(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLLayoutNode | None:
    return scene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _slice_nodes(scene: slicer.vtkMRMLScene) -> dict[str, slicer.vtkMRMLSliceNode]:
    """The slice views that have been shown, by role."""
    by_tag = {node.GetLayoutName(): node for node in nodes_of(scene, "vtkMRMLSliceNode")}
    return {role: by_tag[tag] for role, tag in TAGS.items() if tag in by_tag}


def _slice_xml(role: str) -> str:
    return (
        f'<item><view class="vtkMRMLSliceNode" singletontag="{TAGS[role]}">'
        '<property name="orientation" action="default">Coronal</property>'
        f'<property name="viewlabel" action="default">{_LABELS[role]}</property>'
        f'<property name="viewcolor" action="default">{_COLOURS[role]}</property>'
        f'<property name="viewgroup" action="default">{VIEW_GROUP}</property>'
        "</view></item>"
    )


def _images_xml() -> str:
    """The 3D view at the left, the four images in two rows at its right."""
    upper, lower = ("".join(map(_slice_xml, pair)) for pair in (ROLES[:2], ROLES[2:]))
    return (
        '<layout type="horizontal" split="true"><item splitSize="500">'
        '<view class="vtkMRMLViewNode" singletontag="1">'
        '<property name="viewlabel" action="default">1</property></view></item>'
        '<item splitSize="500"><layout type="vertical">'
        f'<item><layout type="horizontal">{upper}</layout></item>'
        f'<item><layout type="horizontal">{lower}</layout></item>'
        "</layout></item></layout>"
    )


def _with_plot_xml() -> str:
    return (
        f'<layout type="vertical" split="true"><item splitSize="700">{_images_xml()}</item>'
        f'<item splitSize="300"><view class="vtkMRMLPlotViewNode" singletontag="{PLOT_TAG}">'
        '<property name="viewlabel" action="default">P</property></view></item></layout>'
    )
