"""`ShownImages`: the images of one view, each in its node, its slice view and its colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import slicer

from MR2XRayScene import colours, images, layout
from MR2XRayScene.attributes import ROLE, VIEW, provenance_of
from MR2XRayScene.parameters import Fourth, Quantity
from MR2XRayScene.roles import DEVIATION, NAMES, ROLES, set_shown_node, shown_node

if TYPE_CHECKING:
    from MR2XRayLib.projection import Projections
    from MR2XRayScene.parameters import MR2XRayParameterNode

XRAYS = ("synthesized", "reference")
"""The roles that are shown as the quantity that is chosen, in the windows that are chosen."""


class ShownImages:
    """What is shown of what was made.

    Attributes:
        made: the projections by role, of one view or of all; empty while nothing is shown, or only images that came
            with a scene.
        index: the view of them that is shown.
    """

    def __init__(self, scene: slicer.vtkMRMLScene) -> None:
        self._scene = scene
        self._to_fit = False
        self.made: Mapping[str, Projections] = {}
        self.index = 0

    def forget(self) -> None:
        """Let go of everything that belongs to a scene which is being closed."""
        self.made, self.index, self._to_fit = {}, 0, False

    def show(self, parameters: MR2XRayParameterNode, made: Mapping[str, Projections], index: int) -> None:
        """Put one view of each role into its image node; the node of a role that is missing goes away."""
        self.made, self.index = made, index
        # The panel looks at the parameter node once, not after each new image.
        with slicer.util.NodeModify(parameters.parameterNode):
            has_new = self._into_nodes(parameters)
        # A slice view takes up a volume that has its image already. Others may have put their volumes there.
        if layout.show_images(self._scene, self.nodes(parameters)):
            self._to_fit = True
        if has_new:
            layout.image_in_3d(self._scene, "synthesized" if "synthesized" in made else "mr")
        self._place_views()
        self.apply_display(parameters)

    def _into_nodes(self, parameters: MR2XRayParameterNode) -> bool:
        """Pixels into the nodes; whether one of them is new."""
        made, has_new = self.made, False
        for place in ROLES:
            role = _role_at(place, parameters, made)
            projections, node = made.get(role), shown_node(parameters, place)
            if projections is None:
                if node is not None:
                    set_shown_node(parameters, place, None)
                    self._scene.RemoveNode(node)
                continue
            if node is None:
                node, has_new = images.make_image_node(self._scene, place), True
                set_shown_node(parameters, place, node)
            if node.GetAttribute(ROLE) != role:
                node.SetName(NAMES[role])
            pixels, unit = projections.pixels[self.index], projections.unit
            if parameters.display.quantity == Quantity.INTENSITY and role in XRAYS:
                pixels, unit = colours.as_intensity(pixels), colours.INTENSITY
            images.show(node, pixels, projections.views[self.index], role, unit, projections.provenance)
        return has_new

    def nodes(self, parameters: MR2XRayParameterNode) -> dict[str, slicer.vtkMRMLScalarVolumeNode]:
        """The images that are in the scene, by their places."""
        return {place: node for place in ROLES if (node := shown_node(parameters, place)) is not None}

    def recognise(
        self, parameters: MR2XRayParameterNode, made: Mapping[str, Projections], index: int
    ) -> bool:
        """Take images that came with a scene for this view of these projections; whether that is what they are."""
        recognised = _are_of(self.nodes(parameters), made, index)
        if recognised:
            self.made, self.index = made, index
        return recognised

    def show_again(self, parameters: MR2XRayParameterNode) -> None:
        """Show what is shown once more, after a change of how it is to be shown.

        Images that came with a scene are changed as they are: from one quantity into the other.
        """
        if self.made:
            self.show(parameters, self.made, self.index)
            return
        wanted = parameters.display.quantity == Quantity.INTENSITY
        for place, node in self.nodes(parameters).items():
            if place in XRAYS:
                images.show_as_intensity(node, wanted)
        self.apply_display(parameters)

    def apply_display(self, parameters: MR2XRayParameterNode) -> None:
        """Window, inversion and colours of the shown images."""
        display = parameters.display
        xrays = [node for place, node in self.nodes(parameters).items() if place in XRAYS]
        windows = colours.windows(xrays, shared=display.sharedWindow)
        for node, window in zip(xrays, windows, strict=True):
            colours.grey(node, window, display.inverted)
        if (mr := shown_node(parameters, "mr")) is not None:
            colours.grey(mr, colours.windows([mr], shared=False)[0], inverted=False)
        if (fourth := shown_node(parameters, "difference")) is not None:
            if fourth.GetAttribute(ROLE) == DEVIATION:
                colours.grey(fourth, colours.windows([fourth], shared=False)[0])
            else:
                colours.difference(self._scene, fourth)

    def enter_layout(self, parameters: MR2XRayParameterNode) -> None:
        """Our layout, with the images that are in the scene already."""
        layout.enter_layout(self._scene)
        layout.show_images(self._scene, self.nodes(parameters))
        self._to_fit = True

    def settle(self) -> None:
        """Turn the slice views into the plane of the images that they show; new ones show the whole images.

        To be called in the next round of the event loop after images were shown (see `MR2XRayGUI.panel`).
        """
        self._place_views()
        self._to_fit = False

    def captions(self, parameters: MR2XRayParameterNode) -> dict[str, str]:
        """What the slice views show and from where, by their names; empty while our layout is not shown.

        A view into which others put a volume has none.
        """
        if not layout.is_shown(self._scene):
            return {}
        return {
            layout.TAGS[place]: f"{NAMES[node.GetAttribute(ROLE)]}: {node.GetAttribute(VIEW)}"
            for place, node in self.nodes(parameters).items()
            if layout.shows(self._scene, place, node)
        }

    def _place_views(self) -> None:
        if self.made:
            layout.follow(self._scene, next(iter(self.made.values())).views[self.index])
        if self._to_fit:
            layout.fit(self._scene)


def _role_at(place: str, parameters: MR2XRayParameterNode, made: Mapping[str, Projections]) -> str:
    """What is shown at a role's place: itself, or the expected error where it is wanted and was made."""
    wanted = place == "difference" and parameters.display.fourth == Fourth.EXPECTED_ERROR
    return DEVIATION if wanted and DEVIATION in made else place


def _are_of(
    nodes: Mapping[str, slicer.vtkMRMLScalarVolumeNode], made: Mapping[str, Projections], index: int
) -> bool:
    """Whether images are this view of these projections.

    The MR's pixels, which are shown as they are, tell the view; the provenance tells how each image was made.
    """
    mr = nodes.get("mr")
    if "mr" not in made or mr is None or mr.GetImageData() is None:
        return False
    return np.array_equal(slicer.util.arrayFromVolume(mr)[0], made["mr"].pixels[index]) and all(
        (role := node.GetAttribute(ROLE)) in made and provenance_of(node) == made[role].provenance
        for node in nodes.values()
    )
