"""Real MRML scenes for the tests of the Slicer module."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from places import MODULE, STAND_IN

# Before the first `import slicer`: the stand-in's part of that package is found on the path then.
for folder in (MODULE, STAND_IN):
    if folder.is_dir() and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import slicer  # noqa: E402
from slicerstandin import start  # noqa: E402
from small_panel import choose_head, note, opened  # noqa: E402
from waiting import settle  # noqa: E402
from waiting_worker import WORKER, Worker  # noqa: E402

from MR2XRayLib.demo import DemoPair, demo_pair  # noqa: E402


@pytest.fixture(scope="session")
def pair() -> DemoPair:
    """The digital head at 4 mm, its MR elsewhere; not to be changed."""
    return demo_pair(4.0)


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The program with the module open, see `small_panel`; no volume is chosen."""
    with opened(monkeypatch, tmp_path) as program:
        yield program


@pytest.fixture
def program(empty: Any) -> Any:
    """The program with the digital head prepared; a test file that needs more has a fixture of this name."""
    choose_head(empty)
    settle(empty)
    return empty


@pytest.fixture
def two_kept_views(program: Any) -> None:
    """The program keeps two views."""
    program.type("viewsLineEdit", "PA, LATL")


@pytest.fixture
def worker(program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Worker:
    """The worker is one that goes on when the test says so."""
    made = Worker(tmp_path / "worker")
    command = [sys.executable, "-c", WORKER, str(tmp_path / "worker")]
    monkeypatch.setattr("MR2XRayGUI.worker.worker_command", lambda: command)
    return made


@pytest.fixture
def as_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The program with the module open and the shipped generators, and a store and settings of its own."""
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MR2XRAY_CARMS", str(tmp_path / "carms.json"))
    (tmp_path / "carms.json").write_text(
        '{"tiny": {"source_to_isocentre_mm": 750, "source_to_detector_mm": 1200, "detector_mm": [400, 400], '
        '"pixels": [64, 64]}}'
    )
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        program.enter()
        yield program
        assert not [fault for fault in program.faults if fault.kind != "ui file"]


@pytest.fixture
def loaded(as_shipped: Any, pair: DemoPair) -> Any:
    """The program with the shipped generators and the pair, its MR under its true transform, all prepared."""
    from MR2XRayScene.transforms import place_under
    from MR2XRayScene.volumes import node_from_volume

    parameters = as_shipped.logic.getParameterNode()
    mr = node_from_volume(as_shipped.scene, pair.mr, "MR")
    place_under(as_shipped.scene, [mr], pair.truth, "truth")
    parameters.ct = node_from_volume(as_shipped.scene, pair.ct, "CT")
    parameters.mr = mr
    as_shipped.choose("presetComboBox", "tiny")
    settle(as_shipped)
    assert as_shipped.logic.session.prepared is not None, note(as_shipped)
    return as_shipped


@pytest.fixture
def scene() -> slicer.vtkMRMLScene:
    """An empty scene."""
    return slicer.vtkMRMLScene()


@pytest.fixture
def reopened(tmp_path: Path) -> Callable[[slicer.vtkMRMLScene], slicer.vtkMRMLScene]:
    """Saves a scene as MRB and gives another scene that was loaded from it."""
    kept = []

    def reopen(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLScene:
        file, cache = tmp_path / "scene.mrb", tmp_path / "cache"
        assert scene.WriteToMRB(str(file))
        other, manager, data = slicer.vtkMRMLScene(), slicer.vtkCacheManager(), slicer.vtkDataIOManager()
        cache.mkdir(exist_ok=True)
        manager.SetRemoteCacheDirectory(str(cache))
        manager.SetMRMLScene(other)
        data.SetCacheManager(manager)
        other.SetCacheManager(manager)
        other.SetDataIOManager(data)
        kept.append((other, manager, data))
        assert other.ReadFromMRB(str(file))
        return other

    return reopen
