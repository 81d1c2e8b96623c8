"""Letting Qt's event loop run until something has happened."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

HOPELESS_S = 60
"""After this a test fails instead of hanging; nothing that is waited for takes nearly as long."""

APPLICATION = QApplication.instance() or QApplication([])
"""Timers and processes that are made before there is one do not work."""


def until(condition: Callable[[], bool]) -> None:
    """Let Qt work until the condition holds."""
    loop, began = QEventLoop(), time.monotonic()
    while not condition():
        assert time.monotonic() - began < HOPELESS_S, "what was waited for did not happen"
        # Not the application's processEvents(): PySide6 6.12 takes a reference off None at each call that gives None.
        loop.processEvents()
        time.sleep(0.001)
