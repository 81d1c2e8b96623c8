"""Objects as PythonQt shows them: a wrapper with the names of its class's table, and no other."""

from __future__ import annotations

import enum
import re
import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets
from shiboken6 import Shiboken

from . import qobject_methods
from .tables import Names, names_of, tables
from .values import REFUSED, EnumValue, property_value, to_python, to_qt

MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)
IMPLEMENTATIONS: dict[str, type] = {}  # classes of CTK and Slicer, made here in Python over PySide6
REPLACED: dict[tuple[str, str], Callable[..., Any]] = {}  # (class, method) → what is done instead: dialogs
CLASSES: dict[str, ClassWrapper] = {}
VIRTUAL = ("event", "eventFilter", "resizeEvent", "closeEvent", "showEvent", "hideEvent", "keyPressEvent",
           "mousePressEvent", "mouseReleaseEvent", "mouseMoveEvent", "wheelEvent", "timerEvent")  # fmt: skip


def implementation(made: type) -> type:
    """Class decorator: this class stands for the class of CTK or Slicer of the same name."""
    IMPLEMENTATIONS[made.__name__] = made
    return made


def qt_class(name: str) -> type | None:
    """PySide6's class, or the one made here."""
    found = IMPLEMENTATIONS.get(name)
    for module in MODULES:
        found = found or getattr(module, name, None)
    return found


class Method:
    """A bound method: arguments and result are converted; keyword arguments are refused."""

    def __init__(self, name: str, function: Callable[..., Any], owner: Any = None) -> None:
        self._name, self._function, self._owner = name, function, owner

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if keywords:
            raise ValueError(f"{self._name} takes no keyword arguments: {sorted(keywords)}")
        if self._owner is not None:
            qt_object(self._owner)
        try:
            result = self._function(*[to_qt(argument) for argument in arguments])
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise
            raise ValueError(f"called {self._name}{arguments} with wrong arguments: {error}") from None
        return to_python(result)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and (self._name, self._owner) == (other._name, other._owner)

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"<unbound qt slot {self._name}>"


class ClassWrapper(type):
    """A class as PythonQt shows it: enumerators, static functions, and methods that take the object first."""

    qt_name: str

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or "qt_name" in name:
            raise AttributeError(name)
        names, underlying = names_of(cls.qt_name), qt_class(cls.qt_name)
        if name in names.statics:
            replaced = REPLACED.get((cls.qt_name, name))
            return replaced or Method(f"{cls.qt_name}.{name}", getattr(underlying, name))
        if name in names.enumerators and isinstance(getattr(underlying, name, None), enum.Enum):
            return EnumValue(getattr(underlying, name))
        if name in names.methods:
            return lambda self, *arguments: Method(name, getattr(underlying, name))(self, *arguments)
        raise AttributeError(f"type object '{cls.qt_name}' has no attribute '{name}'")

    def __repr__(cls) -> str:
        return f"<class 'PythonQt.{cls.qt_name}'>"


class Instance(metaclass=ClassWrapper):
    """The base of all wrappers. Classes stand beside each other: isinstance knows no inheritance of Qt's."""

    qt_name = "QObject"
    __slots__ = ("__weakref__", "_object")

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        made = qt_class(self.qt_name)
        if keywords:
            raise ValueError(f"{self.qt_name}: a constructor takes no keyword arguments: {sorted(keywords)}")
        if made is None:
            raise ValueError(f"{self.qt_name} is not imitated")
        if self.qt_name in IMPLEMENTATIONS and len(arguments) > 1:
            raise ValueError(f"{self.qt_name} takes a parent and nothing else")
        try:
            built = shell(type(self), made)(*[to_qt(argument) for argument in arguments])
        except TypeError as error:
            raise ValueError(f"could not construct {self.qt_name}{arguments}: {error}") from None
        adopt(self, built)

    def className(self) -> str:
        """The name of the C++ class."""
        return self.qt_name

    def inherits(self, name: str) -> bool:
        """Whether the C++ class is, or derives from, the one named."""
        return qobject_methods.inherits(qt_object(self), name)

    def __getattr__(self, name: str) -> Any:
        return read(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        write(self, name, value)

    def __repr__(self) -> str:
        return f"{self.qt_name} ({self.qt_name} at: {hex(id(self))})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Instance):
            return False
        mine, its = qt_object(self), qt_object(other)
        return mine is its or (not isinstance(mine, QtCore.QObject) and mine == its)

    def __hash__(self) -> int:
        return id(qt_object(self))


def class_wrapper(name: str) -> ClassWrapper:
    """The wrapper of a class that has a table."""
    if name not in CLASSES:
        CLASSES[name] = ClassWrapper(name, (Instance,), {"qt_name": name, "__slots__": ()})
        CLASSES[name].__module__ = "PythonQt"
    return CLASSES[name]


def shell(cls: type, base: type) -> type:
    """The class whose object is made: for a Python subclass, one that calls its overrides of Qt's virtuals."""
    overrides = [name for name in VIRTUAL if any(name in made.__dict__ for made in user_classes(cls))]
    if not overrides:
        return base

    def override(name: str) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any) -> Any:
            owner = wrapper_of(self)
            return to_qt(getattr(owner, name)(*[to_python(argument) for argument in arguments]))

        return call

    return type(base.__name__, (base,), {name: override(name) for name in overrides})


def user_classes(cls: type) -> list[type]:
    """The classes of an object that a program wrote in Python."""
    return [made for made in cls.__mro__ if made is not CLASSES.get(made.__name__) and issubclass(made, Instance)
            and made is not Instance]  # fmt: skip


