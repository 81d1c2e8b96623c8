"""The annotation that gives a parameter its default."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class Default:
    """`Annotated[float, Default(1.5)]`, or `Default(generator=function)` for a value made each time."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator else self._value


def extract_default(annotations: Iterable[Any]) -> tuple[Default | None, list[Any]]:
    """The default among annotations, and the others."""
    defaults = [one for one in annotations if isinstance(one, Default)]
    if len(defaults) > 1:
        raise Exception("Multiple defaults found")
    return next(iter(defaults), None), [one for one in annotations if not isinstance(one, Default)]
