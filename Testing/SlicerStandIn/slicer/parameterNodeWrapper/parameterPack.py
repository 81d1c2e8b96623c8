"""Packs: several parameters in one."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

import slicer

from .default import extract_default
from .serializer import Serializer, ValidatedSerializer, createSerializer, parameterNodeSerializer
from .util import split_name, splitAnnotations, unannotatedType
from .validators import IsInstance, NotNone

RESERVED = ("allParameters", "_is_parameterPack", "getValue", "setValue", "dataType")


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter: its name, serializer, default, and type as annotated."""

    basename: str
    serializer: ValidatedSerializer
    default: Any
    unalteredType: Any


def isParameterPack(obj: Any) -> bool:
    """Whether something is a pack, or the class of one."""
    return getattr(obj, "_is_parameterPack", False)


def check_member(pack: Any, name: str) -> None:
    """Raise ValueError where a pack has no such (dotted) member."""
    top, rest = split_name(name)
    if not hasattr(pack, top):
        raise ValueError(f"{pack} has no member '{top}'")
    if rest is not None:
        inner = unannotatedType(pack.allParameters[top].unalteredType)
        if not isParameterPack(inner):
            raise ValueError(f"{inner} is not a parameter pack but expects to have '{rest}'")
        check_member(inner, rest)


def nestedParameterNames(pack: Any) -> list[str]:
    """All dotted names of a pack."""
    names = []
    for name, info in (
        unannotatedType(pack).allParameters.items() if isinstance(pack, type) else pack.allParameters.items()
    ):
        inner = unannotatedType(info.unalteredType)
        names += (
            [f"{name}.{rest}" for rest in nestedParameterNames(inner)] if isParameterPack(inner) else [name]
        )
    return names


def member(name: str, serializer: ValidatedSerializer) -> property:
    """The property of a pack that validates what is set."""

    def write(self: Any, value: Any) -> None:
        serializer.validate(value)
        self.__dict__[f"_pack_{name}"] = value

    return property(lambda self: self.__dict__[f"_pack_{name}"], write)


class PackMethods:
    """What every pack gets."""

    def fill(self: Any, *values: Any, **named: Any) -> None:
        """Set the members: by place, by name, the others by default."""
        given = dict(zip(self.allParameters, values, strict=False))
        for name in named:
            if name not in self.allParameters:
                raise TypeError(f"__init__() got an unexpected keyword argument '{name}'")
            if name in given:
                raise TypeError(f"__init__() got multiple values for argument '{name}'")
        given |= named
        for name, info in self.allParameters.items():
            setattr(self, name, given.get(name, info.default))

    def __eq__(self: Any, other: object) -> bool:
        mine, its = (
            getattr(type(self), "pack_type", type(self)),
            getattr(type(other), "pack_type", type(other)),
        )
        return mine is its and all(getattr(self, name) == getattr(other, name) for name in self.allParameters)

    def __repr__(self: Any) -> str:
        members = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.allParameters)
        return f"{getattr(type(self), 'pack_type', type(self)).__name__}({members})"

    def getValue(self, name: str) -> Any:
        """A member by its dotted name."""
        check_member(self, name)
        top, rest = split_name(name)
        value = getattr(self, top)
        return value if rest is None else value.getValue(rest)

    def setValue(self, name: str, value: Any) -> None:
        """Set a member by its dotted name."""
        check_member(self, name)
        top, rest = split_name(name)
        if rest is None:
            setattr(self, top, value)
        else:
            getattr(self, top).setValue(rest, value)


def describe(cls: type) -> dict[str, ParameterInfo]:
    """The parameters of a pack's class, in order."""
    found = {}
    for name, annotated in typing.get_type_hints(cls, include_extras=True).items():
        kind, annotations = splitAnnotations(annotated)
        serializer, others = createSerializer(kind, annotations)
        default, _ = extract_default(others)
        value = (
            getattr(cls, name) if hasattr(cls, name) else default.value if default else serializer.default()
        )
        try:
            serializer.validate(value)
        except Exception as error:
            raise ValueError(
                f"The default parameter of '{value}' fails the validation checks:\n  {error}"
            ) from error
        found[name] = ParameterInfo(name, serializer, value, annotated)
    if not found:
        raise ValueError("Unable to find any members in parameterPack")
    return found


