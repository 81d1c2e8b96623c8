"""slicer.modules and the module manager: built-in modules with their logics, and scripted ones loaded from a file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .delegation import stored
from .faults import FAULTS
from .instance import implementation, wrapper_of
from .mrml_widgets import qSlicerWidget
from .scene import ProgramScene

Property, Signal = QtCore.Property, QtCore.Signal


@implementation
class qSlicerLoadableModule(QtCore.QObject):
    """A module of Slicer's own: its name and logic."""

    name = Property(str, lambda self: self._name)
    title = Property(str, lambda self: self._name)
    path = Property(str, lambda self: "")
    _name, _logic = "", None

    def named(self, name: str, logic: Any) -> qSlicerLoadableModule:
        """Give the module its name and logic."""
        self._name, self._logic = name, logic
        return self

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> None:
        return None


@implementation
class qSlicerScriptedLoadableModule(QtCore.QObject):
    """The C++ side of a scripted module: what `parent` is in its constructor."""

    title = stored(str, "title", "")
    categories = stored("QStringList", "categories", [])
    dependencies = stored("QStringList", "dependencies", [])
    contributors = stored("QStringList", "contributors", [])
    associatedNodeTypes = stored("QStringList", "associatedNodeTypes", [])
    helpText = stored(str, "helpText", "")
    acknowledgementText = stored(str, "acknowledgementText", "")
    hidden = stored(bool, "hidden", False)
    index = stored(int, "index", -1)
    icon = stored(QtGui.QIcon, "icon", None)
    name = Property(str, lambda self: self.file.stem)
    path = Property(str, lambda self: str(self.file))

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.file = Path()
        self.widget: qSlicerScriptedLoadableModuleWidget | None = None

    def load(self, file: Path) -> None:
        """Import the file and make the module's object, as `setPythonSource` does.

        Raises:
            RuntimeError: the file has no class of its own name.
        """
        self.file = file
        name = file.stem
        if str(file.parent) not in sys.path:
            sys.path.append(str(file.parent))
        spec = importlib.util.spec_from_file_location(name, file)
        source = importlib.util.module_from_spec(spec)
        sys.modules[name] = source
        spec.loader.exec_module(source)
        if not hasattr(source, name):
            raise RuntimeError(f"class {name} was not found in file {file}")
        self.instance = getattr(source, name)(wrapper_of(self))
        setattr(slicer.modules, name.lower(), wrapper_of(self))
        setattr(slicer.modules, f"{name}Instance", self.instance)
        setattr(slicer.moduleNames, name, name)

    def widgetRepresentation(self) -> qSlicerScriptedLoadableModuleWidget:
        if self.widget is None:
            self.widget = qSlicerScriptedLoadableModuleWidget()
            self.widget.set_up(self)
        return self.widget

    def createNewWidgetRepresentation(self) -> qSlicerScriptedLoadableModuleWidget:
        made = qSlicerScriptedLoadableModuleWidget()
        made.set_up(self)
        return made

    def logic(self) -> Any:
        return slicer.vtkSlicerScriptedLoadableModuleLogic()


@implementation
class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The C++ side of a scripted module's panel: what `parent` is in its constructor."""

    moduleName = Property(str, lambda self: self._module.file.stem)
    isEntered = Property(bool, lambda self: self._entered)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLayout(QtWidgets.QVBoxLayout())
        self._entered, self._module, self.python = False, None, None

    def set_up(self, module: qSlicerScriptedLoadableModule) -> None:
        """Make the Python object, give it the scene, and call its `setup`."""
        self._module = module
        self.setMRMLScene(slicer.mrmlScene)
        self.reload()

    def reload(self) -> None:
        source = sys.modules[self._module.file.stem]
        self.python = getattr(source, f"{self._module.file.stem}Widget")(wrapper_of(self))
        setattr(slicer.modules, f"{self._module.file.stem}Widget", self.python)
        self._call("setup")

    def _call(self, name: str) -> None:
        """Call a method of the Python object; what it raises is printed, and the program goes on."""
        method = getattr(self.python, name, None)
        if method is not None:
            try:
                method()
            except Exception as error:
                FAULTS.record_exception(error)

    def self(self) -> Any:
        return self.python

    def module(self) -> QtCore.QObject:
        return self._module

    def enter(self) -> None:
        self._entered = True
        self._call("enter")

    def exit(self) -> None:
        self._entered = False
        self._call("exit")


@implementation
class qSlicerModuleManager(QtCore.QObject):
    """Every module by name."""

    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._modules: dict[str, QtCore.QObject] = {}

    def add_loadable(self, program: ProgramScene) -> None:
        """Put Slicer's own modules into `slicer.modules`, and take out what an earlier start left there."""
        for holder in (slicer.modules, slicer.moduleNames):
            for name in [key for key in vars(holder) if not key.startswith("__")]:
                delattr(holder, name)
        for name, logic in program.module_logics.items():
            self._modules[name] = qSlicerLoadableModule(self).named(name, logic)
            setattr(slicer.modules, name.lower(), wrapper_of(self._modules[name]))
            setattr(slicer.moduleNames, name, name)

    def load_scripted(self, file: Path) -> qSlicerScriptedLoadableModule:
        """Load a scripted module from its file."""
        made = qSlicerScriptedLoadableModule(self)
        made.load(file)
        self._modules[file.stem] = made
        self.moduleLoaded.emit(file.stem)
        return made

    def unload(self, name: str) -> None:
        """Unload a module: its panel cleans up, and is destroyed."""
        self.moduleAboutToBeUnloaded.emit(name)
        module = self._modules.pop(name)
        widget, module.widget = module.widget, None
        if widget is not None:
            widget.deleteLater()

    def show(self, name: str, shown: bool) -> None:
        """Enter or leave a module; one without a panel has nothing to do."""
        module = self._modules.get(name)
        widget = module.widgetRepresentation() if module is not None else None
        if widget is not None:
            (widget.enter if shown else widget.exit)()

    def module(self, name: str) -> QtCore.QObject | None:
        return self._modules.get(name)

    def modulesNames(self) -> list[str]:
        return list(self._modules)
