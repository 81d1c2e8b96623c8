"""CTK's ranges: two values, the lower never above the upper."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from .ctk_sliders import ctkDoubleSlider, ctkDoubleSpinBox, row
from .delegation import stored
from .instance import implementation

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot


class TwoValues(QtWidgets.QWidget):
    """What ctkRangeWidget and ctkDoubleRangeSlider have in common."""

    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    valuesChanged = Signal(float, float)
    rangeChanged = Signal(float, float)
    minimum = Property(
        float, lambda self: self._range[0], lambda self, low: self.setRange(low, max(low, self._range[1]))
    )
    maximum = Property(
        float, lambda self: self._range[1], lambda self, top: self.setRange(min(top, self._range[0]), top)
    )
    minimumValue = Property(float, lambda self: self._values[0], lambda self, low: self.setMinimumValue(low))
    maximumValue = Property(float, lambda self: self._values[1], lambda self, top: self.setMaximumValue(top))
    singleStep = stored(float, "singleStep", 1.0)
    tracking = stored(bool, "tracking", True)
    symmetricMoves = stored(bool, "symmetricMoves", False)
    tickInterval = stored(float, "tickInterval", 0.0)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._range, self._values = (0.0, 99.0), (0.0, 99.0)
        self._low, self._top = self.make_parts()
        self._low.valueChanged.connect(self.setMinimumValue)
        self._top.valueChanged.connect(self.setMaximumValue)
        self._show()

    def make_parts(self) -> tuple[QtWidgets.QWidget, QtWidgets.QWidget]:
        """What shows the two values."""
        parts = ctkDoubleSlider(self), ctkDoubleSlider(self)
        row(self, *parts)
        return parts

    def _show(self) -> None:
        for part, value in ((self._low, self._values[0]), (self._top, self._values[1])):
            blocked = part.blockSignals(True)
            part.setProperty("minimum", self._range[0])
            part.setProperty("maximum", self._range[1])
            part.setProperty("value", value)
            part.blockSignals(blocked)

    @Slot(float, float)
    def setRange(self, low: float, top: float) -> None:
        if (low, top) != self._range:
            self._range = (low, top)
            self.rangeChanged.emit(low, top)
            self.setValues(*self._values)
            self._show()

    @Slot(float, float)
    def setValues(self, low: float, top: float) -> None:
        low, top = sorted(min(max(value, self._range[0]), self._range[1]) for value in (low, top))
        before, self._values = self._values, (low, top)
        self._show()
        if before[0] != low:
            self.minimumValueChanged.emit(low)
        if before[1] != top:
            self.maximumValueChanged.emit(top)
        if before != (low, top):
            self.valuesChanged.emit(low, top)

    @Slot(float)
    def setMinimumValue(self, low: float) -> None:
        self.setValues(low, max(low, self._values[1]))

    @Slot(float)
    def setMaximumValue(self, top: float) -> None:
        self.setValues(min(top, self._values[0]), top)


@implementation
class ctkDoubleRangeSlider(TwoValues):
    """Two handles on one slider."""


@implementation
class ctkRangeWidget(TwoValues):
    """Two handles and two spin boxes."""

    decimals = Property(int, lambda self: self._decimals, lambda self, count: self.setDecimals(count))
    prefix = stored(str, "prefix", "")
    suffix = stored(str, "suffix", "")
    _decimals = 2

    def make_parts(self) -> tuple[QtWidgets.QWidget, QtWidgets.QWidget]:
        """Two spin boxes, by the names that they have in the real one."""
        low, top = ctkDoubleSpinBox(self), ctkDoubleSpinBox(self)
        low.setObjectName("MinimumSpinBox")
        top.setObjectName("MaximumSpinBox")
        row(self, low, top)
        return low, top

    @Slot(int)
    def setDecimals(self, count: int) -> None:
        self._decimals = count

    @Slot()
    def reset(self) -> None:
        self.setValues(*self._range)
