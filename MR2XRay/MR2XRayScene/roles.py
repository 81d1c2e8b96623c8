"""The images of a view by role, and where the parameter node keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

if TYPE_CHECKING:
    from MR2XRayScene.parameters import MR2XRayParameterNode

ROLES = ("mr", "synthesized", "reference", "difference")
"""The four images that are shown; each has its place."""

DEVIATION = "deviation"
"""The standard deviation that the error is expected to have; shown in the difference's place where it is wanted."""

STACKS = (*ROLES, DEVIATION)
"""What there may be of all views."""

NAMES = {
    "mr": "MR projection",
    "synthesized": "Synthesized X-ray",
    "reference": "Reference X-ray",
    "difference": "Difference",
    DEVIATION: "Expected error",
}
"""How the nodes of a role are called."""


def shown_node(parameters: MR2XRayParameterNode, role: str) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The image of the view that is shown."""
    return getattr(parameters, f"shown{role.capitalize()}")


def set_shown_node(
    parameters: MR2XRayParameterNode, role: str, node: slicer.vtkMRMLScalarVolumeNode | None
) -> None:
    """Remember the image of the view that is shown."""
    setattr(parameters, f"shown{role.capitalize()}", node)


def all_node(parameters: MR2XRayParameterNode, role: str) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The stack of all views."""
    return getattr(parameters, f"all{role.capitalize()}")


def set_all_node(
    parameters: MR2XRayParameterNode, role: str, node: slicer.vtkMRMLScalarVolumeNode | None
) -> None:
    """Remember the stack of all views."""
    setattr(parameters, f"all{role.capitalize()}", node)
