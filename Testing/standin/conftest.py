"""The stand-in for Slicer, before anything imports slicer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "SlicerStandIn"))

from slicerstandin import Program, start


@pytest.fixture(scope="module")
def running() -> Iterator[Program]:
    """The program, started once for a file of tests that do not touch the scene."""
    with start() as started:
        yield started
        assert not started.faults


@pytest.fixture
def program() -> Iterator[Program]:
    """The program, just started, with an empty scene."""
    with start() as started:
        yield started
