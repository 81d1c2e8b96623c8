"""slicer.app: one for the process, as QApplication is; each start gives it a new scene."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from PySide6 import QtCore, QtWidgets

from .files import qSlicerCoreIOManager
from .instance import implementation
from .layout_manager import qSlicerLayoutManager
from .modules import qSlicerModuleManager
from .scene import ProgramScene

Property, Signal = QtCore.Property, QtCore.Signal
DOCUMENTATION = "https://slicer.readthedocs.io/en/latest/"


def constant(kind: Any, value: Any) -> QtCore.Property:
    """A property that never changes."""
    return Property(kind, lambda self: value)


@implementation
class qSlicerMainWindow(QtWidgets.QMainWindow):
    """The main window: a status bar and the module selector."""

    initialWindowShown = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("qSlicerMainWindow")
        self._selector = qSlicerModuleSelectorToolBar(self)

    def moduleSelector(self) -> QtWidgets.QWidget:
        return self._selector


@implementation
class qSlicerModuleSelectorToolBar(QtWidgets.QToolBar):
    """Chooses the module that is shown: the one before exits, the new one enters."""

    moduleSelected = Signal(str)
    selectedModule = Property(str, lambda self: self._selected)
    _selected = ""

    def selectModule(self, name: str) -> None:
        application = QtWidgets.QApplication.instance()
        if name != self._selected:
            application.moduleManager().show(self._selected, False)
            self._selected = name
            application.moduleManager().show(name, True)
            self.moduleSelected.emit(name)


@implementation
class qSlicerApplication(QtWidgets.QApplication):
    """The application of the stand-in."""

    startupCompleted = Signal()
    mrmlSceneChanged = Signal(object)
    QT_SIGNATURES: ClassVar = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}
    temporaryPath = Property(str, lambda self: str(self._folder))
    cachePath = Property(str, lambda self: str(self._folder / "cache"))
    slicerHome = Property(str, lambda self: str(self.home))
    documentationBaseUrl = constant(str, DOCUMENTATION)
    mainApplicationName = constant(str, "Slicer")
    mainApplicationDisplayName = constant(str, "3D Slicer")
    majorVersion = constant(int, 5)
    minorVersion = constant(int, 13)
    revision = constant(str, "0")
    os = constant(str, "linux")
    arch = constant(str, "amd64")
    platform = constant(str, "linux-amd64")

    def __init__(self) -> None:
        super().__init__(["SlicerStandIn"])
        self.setOrganizationName("SlicerStandIn")
        self.setApplicationName("Slicer")
        self._temporary = tempfile.TemporaryDirectory(prefix="slicer-stand-in-")
        self._folder = Path(self._temporary.name)
        self.home = self._folder / "home"
        for folder in (self._folder / "cache", self.home / "share" / "ColorFiles"):
            folder.mkdir(parents=True)
        self.testing = self.running = False
        self._program: ProgramScene | None = None

    def begin(self, program: ProgramScene, *, testing: bool, main_window: bool) -> None:
        """Start anew with a scene."""
        self._program, self.testing, self.running = program, testing, True
        settings = self._folder / f"settings-{id(program):x}"
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
        QtCore.QSettings.setPath(
            QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope, str(settings)
        )
        self._settings = QtCore.QSettings()
        self._modules = qSlicerModuleManager(self)
        self._modules.add_loadable(program)
        self._layout = qSlicerLayoutManager(self)
        self._layout.use(program)
        self._files = qSlicerCoreIOManager(self)
        self._files.scene, self._files.volumes_logic = program.node_scene, program.module_logics["Volumes"]
        self.window = qSlicerMainWindow() if main_window else None
        program.application_logic.SetTemporaryPath(str(self._folder))

    def end(self) -> None:
        """Destroy what this start made."""
        self.running = False
        self._layout.stop()
        for made in (self.window, self._layout.viewport(), self._layout, self._modules, self._files):
            if made is not None:
                made.deleteLater()
        self.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)

    def mrmlScene(self) -> Any:
        return self._program.node_scene

    def applicationLogic(self) -> Any:
        return self._program.application_logic

    def layoutManager(self) -> QtCore.QObject:
        return self._layout

    def moduleManager(self) -> QtCore.QObject:
        return self._modules

    def coreIOManager(self) -> QtCore.QObject:
        return self._files

    ioManager = coreIOManager

    def moduleLogic(self, name: str) -> Any:
        return self._program.module_logics.get(name)

    def settings(self) -> QtCore.QSettings:
        return self._settings

    userSettings = revisionUserSettings = settings

    def testingEnabled(self) -> bool:
        return self.testing

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{DOCUMENTATION}user_guide/modules/{name.lower()}.html"

    def pauseRender(self) -> None: ...
    def resumeRender(self) -> None: ...
    def setRenderPaused(self, paused: bool) -> None: ...
