"""The list of kept views: the present view's matrix, and a list that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qt
from small_panel import choose_head, message, opened
from waiting import settle


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The program with the module open, and no volume chosen."""
    with opened(monkeypatch, tmp_path) as program:
        yield program


def test_the_matrix_of_the_present_view_goes_to_the_clipboard(program) -> None:
    choose_head(program)
    settle(program)
    program.set("primarySlider", 30)
    program.find("viewsGroup").collapsed = False
    program.click("copyMatrixButton")
    view = program.logic.session.view(program.logic.getParameterNode())
    copied = np.loadtxt(qt.QApplication.clipboard().text().splitlines())
    np.testing.assert_allclose(copied, view.matrix(), rtol=1e-8)
    assert "in the clipboard" in message(program)


@pytest.fixture
def garbled(program) -> Any:
    """The panel on a parameter node whose kept views cannot be read."""
    program.find("viewsGroup").collapsed = False
    program.logic.getParameterNode().viewsJson = "[{]"
    return program


def test_unreadable_views_are_told_and_none_is_shown(garbled) -> None:
    assert "kept views of this scene are garbled" in message(garbled)
    assert garbled.find("viewsTable").rowCount == 0
    assert garbled.find("viewsGroup").title == "Kept views (0)"
    assert not garbled.find("synthesizeAllButton").enabled


def test_the_rest_of_the_panel_goes_on_beside_unreadable_views(garbled) -> None:
    choose_head(garbled)
    settle(garbled)
    assert garbled.find("updateButton").enabled
    assert garbled.find("trainButton").enabled


def test_unreadable_views_are_told_once(garbled) -> None:
    garbled.widget.panel.say("")
    garbled.set("primarySlider", 30)
    assert message(garbled) == ""


def test_unreadable_views_can_be_cleared_as_their_sentence_says(garbled) -> None:
    garbled.click("clearViewsButton")
    assert message(garbled) == ""
    assert garbled.logic.getParameterNode().viewsJson == "[]"
    assert not garbled.find("clearViewsButton").enabled
    choose_head(garbled)
    settle(garbled)
    garbled.click("keepViewButton")
    assert garbled.find("viewsTable").rowCount == 1