def adopt(wrapper: Instance, built: Any) -> None:
    """Tie a wrapper to its object, both ways; a Python subclass lives as long as an object that has a parent."""
    object.__setattr__(wrapper, "_object", built)
    if isinstance(built, QtCore.QObject):
        keeps = bool(user_classes(type(wrapper))) and built.parent() is not None
        built._stand_in_wrapper = (lambda: wrapper) if keeps else weakref.ref(wrapper)


def qt_object(wrapper: Instance) -> Any:
    """The object of a wrapper.

    Raises:
        ValueError: it was destroyed.
    """
    found = object.__getattribute__(wrapper, "_object")
    if isinstance(found, Shiboken.Object) and not shiboken6.isValid(found):
        raise ValueError(f"Trying to use a destroyed {wrapper.qt_name} object")
    return found


def wrapper_of(built: Any) -> Instance:
    """The wrapper of an object: the one that is there, or a new one of the nearest class with a table."""
    known = getattr(built, "_stand_in_wrapper", None)
    found = known() if known else None
    if found is not None:
        return found
    for cls in type(built).__mro__:
        if cls.__name__ in tables():
            made = class_wrapper(cls.__name__)
            wrapper = made.__new__(made)
            adopt(wrapper, built)
            return wrapper
    raise AttributeError(f"a {type(built).__name__} is not imitated")


def read(wrapper: Instance, name: str) -> Any:
    """`wrapper.name`, in PythonQt's order: property, method, signal, enumerator, dynamic property."""
    if name.startswith("__") or name == "_object":
        raise AttributeError(name)
    names, built = names_of(wrapper.qt_name), qt_object(wrapper)
    if name == "name" and "objectName" in names.properties and "name" not in names.properties:
        name = "objectName"
    if name in names.properties:
        value = to_python(property_of(built, name))
        return shown_tool_tip(value) if name == "toolTip" else value
    if (found := method_of(wrapper, built, name, names)) is not None:
        return found
    if name in names.signals:
        from .signals import SignalFunction

        return SignalFunction(wrapper, name)
    if name in names.enumerators:
        return getattr(CLASSES[wrapper.qt_name], name)
    if isinstance(built, QtCore.QObject) and name.encode() in [
        bytes(key.data()) for key in built.dynamicPropertyNames()
    ]:
        return to_python(built.property(name))
    raise AttributeError(f"{wrapper.qt_name} has no attribute '{name}'")


def property_of(built: QtCore.QObject, name: str) -> Any:
    """A property's value; PySide6 reads some enums through their getters only."""
    try:
        return built.property(name)
    except RuntimeError:
        return getattr(built, name)()


def shown_tool_tip(text: str) -> str:
    """A tooltip as CTK's ctkToolTipTrapper leaves it: plain text becomes a paragraph, so that it breaks."""
    return text if not text or re.search(r"<[a-zA-Z!/]", text) else f"<p>{text}</p>"


def method_of(wrapper: Instance, built: Any, name: str, names: Names) -> Any:
    """The bound method of that name, None where there is none."""
    if isinstance(built, QtCore.QObject) and name in qobject_methods.METHODS:
        return lambda *arguments: qobject_methods.METHODS[name](wrapper, *arguments)
    if (name if name != "exec_" else "exec") not in names.methods | names.statics:
        return None
    replaced = next(
        (REPLACED[key] for key in ((made, name) for made in bases(wrapper.qt_name)) if key in REPLACED), None
    )
    if replaced is not None:
        return lambda *arguments: replaced(wrapper, *arguments)
    attribute = "exec" if name == "exec_" else name
    function = getattr(built, attribute, None)
    return Method(name, function, wrapper) if function is not None else None


def bases(name: str) -> list[str]:
    """A class and those that it derives from, by name."""
    from .tables import lineage

    return [table.name for table in lineage(name)]


def write(wrapper: Instance, name: str, value: Any) -> None:
    """`wrapper.name = value`: a property, a known dynamic property, or an attribute of a Python subclass."""
    if name == "_object":
        object.__setattr__(wrapper, name, value)
        return
    names, built = names_of(wrapper.qt_name), qt_object(wrapper)
    if name == "name" and "objectName" in names.properties and "name" not in names.properties:
        name = "objectName"
    if name in names.properties:
        write_property(wrapper, built, name, names.properties[name], value)
    elif name in names.signals or method_of(wrapper, built, name, names) is not None:
        raise AttributeError(f"'{name}' can not be overwritten on {wrapper.qt_name} object")
    elif isinstance(built, QtCore.QObject) and built.property(name) is not None:
        built.setProperty(name, to_qt(value))
    elif user_classes(type(wrapper)):
        object.__setattr__(wrapper, name, value)
    else:
        raise AttributeError(
            f"'{name}' does not exist on {wrapper.qt_name} and creating new attributes on C++ objects is not allowed"
        )


def write_property(wrapper: Instance, built: Any, name: str, writable: bool, value: Any) -> None:
    """Write a property.

    Raises:
        AttributeError: it is read-only, or does not take such a value.
    """
    meta = built.metaObject().property(built.metaObject().indexOfProperty(name))
    if not writable:
        raise AttributeError(f"Property '{name}' of {wrapper.qt_name} object is not writable")
    converted = property_value(value, meta)
    if converted is REFUSED or not built.setProperty(name, converted):
        raise AttributeError(
            f"Property '{name}' of type '{meta.typeName()}' of {wrapper.qt_name} does not accept {value!r}"
        )
