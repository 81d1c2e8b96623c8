"""Fixtures that several tests of generators share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_generators import card_of, tiny

from MR2XRayLib.generators import shelf
from MR2XRayLib.generators.store import save_generator


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of generators, which is not there yet; "shipped" is shipped."""
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(shelf, "resource_folder", lambda kind: tmp_path / "program")
    save_generator(tmp_path / "program" / "shipped", tiny("unet"), card_of("unet", name="shipped"))
    return tmp_path / "models"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A generator's folder elsewhere; its card calls it "tiny"."""
    save_generator(tmp_path / "elsewhere", tiny("unet"), card_of("unet"))
    return tmp_path / "elsewhere"
