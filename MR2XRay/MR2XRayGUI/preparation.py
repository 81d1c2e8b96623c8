"""The chosen volumes, looked at and made ready for projecting; on a thread, since it takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from MR2XRayGUI.background import Background
from MR2XRayLib.errors import MR2XRayError
from MR2XRayScene.prepared import Prepared, at_hand, chosen_pair, first_mr, prepare, state_of, with_generator

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel


class Preparation:
    """Keeps `session.prepared` in step with volumes, transforms, generator and device.

    `words` stand beside the volumes as long as they are true. That the chosen generator is not installed is told at the
    top of the panel too, once.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._background: Background | None = None
        self._abandoned: Background | None = None
        self._volumes: object = None
        self._network: object = None
        self._packages: frozenset[str] = frozenset()
        self._waiting: list[Callable[[], None]] = []
        self._words = self._lack = ""

    @property
    def words(self) -> str:
        """What is to be said about volumes and generator; empty if they are in order."""
        return self._words or self._lack

    @property
    def busy(self) -> bool:
        """Whether volumes or a generator are being prepared."""
        return self._background is not None

    def refresh(self) -> None:
        """Prepare anew what is not as it was prepared: all of it, or the generator alone."""
        panel, parameters = self._panel, self._panel.parameters
        volumes = (state_of(parameters), panel.device)
        if volumes != self._volumes:
            panel.forget_fault()
        generator = self._generator()
        if volumes == self._volumes and generator == self._network:
            return
        ready = panel.session.prepared if volumes == self._volumes else None
        self._give_up()
        panel.live.wake()
        self._volumes, self._network, self._packages = volumes, generator, at_hand()
        panel.session.prepared = None
        self._words = ""
        if first_mr(parameters) is None and parameters.ct is None:
            return
        try:
            pair = chosen_pair(parameters)
        except MR2XRayError as error:
            self._words = str(error)
            return
        self._words = _("Preparing the volumes...")
        device = panel.device
        self._background = Background(
            (lambda progress: with_generator(ready, generator, progress))
            if ready
            else (lambda progress: prepare(pair, generator, device, progress)),
            self._done,
            self._failed,
            after=self._abandoned,
        )
        self._abandoned = None

    def _generator(self) -> Path | None:
        """The folder of the chosen generator; that it is not installed is told when that becomes so."""
        panel, folder, lack = self._panel, None, ""
        try:
            folder = panel.store.folder(panel.parameters.generator)
        except MR2XRayError as error:
            lack = str(error)
        if lack != self._lack:
            panel.unsay(self._lack)
            if lack:
                panel.fault(lack)
            self._lack = lack
        return folder

    def when_ready(self, function: Callable[[], None]) -> None:
        """Call a function once the volumes are prepared, at once if they are.

        Raises:
            MR2XRayError: if they cannot be, with the reason.
        """
        if self._panel.session.prepared is not None:
            function()
        elif self.busy:
            self._waiting.append(function)
        else:
            raise MR2XRayError(self._words or _("No volume is chosen; choose an MR volume first."))

    def again(self) -> None:
        """Prepare all of it anew, as after an installation."""
        self._give_up()
        self.refresh()

    def retry(self) -> None:
        """`refresh`, and once more what failed, volumes or the generator alone: the user may have mended it."""
        if not self.busy and self._panel.session.prepared is None:
            self._volumes = None
        elif not self.busy and self._words:
            # No generator's folder, nor the want of one.
            self._network = object()
        self.refresh()

    def use_packages(self) -> None:
        """Prepare all of it anew if packages have come since it was prepared, whoever installed them.

        With them the place is known where the user's own C-arms and generators lie.
        """
        if at_hand() != self._packages:
            self._panel.reload_own()
            self.again()
            self._panel.refresh()

    def abandon(self) -> None:
        """The scene goes away: give up what is under way, and forget what was prepared and told."""
        self._give_up()
        self._lack = ""

    def _give_up(self) -> None:
        if self._background is not None:
            self._background.abandon()
            self._abandoned = self._background
        self._background = self._volumes = self._network = None
        self._waiting.clear()

    def _done(self, prepared: Prepared) -> None:
        self._background, self._words = None, prepared.words
        self._panel.session.take(prepared)
        waiting, self._waiting = self._waiting, []
        for function in waiting:
            # On coming back from another module something else may be chosen, and be prepared first.
            self._panel.when_here(self._panel.guarded(partial(self.when_ready, function)))
        self._panel.refresh()

    def _failed(self, sentence: str) -> None:
        self._background, self._words = None, sentence
        self._waiting.clear()
        self._panel.refresh()
