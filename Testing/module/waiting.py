"""Letting Qt's event loop run until something has happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEventLoop
from slicerstandin.program import application

HOPELESS_S = 60
"""After this a test fails instead of hanging; nothing that is waited for takes nearly as long."""

APPLICATION = application()
"""Timers and processes that are made before there is one do not work."""


def until(condition: Callable[[], bool]) -> None:
    """Let Qt work until the condition holds."""
    loop, began = QEventLoop(), time.monotonic()
    while not condition():
        assert time.monotonic() - began < HOPELESS_S, "what was waited for did not happen"
        loop.processEvents()
        time.sleep(0.001)


def settle(program: Any) -> None:
    """Let the stand-in program work until nothing is under way in the panel."""
    panel = program.widget.panel
    program.wait_until(
        lambda: not panel.preparation.busy and not panel.job.running and not panel.live.busy, 120
    )
    program.process_events()
