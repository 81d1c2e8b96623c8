"""The whole panel as a person walks it, on the stand-in: load, register, aim, live, views, synthesize, export, save."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import slicer
from places import DESKTOP, MODULE
from slicerstandin import start

sys.path.append(str(DESKTOP))
from walk import Walk

from MR2XRayLib.demo import demo_pair
from MR2XRayLib.projection import Projections
from MR2XRayLib.registration import mean_error_mm
from MR2XRayLib.transform import Transform


@pytest.fixture(scope="module")
def walked(tmp_path_factory) -> Iterator[tuple[Walk, object, Path]]:
    """The panel after the walk, with pictures of it in the test's folder."""
    folder = tmp_path_factory.mktemp("walk")
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        program.enter()
        walk = Walk(program.widget, lambda name: program.screenshot(folder / f"{name}.png"))
        walk.all(folder)
        assert not program.faults
        yield walk, program, folder


def test_the_registration_found_the_truth(walked) -> None:
    from MR2XRayScene.volumes import world_matrix_lps

    walk, _, _ = walked
    pair = demo_pair(4.0)
    found = Transform(world_matrix_lps(walk.parameters.mr))
    assert mean_error_mm(found, pair.truth, pair.mr) < 1.0
    assert walk.ui.qualityLabel.text.startswith("good")


def test_the_stacks_hold_the_kept_views(walked) -> None:
    from MR2XRayScene.stacks import projections_from_node

    walk, _, _ = walked
    synthesized = projections_from_node(walk.parameters.allSynthesized)
    reference = projections_from_node(walk.parameters.allReference)
    difference = projections_from_node(walk.parameters.allDifference)
    assert len(synthesized.views) == 7
    np.testing.assert_allclose(difference.pixels, synthesized.pixels - reference.pixels, atol=1e-5)
    assert walk.ui.viewsTable.rowCount == 7


def test_browsing_turns_the_c_arm_and_shows_that_view(walked) -> None:
    walk, _, _ = walked
    walk.browse(1)
    assert walk.parameters.carm.primaryDeg == pytest.approx(90)
    assert walk.parameters.shownSynthesized.GetAttribute("MR2XRay.View").startswith("LAO 90")
    assert walk.ui.resultLabel.text == "2 / 7"


def test_the_exports_read_back(walked) -> None:
    _, _, folder = walked
    export = folder / "export"
    assert len(Projections.read(export / "synthesized.nrrd").views) == 7
    assert len((export / "metrics.csv").read_text().splitlines()) == 9
    images = sorted((export / "synthesized").glob("*.dcm"))
    assert len(images) == 7
    assert {float(pydicom.dcmread(path).PositionerPrimaryAngle) for path in images} >= {90.0, -30.0, 15.0}


def test_every_step_left_its_picture(walked) -> None:
    _, _, folder = walked
    assert len(list(folder.glob("[1-7]-*.png"))) == 7


def test_a_saved_scene_comes_back_with_state_results_and_table(walked, reopened) -> None:
    from MR2XRayScene.parameters import MR2XRayParameterNode
    from MR2XRayScene.stacks import projections_from_node

    walk, program, _ = walked
    scene = reopened(program.scene)
    node = scene.GetFirstNodeByName("MR2XRay") or next(
        scene.GetNthNodeByClass(n, "vtkMRMLScriptedModuleNode")
        for n in range(scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode"))
    )
    again = MR2XRayParameterNode(node)
    assert again.viewsJson == walk.parameters.viewsJson
    assert again.carm.primaryDeg == walk.parameters.carm.primaryDeg
    assert again.mr.GetParentTransformNode().GetAttribute("MR2XRay.Quality").startswith("good")
    assert again.metrics.GetNumberOfRows() == 8
    np.testing.assert_array_equal(
        projections_from_node(again.allSynthesized).pixels,
        projections_from_node(walk.parameters.allSynthesized).pixels,
    )


def test_a_loaded_scene_is_shown_by_the_panel(walked, tmp_path) -> None:
    walk, program, _ = walked
    file, cache = tmp_path / "scene.mrb", slicer.vtkCacheManager()
    assert program.scene.WriteToMRB(str(file))
    program.close_scene()
    assert walk.ui.resultLabel.text == ""
    data = slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(tmp_path))
    cache.SetMRMLScene(program.scene)
    data.SetCacheManager(cache)
    program.scene.SetCacheManager(cache)
    program.scene.SetDataIOManager(data)
    assert program.scene.ReadFromMRB(str(file))
    program.process_events()
    assert walk.ui.resultLabel.text.endswith("/ 7")
    assert walk.ui.mrSelector.currentNode().GetName() == "Digital head MR"
    assert walk.ui.qualityLabel.text.startswith("good")
    program.wait_until(lambda: not program.widget.panel.preparation.busy, 120)
    walk.browse(3)
    assert walk.ui.resultLabel.text == "4 / 7"


def test_leaving_the_module_returns_the_former_layout_and_closing_the_scene_is_calm(walked) -> None:
    walk, program, _ = walked
    walk.ui.layoutButton.click()
    node = program.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert node.GetViewArrangement() >= 1710
    program.exit()
    assert node.GetViewArrangement() < 100
    program.enter()
    program.close_scene()
    assert walk.ui.mrSelector.currentNode() is None
    assert walk.parameters.viewsJson == "[]"
    assert not program.faults
