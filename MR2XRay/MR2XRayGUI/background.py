"""Work on a Python thread, its result delivered in the main thread.

Inside Slicer the interpreter lock goes over to another thread only while the main thread runs Python, which its
event loop does not do by itself. The timer here polls for the result and thereby feeds the thread; compiled code that
lets go of the lock (numpy, numba, SimpleITK's readers and writers) runs freely between its ticks.
"""

from __future__ import annotations

import gc
import logging
from collections import deque
from collections.abc import Callable
from threading import Thread
from typing import Any, ClassVar

import qt
from slicer.i18n import tr as _

from MR2XRayLib.errors import MR2XRayError, lacks_memory
from MR2XRayLib.progress import Progress

POLL_MS = 10


class Background:
    """Runs a function on a thread of its own; while it works, no one needs to hold it.

    The function must touch neither MRML nor Qt: both belong to the main thread, and using them elsewhere crashes
    at random. For the same reason Python's collector of cycles, which runs in whatever thread it likes and may find
    their objects, rests meanwhile.

    Args:
        function: called with a `Progress`, which it calls between its steps; where the work was abandoned, that
            call ends it.
        on_done: told the result, in the main thread.
        on_error: told one sentence, in the main thread; what is no `MR2XRayError` goes into the log as well.
        on_progress: told the stage and its fraction, in the main thread; of quick news only the newest.
        after: earlier work, mostly abandoned, that must have ended before this begins. Two that prepare volumes at once
            would take each other's cores, and to start a thread while another loads libraries waits for these.
    """

    _alive: ClassVar[set[Background]] = set()

    def __init__(
        self,
        function: Callable[[Progress], Any],
        on_done: Callable[[Any], None],
        on_error: Callable[[str], None],
        on_progress: Progress | None = None,
        after: Background | None = None,
    ) -> None:
        self._on_done, self._on_error, self._on_progress = on_done, on_error, on_progress
        self._after = after
        self._work = _Work(function)
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._poll)
        self._timer.start()
        Background._alive.add(self)
        _collector.rest()
        self._begin()

    @property
    def ended(self) -> bool:
        """Whether it neither works nor will."""
        return self not in Background._alive

    def abandon(self) -> None:
        """Tell nothing any more; the work ends at its next step or never begins, and its result is dropped."""
        self._work.abandoned = True

    @classmethod
    def end_all(cls) -> None:
        """Abandon all work and wait until its threads have ended, as is needed before the program ends.

        Compiled code that comes back into an interpreter that is gone aborts the program: there Python ends the
        thread by unwinding its stack, which a `catch (...)` of C++ on the way (SimpleITK has one round each
        function) must not swallow. The interpreter lock is free while this waits.
        """
        for background in cls._alive:
            background.abandon()
        for background in list(cls._alive):
            if background._work.begun:
                background._work.join()
            background._end()

    def _begin(self) -> None:
        """Start the thread, or end before that if the work was abandoned; unless there is something to wait for."""
        if self._after is not None and not self._after.ended:
            return
        self._after = None
        if self._work.abandoned:
            self._end()
        else:
            self._work.start()

    def _poll(self) -> None:
        """One tick in the main thread; it goes on for abandoned work, which would not get on without."""
        work = self._work
        if not work.begun:
            self._begin()
            return
        # Asked before the news is taken: news may come until the thread has ended.
        ended = not work.is_alive()
        if work.news and not work.abandoned and self._on_progress is not None:
            self._on_progress(*work.news.pop())
        if ended:
            self._end()
            # The listener may have abandoned this work in `on_progress` just now.
            if not work.abandoned:
                self._tell()

    def _end(self) -> None:
        """There is no thread any more: let go of everything."""
        if self._work.abandoned:
            self._work.result = None
        self._timer.stop()
        # A connected method keeps its object alive.
        self._timer.disconnect("timeout()", self._poll)
        Background._alive.discard(self)
        if not Background._alive:
            _collector.go_on()

    def _tell(self) -> None:
        error = self._work.error
        if error is None:
            self._on_done(self._work.result)
        elif isinstance(error, MR2XRayError):
            self._on_error(str(error))
        elif lacks_memory(error):
            self._on_error(_("There is not enough memory for this; use a smaller volume or fewer pixels."))
        else:
            # Here and not in the thread: Slicer's log is a Qt object.
            logging.error("MR2XRay, in the background", exc_info=error)
            sentence = _("This failed unexpectedly ({error}); the log has the details.")
            self._on_error(sentence.format(error=error))


class _Work(Thread):
    """The thread. It knows nothing of Qt, so that whichever thread lets go of it last, no Qt object dies there.

    It is no daemon: where nobody calls `end_all`, Python itself waits for it.

    Attributes:
        abandoned: set in the main thread, to end the work at its next step.
        news: the newest progress, where it has not been told yet.
        result, error: how it ended, once it has ended.
    """

    def __init__(self, function: Callable[[Progress], Any]) -> None:
        super().__init__(name="MR2XRay", daemon=False)
        self._function: Callable[[Progress], Any] | None = function
        self.abandoned = False
        self.news: deque[tuple[str, float]] = deque(maxlen=1)
        self.result: Any = None
        self.error: Exception | None = None

    @property
    def begun(self) -> bool:
        """Whether the thread was started."""
        return self.ident is not None

    def run(self) -> None:
        function, self._function = self._function, None
        try:
            self.result = function(self._step)
        except _Abandoned:
            pass
        except Exception as error:
            self.error = error

    def _step(self, stage: str, fraction: float) -> None:
        if self.abandoned:
            raise _Abandoned
        self.news.append((stage, fraction))


class _Abandoned(BaseException):
    """Ends abandoned work; no `Exception`, so that nobody on the way takes it for a fault."""


class _Collector:
    """Python's collector of cycles, resting while threads of ours work; as it was found after that."""

    def __init__(self) -> None:
        self._rests = False

    def rest(self) -> None:
        """Let it rest, if it is at work."""
        if gc.isenabled():
            gc.disable()
            self._rests = True

    def go_on(self) -> None:
        """Let it work again, if it was `rest` that stopped it.

        It would at once go through all that came meanwhile, and again some time later; after an import of torch that
        takes a tenth of a second each time. To freeze and unfreeze moves all of it to the oldest objects, unseen: what
        is garbage among it goes when those are looked at, as ever.
        """
        if self._rests:
            gc.freeze()
            gc.unfreeze()
            gc.enable()
            self._rests = False


_collector = _Collector()
