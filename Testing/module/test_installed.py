"""Packages that come while the panel is open: what could not be prepared without them is prepared then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from small_panel import choose_head, message, note, opened
from waiting import settle

from MR2XRayLib.demo import demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators import store
from MR2XRayLib.generators.shelf import default_generator_name
from MR2XRayLib.projection import projector

Lack = Callable[..., None]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The program with the module open, and no volume chosen."""
    with opened(monkeypatch, tmp_path) as program:
        yield program


@pytest.fixture
def lack(program, monkeypatch: pytest.MonkeyPatch) -> Lack:
    """Chooses the head in a program where packages cannot be imported until they are installed."""
    missing = program.packages.missing

    def or_absent(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            if name in missing:
                raise ModuleNotFoundError(f"No module named '{name}'", name=name)
            return function(*values)

        return call

    def spec(name: str) -> object:
        return None if name in missing else find_spec(name)

    numba = projector._numba
    monkeypatch.setattr(projector, "_numba", lambda *of: None if "numba" in missing else numba(*of))
    monkeypatch.setattr(projector, "_torch", or_absent("torch", projector._torch))
    monkeypatch.setattr(store, "load_generator", or_absent("safetensors", store.load_generator))
    monkeypatch.setattr("MR2XRayScene.prepared.find_spec", spec)
    monkeypatch.setattr("MR2XRayGUI.dependencies.find_spec", spec)

    def begin(*names: str) -> None:
        missing.update(names)
        choose_head(program)
        settle(program)

    return begin


def update(program: Any, *answers: str) -> None:
    """Press Update, and answer what is asked."""
    for answer in answers:
        program.dialogs.answer("messageBox", answer)
    program.click("updateButton")
    settle(program)


def assert_synthesized(program: Any) -> None:
    parameters = program.logic.getParameterNode()
    assert (message(program), note(program)) == ("", "")
    assert parameters.shownSynthesized is not None
    assert parameters.shownReference is not None


def test_update_synthesizes_once_it_has_installed_torch(program, lack: Lack) -> None:
    lack("torch")
    assert "PyTorch is not installed" in note(program)
    update(program, "OK")
    assert_synthesized(program)


def test_update_works_in_a_fresh_slicer_once_it_has_installed_all(program, lack: Lack) -> None:
    lack("numba", "torch")
    assert "press Update" in note(program)
    assert "unexpectedly" not in note(program)
    assert program.logic.session.prepared is None
    update(program, "OK", "OK")
    assert_synthesized(program)


def test_update_synthesizes_once_it_has_installed_what_reads_weights(program, lack: Lack) -> None:
    lack("safetensors")
    assert "safetensors" in note(program)
    assert "press Update" in note(program)
    assert program.logic.session.prepared is not None
    update(program, "OK")
    assert_synthesized(program)


def test_what_was_installed_before_the_rest_was_refused_is_used(program, lack: Lack) -> None:
    lack("numba", "torch")
    update(program, "OK", "Cancel")
    assert "PyTorch is needed" in message(program)
    assert "PyTorch is not installed" in note(program)
    assert program.logic.session.prepared is not None


def test_live_that_was_refused_its_packages_is_off_and_what_came_is_used(program, lack: Lack) -> None:
    lack("numba", "torch")
    for answer in ("OK", "Cancel"):
        program.dialogs.answer("messageBox", answer)
    program.click("liveCheckBox")
    settle(program)
    assert not program.logic.getParameterNode().live
    assert program.logic.session.prepared is not None


def test_what_another_button_installed_is_used(program, lack: Lack) -> None:
    lack("torch")
    program.find("manageGroup").collapsed = False
    program.dialogs.answer("messageBox", "OK")
    program.click("verifyGeneratorButton")
    settle(program)
    assert note(program) == ""
    assert program.logic.session.prepared.live.synthesizer is not None


def test_what_came_by_other_ways_is_used_at_update(program, lack: Lack) -> None:
    lack("torch")
    program.packages.missing.clear()
    update(program)
    assert_synthesized(program)


def test_what_is_prepared_stays_where_nothing_came(program, lack: Lack) -> None:
    lack()
    prepared = program.logic.session.prepared
    update(program)
    assert program.logic.session.prepared is prepared


@pytest.mark.parametrize("package", ["torch", "safetensors"])
def test_a_package_that_cannot_be_imported_is_a_sentence_and_projections_are_made(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    from MR2XRayLib.generators.shelf import find_generator
    from MR2XRayScene.prepared import Pair, prepare

    whole = prepare(Pair((demo_pair(8.0).mr,), None, 60.0, False), None, "cpu")
    for name in ("MR2XRayLib.weights", "MR2XRayLib.generators.store"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    from MR2XRayScene.prepared import with_generator

    found = with_generator(whole, find_generator(default_generator_name()))
    assert "press Update" in found.words
    assert found.live.synthesizer is None


def test_a_missing_package_of_the_projectors_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from MR2XRayScene.prepared import Pair, prepare

    monkeypatch.setattr(projector, "_numba", lambda *_: None)
    monkeypatch.delitem(sys.modules, "MR2XRayLib.projection.torch_projector", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MR2XRayError, match=r"torch .*press Update"):
        prepare(Pair((demo_pair(8.0).mr,), None, 60.0, False), None, "cpu")
