"""Slice and 3D views without pixels: their nodes, logics, corner annotations and render windows are real VTK."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .delegation import stored
from .instance import implementation

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot


class View(QtWidgets.QWidget):
    """What slice and 3D views have in common; `render_requests` counts what would have been drawn."""

    renderEnabled = stored(bool, "renderEnabled", True)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._corners = vtk.vtkCornerAnnotation()
        self._window: Any = None
        self._renderer = vtk.vtkRenderer()
        self.render_requests = 0

    def renderWindow(self) -> Any:
        if self._window is None:
            self._window = vtk.vtkRenderWindow()
            self._window.SetOffScreenRendering(1)
            self._window.AddRenderer(self._renderer)
        return self._window

    def cornerAnnotation(self) -> Any:
        return self._corners

    def setCornerAnnotationText(self, text: str) -> None:
        self._corners.SetText(2, text)

    def scheduleRender(self) -> None:
        self.render_requests += 1

    forceRender = scheduleRender

    def setRenderPaused(self, paused: bool) -> None: ...
    def pauseRender(self) -> None: ...
    def resumeRender(self) -> None: ...


@implementation
class qMRMLSliceView(View):
    """The pixels of a slice view, which are not drawn."""

    node: Any = None

    def mrmlSliceNode(self) -> Any:
        return self.node


@implementation
class qMRMLThreeDView(View):
    """The pixels of a 3D view, which are not drawn."""

    node: Any = None

    def mrmlViewNode(self) -> Any:
        return self.node

    def cameraNode(self) -> Any:
        """The camera of this view, which the real program's displayable manager makes."""
        scene = self.node.GetScene()
        count = scene.GetNumberOfNodesByClass("vtkMRMLCameraNode")
        cameras = [scene.GetNthNodeByClass(index, "vtkMRMLCameraNode") for index in range(count)]
        for camera in cameras:
            if camera.GetLayoutName() == self.node.GetLayoutName():
                return camera
        camera = scene.AddNewNodeByClass("vtkMRMLCameraNode")
        camera.SetLayoutName(self.node.GetLayoutName())
        return camera

    def resetFocalPoint(self) -> None: ...
    def resetCamera(self, *options: Any) -> None: ...


@implementation
class qMRMLSliceControllerWidget(QtWidgets.QWidget):
    """The bar above a slice view."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.logic: Any = None

    def sliceLogic(self) -> Any:
        return self.logic

    def mrmlSliceNode(self) -> Any:
        return self.logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self.logic.GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self.logic.FitSliceToAll()

    def setSliceLink(self, linked: bool) -> None:
        self.mrmlSliceCompositeNode().SetLinkedControl(linked)

    def setHotLinked(self, linked: bool) -> None:
        self.mrmlSliceCompositeNode().SetHotLinkedControl(linked)

    def setSliceOffsetValue(self, offset: float) -> None:
        self.logic.SetSliceOffset(offset)

    def setSliceVisible(self, visible: bool) -> None:
        self.mrmlSliceNode().SetSliceVisible(visible)


@implementation
class qMRMLSliceWidget(QtWidgets.QWidget):
    """A slice view with its bar."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._view, self._bar = qMRMLSliceView(self), qMRMLSliceControllerWidget(self)

    def show_node(self, node: Any, application_logic: Any) -> None:
        """Show a slice node through a logic of its own, which the application logic knows."""
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(node.GetScene())
        logic.SetSliceNode(node)
        application_logic.GetSliceLogics().AddItem(logic)
        self._bar.logic, self._view.node = logic, node

    def sliceView(self) -> QtWidgets.QWidget:
        return self._view

    def sliceController(self) -> QtWidgets.QWidget:
        return self._bar

    def sliceLogic(self) -> Any:
        return self._bar.logic

    def mrmlSliceNode(self) -> Any:
        return self._bar.logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self._bar.logic.GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self._bar.fitSliceToBackground()


@implementation
class qMRMLThreeDWidget(QtWidgets.QWidget):
    """A 3D view with its bar."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = qMRMLThreeDView(self)

    def show_node(self, node: Any) -> None:
        """Show a view node."""
        self._view.node = node
        self._view.cameraNode()

    def threeDView(self) -> QtWidgets.QWidget:
        return self._view

    def mrmlViewNode(self) -> Any:
        return self._view.node
