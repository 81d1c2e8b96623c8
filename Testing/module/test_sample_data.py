"""The button CT-MR Brain: the volumes come, or nothing of them and a sentence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import SampleData
import slicer
from small_panel import choose_head, message, opened
from waiting import settle

NAMES = ("CTBrain", "MRBrainT1", "MRBrainT2")


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The program, in which the data set is known and its files lie ready, but offline."""
    with opened(monkeypatch, tmp_path) as program:
        choose_head(program)
        parameters = program.logic.getParameterNode()
        for name, node in zip(NAMES, (parameters.ct, parameters.mr), strict=False):
            slicer.util.saveNode(node, str(tmp_path / f"{name}.nrrd"))
        shutil.copy(tmp_path / "MRBrainT1.nrrd", tmp_path / "MRBrainT2.nrrd")
        program.close_scene()
        program.logic.getParameterNode().generator = "small"
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            sampleName="CTMRBrain", uris=NAMES, fileNames=[f"{name}.nrrd" for name in NAMES], nodeNames=NAMES
        )
        monkeypatch.setattr(SampleData, "FILES", {})
        yield program


def go_online(folder: Path, *names: str) -> None:
    SampleData.FILES.update({name: str(folder / f"{name}.nrrd") for name in names})


def volumes(program: Any) -> int:
    return program.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")


def test_the_t1_and_the_ct_are_chosen(program, tmp_path) -> None:
    go_online(tmp_path, *NAMES)
    program.click("sampleDataButton")
    parameters = program.logic.getParameterNode()
    assert (parameters.mr.GetName(), parameters.ct.GetName()) == ("MRBrainT1", "CTBrain")
    assert "is loaded" in message(program)
    settle(program)


@pytest.mark.parametrize("there", [(), ("CTBrain",), ("CTBrain", "MRBrainT2")])
def test_what_is_not_to_be_had_is_a_sentence_and_leaves_nothing_behind(program, tmp_path, there) -> None:
    go_online(tmp_path, *there)
    program.click("sampleDataButton")
    assert message(program).startswith("CT-MR Brain could not be downloaded; check the network")
    assert volumes(program) == 0
    assert program.logic.getParameterNode().ct is None


def test_once_online_again_the_button_works(program, tmp_path) -> None:
    program.click("sampleDataButton")
    go_online(tmp_path, *NAMES)
    program.click("sampleDataButton")
    assert "is loaded" in message(program)
    assert volumes(program) == 3
    settle(program)
