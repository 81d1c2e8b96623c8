"""The stand-in for Slicer, before anything imports slicer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "SlicerStandIn"))

from slicerstandin import Program, start


@pytest.fixture
def program() -> Iterator[Program]:
    """The program, just started, with an empty scene."""
    with start() as started:
        yield started
