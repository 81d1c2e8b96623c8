"""Signals as PythonQt shows them: two ways to connect, both return whether they did."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6 import QtCore

from .faults import FAULTS
from .tables import names_of
from .values import to_python, to_qt

if TYPE_CHECKING:
    from .instance import Instance


def accepted_count(callable_: Callable[..., Any]) -> int | None:
    """How many of a signal's arguments PythonQt passes: as many as a function has, None for all of them.

    Source: `PythonQtSignalTarget::call` in PythonQtSignalReceiver.cpp; only functions and methods are looked at.
    """
    function = callable_.__func__ if isinstance(callable_, types.MethodType) else callable_
    if not isinstance(function, types.FunctionType) or function.__code__.co_flags & inspect.CO_VARARGS:
        return None
    return function.__code__.co_argcount - (function is not callable_)


def relay(callable_: Callable[..., Any]) -> Callable[..., None]:
    """`callable_` as a slot: surplus arguments dropped, what it raises printed and remembered."""
    count = accepted_count(callable_)

    def slot(*arguments: Any) -> None:
        try:
            callable_(*[to_python(argument) for argument in arguments[:count]])
        except Exception as error:
            FAULTS.record_exception(error)

    return slot


@dataclass
class Connection:
    """One connection that Python made."""

    signature: str
    callable_: Callable[..., Any]
    handle: QtCore.QMetaObject.Connection


def known_signature(instance: Instance, signature: str) -> str | None:
    """The signal as its class declares it, None where it has no such signal."""
    wanted = QtCore.QMetaObject.normalizedSignature(signature).data().decode()
    signals = names_of(instance.className()).signals
    return wanted if wanted in signals.get(wanted.split("(")[0], ()) else None


def qt_signature(instance: Instance, signature: str) -> str:
    """The signal as the underlying object has it: VTK's pointers travel as Python objects."""
    return getattr(type(qt_of(instance)), "QT_SIGNATURES", {}).get(signature, signature)


def qt_of(instance: Instance) -> QtCore.QObject:
    from .instance import qt_object

    return qt_object(instance)


def connections_of(sender: QtCore.QObject) -> list[Connection]:
    """The connections that Python made to an object's signals."""
    if not hasattr(sender, "_stand_in_connections"):
        sender._stand_in_connections = []
    return sender._stand_in_connections


def connect(instance: Instance, signature: str, callable_: Callable[..., Any]) -> bool:
    """`w.connect("sig(type)", f)`: False and a message where the class has no such signal."""
    if not callable(callable_):
        raise ValueError(f"connect: {callable_!r} cannot be called")
    known = known_signature(instance, signature)
    sender = qt_of(instance)
    if known is None:
        FAULTS.record("connection", f"{instance.className()} has no signal {signature}")
        return False
    slot = relay(callable_)
    handle = QtCore.QObject.connect(sender, "2" + qt_signature(instance, known), slot)
    if not handle:
        FAULTS.record("connection", f"{instance.className()}: {signature} is not imitated")
        return False
    connections_of(sender).append(Connection(known, callable_, handle))
    return True


def disconnect(instance: Instance, signature: str, callable_: Callable[..., Any] | None = None) -> bool:
    """`w.disconnect("sig(type)", f)`: one connection to `f`; all of the signal without `f`."""
    known = known_signature(instance, signature)
    kept, found = [], []
    connections = connections_of(qt_of(instance))
    for connection in connections:
        same = connection.signature == known and callable_ in (None, connection.callable_)
        (found if same and not (callable_ and found) else kept).append(connection)
    for connection in found:
        QtCore.QObject.disconnect(connection.handle)
    connections[:] = kept
    return bool(found)


def disconnect_all(sender: QtCore.QObject) -> None:
    """Undo every connection that Python made to an object's signals."""
    for connection in connections_of(sender):
        QtCore.QObject.disconnect(connection.handle)
    connections_of(sender).clear()


class SignalFunction:
    """`w.sig`: connects, disconnects, and emits when called."""

    def __init__(self, instance: Instance, name: str) -> None:
        self._instance = instance
        self._signatures = names_of(instance.className()).signals[name]

    def connect(self, callable_: Callable[..., Any]) -> bool:
        """Connect to the signal's first signature."""
        return connect(self._instance, self._signatures[0], callable_)

    def disconnect(self, callable_: Callable[..., Any] | None = None) -> bool:
        """Disconnect `callable_`; what happens without it differs between builds of Slicer, so it is a fault."""
        if callable_ is None:
            FAULTS.record("connection", f"{self._signatures[0]}.disconnect() needs the function")
            return False
        return disconnect(self._instance, self._signatures[0], callable_)

    def emit(self, *arguments: Any) -> None:
        """Emit the overload that takes this many arguments."""
        for signature in self._signatures:
            if len([part for part in signature.split("(")[1][:-1].split(",") if part]) == len(arguments):
                sender = qt_of(self._instance)
                name, kinds = qt_signature(self._instance, signature)[:-1].split("(")
                bound = getattr(sender, name)
                (bound[kinds] if kinds else bound).emit(*[to_qt(argument) for argument in arguments])
                return
        raise ValueError(f"no overload of {self._signatures} takes {len(arguments)} arguments")

    __call__ = emit
