"""The one piece of long work at a time: the worker process, its progress bar and its Cancel button."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from MR2XRayGUI.background import Background
from MR2XRayGUI.worker import Worker
from MR2XRayLib.errors import MR2XRayError

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel


class Job:
    """Writes inputs on a thread, runs the worker on them, and hands its result back in the main thread.

    The scene is touched only by what is done with the result: a job that is cancelled or fails leaves it as it was.
    It goes on while the user is in another module.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._work: _Work | None = None
        panel.connect(panel.ui.jobCancelButton, "clicked()", self.cancel)
        self._show()

    @property
    def running(self) -> bool:
        """Whether work is under way."""
        return self._work is not None

    def start(
        self,
        title: str,
        write: Callable[[Path], list[str]],
        done: Callable[[Path, dict[str, Any], list[str]], None],
        on_values: Callable[[dict[str, float]], None] | None = None,
    ) -> None:
        """Start the work.

        Args:
            title: what is being done, shown beside the bar.
            write: writes the inputs into a folder, on a thread, and returns the worker's arguments; it must touch
                neither MRML nor Qt.
            done: takes the folder, the worker's result and its warnings; called in the main thread on success.
            on_values: numbers that the worker tells on its way, such as a loss.

        Raises:
            MR2XRayError: if other work is under way.
        """
        if self.running:
            raise MR2XRayError(_("Other work is under way; wait for it or cancel it first."))
        ui = self._panel.ui
        self._panel.say("")
        ui.jobLabel.text = title
        ui.jobProgressBar.value = 0
        ui.jobCancelButton.enabled = True
        self._work = _Work(write, done, on_values, self)
        self._show()
        self._panel.refresh()

    def cancel(self) -> None:
        """Stop; the worker and its children end within two seconds."""
        if self._work is not None:
            self._panel.ui.jobLabel.text = _("Cancelling...")
            self._panel.ui.jobCancelButton.enabled = False
            self._work.cancel()

    def abandon(self) -> None:
        """Stop, and hear nothing more of it: the scene goes away."""
        if self._work is not None:
            self._work.abandon()
            self._work = None
            self._show()

    def progress(self, stage: str, fraction: float) -> None:
        """Show how far the work is."""
        self._panel.ui.jobLabel.text = stage.capitalize()
        self._panel.ui.jobProgressBar.value = round(100 * fraction)

    def succeed(self, take: Callable[[], None]) -> None:
        """The result is there: take it, its faults told in the panel."""
        self._work = None
        self._panel.telling(take)()
        self._end()

    def fail(self, sentence: str) -> None:
        """There is no result, for this reason."""
        self._work = None
        self._panel.fault(sentence)
        self._end()

    def _end(self) -> None:
        self._show()
        self._panel.refresh()

    def _show(self) -> None:
        self._panel.ui.jobFrame.visible = self.running


class _Work:
    """One job's temporary folder, thread and process."""

    def __init__(
        self,
        write: Callable[[Path], list[str]],
        done: Callable[[Path, dict[str, Any], list[str]], None],
        on_values: Callable[[dict[str, float]], None] | None,
        job: Job,
    ) -> None:
        self._job, self._done = job, done
        self._temporary = tempfile.TemporaryDirectory(prefix="mr2xray-panel-", ignore_cleanup_errors=True)
        self._folder = Path(self._temporary.name)
        self._warnings: list[str] = []
        self._cancelled = self._abandoned = False
        self._worker = Worker(
            on_progress=job.progress,
            on_done=self._take,
            on_error=job.fail,
            on_warning=self._warnings.append,
            on_values=on_values,
            on_end=self._temporary.cleanup,
        )
        self._writing = Background(lambda _progress: write(self._folder), self._run, self._stop)

    def cancel(self) -> None:
        """Stop; `job.fail` is told when all has ended. What is being written is written to its end first."""
        self._cancelled = True
        self._worker.cancel()

    def abandon(self) -> None:
        """Stop, and tell nothing."""
        self._cancelled = self._abandoned = True
        self._worker.abandon()

    def _run(self, arguments: list[str]) -> None:
        if self._cancelled:
            self._stop(_("Cancelled."))
            return
        self._worker.start(arguments, self._folder)

    def _stop(self, sentence: str) -> None:
        self._temporary.cleanup()
        if not self._abandoned:
            self._job.fail(sentence)

    def _take(self, result: dict[str, Any]) -> None:
        self._job.succeed(lambda: self._done(self._folder, result, self._warnings))
