"""Which widget may show which type, and how: the pairs of Slicer's guiConnectors.py and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ctk
import qt
import slicer

from . import choice_connectors  # noqa: F401  (it registers those of combo boxes)
from .default import Default
from .gui_connector import Decimals, GuiConnector, bounds, parameterNodeGuiConnector, step
from .serializers import PATHS
from .types import FloatRange
from .util import (
    findFirstAnnotation,
    getNodeTypes,
    isNodeOrUnionOfNodes,
    splitAnnotations,
    unannotatedType,
)
from .validators import RangeBounds

INT_BOUNDS = (-(2**31), 2**31 - 1)


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
        if findFirstAnnotation(annotations, Default) is None:
            raise RuntimeError("A range needs a Default(): without it the real connector fails.")
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
