"""How a process ends with the one that started it, and how what it began is undone even then."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CANCELLED = 130
"""The exit code after Ctrl-C, or after standard input was closed on `end_with_stdin`."""

GRACE_S = 1.2
"""How long a cancelled process may take to come out of numba, torch or SimpleITK by itself."""

Undo = Callable[[], object]

_unfinished: list[Undo] = []


@contextmanager
def undone(undo: Undo) -> Iterator[None]:
    """Call `undo` after the block, however it ends; also when `end_with_stdin` cuts the process short within it."""
    _unfinished.append(undo)
    try:
        yield
    finally:
        _unfinished.remove(undo)
        undo()


def end_with_stdin(last_words: Callable[[], None]) -> None:
    """Let the closing of standard input cancel this process, as Ctrl-C does, and within two seconds.

    For a process whose standard input is a pipe that the one who started it holds: it closes when that one cancels
    or dies. The main thread gets a KeyboardInterrupt and is to end by `leave_cancelled`. Where it does not within
    `GRACE_S`, since compiled code is running, what is open in `undone` is undone (temporary folders go, children
    end) and the process ends all the same.

    Args:
        last_words: called before that hard end.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_watch_stdin, args=(last_words,), daemon=True).start()


def leave_cancelled() -> None:
    """End this process with the exit code `CANCELLED`, without the seconds that Python takes to unload torch."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(CANCELLED)


def _watch_stdin(last_words: Callable[[], None]) -> None:
    # The descriptor, not sys.stdin: a thread inside sys.stdin would hold up the interpreter's end.
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    _interrupt_main()
    time.sleep(GRACE_S)
    for undo in reversed(_unfinished.copy()):
        with suppress(Exception):
            undo()
    with suppress(Exception):
        last_words()
    leave_cancelled()


def _interrupt_main() -> None:
    """A KeyboardInterrupt in the main thread; where there are signals, one that also wakes it from waiting."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def end_with_reader() -> None:
    """Let the next line written end this process when nobody reads it any more, as when its parent was killed.

    For a child whose compiled code holds Python's lock, so that no Python thread could keep watch (elastix does,
    and writes a line an iteration). Windows has no such signal; there an orphan ends with its work.
    """
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
