"""One worker process: the command line, speaking JSON lines; its progress, its result, its Cancel, its end."""

from __future__ import annotations

import json
import logging
import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import qt
from slicer.i18n import tr as _

from MR2XRayGUI.worker_process import environment, kill_process, kill_session, worker_command
from MR2XRayLib.errors import MR2XRayError

PATIENCE_MS = 2000
"""How long a cancelled worker may take to end by itself."""

LONGEST_LINE = 1 << 24
"""Bytes; a longer line is no message, and is not kept."""

KEPT_ERROR_LINES = 50


class Worker:
    """Runs one command of `mr2xray` in a process and tells of it, in the main thread.

    At the end comes exactly one of `on_done` and `on_error`, then `on_end`, once the process is gone. A running
    worker needs no one to hold it.

    Args:
        on_progress: told the stage and its fraction, 0 to 1.
        on_done: told the result.
        on_error: told in one sentence why there is none; "Cancelled." after `cancel`.
        on_warning: told a sentence.
        on_values: told numbers by name, such as a training's loss.
        on_end: the process is gone, and what it was given can be removed.
        command: program and leading arguments; `worker_command` by default.
    """

    _alive: ClassVar[set[Worker]] = set()

    def __init__(
        self,
        on_progress: Callable[[str, float], None],
        on_done: Callable[[dict[str, Any]], None],
        on_error: Callable[[str], None],
        on_warning: Callable[[str], None] | None = None,
        on_values: Callable[[dict[str, float]], None] | None = None,
        on_end: Callable[[], None] | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        self._on_progress, self._on_done, self._on_error = on_progress, on_done, on_error
        self._on_warning, self._on_values, self._on_end = on_warning, on_values, on_end
        self._command = list(command or worker_command())
        self._running = False

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._running

    def start(self, arguments: Sequence[str], folder: Path | None = None) -> None:
        """Start one command.

        Args:
            arguments: of `mr2xray`; that it shall speak JSON is added here.
            folder: current and temporary folder of the process, to be removed by the caller in `on_end`; what a
                killed process left behind goes with it.

        Raises:
            MR2XRayError: if this worker is at work.
        """
        if self in Worker._alive:
            raise MR2XRayError(_("Other work is under way; wait for it or cancel it first."))
        self._lines, self._messages = _Lines(), deque[bytes]()
        self._error_lines, self._errors = _Lines(), deque[str](maxlen=KEPT_ERROR_LINES)
        self._session: int | None = None
        self._result: dict[str, Any] | None = None
        self._error = ""
        self._cancelled = self._silent = False
        self._patience = qt.QTimer()
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.connect("timeout()", self._kill)
        self._process = self._make_process(folder)
        self._running = True
        Worker._alive.add(self)
        program, *leading = self._command
        self._process.start(program, [*leading, *arguments, "--progress", "json", "--end-with-stdin"])

    def cancel(self) -> None:
        """Ask the process to end; after two seconds it is killed with all its children."""
        if self._running and not self._cancelled:
            self._cancelled = True
            self._process.closeWriteChannel()
            self._patience.start()

    def abandon(self) -> None:
        """Cancel, and tell of nothing any more but `on_end`: nobody is left to care."""
        self._silent = True
        self.cancel()

    def _make_process(self, folder: Path | None) -> Any:
        process = qt.QProcess()
        process.setProcessEnvironment(environment(folder))
        if folder is not None:
            process.setWorkingDirectory(str(folder))
        process.connect("readyReadStandardOutput()", self._read_output)
        process.connect("readyReadStandardError()", self._read_errors)
        process.connect("errorOccurred(QProcess::ProcessError)", self._process_error)
        process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        return process

    def _read_output(self) -> None:
        self._messages.extend(self._lines.of(self._process.readAllStandardOutput().data()))
        # A listener that lets Qt work meanwhile comes here again; by way of the queue the order stays.
        while self._messages:
            self._take(self._messages.popleft())

    def _read_errors(self) -> None:
        for line in self._error_lines.of(self._process.readAllStandardError().data()):
            if text := line.decode("utf-8", "replace").rstrip():
                self._errors.append(text)

    def _take(self, line: bytes) -> None:
        """Act on one line of the worker's output; what is no message goes into the log."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        match message:
            case {"pid": int(pid)} if self._session is None and pid > 1:
                self._session = pid
            case {"stage": str(stage), "fraction": int() | float() as fraction} if math.isfinite(fraction):
                self._tell(self._on_progress, stage, min(max(float(fraction), 0.0), 1.0))
            case {"warning": str(sentence)}:
                self._tell(self._on_warning, sentence)
            case {"values": dict(values)}:
                self._tell(self._on_values, values)
            case {"result": dict(result)}:
                self._result = result
            case {"error": str(sentence)}:
                self._error = sentence
            case _:
                logging.info("MR2XRay worker: %s", line[:500].decode("utf-8", "replace"))

    def _tell(self, listener: Callable[..., None] | None, *news: Any) -> None:
        if listener is not None and not self._silent:
            listener(*news)

    def _process_error(self, *_error: Any) -> None:
        """Qt's word for it: of all errors only this one is not followed by `finished`."""
        if self._process.error() == qt.QProcess.FailedToStart:
            self._end(
                _(
                    'The worker\'s Python "{python}" cannot be started ({reason}); install Slicer anew.'
                ).format(python=self._command[0], reason=self._process.errorString())
            )

    def _finished(self, *_status: Any) -> None:
        if not self._running:
            return
        self._read_output()
        self._read_errors()
        for rest in self._lines.rest():
            self._take(rest)
        self._errors.extend(rest.decode("utf-8", "replace") for rest in self._error_lines.rest())
        kill_session(self._session)
        self._end(self._outcome())

    def _outcome(self) -> dict[str, Any] | str:
        """The result, or the sentence that says why there is none."""
        code = self._process.exitCode()
        crashed = self._process.exitStatus() == qt.QProcess.CrashExit
        if self._cancelled:
            return _("Cancelled.")
        if self._error:
            return self._error
        if crashed or code:
            by_signal = crashed and os.name != "nt"
            ended = (_("signal {n}") if by_signal else _("exit code {n}")).format(n=code)
            return _(
                "The worker ended unexpectedly ({ended}){words}; try again, or look into the log."
            ).format(ended=ended, words=self._last_words())
        if self._result is None:
            return _("The worker ended without a result; try again, or look into the log.")
        return self._result

    def _last_words(self) -> str:
        """The last line on standard error, which for an exception is its message; the launcher's own is no help."""
        lines = [line for line in self._errors if "exit abnormally" not in line]
        return f': "{lines[-1][:300].strip()}"' if lines else ""

    def _end(self, outcome: dict[str, Any] | str) -> None:
        if not self._running:
            return
        self._running = False
        self._patience.stop()
        self._process.deleteLater()
        # Qt is still inside the process object, which must not die with the last one who holds this worker.
        qt.QTimer.singleShot(0, self._release)
        if self._errors and isinstance(outcome, str) and not self._cancelled:
            logging.error("MR2XRay worker:\n%s", "\n".join(self._errors))
        try:
            self._tell(self._on_error if isinstance(outcome, str) else self._on_done, outcome)
        finally:
            if self._on_end is not None:
                self._on_end()

    def _release(self) -> None:
        Worker._alive.discard(self)

    def _kill(self) -> None:
        """End the process and all its children, at once."""
        kill_session(self._session)
        kill_process(self._process)


class _Lines:
    """Whole lines out of a stream that comes in pieces; a line beyond `LONGEST_LINE` is left out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._too_long = False

    def of(self, piece: bytes) -> Iterator[bytes]:
        """The lines that this piece completes, without their ends."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._buffer += end
            if not self._too_long:
                yield bytes(self._buffer).rstrip(b"\r")
            self._buffer.clear()
            self._too_long = False
        self._buffer += rest
        if len(self._buffer) > LONGEST_LINE:
            self._too_long = True
            self._buffer.clear()

    def rest(self) -> Iterator[bytes]:
        """The last line, where it has no end."""
        if self._buffer and not self._too_long:
            yield bytes(self._buffer)