def process(cls: type) -> type:
    """Make a class into a pack."""
    parameters = describe(cls)
    for reserved in RESERVED:
        if hasattr(cls, reserved):
            raise ValueError(f"Cannot use reserved name '{reserved}' in a parameterPack")
    own_init = cls.__dict__.get("__init__")
    for name, info in parameters.items():
        setattr(cls, name, member(name, info.serializer))

    def init(self: Any, *values: Any, **named: Any) -> None:
        if own_init is None:
            self.fill(*values, **named)
        else:
            self.fill()
            own_init(self, *values, **named)

    def data_type(name: str) -> Any:
        """The annotated type of a member by its dotted name."""
        check_member(cls, name)
        top, rest = split_name(name)
        annotated = parameters[top].unalteredType
        return annotated if rest is None else unannotatedType(annotated).dataType(rest)

    additions = {
        "allParameters": parameters,
        "_is_parameterPack": True,
        "dataType": staticmethod(data_type),
        "fill": PackMethods.fill,
        "getValue": PackMethods.getValue,
        "setValue": PackMethods.setValue,
        "__init__": init,
    }
    for name in ("__eq__", "__repr__"):
        if name not in cls.__dict__:
            additions[name] = getattr(PackMethods, name)
    for name, value in additions.items():
        setattr(cls, name, value)
    return cls


def parameterPack(classtype: type | None = None) -> Any:
    """Class decorator: several parameters in one."""
    return process if classtype is None else process(classtype)


def observed_class(pack_type: Any) -> type:
    """The class of packs that write themselves to their parameter node."""

    class ObservedParameterPack(pack_type):
        def __init__(self, node: Any, serializer: Serializer, name: str, values: dict[str, Any]) -> None:
            object.__setattr__(self, "_place", None)
            self.fill(**values)
            object.__setattr__(self, "_place", (node, serializer, name))

        def __setattr__(self, name: str, value: Any) -> None:
            if self._place is not None and not hasattr(self, name):
                raise AttributeError(f"'{pack_type.__name__}' has no attribute '{name}'; none can be added")
            super().__setattr__(name, value)
            if self._place is not None and name in self.allParameters:
                self.save()

        def save(self) -> None:
            """Write to the node, and take what was written."""
            node, serializer, name = place = self._place
            object.__setattr__(self, "_place", None)
            try:
                with slicer.util.NodeModify(node):
                    serializer.write(node, name, self)
                    for key, value in serializer.members(node, name).items():
                        setattr(self, key, value)
            finally:
                object.__setattr__(self, "_place", place)

        def setValue(self, name: str, value: Any) -> None:
            super().setValue(name, value)
            self.save()

    ObservedParameterPack.pack_type = pack_type
    return ObservedParameterPack


@parameterNodeSerializer
class ParameterPackSerializer(Serializer):
    """Packs, member by member."""

    canSerialize = staticmethod(isParameterPack)

    @staticmethod
    def create(type_: Any) -> Serializer:
        return ValidatedSerializer(ParameterPackSerializer(type_), [NotNone(), IsInstance(type_)])

    def __init__(self, type_: Any) -> None:
        self.type, self._observed = type_, observed_class(type_)

    def default(self) -> Any:
        return self.type()

    def isIn(self, parameterNode: Any, name: str) -> bool:
        first = next(iter(self.type.allParameters.values()))
        return first.serializer.isIn(parameterNode, f"{name}.{first.basename}")

    def remove(self, parameterNode: Any, name: str) -> None:
        for info in self.type.allParameters.values():
            info.serializer.remove(parameterNode, f"{name}.{info.basename}")

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        with slicer.util.NodeModify(parameterNode):
            for info in self.type.allParameters.values():
                info.serializer.write(parameterNode, f"{name}.{info.basename}", getattr(value, info.basename))

    def members(self, parameterNode: Any, name: str) -> dict[str, Any]:
        """The values of the members."""
        return {
            info.basename: info.serializer.read(parameterNode, f"{name}.{info.basename}")
            for info in self.type.allParameters.values()
        }

    def read(self, parameterNode: Any, name: str) -> Any:
        return self._observed(parameterNode, self, name, self.members(parameterNode, name))

    def supportsCaching(self) -> bool:
        return all(info.serializer.supportsCaching() for info in self.type.allParameters.values())
