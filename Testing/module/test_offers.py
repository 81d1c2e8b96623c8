"""What cannot be pressed says why, and what is on can be switched off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_panel import choose_head, message, opened
from waiting import settle

from MR2XRayScene import fusion

ALONE = ("alignButton", "undoAlignmentButton", "synthesizeAllButton", "trainButton")
"""They wait for the work under way."""

CHOSEN = (
    "alignButton",
    "fusionButton",
    "fusionSlider",
    "liveCheckBox",
    "updateButton",
    "synthesizeAllButton",
    "trainButton",
)
"""They need volumes."""


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The program with the module open, and no volume chosen."""
    with opened(monkeypatch, tmp_path) as program:
        program.find("trainingSection").collapsed = False
        yield program


@pytest.fixture
def loaded(program) -> Any:
    """The program with the head, its MR under a registration, and a kept view."""
    from MR2XRayLib.transform import Transform
    from MR2XRayScene.transforms import place_under

    choose_head(program)
    parameters = program.logic.getParameterNode()
    place_under(program.scene, [parameters.mr], Transform.identity(), "MR to CT")
    settle(program)
    program.type("viewsLineEdit", "PA")
    return program


@pytest.mark.parametrize("name", CHOSEN)
def test_without_volumes_it_says_what_to_choose(program, name: str) -> None:
    widget = program.find(name)
    assert not widget.enabled
    assert "Choose an MR" in widget.toolTip


def test_without_a_registration_undo_says_so(program) -> None:
    undo = program.find("undoAlignmentButton")
    assert not undo.enabled
    assert "no registration" in undo.toolTip


@pytest.mark.parametrize("name", ["removeViewsButton", "clearViewsButton", "exportViewsButton"])
def test_without_views_the_list_says_so(program, name: str) -> None:
    button = program.find(name)
    assert not button.enabled
    assert "No view is kept" in button.toolTip


@pytest.mark.parametrize("name", ALONE)
def test_during_work_it_says_that_it_waits(loaded, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    panel, button = loaded.widget.panel, loaded.find(name)
    assert button.enabled
    before = button.toolTip
    with monkeypatch.context() as busy:
        busy.setattr(type(panel.job), "running", True)
        panel.refresh()
        assert not button.enabled
        assert "Other work is under way" in button.toolTip
    panel.refresh()
    assert button.enabled
    assert button.toolTip == before


def test_live_can_be_switched_off_without_volumes(loaded) -> None:
    parameters = loaded.logic.getParameterNode()
    loaded.click("liveCheckBox")
    settle(loaded)
    parameters.mr = parameters.ct = None
    settle(loaded)
    loaded.click("liveCheckBox")
    assert not parameters.live
    assert not loaded.find("liveCheckBox").enabled


def test_a_fusion_whose_ct_is_gone_can_be_left(loaded) -> None:
    button = loaded.find("fusionButton")
    loaded.click("fusionButton")
    assert fusion.is_shown(loaded.scene)
    loaded.logic.getParameterNode().ct = None
    settle(loaded)
    assert button.checked
    loaded.set("fusionSlider", 70)
    loaded.click("fusionButton")
    assert not fusion.is_shown(loaded.scene)
    assert not button.checked
    assert not button.enabled
    assert message(loaded) == ""
