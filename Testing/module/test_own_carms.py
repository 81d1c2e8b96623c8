"""The user's own C-arms: read anew when the module is opened, once packages have come, and taken over whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from small_panel import message, opened
from tiny_generators import card_of, tiny

from MR2XRayLib.generators.store import save_generator

TINY = {
    "source_to_isocentre_mm": 600,
    "source_to_detector_mm": 900,
    "detector_mm": [200, 300],
    "pixels": [64, 96],
}


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of the user's own C-arms, with one."""
    file = tmp_path / "carms.json"
    file.write_text(json.dumps({"tiny": TINY}))
    monkeypatch.setenv("MR2XRAY_CARMS", str(file))
    return file


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path) -> Iterator[Any]:
    """The program with the module open, and no volume chosen."""
    with opened(monkeypatch, tmp_path) as program:
        yield program


def entries(program: Any, name: str = "presetComboBox") -> list[str]:
    box = program.find(name)
    return [box.itemText(index) for index in range(box.count)]


def reopen(program: Any) -> None:
    program.exit()
    program.enter()


def test_what_is_changed_in_the_file_is_there_when_the_module_is_reopened(program, file) -> None:
    program.choose("presetComboBox", "tiny")
    file.write_text(json.dumps({"tiny": {**TINY, "note": "Mine."}, "other": TINY}))
    reopen(program)
    assert [name for name in entries(program) if name in ("tiny", "other")] == ["tiny", "other"]
    assert program.find("presetComboBox").currentText == "tiny"
    file.write_text(json.dumps({"other": {**TINY, "source_to_detector_mm": 950}}))
    reopen(program)
    assert "tiny" not in entries(program)
    program.choose("presetComboBox", "other")
    assert program.logic.getParameterNode().carm.sourceToDetectorMm == 950


def test_a_fault_in_the_file_is_told_when_the_module_is_reopened_and_the_list_stays(program, file) -> None:
    before = entries(program)
    file.write_text('{"tiny": {}}')
    reopen(program)
    assert 'lacks "source_to_isocentre_mm"' in message(program)
    assert entries(program) == before


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A program without platformdirs, which knows where the user's own files lie: a C-arm and a generator."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "carms.json").write_text(json.dumps({"tiny": TINY}))
    save_generator(tmp_path / "data" / "Models" / "mine", tiny("unet"), card_of(name="mine"))
    with opened(monkeypatch, tmp_path) as program:
        missing = program.packages.missing
        missing.add("platformdirs")

        def folder(name: str) -> Path | None:
            return None if "platformdirs" in missing else tmp_path / name

        monkeypatch.delenv("MR2XRAY_MODELS")
        monkeypatch.delenv("MR2XRAY_CARMS", raising=False)
        monkeypatch.setattr("MR2XRayLib.carm_presets.user_config_folder", lambda: folder("config"))
        monkeypatch.setattr("MR2XRayLib.generators.shelf.user_data_folder", lambda: folder("data"))
        monkeypatch.setattr(
            "MR2XRayScene.prepared.find_spec", lambda name: None if name in missing else find_spec(name)
        )
        program.logic.getParameterNode().generator = ""
        reopen(program)
        program.widget.panel.preparation.again()
        yield program


def test_in_a_fresh_slicer_the_file_is_opened_once_its_package_is_installed(fresh, tmp_path: Path) -> None:
    fresh.dialogs.answer("messageBox", "OK")
    fresh.click("editPresetsButton")
    assert [Path(url).name for url in fresh.dialogs.opened_urls] == ["carms.json"]
    assert "Your own C-arms stand in" in message(fresh)


def test_without_consent_the_sentence_says_so(fresh) -> None:
    fresh.dialogs.answer("messageBox", "Cancel")
    fresh.click("editPresetsButton")
    assert "consent" in message(fresh)
    assert not fresh.dialogs.opened_urls


def test_what_is_the_users_own_is_listed_once_the_package_has_come(fresh) -> None:
    assert "tiny" not in entries(fresh)
    assert "mine" not in entries(fresh, "generatorComboBox")
    fresh.dialogs.answer("messageBox", "OK")
    fresh.click("editPresetsButton")
    assert "tiny" in entries(fresh)
    assert "mine" in entries(fresh, "generatorComboBox")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"pixels": [64, 4096]}, "columns must be 16 to 2048 here, not 4096"),
        ({"pixels": [8, 64]}, "rows must be 16 to 2048 here, not 8"),
        ({"source_to_isocentre_mm": 50}, "source to isocentre in mm must be 100 to 3000 here, not 50"),
        ({"source_to_detector_mm": 6000}, "source to detector in mm must be 110 to 5000 here, not 6000"),
        ({"detector_mm": [5, 300]}, "detector height in mm must be 10 to 2000 here, not 5"),
        ({"detector_mm": [300, 2500.5]}, "detector width in mm must be 10 to 2000 here, not 2500.5"),
    ],
)
def test_a_c_arm_beyond_the_panels_boxes_is_refused_whole(program, file, entry, words) -> None:
    carm = program.logic.getParameterNode().carm
    before = {name: getattr(carm, name) for name in carm.allParameters}
    file.write_text(json.dumps({"beyond": {**TINY, **entry}}))
    reopen(program)
    program.choose("presetComboBox", "beyond")
    assert message(program).startswith('The C-arm "beyond" cannot be taken over')
    assert words in message(program)
    carm = program.logic.getParameterNode().carm
    assert {name: getattr(carm, name) for name in carm.allParameters} == before
    assert program.find("presetComboBox").currentText == before["preset"]


def test_a_c_arm_is_taken_over_at_once(program) -> None:
    parameters, told = program.logic.getParameterNode(), []
    tag = parameters.parameterNode.AddObserver("ModifiedEvent", lambda *_: told.append("modified"))
    program.choose("presetComboBox", "tiny")
    parameters.parameterNode.RemoveObserver(tag)
    assert told == ["modified"]
    carm = parameters.carm
    assert (carm.preset, carm.sourceToDetectorMm, carm.detectorWidthMm, carm.rows) == ("tiny", 900, 300, 64)
