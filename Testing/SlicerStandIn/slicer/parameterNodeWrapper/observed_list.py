"""A list that writes itself to its parameter node."""

from __future__ import annotations

import collections.abc
from typing import Any


class ObservedList(collections.abc.MutableSequence):
    """What a list parameter reads as: changing it changes the node; + and * are refused, += is not."""

    def __init__(self, parameterNode: Any, serializer: Any, name: str, values: list[Any]) -> None:
        self._parameterNode, self._serializer, self._name, self._list = (
            parameterNode,
            serializer,
            name,
            values,
        )

    def _save(self) -> None:
        try:
            self._serializer.write(self._parameterNode, self._name, self._list)
        finally:
            self._list = self._serializer.read(self._parameterNode, self._name)._list

    def __repr__(self) -> str:
        return f"ObservedList({self._list})"

    def __eq__(self, other: object) -> bool:
        return self._list == (other._list if isinstance(other, ObservedList) else other)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._list)

    def __getitem__(self, index: Any) -> Any:
        return self._list[index]

    def __setitem__(self, index: Any, item: Any) -> None:
        self._list[index] = item
        self._save()

    def __delitem__(self, index: Any) -> None:
        del self._list[index]
        self._save()

    def insert(self, index: int, item: Any) -> None:
        self._list.insert(index, item)
        self._save()

    def __iadd__(self, other: Any) -> ObservedList:
        self._list += other
        self._save()
        return self

    def _refused(self, other: Any) -> Any:
        raise NotImplementedError(
            "Adding or multiplying an ObservedList is not supported. However, += is supported."
        )

    __add__ = __radd__ = __mul__ = __rmul__ = _refused
