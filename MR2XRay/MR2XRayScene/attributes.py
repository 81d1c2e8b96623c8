"""What the module's nodes say about themselves: attributes `MR2XRay.*`, which a saved scene keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import slicer

ROLE = "MR2XRay.Role"
UNIT = "MR2XRay.Unit"
VIEW = "MR2XRay.View"
VIEWS = "MR2XRay.Views"
LAYERS = "MR2XRay.Layers"
PROVENANCE = "MR2XRay.Provenance"
QUALITY = "MR2XRay.Quality"
FOUND = "MR2XRay.Found"


def describe(node: slicer.vtkMRMLNode, **content: str | Mapping[str, Any] | list[Any] | None) -> None:
    """Set attributes by the last part of their name, in lower case: `describe(node, role="mr", unit="mm")`.

    Text stays text; a mapping or a list becomes JSON, in ASCII so that it survives MRML's XML on every machine
    and with every digit of its numbers; None takes the attribute away.
    """
    for name, value in content.items():
        text = value if value is None or isinstance(value, str) else json.dumps(value)
        node.SetAttribute(f"MR2XRay.{name.capitalize()}", text)


def provenance_of(node: slicer.vtkMRMLNode) -> dict[str, Any]:
    """How a node was made; empty where it does not say so readably."""
    try:
        content = json.loads(node.GetAttribute(PROVENANCE) or "{}")
    except json.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def find(scene: slicer.vtkMRMLScene, class_name: str, role: str) -> slicer.vtkMRMLNode | None:
    """The scene's first node of a class that has this role."""
    return next((node for node in nodes_of(scene, class_name) if node.GetAttribute(ROLE) == role), None)


def nodes_of(scene: slicer.vtkMRMLScene, class_name: str) -> list[slicer.vtkMRMLNode]:
    """The scene's nodes of a class and of those derived from it.

    `slicer.util.getNodesByClass` looks into the application's scene whatever scene it is given.
    """
    return [scene.GetNthNodeByClass(n, class_name) for n in range(scene.GetNumberOfNodesByClass(class_name))]
