"""Observers of a scene and its nodes on behalf of a widget, gone when the widget is."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

import slicer
import vtk


class Watcher(Protocol):
    """What a widget that lists nodes must answer to."""

    def is_alive(self) -> bool: ...
    def node_added(self, node: Any) -> None: ...
    def node_about_to_be_removed(self, node: Any) -> None: ...
    def node_modified(self, node: Any) -> None: ...
    def scene_changed(self) -> None: ...


class SceneWatch:
    """Passes a scene's events on; while a scene is closed or loaded only the end of it is told."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = weakref.ref(watcher)
        self._tags: list[tuple[Any, int]] = []
        self._nodes: dict[str, tuple[Any, int]] = {}
        self._scene: Any = None

    def scene(self, scene: Any) -> None:
        """Watch another scene, or none."""
        self.stop()
        self._scene = scene
        if scene is None:
            return
        events = {
            slicer.vtkMRMLScene.NodeAddedEvent: self._added,
            slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent: self._removed,
        }
        for event, handler in events.items():
            self._tags.append((scene, scene.AddObserver(event, self._with_node(handler))))
        for event in (slicer.vtkMRMLScene.EndCloseEvent, slicer.vtkMRMLScene.EndImportEvent):
            self._tags.append((scene, scene.AddObserver(event, lambda *_: self._tell("scene_changed"))))
        for index in range(scene.GetNumberOfNodes()):
            self._observe(scene.GetNthNode(index))

    def stop(self) -> None:
        """Remove every observer."""
        for observed, tag in [*self._tags, *self._nodes.values()]:
            observed.RemoveObserver(tag)
        self._tags.clear()
        self._nodes.clear()

    def _tell(self, event: str, *arguments: Any) -> None:
        watcher = self._watcher()
        if watcher is None or not watcher.is_alive():
            self.stop()
            return
        getattr(watcher, event)(*arguments)

    def _with_node(self, handler: Callable[[Any], None]) -> Callable[..., None]:
        @vtk.calldata_type(vtk.VTK_OBJECT)
        def observer(caller: Any, event: str, node: Any) -> None:
            handler(node)

        return observer

    def _observe(self, node: Any) -> None:
        tag = node.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda changed, _: self._tell("node_modified", changed)
        )
        self._nodes[node.GetID()] = (node, tag)

    def _added(self, node: Any) -> None:
        self._observe(node)
        if not self._scene.IsImporting():
            self._tell("node_added", node)

    def _removed(self, node: Any) -> None:
        observed = self._nodes.pop(node.GetID(), None)
        if observed is not None:
            observed[0].RemoveObserver(observed[1])
        if not self._scene.IsClosing():
            self._tell("node_about_to_be_removed", node)
