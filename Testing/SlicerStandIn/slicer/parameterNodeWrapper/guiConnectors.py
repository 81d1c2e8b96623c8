"""Which widget may show which type, and how: the pairs of Slicer's guiConnectors.py and no others."""

from __future__ import annotations

import abc
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ctk
import qt
import slicer

from .serializers import PATHS
from .types import FloatRange
from .util import (
    as_union,
    findFirstAnnotation,
    getNodeTypes,
    isNodeOrUnionOfNodes,
    splitAnnotations,
    unannotatedType,
)
from .validators import Choice, Maximum, Minimum, RangeBounds, WithinRange

REGISTERED: list[type[GuiConnector]] = []
INT_BOUNDS = (-(2**31), 2**31 - 1)


@dataclass
class Decimals:
    """Annotation: how many decimals a spin box or slider shows."""

    value: int


@dataclass
class SingleStep:
    """Annotation: the step of a spin box or slider."""

    value: float


class GuiConnector(abc.ABC):
    """A widget as a place for a value."""

    signal: str  # of the widget, when the user changes it

    @staticmethod
    @abc.abstractmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        """Whether this widget may show that type."""

    @classmethod
    def create(cls, widget: Any, datatype: Any) -> GuiConnector:
        """The connector of the widget."""
        return cls(widget, datatype)

    def __init__(self, widget: Any, datatype: Any) -> None:
        self._widget, self._callback = widget, None

    def widget(self) -> Any:
        """The widget."""
        return self._widget

    def onChanged(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` when the user changes the widget; None ends it."""
        self._callback = callback
        signal = getattr(self._widget, self.signal)
        (signal.disconnect if callback is None else signal.connect)(self.changed)

    def changed(self) -> None:
        """The widget has changed."""
        if self._callback:
            self._callback()

    @abc.abstractmethod
    def read(self) -> Any:
        """The widget's value."""

    @abc.abstractmethod
    def write(self, value: Any) -> None:
        """Set the widget's value."""


def parameterNodeGuiConnector(classtype: Any = None) -> Any:
    """Class decorator: the class serves widgets from now on."""

    def register(cls: type[GuiConnector]) -> type[GuiConnector]:
        REGISTERED.append(cls)
        return cls

    return register if classtype is None else register(classtype)


def createGuiConnector(widget: Any, datatype: Any) -> GuiConnector:
    """The connector of a widget for a type.

    Raises:
        RuntimeError: this widget does not show this type.
    """
    datatype = as_union(datatype)
    for kind in REGISTERED:
        if kind.canRepresent(widget, datatype):
            return kind.create(widget, datatype)
    raise RuntimeError(
        f"Unable to create GUI connector from datatype '{datatype}' to widget type '{type(widget)}'."
    )


def bounds(annotations: Any) -> tuple[float | None, float | None]:
    """The lower and upper bound that the annotations give."""
    within = findFirstAnnotation(annotations, WithinRange)
    low, top = findFirstAnnotation(annotations, Minimum), findFirstAnnotation(annotations, Maximum)
    if within is not None:
        return within.minimum, within.maximum
    return (low.minimum if low else None), (top.maximum if top else None)


def step(widget: Any, annotations: Any) -> None:
    """Set the step that the annotations give."""
    found = findFirstAnnotation(annotations, SingleStep)
    if found is not None:
        widget.singleStep = found.value


class CheckedConnector(GuiConnector):
    """bool on something that can be checked."""

    def read(self) -> bool:
        return self._widget.checked

    def write(self, value: bool) -> None:
        self._widget.checked = value


@parameterNodeGuiConnector
class QCheckBoxToBoolConnector(CheckedConnector):
    """bool on a check box."""

    signal = "stateChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return unannotatedType(datatype) is bool and type(widget) in (qt.QCheckBox, ctk.ctkCheckBox)


@parameterNodeGuiConnector
class QCheckablePushButtonToBoolConnector(CheckedConnector):
    """bool on a push button, which becomes checkable; not on tool buttons, radio buttons, group boxes."""

    signal = "toggled"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return unannotatedType(datatype) is bool and type(widget) is qt.QPushButton

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        widget.checkable = True


@parameterNodeGuiConnector
class QSliderOrSpinBoxToIntConnector(GuiConnector):
    """int on a slider, which needs bounds, or a spin box."""

    signal = "valueChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return unannotatedType(datatype) is int and type(widget) in (qt.QSlider, qt.QSpinBox)

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        annotations = splitAnnotations(datatype)[1]
        step(widget, annotations)
        low, top = bounds(annotations)
        if type(widget) is qt.QSlider and (low is None or top is None):
            raise RuntimeError("Cannot have a connection to QSlider where the int type is unbounded.")
        widget.setRange(INT_BOUNDS[0] if low is None else low, INT_BOUNDS[1] if top is None else top)

    def read(self) -> int:
        return self._widget.value

    def write(self, value: int) -> None:
        self._widget.value = value


@parameterNodeGuiConnector
class QDoubleSpinBoxCtkSliderWidgetToFloatIntConnector(GuiConnector):
    """float or int on a double spin box or one of CTK's sliders; ctkSliderWidget needs bounds."""

    signal = "valueChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return unannotatedType(datatype) in (float, int) and type(widget) in (
            qt.QDoubleSpinBox, ctk.ctkSliderWidget, slicer.qMRMLSliderWidget, ctk.ctkDoubleSlider,
            ctk.ctkDoubleSpinBox, slicer.qMRMLSpinBox,
        )  # fmt: skip

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        self._type, annotations = splitAnnotations(datatype)
        decimals = findFirstAnnotation(annotations, Decimals)
        if type(widget) is not ctk.ctkDoubleSlider and (self._type is int or decimals is not None):
            widget.decimals = 0 if self._type is int else decimals.value
        step(widget, annotations)
        low, top = bounds(annotations)
        if type(widget) in (ctk.ctkSliderWidget, slicer.qMRMLSliderWidget) and (low is None or top is None):
            raise RuntimeError(
                "Cannot have a connection to ctkSliderWidget where the float types is unbounded."
            )
        widget.minimum = float("-inf") if low is None else low
        widget.maximum = float("inf") if top is None else top

    def read(self) -> float:
        return self._type(self._widget.value)

    def write(self, value: float) -> None:
        self._widget.value = self._type(value)


class ChoiceConnector(GuiConnector):
    """A combo box that is filled with what may be chosen."""

    signal = "currentIndexChanged"
    _values: list[Any]

    def fill(self, values: list[Any], labels: list[str]) -> None:
        """Put the choices into the box."""
        self._values = values
        self._widget.clear()
        for label in labels:
            self._widget.addItem(label)

    def read(self) -> Any:
        return self._values[self._widget.currentIndex]

    def write(self, value: Any) -> None:
        if value not in self._values:
            raise ValueError(f"Unable to find value {value} in choices {self._values}")
        self._widget.currentIndex = self._values.index(value)


@parameterNodeGuiConnector
class QComboBoxToStringableConnector(ChoiceConnector):
    """int, float, str or bool on a combo box; the annotation Choice is needed."""

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return type(widget) in (qt.QComboBox, ctk.ctkComboBox) and unannotatedType(datatype) in (
            int,
            float,
            str,
            bool,
        )

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        choice = findFirstAnnotation(splitAnnotations(datatype)[1], Choice)
        if choice is None:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        self.fill(list(choice.choices), [str(value) for value in choice.choices])


@parameterNodeGuiConnector
class QComboBoxToEnumConnector(ChoiceConnector):
    """An Enum on a combo box, by the names of its members or what their `label` says."""

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        kind = unannotatedType(datatype)
        return (
            type(widget) in (qt.QComboBox, ctk.ctkComboBox)
            and isinstance(kind, type)
            and issubclass(kind, enum.Enum)
        )

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        kind = unannotatedType(datatype)
        label = getattr(kind, "label", lambda member: member.name)
        self.fill(list(kind), [label(member) for member in kind])


@parameterNodeGuiConnector
class QLineEditToStrConnector(GuiConnector):
    """str in a line; what did not change is not written, so that the cursor stays."""

    signal = "textChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return type(widget) is qt.QLineEdit and unannotatedType(datatype) is str

    def read(self) -> str:
        return self._widget.text

    def write(self, value: str) -> None:
        if value != self._widget.text:
            self._widget.text = value


@parameterNodeGuiConnector
class QLabelToStrConnector(GuiConnector):
    """str on a label, which nobody changes."""

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return type(widget) is qt.QLabel and unannotatedType(datatype) is str

    def onChanged(self, callback: Callable[[], None] | None) -> None:
        self._callback = callback

    def read(self) -> str:
        return self._widget.text

    def write(self, value: str) -> None:
        self._widget.text = value


@parameterNodeGuiConnector
class QTextEditPlainTextToStrConnector(GuiConnector):
    """str in a text field; not QPlainTextEdit."""

    signal = "textChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return type(widget) is qt.QTextEdit and unannotatedType(datatype) is str

    def read(self) -> str:
        return self._widget.toPlainText()

    def write(self, value: str) -> None:
        self._widget.setPlainText(value)


@parameterNodeGuiConnector
class ctkRangeWidgetToRangeConnector(GuiConnector):
    """FloatRange on a range widget; the annotation RangeBounds is needed."""

    signal = "valuesChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        kinds = (ctk.ctkRangeWidget, ctk.ctkDoubleRangeSlider, slicer.qMRMLRangeWidget)
        return type(widget) in kinds and unannotatedType(datatype) is FloatRange

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        annotations = splitAnnotations(datatype)[1]
        limits, decimals = (
            findFirstAnnotation(annotations, RangeBounds),
            findFirstAnnotation(annotations, Decimals),
        )
        if limits is None:
            raise RuntimeError("Cannot have a connection to a range widget where the float is unbounded.")
        if decimals is not None and type(widget) is not ctk.ctkDoubleRangeSlider:
            widget.decimals = decimals.value
        step(widget, annotations)
        widget.setRange(limits.minimum, limits.maximum)

    def read(self) -> FloatRange:
        return FloatRange(self._widget.minimumValue, self._widget.maximumValue)

    def write(self, value: FloatRange) -> None:
        self._widget.setValues(value.minimum, value.maximum)


@parameterNodeGuiConnector
class ctkPathLineEditToPathConnector(GuiConnector):
    """A path in CTK's path field; not a str."""

    signal = "currentPathChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return type(widget) is ctk.ctkPathLineEdit and unannotatedType(datatype) in PATHS

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        self._type = unannotatedType(datatype)

    def read(self) -> Any:
        return self._type(self._widget.currentPath)

    def write(self, value: Any) -> None:
        self._widget.currentPath = str(value)


@parameterNodeGuiConnector
class ctkDirectoryButtonToPathConnector(ctkPathLineEditToPathConnector):
    """A path on CTK's folder button."""

    signal = "directoryChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return type(widget) is ctk.ctkDirectoryButton and unannotatedType(datatype) in PATHS

    def read(self) -> Any:
        return self._type(self._widget.directory)

    def write(self, value: Any) -> None:
        self._widget.directory = str(value)


@parameterNodeGuiConnector
class qMRMLNodeComboBoxToNodeConnector(GuiConnector):
    """A node in the node box; its types become those of the parameter. Lists of nodes have no widget."""

    signal = "currentNodeChanged"

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return type(widget) is slicer.qMRMLNodeComboBox and isNodeOrUnionOfNodes(datatype)

    def __init__(self, widget: Any, datatype: Any) -> None:
        super().__init__(widget, datatype)
        widget.nodeTypes = getNodeTypes(datatype)

    def read(self) -> Any:
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        self._widget.setCurrentNode(value)
