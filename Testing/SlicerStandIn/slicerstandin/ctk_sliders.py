"""CTK's numbers: spin box, slider, both in one, and ranges. Behaviour as in CTK/Libs/Widgets/*.cpp."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from .delegation import delegated, stored
from .instance import implementation

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot
STEPS = 10000


def row(widget: QtWidgets.QWidget, *parts: QtWidgets.QWidget) -> None:
    """Lay parts out side by side without margins."""
    layout = QtWidgets.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)


@implementation
class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A QDoubleSpinBox inside a widget; `valueChanged` comes when the value differs by more than its precision."""

    valueChanged = Signal((float,), (str,))
    editingFinished = Signal()
    decimalsChanged = Signal(int)
    decimals = Property(int, lambda self: self._box.decimals(), lambda self, value: self.setDecimals(value))
    value = Property(float, lambda self: self._box.value(), lambda self, value: self.setValue(value))
    readOnly = Property(
        bool, lambda self: self._box.isReadOnly(), lambda self, value: self.setReadOnly(value)
    )
    cleanText = Property(str, lambda self: self._box.cleanText())
    minimum = delegated(float, "_box", "minimum")
    maximum = delegated(float, "_box", "maximum")
    singleStep = delegated(float, "_box", "singleStep")
    prefix = delegated(str, "_box", "prefix")
    suffix = delegated(str, "_box", "suffix")
    frame = delegated(bool, "_box", "frame")
    invertedControls = stored(bool, "invertedControls", False)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox(self)
        row(self, self._box)
        self._box.valueChanged.connect(self._changed)
        self._box.editingFinished.connect(self.editingFinished)

    def _changed(self, value: float) -> None:
        self.valueChanged[float].emit(value)
        self.valueChanged[str].emit(f"{value:.{self._box.decimals()}f}")

    @Slot(float)
    def setValue(self, value: float) -> None:
        self._box.setValue(value)

    setValueIfDifferent = setValue

    @Slot(float)
    def setValueAlways(self, value: float) -> None:
        """Set the value and say so even where it is the same."""
        before = self._box.value()
        self._box.setValue(value)
        if self._box.value() == before:
            self._changed(before)

    @Slot(int)
    def setDecimals(self, count: int) -> None:
        if count != self._box.decimals():
            self._box.setDecimals(count)
            self.decimalsChanged.emit(count)

    @Slot(bool)
    def setReadOnly(self, read_only: bool) -> None:
        self._box.setReadOnly(read_only)

    @Slot()
    def stepUp(self) -> None:
        self._box.stepUp()

    @Slot()
    def stepDown(self) -> None:
        self._box.stepDown()


