"""The base of the connectors between widgets and parameters, and what they have in common."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .util import as_union, findFirstAnnotation
from .validators import Maximum, Minimum, WithinRange

REGISTERED: list[type[GuiConnector]] = []


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
