"""How a value stands in a vtkMRMLScriptedModuleNode: names and texts exactly as Slicer's serializers.py has them.

| type | parameters | references |
|---|---|---|
| int, float, str, Path | name = str(value) | |
| bool | name = "True" or "False" | |
| Enum | name = the member's name | |
| node | name = "" | name → the node |
| list | name.len, name.0, name.1, ... each as its type | |
| union | name.INDEX, the index of the type that holds it | |
| pack | name.member, each as its type | |
"""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from typing import Any

import slicer

from .observed_list import ObservedList
from .serializer import Serializer, ValidatedSerializer, parameterNodeSerializer, serializer_of
from .util import is_node_class
from .validators import IsInstance, IsNone, NotNone

PATHS = (pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePath, pathlib.PurePosixPath,
         pathlib.PureWindowsPath)  # fmt: skip


class TextSerializer(Serializer):
    """The base of those that keep one text: `str(value)`, read by the type."""

    def __init__(self, type_: Any) -> None:
        self.type = type_

    def default(self) -> Any:
        return self.type()

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        parameterNode.SetParameter(name, str(value))

    def read(self, parameterNode: Any, name: str) -> Any:
        return self.type(parameterNode.GetParameter(name))


@parameterNodeSerializer
class NumberSerializer(TextSerializer):
    """int and float."""

    canSerialize = staticmethod(lambda type_: type_ in (int, float))

    @staticmethod
    def create(type_: Any) -> Serializer:
        return ValidatedSerializer(
            NumberSerializer(type_), [NotNone(), IsInstance((int, float) if type_ is float else int)]
        )


@parameterNodeSerializer
class StringSerializer(TextSerializer):
    """str."""

    canSerialize = staticmethod(lambda type_: type_ is str)

    @staticmethod
    def create(type_: Any) -> Serializer:
        return ValidatedSerializer(StringSerializer(str), [NotNone(), IsInstance(str)])


@parameterNodeSerializer
class PathSerializer(TextSerializer):
    """pathlib's paths."""

    canSerialize = staticmethod(lambda type_: type_ in PATHS)

    @staticmethod
    def create(type_: Any) -> Serializer:
        return ValidatedSerializer(PathSerializer(type_), [NotNone(), IsInstance(type_)])


@parameterNodeSerializer
class BoolSerializer(TextSerializer):
    """bool."""

    canSerialize = staticmethod(lambda type_: type_ is bool)

    @staticmethod
    def create(type_: Any) -> Serializer:
        return ValidatedSerializer(BoolSerializer(bool), [NotNone(), IsInstance(bool)])

    def read(self, parameterNode: Any, name: str) -> bool:
        return parameterNode.GetParameter(name) == "True"


@parameterNodeSerializer
class EnumSerializer(TextSerializer):
    """Enums, by the member's name."""

    canSerialize = staticmethod(lambda type_: isinstance(type_, type) and issubclass(type_, enum.Enum))

    @staticmethod
    def create(type_: Any) -> Serializer:
        if len(type_) == 0:
            raise ValueError("Cannot serialize empty Enum.")
        return ValidatedSerializer(EnumSerializer(type_), [IsInstance(type_)])

    def default(self) -> Any:
        return next(iter(self.type))

    def write(self, parameterNode: Any, name: str, value: enum.Enum) -> None:
        parameterNode.SetParameter(name, value.name)

    def read(self, parameterNode: Any, name: str) -> Any:
        key = parameterNode.GetParameter(name)
        if key not in self.type.__members__:
            raise ValueError(f"Found {key!r} in parameter node but it is not a name in {self.type!r}")
        return self.type[key]


@parameterNodeSerializer
class NodeSerializer(Serializer):
    """Nodes, by reference; the empty parameter says that a value, perhaps None, was set."""

    canSerialize = staticmethod(is_node_class)

    @staticmethod
    def create(type_: Any) -> Serializer:
        return ValidatedSerializer(NodeSerializer(), [IsInstance(type_)])

    def default(self) -> None:
        return None

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        parameterNode.SetParameter(name, "")
        parameterNode.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, parameterNode: Any, name: str) -> Any:
        return parameterNode.GetNodeReference(name)

    def remove(self, parameterNode: Any, name: str) -> None:
        parameterNode.UnsetParameter(name)
        parameterNode.RemoveNodeReferenceIDs(name)


