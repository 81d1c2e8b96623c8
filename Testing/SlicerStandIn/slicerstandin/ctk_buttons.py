"""CTK's buttons and boxes that collapse."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from .delegation import stored
from .instance import implementation

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot
HEADER_HEIGHT, UNLIMITED = 24, 16777215
EXPLICITLY_HIDDEN = QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide


class Collapsing:
    """Hides its child widgets while it is collapsed, those that come later too, and shows them again."""

    _collapsed = False

    def collapse(self, collapsed: bool) -> None:
        """Collapse or open."""
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        for child in self.children():
            self._adapt(child)
        self.updateGeometry()

    def _adapt(self, child: QtCore.QObject) -> None:
        """Hide a child, or show it again unless the program had hidden it itself."""
        if not isinstance(child, QtWidgets.QWidget) or child.isWindow():
            return
        if self._collapsed:
            if child.property("_hidden_before") is None:
                child.setProperty(
                    "_hidden_before", child.testAttribute(EXPLICITLY_HIDDEN) and child.isHidden()
                )
            child.hide()
        elif child.property("_hidden_before") is not None:
            child.setVisible(not child.property("_hidden_before"))
            child.setProperty("_hidden_before", None)

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        super().childEvent(event)
        if event.type() == QtCore.QEvent.Type.ChildPolished and self._collapsed:
            self._adapt(event.child())


@implementation
class ctkCollapsibleButton(Collapsing, QtWidgets.QAbstractButton):
    """A heading that shows or hides what is under it; checked means open."""

    contentsCollapsed = Signal(bool)
    collapsed = Property(bool, lambda self: self._collapsed, lambda self, value: self._set_collapsed(value))
    collapsedHeight = stored(int, "collapsedHeight", 14)
    flat = stored(bool, "flat", False)
    contentsLineWidth = stored(int, "contentsLineWidth", 1)
    contentsMidLineWidth = stored(int, "contentsMidLineWidth", 0)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, HEADER_HEIGHT, 0, 0)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Preferred)
        self.toggled.connect(lambda checked: self.isCheckable() and self.collapse(not checked))

    def _set_collapsed(self, collapsed: bool) -> None:
        if self.isCheckable():
            self.setChecked(not collapsed)
        else:
            self.collapse(collapsed)

    def collapse(self, collapsed: bool) -> None:
        if collapsed != self._collapsed:
            super().collapse(collapsed)
            self.setMaximumHeight(HEADER_HEIGHT if collapsed else UNLIMITED)
            self.contentsCollapsed.emit(collapsed)

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < HEADER_HEIGHT

    def sizeHint(self) -> QtCore.QSize:
        layout = self.layout()
        inner = layout.totalSizeHint() if layout is not None and not self._collapsed else QtCore.QSize(0, 0)
        return QtCore.QSize(max(inner.width(), 120), max(inner.height(), HEADER_HEIGHT))

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        heading = QtCore.QRect(0, 0, self.width(), HEADER_HEIGHT)
        painter.fillRect(heading, self.palette().button())
        arrow = "\u25b8" if self._collapsed else "\u25be"
        painter.drawText(
            heading.adjusted(6, 0, 0, 0), int(QtCore.Qt.AlignmentFlag.AlignVCenter), f"{arrow} {self.text()}"
        )


@implementation
class ctkCollapsibleGroupBox(Collapsing, QtWidgets.QGroupBox):
    """A group box whose check box shows or hides what is in it."""

    collapsed = Property(
        bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value)
    )
    collapsedHeight = stored(int, "collapsedHeight", 14)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.toggled.connect(lambda checked: self.collapse(not checked))

    def collapse(self, collapsed: bool) -> None:
        super().collapse(collapsed)
        self.setMaximumHeight(HEADER_HEIGHT if collapsed else UNLIMITED)


@implementation
class ctkPushButton(QtWidgets.QPushButton):
    """A push button that elides its text."""

    elideMode = stored(int, "elideMode", 3)


@implementation
class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check box in it."""

    checkBoxToggled = Signal(bool)
    checkBoxControlsButton = stored(bool, "checkBoxControlsButton", True)
    checkBoxControlsButtonToggleState = stored(bool, "checkBoxControlsButtonToggleState", False)
    checkBoxUserCheckable = stored(bool, "checkBoxUserCheckable", True)


@implementation
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box with an icon."""


@implementation
class ctkMenuButton(QtWidgets.QPushButton):
    """A push button with a menu beside it."""


@implementation
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows and asks for a colour; the dialog is not imitated."""

    colorChanged = Signal(QtGui.QColor)
    colorNameChanged = Signal(str)
    color = Property(QtGui.QColor, lambda self: self._colour, lambda self, value: self.setColor(value))
    colorName = stored(str, "colorName", "")
    displayColorName = stored(bool, "displayColorName", True)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = QtGui.QColor("black")

    @Slot(QtGui.QColor)
    def setColor(self, colour: QtGui.QColor) -> None:
        if colour != self._colour:
            self._colour = QtGui.QColor(colour)
            self.colorChanged.emit(self._colour)


@implementation
class ctkMessageBox(QtWidgets.QMessageBox):
    """The message box of `slicer.util.messageBox`."""

    dontShowAgain = stored(bool, "dontShowAgain", False)
    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")
