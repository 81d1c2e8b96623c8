"""The panel at work: its widgets, the session, the parameter node at hand, and one object a section."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from MR2XRayGUI.background import Background
from MR2XRayGUI.carm_section import CArmSection
from MR2XRayGUI.corner_text import CornerText
from MR2XRayGUI.generator_section import GeneratorSection
from MR2XRayGUI.job import Job
from MR2XRayGUI.live_loop import LiveLoop
from MR2XRayGUI.preparation import Preparation
from MR2XRayGUI.registration_section import RegistrationSection
from MR2XRayGUI.results_section import ResultsSection
from MR2XRayGUI.store import Store
from MR2XRayGUI.synthesis_section import SynthesisSection
from MR2XRayGUI.training_section import TrainingSection
from MR2XRayGUI.volumes_section import VolumesSection
from MR2XRayGUI.watch import ViewsWatch, Watch
from MR2XRayLib.errors import MR2XRayError, lacks_memory
from MR2XRayScene import layout

if TYPE_CHECKING:
    from MR2XRayScene.parameters import MR2XRayParameterNode
    from MR2XRayScene.session import Session

FAULT_STYLE, PLAIN_STYLE = "color: #c0392b;", ""

ACTS = ("clicked", "activated", "returnPressed", "cellDoubleClicked")
"""Signals that only a user's hand gives, no program."""


