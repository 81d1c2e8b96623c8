"""Properties of a widget that are kept by a widget inside it."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore


def delegated(kind: Any, part: str, name: str) -> QtCore.Property:
    """A property `name` that the attribute `part` of the widget keeps."""
    return QtCore.Property(
        kind,
        lambda self: getattr(self, part).property(name),
        lambda self, value: getattr(self, part).setProperty(name, value),
    )


def stored(kind: Any, name: str, default: Any) -> QtCore.Property:
    """A property that is only remembered: it changes how a widget looks, which is not imitated."""

    def keep(self: Any, value: Any) -> None:
        self.__dict__[f"_{name}"] = value

    return QtCore.Property(kind, lambda self: self.__dict__.get(f"_{name}", default), keep)
