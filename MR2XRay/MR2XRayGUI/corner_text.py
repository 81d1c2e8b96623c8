"""What a slice view shows, in words at its upper edge: "Synthesized X-ray: LAO 30°, CRA 10°".

Slicer's Data Probe writes anew into the four corners of every slice view whenever that view changes. It leaves the
edges alone, so text at an edge stays, and needs no setting of the user's to be switched off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer
import vtk


class CornerText:
    """The words in the slice views; they are shown until they are replaced or hidden."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def show(self, words: Mapping[str, str]) -> None:
        """Show these words, and none in other views.

        Args:
            words: by the name (singleton tag) of the slice view; views that do not exist are passed over.
        """
        for name in self._shown - set(words):
            _write(name, "")
        self._shown = {name for name, text in words.items() if _write(name, text)}

    def hide(self) -> None:
        """Take all words away."""
        self.show({})


def _write(name: str, text: str) -> bool:
    """Write into one slice view; whether it is there."""
    view = _slice_view(name)
    if view is None:
        return False
    annotation = view.cornerAnnotation()
    if (annotation.GetText(vtk.vtkCornerAnnotation.UpperEdge) or "") != text:
        annotation.SetText(vtk.vtkCornerAnnotation.UpperEdge, text)
        view.scheduleRender()
    return True


def _slice_view(name: str) -> Any:
    """The slice view, or None where there is no such view or no main window."""
    manager = slicer.app.layoutManager()
    widget = None if manager is None else manager.sliceWidget(name)
    return None if widget is None else widget.sliceView()
