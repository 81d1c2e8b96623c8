"""Observes nodes themselves: chosen ones, prepared anew when they change, and what our slice views show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

from MR2XRayScene.prepared import mr_nodes

if TYPE_CHECKING:
    from MR2XRayScene.parameters import MR2XRayParameterNode

POINT_EVENTS = (
    slicer.vtkMRMLMarkupsNode.PointModifiedEvent,
    slicer.vtkMRMLMarkupsNode.PointAddedEvent,
    slicer.vtkMRMLMarkupsNode.PointRemovedEvent,
    slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
)
"""What may change where the first point of a markup lies in the world. One that is inserted before the others, or
removed, is not told as modified."""


class Watch(VTKObservationMixin):
    """Calls a function when a chosen volume, a transform above it or the isocentre's point changes."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__()
        self._on_change = on_change
        self._watched: list[str] = []

    def follow(self, parameters: MR2XRayParameterNode | None) -> None:
        """Watch the nodes that this parameter node names now, and no others."""
        volumes = [] if parameters is None else [*mr_nodes(parameters), parameters.ct]
        nodes = [node for node in volumes if node is not None]
        point = None if parameters is None else parameters.carm.isocentrePoint
        wanted = [node.GetID() for node in [*nodes, point] if node is not None]
        if wanted == self._watched:
            return
        self._watched = wanted
        self.removeObservers()
        for node in dict.fromkeys(nodes):
            self.addObserver(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._changed)
            self.addObserver(node, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, self._changed)
        if point is not None:
            for event in POINT_EVENTS:
                self.addObserver(point, event, self._changed)

    def _changed(self, _caller: Any, _event: Any) -> None:
        self._on_change()


class ViewsWatch(VTKObservationMixin):
    """Calls a function when slice views may show other volumes than before."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        super().__init__()
        self._on_change = on_change

    def follow(self, composites: Iterable[slicer.vtkMRMLSliceCompositeNode]) -> None:
        """Watch these, and no others."""
        self.removeObservers()
        for node in composites:
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._changed)

    def _changed(self, _caller: Any, _event: Any) -> None:
        self._on_change()
