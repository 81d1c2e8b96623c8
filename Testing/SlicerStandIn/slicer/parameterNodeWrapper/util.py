"""Types and their annotations."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any

import slicer


def splitAnnotations(possiblyAnnotatedType: Any) -> tuple[Any, tuple[Any, ...]]:
    """`Annotated[int, a, b]` as `int, (a, b)`; `int` as `int, ()`."""
    parts = typing.get_args(Annotated[possiblyAnnotatedType, "end"])
    return parts[0], parts[1:-1]


def unannotatedType(possiblyAnnotatedType: Any) -> Any:
    """`int` of `Annotated[int, ...]`."""
    return splitAnnotations(possiblyAnnotatedType)[0]


def findFirstAnnotation(annotationsList: Iterable[Any], annotationType: type) -> Any:
    """The first annotation of a type, or None."""
    return next((one for one in annotationsList if isinstance(one, annotationType)), None)


def split_name(name: str) -> tuple[str, str | None]:
    """`"x.y.z"` as `"x", "y.z"`; `"x"` as `"x", None`."""
    top, dot, rest = name.partition(".")
    return top, rest if dot else None


def as_union(datatype: Any) -> Any:
    """`A | B` as `typing.Union[A, B]`."""
    return typing.Union[typing.get_args(datatype)] if isinstance(datatype, types.UnionType) else datatype  # noqa: UP007


def is_node_class(kind: Any) -> bool:
    """Whether a type is a class of MRML nodes."""
    return isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)


def isNodeOrUnionOfNodes(datatype: Any) -> bool:
    """A node class, or a union of node classes and None."""
    kind = unannotatedType(datatype)
    if typing.get_origin(kind) is not typing.Union:
        return is_node_class(kind)
    return all(is_node_class(unannotatedType(part)) or part is type(None) for part in typing.get_args(kind))


def getNodeTypes(datatype: Any) -> tuple[str, ...]:
    """The names of the node classes that a parameter may hold."""
    kind = unannotatedType(datatype)
    parts = typing.get_args(kind) if typing.get_origin(kind) is typing.Union else (kind,)
    nodes = [unannotatedType(part) for part in parts if is_node_class(unannotatedType(part))]
    if not nodes:
        raise TypeError(f"Cannot handle type {datatype}")
    return tuple(node().GetClassName() for node in nodes)
