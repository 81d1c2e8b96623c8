"""The list of kept views: the present view's matrix, a list or words that cannot be read, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qt
from slicerstandin.instance import qt_object
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


def test_without_a_volume_the_centre_of_the_head_is_said_to_be_unknown(program) -> None:
    program.find("viewsGroup").collapsed = False
    program.click("keepViewButton")
    assert message(program).startswith("The centre of the head is not known yet; choose an MR volume")


def test_while_volumes_are_prepared_that_is_said(program) -> None:
    program.find("viewsGroup").collapsed = False
    choose_head(program)
    program.widget.panel.refresh()
    assert program.widget.panel.preparation.busy
    program.find("viewsLineEdit").text = "PA"
    program.find("addViewsButton").click()
    assert message(program).startswith("The volumes are not prepared yet; wait a moment")
    settle(program)
    program.click("addViewsButton")
    assert program.find("viewsTable").rowCount == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("garbage", '"garbage" is not a view'), ("sweep 1 2 step 0", '"sweep 1 2 step 0" is not a sweep')],
)
def test_faulty_words_are_told_before_the_centre_of_the_head_is_known(program, words, sentence) -> None:
    program.find("viewsGroup").collapsed = False
    program.type("viewsLineEdit", words)
    assert message(program).startswith(sentence)


def test_the_angles_in_words_get_the_room_and_are_not_cut_off(program) -> None:
    choose_head(program)
    settle(program)
    program.find("viewsGroup").collapsed = False
    program.type("viewsLineEdit", "-90/20")
    program.process_events()
    header = qt_object(program.find("viewsTable")).horizontalHeader()
    assert header.sectionSize(0) >= header.parent().sizeHintForColumn(0)
    assert header.sectionSize(0) > header.sectionSize(2)