@implementation
class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider of floats: keeps its value exactly, and shows it on a QSlider."""

    valueChanged = Signal(float)
    sliderMoved = Signal(float)
    sliderPressed = Signal()
    sliderReleased = Signal()
    rangeChanged = Signal(float, float)
    value = Property(float, lambda self: self._value, lambda self, value: self.setValue(value))
    minimum = Property(
        float, lambda self: self._range[0], lambda self, low: self._limit(low, max(low, self._range[1]))
    )
    maximum = Property(
        float, lambda self: self._range[1], lambda self, top: self._limit(min(top, self._range[0]), top)
    )
    sliderPosition = Property(float, lambda self: self._value, lambda self, value: self.setValue(value))
    singleStep = stored(float, "singleStep", 1.0)
    pageStep = stored(float, "pageStep", 10.0)
    tickInterval = stored(float, "tickInterval", 0.0)
    orientation = Property(
        QtCore.Qt.Orientation,
        lambda self: self._slider.orientation(),
        lambda self, value: self.setOrientation(value),
    )
    tracking = delegated(bool, "_slider", "tracking")
    invertedAppearance = delegated(bool, "_slider", "invertedAppearance")
    invertedControls = delegated(bool, "_slider", "invertedControls")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._value, self._range, self._showing = 0.0, (0.0, 99.0), False
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Vertical, self)
        self._slider.setRange(0, STEPS)
        row(self, self._slider)
        self._slider.valueChanged.connect(self._moved)
        self._slider.sliderPressed.connect(self.sliderPressed)
        self._slider.sliderReleased.connect(self.sliderReleased)

    def _limit(self, low: float, top: float) -> None:
        if (low, top) != self._range:
            self._range = (low, top)
            self.rangeChanged.emit(low, top)
            self.setValue(self._value)
            self._show()

    def _show(self) -> None:
        self._showing = True
        low, top = self._range
        self._slider.setValue(round(STEPS * (self._value - low) / (top - low)) if top > low else 0)
        self._showing = False

    def _moved(self, step: int) -> None:
        if not self._showing:
            low, top = self._range
            self._value = low + (top - low) * step / STEPS
            self.valueChanged.emit(self._value)

    @Slot(float)
    def setValue(self, value: float) -> None:
        bounded = min(max(value, self._range[0]), self._range[1])
        if bounded != self._value:
            self._value = bounded
            self._show()
            self.valueChanged.emit(bounded)

    @Slot(QtCore.Qt.Orientation)
    def setOrientation(self, orientation: QtCore.Qt.Orientation) -> None:
        self._slider.setOrientation(orientation)


@implementation
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box: named 'Slider' and 'SpinBox' inside, which childWidgetVariables shows too."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    value = Property(float, lambda self: self._current(), lambda self, value: self.setValue(value))
    decimals = Property(
        int, lambda self: self._box.property("decimals"), lambda self, value: self.setDecimals(value)
    )
    minimum = Property(
        float, lambda self: self._slider.property("minimum"), lambda self, low: self._limit("minimum", low)
    )
    maximum = Property(
        float, lambda self: self._slider.property("maximum"), lambda self, top: self._limit("maximum", top)
    )
    singleStep = Property(
        float, lambda self: self._box.property("singleStep"), lambda self, step: self._step(step)
    )
    pageStep = delegated(float, "_slider", "pageStep")
    prefix = delegated(str, "_box", "prefix")
    suffix = delegated(str, "_box", "suffix")
    tickInterval = delegated(float, "_slider", "tickInterval")
    tracking = stored(bool, "tracking", True)
    spinBoxVisible = Property(
        bool, lambda self: not self._box.isHidden(), lambda self, visible: self.setSpinBoxVisible(visible)
    )
    popupSlider = stored(bool, "popupSlider", False)
    invertedAppearance = delegated(bool, "_slider", "invertedAppearance")
    invertedControls = delegated(bool, "_slider", "invertedControls")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider, self._box = ctkDoubleSlider(self), ctkDoubleSpinBox(self)
        self._slider.setObjectName("Slider")
        self._slider.setOrientation(QtCore.Qt.Orientation.Horizontal)
        self._box.setObjectName("SpinBox")
        row(self, self._slider, self._box)
        self.layout().setObjectName("hboxLayout")
        self._held: float | None = None  # the value before a drag without tracking
        self._limiting = False
        self._limit("maximum", self._box.property("maximum"))
        self._box.valueChanged[float].connect(self._typed)
        self._slider.valueChanged.connect(self._slid)
        self._slider.sliderPressed.connect(self._pressed)
        self._slider.sliderReleased.connect(self._released)

    def _current(self) -> float:
        return self._slider.property("value") if self._held is None else self._held

    def _limit(self, bound: str, value: float) -> None:
        self._limiting = True
        self._box.setProperty(bound, value)
        self._limiting = False
        self._slider.setProperty(bound, self._box.property(bound))
        other = "maximum" if bound == "minimum" else "minimum"
        self._slider.setProperty(other, self._box.property(other))

    def _step(self, step: float) -> None:
        self._box.setProperty("singleStep", step)
        self._slider.setProperty("singleStep", step)

    def _typed(self, value: float) -> None:
        if not self._limiting:
            self._slider.setValue(value)

    def _slid(self, value: float) -> None:
        self._limiting = True
        self._box.setValue(value)
        self._limiting = False
        if not self.property("tracking"):
            self.valueIsChanging.emit(value)
        if self._held is None:
            self.valueChanged.emit(value)

    def _pressed(self) -> None:
        if not self.property("tracking"):
            self._held = self._slider.property("value")

    def _released(self) -> None:
        before, self._held = self._held, None
        if before is not None and before != self._current():
            self.valueChanged.emit(self._current())

    @Slot(float)
    def setValue(self, value: float) -> None:
        held, self._held = self._held, None
        self._box.setValue(value)
        self._held = held

    @Slot(int)
    def setDecimals(self, count: int) -> None:
        self._box.setDecimals(count)
        for bound in ("minimum", "maximum"):
            self._slider.setProperty(bound, self._box.property(bound))
        self.decimalsChanged.emit(count)

    @Slot(bool)
    def setSpinBoxVisible(self, visible: bool) -> None:
        self._box.setVisible(visible)

    @Slot()
    def reset(self) -> None:
        self.setValue(0.0)
