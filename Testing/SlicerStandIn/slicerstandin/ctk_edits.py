"""CTK's fields for paths, choices and points."""

from __future__ import annotations

import sys
from typing import ClassVar

from PySide6 import QtCore, QtWidgets

from .ctk_sliders import ctkDoubleSpinBox, row
from .delegation import stored
from .dialogs import CANCELLED, DIALOGS
from .instance import implementation

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot


@implementation
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that shows a default text while nothing is chosen."""

    defaultText = stored(str, "defaultText", "")
    forceDefault = stored(bool, "forceDefault", False)
    currentUserDataAsString = Property(
        str,
        lambda self: str(self.currentData() or ""),
        lambda self, data: self.setCurrentUserDataAsString(data),
    )

    @Slot(str)
    def setCurrentUserDataAsString(self, data: str) -> None:
        self.setCurrentIndex(self.findData(data))


@implementation
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path with a history and a button that opens a file dialog."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    currentPath = Property(
        str, lambda self: self._box.currentText(), lambda self, path: self.setCurrentPath(path)
    )
    filters = stored(int, "filters", 24663)
    nameFilters = stored("QStringList", "nameFilters", [])
    label = stored(str, "label", "")
    settingKey = stored(str, "settingKey", "")
    showBrowseButton = stored(bool, "showBrowseButton", True)
    showHistoryButton = stored(bool, "showHistoryButton", True)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = ctkComboBox(self)
        self._box.setEditable(True)
        self._button = QtWidgets.QToolButton(self)
        self._button.setText("...")
        self._button.clicked.connect(self.browse)
        row(self, self._box, self._button)
        self._box.editTextChanged.connect(self.currentPathChanged)

    @Slot(str)
    def setCurrentPath(self, path: str) -> None:
        self._box.setEditText(path)

    @Slot()
    def browse(self) -> None:
        """Ask for a path; a test answers with the kind `getOpenFileName`."""
        reply = DIALOGS.ask("getOpenFileName", self.property("label"))
        if reply is not CANCELLED and reply:
            self.setCurrentPath(reply)

    @Slot()
    def addCurrentPathToHistory(self) -> None:
        if self._box.currentText() and self._box.findText(self._box.currentText()) < 0:
            self._box.addItem(self._box.currentText())

    @Slot()
    def retrieveHistory(self) -> None:
        """The history is kept in the settings, which is not imitated."""

    def comboBox(self) -> QtWidgets.QComboBox:
        return self._box


@implementation
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and asks for another."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)
    directory = Property(str, lambda self: self._folder, lambda self, folder: self._set(folder))
    caption = stored(str, "caption", "")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = "."
        self._button = QtWidgets.QPushButton(self._folder, self)
        self._button.clicked.connect(self.browse)
        row(self, self._button)

    def _set(self, folder: str) -> None:
        if folder != self._folder:
            self._folder = folder
            self._button.setText(folder)
            self.directoryChanged.emit(folder)

    @Slot()
    def browse(self) -> None:
        """Ask for a folder; a test answers with the kind `getExistingDirectory`."""
        reply = DIALOGS.ask("getExistingDirectory", self.property("caption"))
        if reply is not CANCELLED and reply:
            self._set(reply)
            self.directorySelected.emit(reply)


@implementation
class ctkCoordinatesWidget(QtWidgets.QWidget):
    """A point in a few spin boxes; `coordinates` is a text, "1,2,3"."""

    coordinatesChanged = Signal((float, float, float, float))
    coordinates = Property(str, lambda self: self._text(), lambda self, text: self._set(text))
    decimals = Property(
        int, lambda self: self._boxes[0].property("decimals"), lambda self, count: self.setDecimals(count)
    )
    minimum = Property(
        float, lambda self: self._boxes[0].property("minimum"), lambda self, low: self._all("minimum", low)
    )
    maximum = Property(
        float, lambda self: self._boxes[0].property("maximum"), lambda self, top: self._all("maximum", top)
    )
    singleStep = Property(
        float,
        lambda self: self._boxes[0].property("singleStep"),
        lambda self, step: self._all("singleStep", step),
    )
    dimension = Property(int, lambda self: len(self._boxes))
    QT_SIGNATURES: ClassVar = {
        "coordinatesChanged(double,double,double,double)": "coordinatesChanged(double,double,double,double)"
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._boxes = [ctkDoubleSpinBox(self) for _ in range(3)]
        row(self, *self._boxes)
        self._all("minimum", -sys.float_info.max)
        self._all("maximum", sys.float_info.max)
        self.setDecimals(3)
        for box in self._boxes:
            box.valueChanged[float].connect(self._changed)

    def _all(self, name: str, value: float) -> None:
        for box in self._boxes:
            box.setProperty(name, value)

    def _text(self) -> str:
        return ",".join(f"{box.property('value'):g}" for box in self._boxes)

    def _changed(self) -> None:
        values = [box.property("value") for box in self._boxes]
        self.coordinatesChanged.emit(*values, *[0.0] * (4 - len(values)))

    def _set(self, text: str) -> None:
        self.setCoordinates(*[float(part) for part in text.split(",")])

    @Slot(float, float, float)
    def setCoordinates(self, *values: float) -> None:
        for box, value in zip(self._boxes, values, strict=False):
            box.setValue(value)

    @Slot(int)
    def setDecimals(self, count: int) -> None:
        for box in self._boxes:
            box.setDecimals(count)