@parameterNodeSerializer
class NoneSerializer(Serializer):
    """None, as a member of a union."""

    canSerialize = staticmethod(lambda type_: type_ is types.NoneType)

    @staticmethod
    def create(type_: Any) -> Serializer:
        return ValidatedSerializer(NoneSerializer(), [IsNone()])

    def default(self) -> None:
        return None

    def write(self, parameterNode: Any, name: str, value: None) -> None:
        parameterNode.SetParameter(name, "True")

    def read(self, parameterNode: Any, name: str) -> None:
        return None


@parameterNodeSerializer
class ListSerializer(Serializer):
    """Lists of one type."""

    canSerialize = staticmethod(lambda type_: typing.get_origin(type_) is list)

    @staticmethod
    def create(type_: Any) -> Serializer:
        return ListSerializer(serializer_of(typing.get_args(type_)[0]))

    def __init__(self, element: ValidatedSerializer) -> None:
        self._element, self._length = element, NumberSerializer(int)

    def default(self) -> list[Any]:
        return []

    def _count(self, parameterNode: Any, name: str) -> int:
        return self._length.read(parameterNode, f"{name}.len") if self.isIn(parameterNode, name) else 0

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return self._length.isIn(parameterNode, f"{name}.len")

    def write(self, parameterNode: Any, name: str, values: Any) -> None:
        """Write all values; where one is not valid the list stays as it was."""
        values = list(values)
        before = list(self.read(parameterNode, name)) if self.isIn(parameterNode, name) else None
        with slicer.util.NodeModify(parameterNode):
            try:
                for index, value in enumerate(values):
                    self._element.write(parameterNode, f"{name}.{index}", value)
            except Exception:
                if before is None:
                    self.remove(parameterNode, name)
                else:
                    self.write(parameterNode, name, before)
                raise
            count = self._count(parameterNode, name)
            self._length.write(parameterNode, f"{name}.len", len(values))
            for index in range(len(values), count):
                self._element.remove(parameterNode, f"{name}.{index}")

    def read(self, parameterNode: Any, name: str) -> ObservedList:
        count = range(self._count(parameterNode, name))
        values = [self._element.read(parameterNode, f"{name}.{index}") for index in count]
        return ObservedList(parameterNode, self, name, values)

    def remove(self, parameterNode: Any, name: str) -> None:
        with slicer.util.NodeModify(parameterNode):
            for index in range(self._count(parameterNode, name)):
                self._element.remove(parameterNode, f"{name}.{index}")
            self._length.remove(parameterNode, f"{name}.len")

    def supportsCaching(self) -> bool:
        return self._element.supportsCaching()


@parameterNodeSerializer
class UnionSerializer(Serializer):
    """One of several types; `X | None` defaults to None."""

    canSerialize = staticmethod(lambda type_: typing.get_origin(type_) is typing.Union)

    @staticmethod
    def create(type_: Any) -> Serializer:
        return UnionSerializer([serializer_of(part) for part in typing.get_args(type_)])

    def __init__(self, parts: list[ValidatedSerializer]) -> None:
        self._parts = parts

    def default(self) -> Any:
        optional = len(self._parts) == 2 and isinstance(self._parts[1].serializer, NoneSerializer)
        return None if optional else self._parts[0].default()

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return any(part.isIn(parameterNode, f"{name}.{index}") for index, part in enumerate(self._parts))

    def _fitting(self, value: Any) -> int:
        refusal: Exception = TypeError(f"Unable to write value '{value}' of type '{type(value)}'")
        for index, part in enumerate(self._parts):
            if part.serializer.canSerialize(type(value)):
                try:
                    part.validate(value)
                except (TypeError, ValueError) as error:
                    refusal = error
                else:
                    return index
        raise refusal

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        index = self._fitting(value)
        with slicer.util.NodeModify(parameterNode):
            self.remove(parameterNode, name)
            self._parts[index].write(parameterNode, f"{name}.{index}", value)

    def read(self, parameterNode: Any, name: str) -> Any:
        for index, part in enumerate(self._parts):
            if part.isIn(parameterNode, f"{name}.{index}"):
                return part.read(parameterNode, f"{name}.{index}")
        raise KeyError(f"Unable to find value for name: {name}")

    def remove(self, parameterNode: Any, name: str) -> None:
        for index, part in enumerate(self._parts):
            part.remove(parameterNode, f"{name}.{index}")

    def supportsCaching(self) -> bool:
        return all(part.supportsCaching() for part in self._parts)
