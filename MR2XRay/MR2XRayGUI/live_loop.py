"""Live: the images follow the angles, as fast as they can be made and no faster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel


class LiveLoop:
    """Makes one set of images for the newest angles each time the event loop is idle.

    A slider that moves faster than images are made only moves the mark; what is skipped is never computed.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._shown: object = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", panel.guarded(self._update))

    def refresh(self) -> None:
        """Something changed: show it, if live and if what is shown is no longer what is set."""
        parameters = self._panel.parameters
        self._panel.session.aim(parameters)
        if parameters.live and self._panel.session.prepared is not None and self._state() != self._shown:
            self._timer.start()

    def now(self) -> None:
        """Show the present angles, live or not."""
        self._shown = None
        self._update()

    def stop(self) -> None:
        """Forget what was to be shown."""
        self._timer.stop()
        self._shown = None

    def _state(self) -> object:
        return self._panel.session.live_state(self._panel.parameters)

    def _update(self) -> None:
        session, parameters = self._panel.session, self._panel.parameters
        self._shown = self._state()
        began = time.perf_counter()
        images = session.update_images(parameters)
        self._panel.images_shown()
        milliseconds = 1e3 * (time.perf_counter() - began)
        numbers = images.metrics
        self._panel.ui.liveNote.text = (
            _("{ms:.0f} ms").format(ms=milliseconds)
            if numbers is None
            else _("PSNR {psnr:.1f} dB, SSIM {ssim:.2f}, fine detail {detail:.2f}; {ms:.0f} ms").format(
                psnr=numbers.psnr, ssim=numbers.ssim, detail=numbers.hp_corr, ms=milliseconds
            )
        )
