"""slicer.app.layoutManager(): views as the layout node of the real MRML asks for them."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets

from .instance import implementation
from .scene import ProgramScene
from .views import qMRMLSliceWidget, qMRMLThreeDWidget

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot


@implementation
class qSlicerLayoutManager(QtCore.QObject):
    """A widget for each view node; they are made when the layout first shows them, and kept."""

    layoutChanged = Signal(int)
    layout = Property(
        int, lambda self: self._node().GetViewArrangement(), lambda self, number: self.setLayout(number)
    )
    threeDViewCount = Property(int, lambda self: len(self._three_d))

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._viewport = QtWidgets.QWidget()
        self._slices: dict[str, qMRMLSliceWidget] = {}
        self._three_d: dict[str, qMRMLThreeDWidget] = {}
        self._program: ProgramScene | None = None
        self._shown = -1

    def use(self, program: ProgramScene) -> None:
        """Follow the layout node of a scene."""
        self._program = program
        self._tag = self._node().AddObserver("ModifiedEvent", lambda *_: self._follow())
        self._follow()

    def stop(self) -> None:
        """Follow no longer."""
        self._node().RemoveObserver(self._tag)

    def _node(self) -> Any:
        return self._program.layout_logic.GetLayoutNode()

    def _follow(self) -> None:
        """Make a widget for each view node that has none."""
        scene = self._program.node_scene
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")):
            node = scene.GetNthNodeByClass(index, "vtkMRMLSliceNode")
            if node.GetLayoutName() not in self._slices:
                self._slices[node.GetLayoutName()] = qMRMLSliceWidget(self._viewport)
                self._slices[node.GetLayoutName()].show_node(node, self._program.application_logic)
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLViewNode")):
            node = scene.GetNthNodeByClass(index, "vtkMRMLViewNode")
            if node.GetID() not in self._three_d:
                self._three_d[node.GetID()] = qMRMLThreeDWidget(self._viewport)
                self._three_d[node.GetID()].show_node(node)
        if self._node().GetViewArrangement() != self._shown:
            self._shown = self._node().GetViewArrangement()
            self.layoutChanged.emit(self._shown)

    def mrmlScene(self) -> Any:
        return self._program.node_scene

    def layoutLogic(self) -> Any:
        return self._program.layout_logic

    def mrmlSliceLogics(self) -> Any:
        return self._program.application_logic.GetSliceLogics()

    def sliceViewNames(self) -> list[str]:
        return list(self._slices)

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        return self._slices.get(name)

    def threeDWidget(self, index: int) -> qMRMLThreeDWidget | None:
        widgets = list(self._three_d.values())
        return widgets[index] if 0 <= index < len(widgets) else None

    def activeMRMLThreeDViewNode(self) -> Any:
        widget = self.threeDWidget(0)
        return widget.mrmlViewNode() if widget else None

    def viewport(self) -> QtWidgets.QWidget:
        return self._viewport

    @Slot(int)
    def setLayout(self, number: int) -> None:
        self._node().SetViewArrangement(number)

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None: ...
    def pauseRender(self) -> None: ...
    def resumeRender(self) -> None: ...
    def setRenderPaused(self, paused: bool) -> None: ...
