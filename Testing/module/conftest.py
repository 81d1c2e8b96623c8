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
from small_panel import choose_head, opened  # noqa: E402
from waiting import settle  # noqa: E402


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
