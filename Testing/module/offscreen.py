"""MRML views without Qt: what Slicer's slice and 3D views show, drawn into memory by its displayable managers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
)
SLICE_MANAGERS = ("vtkMRMLModelSliceDisplayableManager", "vtkMRMLMarkupsDisplayableManager")


class Application:
    """A scene with what Slicer's main window gives it: application logic, colours, cross-hair and layout."""

    def __init__(self) -> None:
        self.scene = slicer.vtkMRMLScene()
        self.logic = slicer.vtkSlicerApplicationLogic()
        self.logic.SetMRMLScene(self.scene)
        self.logic.GetColorLogic().SetMRMLScene(self.scene)
        self.logic.GetColorLogic().AddDefaultColorNodes()
        self.logic.SetSliceLogics(vtk.vtkCollection())
        self.logic.SetViewLogics(vtk.vtkCollection())
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self.scene.AddNode(crosshair)
        self.layout = slicer.vtkMRMLLayoutLogic()
        self.layout.SetMRMLScene(self.scene)


def window(size: tuple[int, int]) -> vtk.vtkRenderWindow:
    """An off-screen window of that width and height; the test is skipped where there is no OpenGL."""
    if not draws():
        pytest.skip("no off-screen OpenGL here (EGL, OSMesa or an X server)")
    found = vtk.vtkRenderWindow()
    found.SetOffScreenRendering(1)
    found.SetMultiSamples(0)
    found.SetSize(*size)
    return found


@cache
def draws() -> bool:
    """Whether VTK can draw here; asked in a process of its own, since without a driver VTK crashes."""
    code = (
        "import vtk; window = vtk.vtkRenderWindow(); window.SetOffScreenRendering(1); "
        "window.AddRenderer(vtk.vtkRenderer()); window.Render(); assert window.SupportsOpenGL()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def picture(window: vtk.vtkRenderWindow) -> np.ndarray:
    """What the window shows: uint8, (rows, columns, 3), row 0 at the top."""
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    grab.Update()
    image = grab.GetOutput()
    columns, rows, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3].copy()


class _View:
    """A renderer, its window, and the displayable managers of one view node."""

    def __init__(self, application: Application, size: tuple[int, int]) -> None:
        self.application = application
        self.window = window(size)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.EnableRenderOff()
        self.interactor.Initialize()

    def _manage(self, factory: vtk.vtkObject, managers: Sequence[str], node: vtk.vtkObject) -> None:
        factory.SetMRMLApplicationLogic(self.application.logic)
        for manager in managers:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self.managers = slicer.vtkMRMLDisplayableManagerGroup()
        self.managers.SetRenderer(self.renderer)
        self.managers.Initialize(factory, self.renderer)
        self.managers.SetMRMLDisplayableNode(node)


class ThreeDView(_View):
    """The 3D view of a view node that the layout made."""

    def __init__(
        self, application: Application, node: slicer.vtkMRMLViewNode, size: tuple[int, int] = (500, 400)
    ) -> None:
        super().__init__(application, size)
        self.renderer.SetUseDepthPeeling(True)
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        self._manage(factory, THREE_D_MANAGERS, node)
        self.camera = self.managers.GetDisplayableManagerByClassName(THREE_D_MANAGERS[0]).GetCameraNode()

    def look(self, position: Sequence[float], focal_point: Sequence[float], up: Sequence[float]) -> None:
        """Put the camera somewhere, RAS mm."""
        self.camera.SetPosition(*position)
        self.camera.SetFocalPoint(*focal_point)
        self.camera.SetViewUp(*up)
        self.camera.ResetClippingRange()

    def picture(self) -> np.ndarray:
        """What the view shows."""
        self.renderer.ResetCameraClippingRange()
        self.window.Render()
        return picture(self.window)


class SliceView(_View):
    """The slice view of a slice node that the layout made."""

    def __init__(
        self, application: Application, node: slicer.vtkMRMLSliceNode, size: tuple[int, int] = (500, 400)
    ) -> None:
        super().__init__(application, size)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application.logic)
        self.logic.SetMRMLScene(application.scene)
        self.logic.SetSliceNode(node)
        application.logic.GetSliceLogics().AddItem(self.logic)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        self._manage(factory, SLICE_MANAGERS, node)
        self.logic.ResizeSliceNode(*size)
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        self._mapper = mapper
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetDisplayLocationToBackground()

    def picture(self) -> np.ndarray:
        """What the view shows."""
        connection = self.logic.GetImageDataConnection()
        if connection is not None:
            self._mapper.SetInputConnection(connection)
            self.renderer.AddViewProp(self._actor)
        self.window.Render()
        return picture(self.window)
