"""Where the C-arm stands, as MRML says it: typed parameters, markup points, the cross-hair and cameras.

Everything that these functions take and return is LPS mm, as in the library; MRML's RAS stays inside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import slicer
from numpy.typing import ArrayLike

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.carm_presets import CArmPreset
from MR2XRayLib.errors import MR2XRayError

if TYPE_CHECKING:
    from MR2XRayScene.parameters import CArmParameters, MR2XRayParameterNode

RANGES = {
    "sourceToIsocentreMm": (100, 3000),
    "sourceToDetectorMm": (110, 5000),
    "detectorHeightMm": (10, 2000),
    "detectorWidthMm": (10, 2000),
    "rows": (16, 2048),
    "columns": (16, 2048),
}
"""What the parameters of a C-arm can hold; the panel's boxes take no more."""

_FLIP = np.array([-1.0, -1.0, 1.0])


def flipped(vectors: ArrayLike) -> np.ndarray:
    """LPS points or directions (..., 3) as RAS, or RAS ones as LPS: it is one map."""
    return np.asarray(vectors, float) * _FLIP


def carm_of(parameters: CArmParameters, isocentre_mm: ArrayLike) -> CArm:
    """The C-arm that the parameters describe, about an isocentre (3,), LPS.

    Raises:
        MR2XRayError: if its distances or its detector cannot be.
    """
    return CArm(
        source_to_isocentre_mm=parameters.sourceToIsocentreMm,
        source_to_detector_mm=parameters.sourceToDetectorMm,
        detector_mm=(parameters.detectorHeightMm, parameters.detectorWidthMm),
        pixels=(int(parameters.rows), int(parameters.columns)),
        name=parameters.preset,
    ).at(np.asarray(isocentre_mm, float))


def angulation_of(parameters: CArmParameters) -> Angulation:
    """The angles that the parameters hold."""
    return Angulation(parameters.primaryDeg, parameters.secondaryDeg)


def preset_into(parameters: MR2XRayParameterNode, preset: CArmPreset) -> None:
    """Take over a preset's name, distances and detector; angles and isocentre stay.

    Raises:
        MR2XRayError: if one of its numbers is beyond what the parameters can hold; then nothing is taken over.
    """
    carm = preset.carm
    numbers = (carm.source_to_isocentre_mm, carm.source_to_detector_mm, *carm.detector_mm, *carm.pixels)
    for (name, (least, greatest)), number in zip(RANGES.items(), numbers, strict=True):
        if not least <= number <= greatest:
            raise MR2XRayError(
                f'The C-arm "{carm.name}" cannot be taken over: its {_words(name)} must be {least} to {greatest} here, '
                f"not {number:g}; correct it in the file of your own C-arms."
            )
    with slicer.util.NodeModify(parameters.parameterNode):
        parameters.carm.preset = carm.name
        for name, number in zip(RANGES, numbers, strict=True):
            setattr(parameters.carm, name, number)


def _words(parameter: str) -> str:
    """A parameter's name for people: "source to isocentre in mm" of "sourceToIsocentreMm"."""
    return re.sub("([A-Z])", r" \1", parameter).lower().replace(" mm", " in mm")


def isocentre_point(node: slicer.vtkMRMLMarkupsNode | None) -> np.ndarray:
    """The first control point of a markup where it lies in the world, shape (3,), LPS.

    Raises:
        MR2XRayError: if there is no markup, or no point in it has been placed.
    """
    if node is None:
        raise MR2XRayError("No point is chosen as isocentre; choose a point list, or the centre of the head.")
    if (
        node.GetNumberOfControlPoints() == 0
        or node.GetNthControlPointPositionStatus(0) != node.PositionDefined
    ):
        raise MR2XRayError(
            f"{node.GetName()} holds no placed point; place one, or take the centre of the head as isocentre."
        )
    return flipped(node.GetNthControlPointPositionWorld(0))


def point_at(
    scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLMarkupsNode | None, position_mm: ArrayLike
) -> slicer.vtkMRMLMarkupsNode:
    """Move the first control point of a markup to a world position (3,), LPS; without one, make it."""
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Isocentre")
        node.CreateDefaultDisplayNodes()
    position = flipped(position_mm)
    if node.GetNumberOfControlPoints() == 0:
        node.AddControlPointWorld(*position, "Isocentre")
    else:
        node.SetNthControlPointPositionWorld(0, *position)
    return node


def crosshair_position(scene: slicer.vtkMRMLScene) -> np.ndarray:
    """Where the cross-hair stands, shape (3,), LPS.

    Raises:
        MR2XRayError: if the scene has no cross-hair, or it has never been moved.
    """
    node = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    position = np.zeros(3) if node is None else np.array(node.GetCrosshairRAS())
    if not position.any():
        raise MR2XRayError(
            "The cross-hair has not been placed; move it in a slice view with Shift held down."
        )
    return flipped(position)


def angulation_of_camera(camera: slicer.vtkMRMLCameraNode) -> Angulation:
    """The angles at which the X-ray image shows the head from the camera's side: the detector takes its place.

    Images are seen from the detector, so a camera that looks at the face gives PA, and left and right are where the
    3D view has them. Where the camera's up points does not matter.
    The angles may be beyond what a given C-arm reaches (`CArmPreset.reaches`).

    Raises:
        MR2XRayError: if the camera looks nowhere.
    """
    direction = np.array(camera.GetPosition()) - np.array(camera.GetFocalPoint())
    if not np.linalg.norm(direction) > 0:
        raise MR2XRayError("The 3D view's camera looks nowhere; reset the view, then try again.")
    return Angulation.of_direction(flipped(direction))


def views_to_json(views: Iterable[View]) -> str:
    """Views as the text that the parameter node keeps."""
    return json.dumps([view.to_json() for view in views])


def views_from_json(text: str) -> tuple[View, ...]:
    """The views that `views_to_json` wrote.

    Raises:
        MR2XRayError: if the text is not of this form, as in a scene file that was edited.
    """
    try:
        return tuple(View.from_json(entry) for entry in json.loads(text))
    except (MR2XRayError, TypeError, ValueError, RecursionError):
        raise MR2XRayError(
            "The kept views of this scene are garbled; clear the list and keep them anew."
        ) from None
