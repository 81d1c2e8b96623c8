"""Packages that are installed at first need: consent, refusal, failure; nothing is installed here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from subprocess import CalledProcessError
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from MR2XRayGUI import dependencies
from MR2XRayLib.errors import MR2XRayError

HEAVY = ("torch", "numba", "itk", "matplotlib", "PyTorchUtils")


class Pip:
    """Stands for `slicer.packaging`: knows what is installed, and what happens when something is to be."""

    def __init__(self, present: set[str]) -> None:
        self.present, self.asked = set(present), list[list[str]]()
        self.on_ensure: Callable[[], None] = lambda: None

    def load_requirements(self, path: Path) -> list[Requirement]:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]

    def pip_check(self, requirement: Requirement) -> bool:
        return requirement.name in self.present

    def pip_ensure(self, requirements: list[str], requester: str) -> None:
        self.asked.append(requirements)
        self.on_ensure()
        self.present |= {Requirement(one).name for one in requirements}

    def refuse(self) -> None:
        """What Slicer's pip_ensure raises when the user chooses Cancel."""
        raise RuntimeError("User declined package installation")

    def fail(self) -> None:
        """What it raises offline, with a full disk, or where no wheel fits."""
        raise CalledProcessError(1, ["PythonSlicer", "-m", "pip", "install"])


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    made = Pip(set())
    for name in ("load_requirements", "pip_check", "pip_ensure"):
        monkeypatch.setattr(dependencies.packaging, name, getattr(made, name), raising=False)
    return made


def all_of(*files: str) -> set[str]:
    return {one.name for file in files for one in Pip(set()).load_requirements(dependencies.RESOURCES / file)}


def test_with_everything_there_nobody_is_asked(pip: Pip) -> None:
    pip.present = all_of("requirements.txt", "requirements-worker.txt")
    dependencies.ensure_live()
    dependencies.ensure_worker()
    assert pip.asked == []
    assert dependencies.missing("requirements.txt") == []


def test_only_what_is_missing_is_installed(pip: Pip) -> None:
    pip.present = all_of("requirements.txt", "requirements-worker.txt") - {"numba"}
    dependencies.ensure_worker()
    ((asked,),) = pip.asked
    assert Requirement(asked).name == "numba"
    assert str(Requirement(asked).specifier)


def test_the_worker_needs_more_than_live_images(pip: Pip) -> None:
    pip.present = all_of("requirements.txt")
    dependencies.ensure_live()
    assert pip.asked == []
    dependencies.ensure_worker()
    assert "itk-elastix" in {Requirement(one).name for one in pip.asked[0]}


def test_the_requirements_name_nothing_that_slicer_brings_along() -> None:
    own = {"numpy", "scipy", "SimpleITK", "simpleitk", "vtk", "pydicom", "torch", "requests", "packaging"}
    assert all_of("requirements.txt", "requirements-worker.txt").isdisjoint(own)


def test_the_requirements_are_met_where_these_tests_run() -> None:
    installed = {canonicalize_name(each.metadata["Name"]) for each in distributions()}
    required = {canonicalize_name(name) for name in all_of("requirements.txt", "requirements-worker.txt")}
    assert required
    assert required <= installed


@pytest.mark.parametrize(
    ("what_happens", "words"), [("refuse", "was not installed"), ("fail", "online")], ids=str
)
def test_refusal_and_failure_are_sentences_that_name_the_package(
    pip: Pip, what_happens: str, words: str
) -> None:
    pip.on_ensure = getattr(pip, what_happens)
    with pytest.raises(MR2XRayError, match=words) as raised:
        dependencies.ensure_live()
    assert "numba" in str(raised.value)


def test_a_second_installation_at_the_same_time_is_a_sentence(pip: Pip) -> None:
    def busy() -> None:
        raise RuntimeError("another pip operation is in progress")

    pip.on_ensure = busy
    with pytest.raises(MR2XRayError, match="could not be installed"):
        dependencies.ensure_live()


def test_an_installation_that_slicer_skips_is_not_taken_for_one(
    pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slicer's pip_ensure does nothing, and says nothing, while the program runs its tests."""
    monkeypatch.setattr(dependencies.packaging, "pip_ensure", lambda requirements, requester: None)
    with pytest.raises(MR2XRayError, match="was not installed"):
        dependencies.ensure_live()


def test_nothing_heavy_is_imported_to_find_out(pip: Pip, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HEAVY:
        monkeypatch.delitem(sys.modules, name, raising=False)
    pip.present = all_of("requirements.txt", "requirements-worker.txt")
    dependencies.ensure_worker()
    dependencies.missing("requirements.txt")
    monkeypatch.setattr(dependencies, "find_spec", lambda name: SimpleNamespace())
    dependencies.ensure_torch()
    assert [name for name in HEAVY if name in sys.modules] == []


class TestTorch:
    """By way of the extension PyTorch."""

    @pytest.fixture(autouse=True)
    def no_torch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dependencies, "find_spec", lambda name: None)

    def extension(self, monkeypatch: pytest.MonkeyPatch, install: Callable[..., Any]) -> None:
        logic = SimpleNamespace(installTorch=install)
        monkeypatch.setitem(sys.modules, "PyTorchUtils", SimpleNamespace(PyTorchUtilsLogic=lambda: logic))

    def test_without_the_extension_the_sentence_says_where_to_get_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
        with pytest.raises(MR2XRayError, match="Extensions Manager"):
            dependencies.ensure_torch()

    def test_the_extension_installs_and_asks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def install(askConfirmation: bool) -> object:
            asked.append(askConfirmation)
            return object()

        self.extension(monkeypatch, install)
        dependencies.ensure_torch()
        assert asked == [True]

    def test_refusal_is_a_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.extension(monkeypatch, lambda askConfirmation: None)
        with pytest.raises(MR2XRayError, match="was not installed"):
            dependencies.ensure_torch()

    @pytest.mark.parametrize(
        "error", [CalledProcessError(1, "ltt"), ImportError("c10.dll"), ValueError("backend")]
    )
    def test_failure_is_a_sentence(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        def install(askConfirmation: bool) -> None:
            raise error

        self.extension(monkeypatch, install)
        with pytest.raises(MR2XRayError, match="online"):
            dependencies.ensure_torch()
