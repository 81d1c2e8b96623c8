"""The program for a test: start it, load a module, use its panel as a person would, look at what went wrong."""

from __future__ import annotations

import os
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
from PySide6 import QtCore, QtWidgets

from . import modules_of_qt
from .application import qSlicerApplication
from .dialogs import DIALOGS, Dialogs
from .faults import FAULTS, Faults, exception_hook
from .instance import qt_object, wrapper_of
from .namespace import join_package, remove_copies
from .node_list import COMMAND
from .packages import PACKAGES, Packages
from .scene import ProgramScene, make_scene
from .signals import disconnect_all

join_package(slicer)


def application() -> qSlicerApplication:
    """The one application of this process.

    Raises:
        RuntimeError: somebody else has made a QApplication.
    """
    found = QtWidgets.QApplication.instance()
    if found is not None and not isinstance(found, qSlicerApplication):
        raise RuntimeError("a QApplication exists that is not the stand-in's: start the stand-in first")
    return found or qSlicerApplication()


def start(**options: Any) -> Program:
    """Start the program; see `Program`."""
    return Program(**options)


class Program:
    """Slicer as far as a scripted module sees it.

    Attributes:
        scene: slicer.mrmlScene; faults: see `faults.py`; dialogs: see `dialogs.py`; packages: see `packages.py`;
        widget, logic: of the loaded module; panel: the widget that it fills.
    """

    def __init__(
        self, *, testing: bool = False, main_window: bool = True, without: tuple[str, ...] = ()
    ) -> None:
        """Start with an empty scene.

        testing: as with Slicer's option --testing, which shows no dialogs; main_window: without one, as with
        --no-main-window, messages are only logged; without: modules that are absent, such as "VolumeRendering".
        """
        self.faults: Faults = FAULTS
        self.dialogs: Dialogs = DIALOGS
        self.packages: Packages = PACKAGES
        self._application = application()
        if self._application.running:
            raise RuntimeError("a program is running in this process: cleanup() it first")
        self._program: ProgramScene = make_scene(str(self._application.home), without=without)
        self._module: Any = None
        self._ended = False
        self._reset()
        self._publish()
        self._application.begin(self._program, testing=testing, main_window=main_window)
        self._hook, sys.excepthook = sys.excepthook, exception_hook

    def _reset(self) -> None:
        """Forget what an earlier start left in this process."""
        disconnect_all(self._application)
        self.faults.clear()
        self.dialogs.answers.clear()
        self.dialogs.seen.clear()
        self.dialogs.opened_urls.clear()
        self.packages.missing, self.packages.can_install = set(), True
        self.packages.install_requests.clear()

    def _publish(self) -> None:
        """Put into `slicer` what the real program has there, and take out what slicer-core copied there."""
        remove_copies(slicer)
        slicer.mrmlScene = self._program.node_scene
        slicer.app = wrapper_of(self._application)
        slicer.selfTests = {}
        for name in ("modules", "moduleNames"):
            if not isinstance(getattr(slicer, name, None), types.ModuleType):
                module = types.ModuleType(f"slicer.{name}")
                sys.modules[f"slicer.{name}"] = module
                setattr(slicer, name, module)
        modules_of_qt.publish(slicer)

    # The module's life

    @property
    def scene(self) -> Any:
        return self._program.node_scene

    def load_module(self, path: str | Path) -> Any:
        """Load a scripted module, say that start-up is complete, make its panel; the module's widget object."""
        manager = self._application.moduleManager()
        self._module = manager.load_scripted(Path(path).resolve())
        self._application.startupCompleted.emit()
        self.panel_object.resize(480, 900)
        return self.widget

    @property
    def panel_object(self) -> QtWidgets.QWidget:
        return self._module.widgetRepresentation()

    @property
    def panel(self) -> Any:
        return wrapper_of(self.panel_object)

    @property
    def widget(self) -> Any:
        return self.panel_object.python

    @property
    def logic(self) -> Any:
        return self.widget.logic

    def enter(self) -> None:
        """Switch to the module."""
        self._application.window.moduleSelector().selectModule(self._module.file.stem)
        self.panel_object.show()
        self.process_events()

    def exit(self) -> None:
        """Switch to another module."""
        self._application.window.moduleSelector().selectModule("Volumes")
        self.process_events()

    def close_scene(self) -> None:
        """File > Close scene."""
        self.scene.Clear(0)
        self.process_events()

    def cleanup(self) -> None:
        """End the program: the module's panel is cleaned up and destroyed."""
        if self._module is not None:
            self._application.moduleManager().unload(self._module.file.stem)
            self._module = None
        self._application.aboutToQuit.emit()
        self.process_events()
        self._application.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)
        for answer in self.dialogs.answers:
            self.faults.record("dialog", f"never shown: {answer}")
        sys.excepthook = self._hook
        if not self._ended:
            self._ended = True
            self._application.end()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup()

    # What a person does; all by object name

    def find(self, name: str) -> Any:
        """The widget of that name.

        Raises:
            LookupError: none, or more than one.
        """
        found = self.panel_object.findChildren(QtCore.QObject, name)
        if len(found) != 1:
            raise LookupError(f"{len(found)} objects are named {name}")
        return wrapper_of(found[0])

    def _usable(self, name: str) -> QtWidgets.QWidget:
        """The widget of that name, which a person must be able to use.

        Raises:
            AssertionError: it is disabled or hidden.
        """
        widget = qt_object(self.find(name))
        if not widget.isEnabled():
            raise AssertionError(f"{name} is disabled: {widget.toolTip()}")
        if not widget.isVisibleTo(self.panel_object):
            raise AssertionError(f"{name} is hidden")
        return widget

    def click(self, name: str) -> None:
        """Press a button, check box, radio button or heading."""
        self._usable(name).click()
        self.process_events()

    def check(self, name: str, checked: bool = True) -> None:
        """Bring a check box or checkable button into a state."""
        if self._usable(name).isChecked() != checked:
            self.click(name)

    def type(self, name: str, text: str) -> None:
        """Type into a line, a spin box or a text field, and press Return."""
        widget = self._usable(name)
        line = widget if isinstance(widget, QtWidgets.QLineEdit) else widget.findChild(QtWidgets.QLineEdit)
        if isinstance(widget, (QtWidgets.QTextEdit, QtWidgets.QPlainTextEdit)):
            widget.setPlainText(text)
        elif line is not None:
            line.setText(text)
            line.textEdited.emit(text)
            line.returnPressed.emit()
            line.editingFinished.emit()
        else:
            raise AssertionError(f"nothing can be typed into {name}")
        self.process_events()

    def set(self, name: str, value: float) -> None:
        """Move a slider or spin box to a value at once."""
        widget = self._usable(name)
        if widget.metaObject().indexOfProperty("value") < 0:
            raise AssertionError(f"{name} has no value")
        widget.setProperty("value", value)
        self.process_events()

    def slide(self, name: str, *values: float) -> None:
        """Drag a slider through values and let it go; events are processed at each."""
        widget = self._usable(name)
        slider = widget if isinstance(widget, QtWidgets.QSlider) else widget.findChild(QtWidgets.QSlider)
        slider.sliderPressed.emit()
        for value in values:
            target = widget.findChild(QtWidgets.QWidget, "Slider") or widget
            target.setProperty("value", value)
            self.process_events()
        slider.sliderReleased.emit()
        self.process_events()

    def choose(self, name: str, text: str) -> None:
        """Choose an entry of a combo box, node box or list by its text; an entry under the nodes is done."""
        widget = self._usable(name)
        if isinstance(widget, QtWidgets.QListWidget):
            widget.setCurrentItem(widget.findItems(text, QtCore.Qt.MatchFlag.MatchExactly)[0])
            self.process_events()
            return
        box = widget if isinstance(widget, QtWidgets.QComboBox) else widget.findChild(QtWidgets.QComboBox)
        place = box.findText(text)
        if place < 0:
            raise AssertionError(
                f"{name} has no entry {text!r}; it has {[box.itemText(i) for i in range(box.count())]}"
            )
        if not box.itemData(place, COMMAND):
            box.setCurrentIndex(place)
        box.activated.emit(place)
        box.textActivated.emit(text)
        self.process_events()

    # Looking

    def process_events(self) -> None:
        """Let the program do what is waiting."""
        QtWidgets.QApplication.processEvents()

    def wait_until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        """Let the program run until a condition holds.

        Raises:
            TimeoutError: it did not in that time.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds} s: {condition}")
            self.process_events()
            time.sleep(0.005)

    def screenshot(self, path: str | Path, name: str = "") -> Path:
        """A picture of the panel, or of one widget in it."""
        widget = qt_object(self.find(name)) if name else self.panel_object
        self.process_events()
        if not widget.grab().save(str(path)):
            raise OSError(f"could not write {path}")
        return Path(path)
