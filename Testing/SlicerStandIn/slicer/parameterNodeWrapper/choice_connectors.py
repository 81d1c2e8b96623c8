"""Parameters with a few values, on combo boxes."""

from __future__ import annotations

import enum
from typing import Any

import ctk
import qt

from .gui_connector import GuiConnector, parameterNodeGuiConnector
from .util import findFirstAnnotation, splitAnnotations, unannotatedType
from .validators import Choice


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
        before = list(kind)[
            widget.currentIndex
        ]  # an empty box stands at -1: the last one, as in the real connector
        self.fill(list(kind), [label(member) for member in kind])
        self.write(before)
