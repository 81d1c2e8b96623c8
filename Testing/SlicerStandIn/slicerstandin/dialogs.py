"""Dialogs that a test answers beforehand; one that nobody answered is a fault, and is taken as cancelled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PySide6 import QtWidgets

from .faults import FAULTS
from .instance import REPLACED, Instance, qt_object
from .values import EnumValue, to_python

BUTTONS = QtWidgets.QMessageBox.StandardButton
CANCELLED = object()


@dataclass(frozen=True)
class Seen:
    """A dialog that the program showed: its kind, and its title and text."""

    kind: str
    text: str


@dataclass(frozen=True)
class Answer:
    """What to answer to the next dialog of this kind whose text holds `text`."""

    kind: str
    reply: Any
    text: str


@dataclass
class Dialogs:
    """The answers to come, and what was shown.

    Kinds: the static functions by name (getOpenFileName, getOpenFileNames, getSaveFileName,
    getExistingDirectory, getText, getMultiLineText, getItem), `messageBox` (reply: a button's name or text),
    `menu` (reply: an action's text), `dialog` (reply: a function of the dialog that gives its result).
    """

    answers: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    opened_urls: list[str] = field(default_factory=list)

    def answer(self, kind: str, reply: Any, text: str = "") -> None:
        """Answer the next dialog; answers are used in the order in which they were given."""
        self.answers.append(Answer(kind, reply, text))

    def ask(self, kind: str, text: str) -> Any:
        """What the test answers, or `CANCELLED` with a fault."""
        self.seen.append(Seen(kind, text))
        if self.answers and self.answers[0].kind == kind and self.answers[0].text in text:
            return self.answers.pop(0).reply
        expected = self.answers[0] if self.answers else "no dialog"
        FAULTS.record("dialog", f"unexpected {kind}: {text!r} (expected: {expected})")
        return CANCELLED


DIALOGS = Dialogs()


def file_dialog(kind: str, cancelled: Any) -> None:
    """Replace one of QFileDialog's static functions; a plain text comes back, as was seen."""

    def ask(parent: Any = None, caption: str = "", folder: str = "", *rest: Any) -> Any:
        filters = rest[0] if rest and isinstance(rest[0], str) else ""
        reply = DIALOGS.ask(kind, f"{caption} {folder} {filters}".strip())
        return cancelled if reply is CANCELLED else to_python(reply)

    REPLACED["QFileDialog", kind] = ask


def input_dialog(kind: str) -> None:
    """Replace one of QInputDialog's static functions."""

    def ask(parent: Any, title: str, label: str, *rest: Any) -> Any:
        reply = DIALOGS.ask(kind, f"{title} {label}")
        if reply is not CANCELLED:
            return reply
        return rest[0][0] if kind == "getItem" and rest and rest[0] else ""

    REPLACED["QInputDialog", kind] = ask


def message(kind: str) -> None:
    """Replace one of QMessageBox's static functions."""

    def ask(parent: Any, title: str, text: str, *buttons: Any) -> Any:
        reply = DIALOGS.ask("messageBox", f"{title} {text}")
        return EnumValue(BUTTONS.Cancel if reply is CANCELLED else BUTTONS[reply])

    REPLACED["QMessageBox", kind] = ask


def execute_message_box(wrapper: Instance) -> int:
    """Answer `box.exec_()` by pressing the button of that name or text."""
    box = qt_object(wrapper)
    if not box.buttons():
        box.setStandardButtons(BUTTONS.Ok)
    reply = DIALOGS.ask("messageBox", f"{box.windowTitle()} {box.text()} {box.informativeText()}".strip())
    named = {box.standardButton(button).name: button for button in box.buttons()}
    named |= {button.text().replace("&", ""): button for button in box.buttons()}
    if reply is not CANCELLED and reply not in named:
        FAULTS.record("dialog", f"no button {reply!r} among {sorted(named)}")
    if reply is CANCELLED or reply not in named:
        return int(BUTTONS.Cancel.value)
    named[reply].click()
    standard = box.standardButton(named[reply])
    return int(standard.value) if standard != BUTTONS.NoButton else box.result()


def execute_dialog(wrapper: Instance) -> int:
    """Answer `dialog.exec_()` by the test's function of the dialog."""
    reply = DIALOGS.ask("dialog", qt_object(wrapper).windowTitle())
    return 0 if reply is CANCELLED else int(reply(wrapper))


def execute_menu(wrapper: Instance, *position: Any) -> Any:
    """Answer `menu.exec_()` by the text of an action, which is triggered."""
    menu = qt_object(wrapper)
    reply = DIALOGS.ask("menu", " | ".join(action.text() for action in menu.actions()))
    chosen = next((action for action in menu.actions() if action.text() == reply), None)
    if chosen is not None:
        chosen.trigger()
    return to_python(chosen)


def open_url(url: Instance) -> bool:
    """Remember what would be opened in the browser."""
    DIALOGS.opened_urls.append(qt_object(url).toString())
    return True


file_dialog("getOpenFileName", "")
file_dialog("getOpenFileNames", ())
file_dialog("getSaveFileName", "")
file_dialog("getExistingDirectory", "")
for _kind in ("getText", "getMultiLineText", "getItem"):
    input_dialog(_kind)
for _kind in ("question", "information", "warning", "critical"):
    message(_kind)
for _name in ("exec", "exec_"):
    REPLACED["QMessageBox", _name] = execute_message_box
    REPLACED["QDialog", _name] = execute_dialog
    REPLACED["QMenu", _name] = execute_menu
REPLACED["QDesktopServices", "openUrl"] = open_url
