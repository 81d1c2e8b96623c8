"""Work on a Python thread, its result delivered in the main thread.

Inside Slicer the interpreter lock goes over to another thread only while the main thread runs Python, which its
event loop does not do by itself. The timer here polls for the result and thereby feeds the thread; compiled code that
lets go of the lock (numpy, numba, SimpleITK's readers and writers) runs freely between its ticks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import qt
from slicer.i18n import tr as _

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.progress import Progress

POLL_MS = 10


class Background:
    """Runs a function at once, on a thread of its own; hold on to it until it has told its end.

    The function must touch neither MRML nor Qt: both belong to the main thread, and using them elsewhere crashes
    at random. It cannot be stopped, only abandoned.

    Args:
        function: called without arguments; with `on_progress` it is given a `Progress`, which it may call.
        on_done: told the result, in the main thread.
        on_error: told one sentence, in the main thread; what is no `MR2XRayError` goes into the log as well.
        on_progress: told the stage and its fraction, in the main thread; of quick news only the newest.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        on_done: Callable[[Any], None],
        on_error: Callable[[str], None],
        on_progress: Progress | None = None,
    ) -> None:
        self._on_done, self._on_error, self._on_progress = on_done, on_error, on_progress
        self._news: SimpleQueue[tuple[str, float]] = SimpleQueue()
        self._outcome: SimpleQueue[tuple[Callable[[Any], None], Any]] = SimpleQueue()
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._poll)
        self._timer.start()
        Thread(target=self._work, args=(function,), daemon=True).start()

    def abandon(self) -> None:
        """Tell nothing any more; the result, when it comes, is dropped."""
        self._timer.stop()

    def _work(self, function: Callable[..., Any]) -> None:
        try:
            made = function() if self._on_progress is None else function(self._take_news)
            self._outcome.put((self._on_done, made))
        except MR2XRayError as error:
            self._outcome.put((self._on_error, str(error)))
        except MemoryError:
            sentence = _("There is not enough memory for this; use a smaller volume or fewer pixels.")
            self._outcome.put((self._on_error, sentence))
        except Exception as error:
            logging.exception("MR2XRay, in the background")
            sentence = _("This failed unexpectedly ({error}); the log has the details.").format(error=error)
            self._outcome.put((self._on_error, sentence))

    def _take_news(self, stage: str, fraction: float) -> None:
        self._news.put((stage, fraction))

    def _poll(self) -> None:
        """One tick in the main thread."""
        news = None
        while not self._news.empty():
            news = self._news.get()
        if news is not None and self._on_progress is not None:
            self._on_progress(*news)
        try:
            tell, outcome = self._outcome.get_nowait()
        except Empty:
            return
        # The listener may have abandoned this work in `on_progress` just now.
        if self._timer.isActive():
            self._timer.stop()
            tell(outcome)