class Panel:
    """What the sections share.

    Args:
        ui: the widgets by name (`slicer.util.childWidgetVariables`).
        session: the scene side of the work.

    Attributes:
        parameters: the parameter node, or None while there is none (a scene is being closed).
        store: the generators at hand.
        job: the one worker process.
        preparation: the volumes made ready for projecting.
        live: images follow the angles.
    """

    def __init__(self, ui: Any, session: Session) -> None:
        self.ui, self.session = ui, session
        self.parameters: MR2XRayParameterNode | None = None
        self._was_shown = self._is_away = False
        self._on_return: list[Callable[[], None]] = []
        self._captions = CornerText()
        self._watch = Watch(self.refresh)
        self._views_watch = ViewsWatch(self.guarded(self._write_captions))
        self.say("")
        self.store = Store()
        self.job = Job(self)
        self.preparation = Preparation(self)
        self.live = LiveLoop(self)
        self._carm = CArmSection(self)
        self._sections = (
            VolumesSection(self),
            RegistrationSection(self),
            self._carm,
            GeneratorSection(self),
            SynthesisSection(self),
            ResultsSection(self),
            TrainingSection(self),
        )

    def attach(self, parameters: MR2XRayParameterNode) -> None:
        """Work on this parameter node from now on."""
        self.parameters = parameters
        self.refresh()
        # Images outlive the loading of more into their scene; their captions went with `detach`.
        self.guarded(self.images_shown)()

    def detach(self) -> None:
        """Forget the parameter node; work under way is given up, its result would find no scene."""
        self.job.abandon()
        self.preparation.abandon()
        self.live.stop()
        self._watch.follow(None)
        self.parameters = None
        self.say("")
        self._on_return.clear()
        self.session.forget()
        self._hide_captions()
        self.ui.liveNote.text = ""
        self._tell_of_images("", "")

    def close(self) -> None:
        """The program ends, or the module is loaded anew: nothing of this panel works on."""
        Background.end_all()

    def enter(self) -> None:
        """The user comes to this module: what was shown is shown again, and what came meanwhile."""
        self._is_away = False
        self.reload_own()
        self.refresh()
        waiting = [self.show_layout, *self._on_return] if self._was_shown else self._on_return
        self._on_return = []
        for function in waiting:
            self.guarded(function)()

    def exit(self) -> None:
        """The user goes to another module: the former layout comes back, and no image follows the angles.

        A job and the preparing of volumes go on; what they make comes into the scene, see `when_here`.
        """
        self.live.finish()
        self.live.stop()
        self._was_shown = self.session.leave_layout()
        self._hide_captions()
        self._is_away = True

    def when_here(self, function: Callable[[], None]) -> None:
        """Call a function that changes the views: now, or when the user comes back from a module that has them."""
        if self._is_away:
            self._on_return.append(function)
        else:
            function()

    def show_layout(self) -> None:
        """Our layout, with the images that are in the scene."""
        self.session.show_layout(self.parameters)
        self.images_shown()

    def show_result(self) -> None:
        """The images that the worker made of the chosen view; live ones do not take their place."""
        self.session.show_result(self.parameters)
        self.live.rest()
        self.images_shown()

    def refresh(self) -> None:
        """The parameter node, a volume or a job changed: enable, disable and describe anew.

        While the user is in another module nothing follows the scene, which changes as that module likes.
        """
        if self.parameters is None or self._is_away:
            return
        self._watch.follow(self.parameters)
        self.preparation.refresh()
        for section in self._sections:
            section.refresh()
        self.live.refresh()

    def reload_own(self) -> None:
        """Look again which C-arms and generators there are: the user may have changed what is their own."""
        self.store.reload()
        self._carm.reload()

    def ensure(self, *needs: Callable[[], None]) -> None:
        """Make sure of packages, see `dependencies`; what could not be prepared without them is prepared then.

        Raises:
            MR2XRayError: if one of them is not to be had; those before it are used all the same.
        """
        try:
            for need in needs:
                need()
        finally:
            self.preparation.use_packages()

    @property
    def device(self) -> str:
        """What the network is to run on."""
        return self.ui.deviceComboBox.currentText

    def images_shown(self) -> None:
        """Images were put into the scene: write into the slice views what they show, and from where.

        The slice views settle in the next round of the event loop: new ones get their size, and the sliders over
        them tell their old offset late and move the planes by it. So planes and zoom are set once more after that.
        """
        if self.parameters is not None:
            self._views_watch.follow(layout.composite_nodes(self.session.scene))
            self._write_captions()
            self._tell_of_images(" ".join(self.session.caveats), self.session.fourth_note(self.parameters))
            qt.QTimer.singleShot(0, self.session.shown.settle)

    def _write_captions(self) -> None:
        self._captions.show(self.session.shown.captions(self.parameters))

    def _hide_captions(self) -> None:
        self._views_watch.follow(())
        self._captions.hide()

    def _tell_of_images(self, generator: str, fourth: str) -> None:
        """Write the notes on the synthesized image and on the fourth; empty ones are hidden."""
        for note, text in ((self.ui.generatorNote, generator), (self.ui.fourthNote, fourth)):
            note.text, note.visible = text, bool(text)

    def offer(self, widget: Any, what: str, lack: str = "", *, alone: bool = False) -> None:
        """Enable a widget, its tooltip saying what it does; or disable it, its tooltip saying why.

        Args:
            widget: a button, a box or a slider.
            what: what it does.
            lack: what is missing for it, and what to do; empty if nothing is.
            alone: whether it has to wait for other work under way.
        """
        if alone and not lack and self.job.running:
            lack = _("Other work is under way; wait for it or cancel it first.")
        widget.enabled, widget.toolTip = not lack, lack or what

    def say(self, text: str) -> None:
        """A line for the user at the top of the panel; empty hides it."""
        self._message(text, PLAIN_STYLE)

    def fault(self, sentence: str) -> None:
        """What went wrong, at the top of the panel, and in the log."""
        logging.warning(sentence)
        self._message(sentence, FAULT_STYLE)

    def forget_fault(self) -> None:
        """What may have gone wrong before is of no interest any more."""
        if self.ui.messageLabel.styleSheet == FAULT_STYLE:
            self.say("")

    def unsay(self, sentence: str) -> None:
        """Take a sentence away that is not true any more, if it still stands there."""
        if self.ui.messageLabel.text == sentence:
            self.say("")

    def _message(self, text: str, style: str) -> None:
        self._write(text, style)
        if self._is_away:
            # Volumes that were changed meanwhile would let a fault go that nobody has seen.
            self._on_return.append(partial(self._write, text, style))

    def _write(self, text: str, style: str) -> None:
        self.ui.messageLabel.styleSheet = style
        self.ui.messageLabel.text = text
        self.ui.messageLabel.visible = bool(text)

    def connect(self, widget: Any, signal: str, function: Callable[..., None]) -> None:
        """Connect a signal to a function of one section, so that its faults become sentences in the panel.

        What was said of the last act goes when the user acts anew.
        """
        guarded = self.guarded(function)

        def act(*values: Any) -> None:
            self.say("")
            guarded(*values)

        widget.connect(signal, act if signal.startswith(ACTS) else guarded)

    def guarded(self, function: Callable[..., None]) -> Callable[..., str]:
        """As `telling`, for what the panel's widgets and timers call: it does nothing while the user is elsewhere."""
        telling = self.telling(function)

        def call(*values: Any) -> str:
            return "" if self._is_away else telling(*values)

        return call

    def telling(self, function: Callable[..., None]) -> Callable[..., str]:
        """The function, its faults told in the panel; it does nothing while there is no parameter node.

        Instead of what the function returns it gives the fault that was told, or an empty text.
        """

        def call(*values: Any) -> str:
            if self.parameters is None:
                return ""
            try:
                function(*values)
            except Exception as error:
                sentence = _sentence_of(error)
                self.fault(sentence)
                return sentence
            return ""

        return call


def _sentence_of(error: Exception) -> str:
    """A fault as it is told; what is behind one that nobody foresaw goes to the log."""
    if isinstance(error, MR2XRayError):
        return str(error)
    if lacks_memory(error):
        return _("There is not enough memory for this; use a smaller volume or fewer pixels.")
    logging.error("MR2XRay", exc_info=error)
    return _("This failed unexpectedly ({error}); the log has the details.").format(error=error)
