"""The head in the 3D view: a surface, a volume rendering, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from MR2XRayLib.errors import MR2XRayError
from MR2XRayScene.attributes import ROLE, describe, nodes_of

if TYPE_CHECKING:
    from MR2XRayScene.parameters import Head

PRESETS = {True: "CT-Bones", False: "MR-Default"}
"""Names of Slicer's volume rendering presets, by whether the volume is a CT."""

RENDERING = "head rendering"
"""The role of the volume rendering that shows the head."""


def show_head(
    scene: slicer.vtkMRMLScene,
    how: Head,
    surface: slicer.vtkMRMLModelNode | None,
    volume: slicer.vtkMRMLScalarVolumeNode | None,
    is_ct: bool,
) -> None:
    """Show the head as `how` says, and not in any other way, nor that of a volume that was chosen before.

    Args:
        scene: with the surface and the volume.
        how: of the parameter node.
        surface: the model of `head_surface`, if there is one.
        volume: what is volume-rendered.
        is_ct: whether `volume` is a CT.

    Raises:
        MR2XRayError: if a volume rendering is wanted where the program has none.
    """
    if surface is not None and surface.GetDisplayNode() is not None:
        surface.GetDisplayNode().SetVisibility(how.name == "SURFACE")
    rendering = None if volume is None else _rendering_of(volume)
    for other in nodes_of(scene, "vtkMRMLVolumeRenderingDisplayNode"):
        if other is not rendering and other.GetAttribute(ROLE) == RENDERING:
            other.SetVisibility(False)
    if volume is not None and rendering is None and how.name == "VOLUME":
        rendering = _new_rendering(volume, is_ct)
    if rendering is not None:
        describe(rendering, role=RENDERING)
        rendering.SetVisibility(how.name == "VOLUME")


def _rendering_of(
    volume: slicer.vtkMRMLScalarVolumeNode,
) -> slicer.vtkMRMLVolumeRenderingDisplayNode | None:
    nodes = (volume.GetNthDisplayNode(n) for n in range(volume.GetNumberOfDisplayNodes()))
    return next((n for n in nodes if n and n.IsA("vtkMRMLVolumeRenderingDisplayNode")), None)


def _new_rendering(
    volume: slicer.vtkMRMLScalarVolumeNode, is_ct: bool
) -> slicer.vtkMRMLVolumeRenderingDisplayNode:
    module = getattr(getattr(slicer, "modules", None), "volumerendering", None)
    if module is None:
        raise MR2XRayError("This program has no volume rendering; show the head as a surface.")
    logic = module.logic()
    display = logic.CreateDefaultVolumeRenderingNodes(volume)
    preset = logic.GetPresetByName(PRESETS[is_ct])
    if preset is not None:
        display.GetVolumePropertyNode().Copy(preset)
    return display
