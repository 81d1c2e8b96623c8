"""How images are shown: windows of grey, inversion, and the colours of a difference. None of it changes a pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer

from MR2XRayScene.attributes import UNIT, describe, find

Window = tuple[float, float]
"""The values shown as black and as white."""

INTENSITY = "I/I0"
"""The unit of detector intensity: the share of the rays that arrive."""

DIFFERENCE_COLOURS = "difference colours"
"""The role of the colour node."""

_BLUE_WHITE_RED = ((5, 113, 176), (146, 197, 222), (255, 255, 255), (244, 165, 130), (202, 0, 32))
"""Evenly from the most negative to the most positive: ColorBrewer's RdBu of five classes, its grey white."""

_SAMPLE = 20_000
"""About how many pixels of an image its window is taken from, so that it can follow every image while live."""

_COLOURS = 255
"""Odd, so that one of them is white."""


def as_intensity(line_integrals: np.ndarray) -> np.ndarray:
    """Detector intensity exp(-p), 1 in air, of line integrals of attenuation p (Beer and Lambert)."""
    return np.exp(-line_integrals)


def windows(nodes: Sequence[slicer.vtkMRMLScalarVolumeNode], *, shared: bool) -> list[Window]:
    """A window for each image, or one for all: from 0 (raw values: percentile 0.1) to percentile 99.9.

    An image that is empty as yet has the window 0 to 1.
    """
    if shared and nodes:
        return [_window(nodes)] * len(nodes)
    return [_window([node]) for node in nodes]


def grey(node: slicer.vtkMRMLScalarVolumeNode, window: Window, inverted: bool = False) -> None:
    """Show a node in grey: the window's low end black and its high end white, or the reverse."""
    display = _display(node)
    with slicer.util.NodeModify(display):
        display.SetDefaultColorMap()
        _set_window(display, window)
        display.SetInvertDisplayScalarRange(inverted)


def difference(
    scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLScalarVolumeNode, half_width: float | None = None
) -> None:
    """Show a difference from blue (too low) through white to red (too high).

    Args:
        scene: gets the colours where it has none yet.
        node: the difference.
        half_width: what is shown as full red, and negated as full blue; the 99.9th percentile of the size of the
            difference by default.
    """
    if half_width is None:
        half_width = float(np.percentile(np.abs(_pixels(node)), 99.9))
    half_width = half_width if half_width > 0 else 1.0
    display = _display(node)
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(difference_colours(scene).GetID())
        _set_window(display, (-half_width, half_width))
        display.SetInvertDisplayScalarRange(False)


def difference_colours(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """The colour node from blue through white to red; the scene's own, or a new one where it has none."""
    node = find(scene, "vtkMRMLColorTableNode", DIFFERENCE_COLOURS)
    if node is not None and node.GetNumberOfColors() == _COLOURS:
        return node
    if node is None:
        node = slicer.vtkMRMLColorTableNode()
        node.SetTypeToUser()
        node.SetName("Blue, white, red")
        describe(node, role=DIFFERENCE_COLOURS)
        node = scene.AddNode(node)
    anchors = np.linspace(0, _COLOURS - 1, len(_BLUE_WHITE_RED))
    channels = [np.interp(range(_COLOURS), anchors, c) / 255 for c in np.transpose(_BLUE_WHITE_RED)]
    with slicer.util.NodeModify(node):
        node.SetNumberOfColors(_COLOURS)
        for index, colour in enumerate(zip(*channels, strict=True)):
            node.SetColor(index, f"{2 * index / (_COLOURS - 1) - 1:+.3f}", *colour)
    return node


def _window(nodes: Sequence[slicer.vtkMRMLScalarVolumeNode]) -> Window:
    values = np.concatenate([_pixels(node) for node in nodes])
    low, high = (float(value) for value in np.percentile(values, (0.1, 99.9)))
    low = low if nodes[0].GetAttribute(UNIT) == "raw mm" else 0.0
    return low, high if high > low else low + 1.0


def _pixels(node: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Pixels from all over an image, flat; a single 0 of an empty one. An odd stride follows no column."""
    if node.GetImageData() is None:
        return np.zeros(1)
    values = slicer.util.arrayFromVolume(node).ravel()
    return values[:: max(1, values.size // _SAMPLE) | 1]


def _display(node: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLScalarVolumeDisplayNode:
    """The display node, a new one where the user has deleted it."""
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    return node.GetDisplayNode()


def _set_window(display: slicer.vtkMRMLScalarVolumeDisplayNode, window: Window) -> None:
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(*window)
