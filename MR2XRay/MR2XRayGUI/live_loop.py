"""Live: the images follow the angles, as fast as they can be made and no faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel
    from MR2XRayLib.steps import Steps


NUMBERS_AFTER_MS = 30
"""A pause in the moves of this length, and the image is made exact and the numbers are made; while a slider moves,
they would only delay it."""


class LiveLoop:
    """Makes one set of images for the newest angles each time the event loop is idle, and the rest at a pause.

    While a slider moves, the synthesized image is a preview where that is quicker. At the pause it is made exact, then
    come the numbers, then the expected error where it is wanted: each in rounds of the event loop of their own, so
    that the panel answers between them.
    A slider that moves faster than images are made only moves the mark; what is skipped is never computed.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._shown: object = None
        self._rests_at: object = None
        self._began = self._milliseconds = 0.0
        self._drawing: Steps[None] | None = None
        self._fault = ""
        self._images = self._timer(0, self._make_images)
        self._numbers = self._timer(NUMBERS_AFTER_MS, self._make_numbers)
        self._deviating: Steps[None] | None = None
        self._deviation = self._timer(0, self._make_deviation)

    def _timer(self, milliseconds: int, function: Callable[[], None]) -> qt.QTimer:
        timer = qt.QTimer()
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.connect("timeout()", self._remembered(function))
        return timer

    def _remembered(self, function: Callable[[], None]) -> Callable[[], None]:
        """The function, its fault told, and remembered until it is mended."""
        guarded = self._panel.guarded(function)

        def call() -> None:
            self._fault = guarded() or self._fault

        return call

    def refresh(self) -> None:
        """Something changed: show it, if live and if what is shown is no longer what is set."""
        self._panel.session.aim(self._panel.parameters)
        self._follow()

    def _follow(self) -> None:
        session, parameters = self._panel.session, self._panel.parameters
        if not parameters.live or session.prepared is None or self._state() == self._shown:
            return
        if self._rests_at is None or self._rests_at != session.carm_state(parameters):
            self._images.start()

    @property
    def busy(self) -> bool:
        """Whether something of the present angles is still to be made."""
        return self._images.active or self._numbers.active or self._deviation.active

    def now(self) -> None:
        """Show the present angles, live or not, in the next round of the event loop."""
        self._shown = self._drawing = None
        self._images.start()

    def rest(self) -> None:
        """Stored images are shown, with the C-arm turned to them: leave them, as long as it stays there."""
        self.stop()
        parameters = self._panel.parameters
        self._rests_at = self._panel.session.carm_state(parameters) if parameters.live else None
        self._panel.ui.liveNote.text = ""

    def wake(self) -> None:
        """Volumes or generator are other ones than those that stored images were made of: rest no more."""
        self._rests_at = None

    def finish(self) -> None:
        """Let no preview stand; it is made exact now, not at the pause. No expected error comes after it."""
        self._leave()
        self._remembered(lambda: self._panel.session.make_exact(self._panel.parameters))()

    def stop(self) -> None:
        """Forget what was to be shown."""
        self._leave()
        self._shown = None

    def _leave(self) -> None:
        """Take no more steps of what is being made."""
        for timer in (self._images, self._numbers, self._deviation):
            timer.stop()
        self._drawing = self._deviating = None

    def _state(self) -> object:
        return self._panel.session.live_state(self._panel.parameters)

    def _make_images(self) -> None:
        """One step of them; images that are begun are shown, whatever moves meanwhile, so that some always are."""
        drawing, self._drawing = self._drawing, None
        if drawing is None:
            self._leave()
            self._shown, self._rests_at = self._state(), None
            self._began = time.perf_counter()
            drawing = self._panel.session.update_steps(self._panel.parameters)
        self._drawing = _with_a_step(drawing)
        if self._drawing is not None:
            self._images.start()
            return
        self._panel.images_shown()
        self._panel.unsay(self._fault)
        self._fault = ""
        self._milliseconds = 1e3 * (time.perf_counter() - self._began)
        self._panel.ui.liveNote.text = _("{ms:.0f} ms").format(ms=self._milliseconds)
        self._numbers.start()
        self._follow()

    def _make_numbers(self) -> None:
        if self._panel.session.make_exact(self._panel.parameters):
            # The numbers come a little later: between the two the panel answers.
            self._numbers.start()
            return
        numbers = self._panel.session.numbers()
        if numbers is not None:
            self._panel.ui.liveNote.text = _(
                "PSNR {psnr:.1f} dB, SSIM {ssim:.2f}, fine detail {detail:.2f}; {ms:.0f} ms"
            ).format(psnr=numbers.psnr, ssim=numbers.ssim, detail=numbers.hp_corr, ms=self._milliseconds)
        self._deviating = self._panel.session.deviation_steps(self._panel.parameters)
        self._deviation.start()

    def _make_deviation(self) -> None:
        """One step: after the first the panel says that it is being made, after the last it is shown."""
        deviating, self._deviating = self._deviating, None
        if deviating is None:
            return
        self._deviating = _with_a_step(deviating)
        if self._deviating is not None:
            self._deviation.start()
        self._panel.images_shown()


def _with_a_step(steps: Steps[None]) -> Steps[None] | None:
    """The same steps after one of them was taken; None where it was the last."""
    try:
        next(steps)
    except StopIteration:
        return None
    return steps
