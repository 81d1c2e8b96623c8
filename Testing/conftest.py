"""Fixtures that several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from places import REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and simulated heads; the test is skipped where it is absent."""
    folder = Path(os.environ.get("MR2XRAY_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no head data: {folder} does not exist (set MR2XRAY_DATA)")
    return folder.resolve()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for want of the head data."""
    skipped = terminalreporter.stats.get("skipped", [])
    without_data = sum("no head data" in str(report.longrepr) for report in skipped)
    terminalreporter.write_line(f"tests skipped because the head data are absent: {without_data}")
