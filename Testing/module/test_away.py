"""Work goes on while the user is in another module: its result comes, and is shown when the user is back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from small_panel import message
from waiting import settle
from waiting_worker import Worker, arrangement, end_away, half_way

from MR2XRayLib.carm import Angulation

pytestmark = pytest.mark.usefixtures("two_kept_views")


def write_results(program: Any, folder: Path) -> None:
    """What the worker makes of the two kept views."""
    session, parameters = program.logic.session, program.logic.getParameterNode()
    carm = session.carm(parameters)
    views = [carm.view(Angulation(angle, 0.0)) for angle in (0.0, 90.0)]
    made = session.prepared.live.images(views, measured=True)
    for role, projections in made.by_role().items():
        projections.write(folder / f"{role}.nrrd")
    (folder / "metrics.json").write_text(json.dumps(made.comparison.to_json()))


def synthesize_away(program: Any, worker: Worker) -> None:
    write_results(program, worker.made)
    half_way(program, "synthesizeAllButton")
    end_away(program, worker)


def test_views_synthesized_while_away_are_in_the_scene_and_the_users_layout_stays(program, worker) -> None:
    parameters, before = program.logic.getParameterNode(), arrangement(program)
    synthesize_away(program, worker)
    assert program.logic.session.result_count(parameters) == 2
    assert parameters.metrics.GetNumberOfRows() == 3
    assert arrangement(program) == before < 1000


def test_views_synthesized_while_away_are_shown_and_told_on_coming_back(program, worker) -> None:
    synthesize_away(program, worker)
    program.enter()
    settle(program)
    parameters = program.logic.getParameterNode()
    assert arrangement(program) == 1710
    assert message(program) == "2 views synthesized."
    assert program.find("resultLabel").text == "1 / 2"
    assert not program.find("jobFrame").visible
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(parameters.shownSynthesized)[0],
        slicer.util.arrayFromVolume(parameters.allSynthesized)[0],
    )


def test_work_that_still_goes_on_is_seen_and_can_be_cancelled_on_coming_back(program, worker) -> None:
    half_way(program, "synthesizeAllButton")
    program.enter()
    assert program.find("jobFrame").visible
    assert program.find("jobProgressBar").value == 50
    assert program.find("jobLabel").text == "Working"
    assert not program.find("synthesizeAllButton").enabled
    program.click("jobCancelButton")
    settle(program)
    assert message(program) == "Cancelled."
    assert program.find("synthesizeAllButton").enabled


def test_work_that_has_hardly_begun_goes_on_while_away(program, worker) -> None:
    write_results(program, worker.made)
    program.click("synthesizeAllButton")
    program.exit()
    end_away(program, worker)
    assert program.logic.session.result_count(program.logic.getParameterNode()) == 2


def test_a_generator_tuned_while_away_is_chosen_on_coming_back(program, worker, tmp_path: Path) -> None:
    program.find("trainingSection").collapsed = False
    half_way(program, "trainButton")
    (tmp_path / "models" / "small").rename(tmp_path / "models" / "my-head")
    end_away(program, worker)
    program.enter()
    settle(program)
    assert program.logic.getParameterNode().generator == "my-head"
    assert message(program) == "The generator my-head is in the list."


def test_a_fault_of_the_work_is_told_on_coming_back(program, worker) -> None:
    worker.says(error="The disk is full.")
    half_way(program, "synthesizeAllButton")
    end_away(program, worker)
    program.enter()
    assert message(program) == "The disk is full."


@pytest.mark.parametrize("when", ["running", "ended"])
def test_closing_the_scene_while_away_gives_up_the_work_for_it(program, worker, when: str) -> None:
    write_results(program, worker.made)
    half_way(program, "synthesizeAllButton")
    if when == "ended":
        end_away(program, worker)
    program.close_scene()
    assert not program.widget.panel.job.running
    program.enter()
    settle(program)
    assert program.logic.getParameterNode().allSynthesized is None
    assert (message(program), arrangement(program) < 1000) == ("", True)


def test_the_end_of_the_program_while_away_gives_up_the_work(program, worker) -> None:
    half_way(program, "synthesizeAllButton")
    panel = program.widget.panel
    program.cleanup()
    assert not panel.job.running
