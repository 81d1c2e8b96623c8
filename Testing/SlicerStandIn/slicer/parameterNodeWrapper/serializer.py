"""The base of the serializers, and how the one of a type is found."""

from __future__ import annotations

import abc
from typing import Any

from .util import as_union, splitAnnotations
from .validators import Validator, extract_validators

REGISTERED: list[type[Serializer]] = []


class Serializer(abc.ABC):
    """Writes values of one type to a parameter node and reads them."""

    @staticmethod
    @abc.abstractmethod
    def canSerialize(type_: Any) -> bool:
        """Whether this class serves a type."""

    @staticmethod
    @abc.abstractmethod
    def create(type_: Any) -> Serializer:
        """The serializer of a type."""

    @abc.abstractmethod
    def default(self) -> Any:
        """The value where none is given."""

    @abc.abstractmethod
    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        """Write the value under the name."""

    @abc.abstractmethod
    def read(self, parameterNode: Any, name: str) -> Any:
        """The value under the name."""

    def isIn(self, parameterNode: Any, name: str) -> bool:
        """Whether the node holds the name."""
        return parameterNode.HasParameter(name)

    def remove(self, parameterNode: Any, name: str) -> None:
        """Take the name out of the node."""
        parameterNode.UnsetParameter(name)

    def supportsCaching(self) -> bool:
        """Whether a value that was read may be kept."""
        return True


class ValidatedSerializer(Serializer):
    """Another serializer behind validators; nested ones become one, the inner validators first."""

    canSerialize = staticmethod(lambda type_: False)

    @staticmethod
    def create(type_: Any) -> Serializer:
        raise Exception("ValidatedSerializer does not support create!")

    def __init__(self, serializer: Serializer, validators: list[Validator]) -> None:
        nested = isinstance(serializer, ValidatedSerializer)
        self.serializer = serializer.serializer if nested else serializer
        self.validators = [*(serializer.validators if nested else []), *validators]

    def validate(self, value: Any) -> None:
        """Raise where the value is not valid."""
        for validator in self.validators:
            validator.validate(value)

    def default(self) -> Any:
        return self.serializer.default()

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return self.serializer.isIn(parameterNode, name)

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        self.validate(value)
        self.serializer.write(parameterNode, name, value)

    def read(self, parameterNode: Any, name: str) -> Any:
        return self.serializer.read(parameterNode, name)

    def readInto(self, parameterNode: Any, name: str, value: Any) -> None:
        """Read a pack's members into a pack that is there."""
        self.serializer.readInto(parameterNode, name, value)

    def remove(self, parameterNode: Any, name: str) -> None:
        self.serializer.remove(parameterNode, name)

    def supportsCaching(self) -> bool:
        return self.serializer.supportsCaching()


def parameterNodeSerializer(classtype: Any = None) -> Any:
    """Class decorator: the class serves types from now on."""

    def register(cls: type[Serializer]) -> type[Serializer]:
        REGISTERED.append(cls)
        return cls

    return register if classtype is None else register(classtype)


def createSerializer(type_: Any, annotations: Any) -> tuple[ValidatedSerializer, list[Any]]:
    """The serializer of a type with its validators, and the annotations that are neither."""
    validators, others = extract_validators(annotations)
    type_ = as_union(type_)
    for factory in REGISTERED:
        if factory.canSerialize(type_):
            return ValidatedSerializer(factory.create(type_), validators), others
    raise Exception(f"Unable to create serializer for type: {type_}")


def serializer_of(annotated: Any) -> ValidatedSerializer:
    """The serializer of a type that may be annotated."""
    return createSerializer(*splitAnnotations(annotated))[0]
