"""What a value must be; each raises ValueError (a wrong type: TypeError)."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any


class Validator(abc.ABC):
    """The base of all validators."""

    @abc.abstractmethod
    def validate(self, value: Any) -> None:
        """Raise where the value is not valid."""


class IsNone(Validator):
    """Only None."""

    def validate(self, value: Any) -> None:
        if value is not None:
            raise ValueError("Value must be None")


class NotNone(Validator):
    """Anything but None."""

    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("Value must not be None")


class IsInstance(Validator):
    """None, or an instance of a class."""

    def __init__(self, classtype: Any) -> None:
        self.classtype = classtype

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(
                f"Value must be of type '{self.classtype}', is type '{type(value)}' value '{value}'"
            )


class WithinRange(Validator):
    """Both bounds included."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


class Minimum(Validator):
    """At least this."""

    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must be greater than {self.minimum}, is {value}")


class Maximum(Validator):
    """At most this."""

    def __init__(self, maximum: float) -> None:
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must be less than {self.maximum}, is {value}")


class Choice(Validator):
    """One of a list."""

    def __init__(self, choices: list[Any]) -> None:
        self.choices = choices

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be in one of the following: {self.choices}")


class Exclude(Validator):
    """None of a list."""

    def __init__(self, excludedValues: list[Any]) -> None:
        self.excludedValues = excludedValues

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value is {value}, but must not be one of {self.excludedValues}")


class RangeBounds(Validator):
    """A FloatRange inside bounds."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: Any) -> None:
        if not (self.minimum <= value.minimum and value.maximum <= self.maximum):
            raise ValueError(f"Range must be within [{self.minimum}, {self.maximum}], is {value}")


def extract_validators(annotations: Iterable[Any]) -> tuple[list[Validator], list[Any]]:
    """The validators among annotations, and the others."""
    found = [one for one in annotations if isinstance(one, Validator)]
    return found, [one for one in annotations if not isinstance(one, Validator)]
