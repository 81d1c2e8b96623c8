"""`Session`: what the panel does in the scene, by the parameter node; everything here works without a panel too."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import slicer

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.applicability import caveats
from MR2XRayScene import fusion, geometry, head_display, head_surface, layout, results, stacks
from MR2XRayScene.attributes import ROLE
from MR2XRayScene.carm_display import CArmDisplay
from MR2XRayScene.parameters import Fourth, Head, Isocentre
from MR2XRayScene.prepared import first_mr
from MR2XRayScene.roles import DEVIATION, NAMES, STACKS, all_node, set_all_node
from MR2XRayScene.shown import ShownImages

if TYPE_CHECKING:
    from MR2XRayLib.live import Live, LiveImages
    from MR2XRayLib.metrics import Metrics
    from MR2XRayLib.projection import Projections
    from MR2XRayLib.steps import Steps
    from MR2XRayScene.exchange import RunResult
    from MR2XRayScene.parameters import MR2XRayParameterNode
    from MR2XRayScene.prepared import Prepared


class Session:
    """The scene side of the work.

    Attributes:
        scene: the MRML scene.
        shown: the images of one view.
        prepared: volumes and generator ready for projecting; None while they are not.
    """

    def __init__(self, scene: slicer.vtkMRMLScene) -> None:
        self.scene = scene
        self.shown = ShownImages(scene)
        self.prepared: Prepared | None = None
        self._display: CArmDisplay | None = None
        self._made: tuple[Live, LiveImages] | None = None
        self._browsed: Hashable = None
        self._is_making_deviation = False
        self._framed = False
        # As `show_head` was told last. Volumes are also prepared while another module has the views.
        self._head = Head.SURFACE

    def forget(self) -> None:
        """Let go of everything that belongs to a scene which is being closed."""
        self.prepared = self._display = self._made = self._browsed = None
        self._framed = False
        self.shown.forget()

    @property
    def device(self) -> str:
        """What the network really runs on; empty without one."""
        synthesizer = None if self.prepared is None else self.prepared.live.synthesizer
        return "" if synthesizer is None else synthesizer.device

    @property
    def caveats(self) -> tuple[str, ...]:
        """In sentences, why the images that are shown deserve less trust than others."""
        synthesized = self.shown.made.get("synthesized")
        return () if synthesized is None else caveats(synthesized, self.shown.made.get("reference"))

    def take(self, prepared: Prepared) -> None:
        """Work with these volumes and this generator from now on; the head's surface goes into the scene."""
        self.prepared = prepared
        surface = head_surface.show_skin(self.scene, prepared.skin, visible=self._head == Head.SURFACE)
        results.put_into_folder(self.scene, [surface])

    # Where the C-arm stands

    def isocentre_mm(self, parameters: MR2XRayParameterNode) -> np.ndarray:
        """The point that the C-arm turns about, LPS.

        Raises:
            MR2XRayError: if it is to be a point and there is none, or the head's and no volume is prepared.
        """
        if parameters.carm.isocentre == Isocentre.POINT:
            return geometry.isocentre_point(parameters.carm.isocentrePoint)
        if self.prepared is None:
            raise MR2XRayError(
                "The centre of the head is not known yet; choose an MR volume, or a point as isocentre."
                if first_mr(parameters) is None
                else "The volumes are not prepared yet; wait a moment, or choose a point as isocentre."
            )
        return self.prepared.centre_mm

    def carm(self, parameters: MR2XRayParameterNode) -> CArm:
        """The C-arm of the parameter node, about its isocentre; raises as `isocentre_mm`, and for its distances."""
        return geometry.carm_of(parameters.carm, self.isocentre_mm(parameters))

    def view(self, parameters: MR2XRayParameterNode) -> View:
        """The C-arm's view at the present angles; raises as `carm`."""
        return self.carm(parameters).view(geometry.angulation_of(parameters.carm))

    def turn(self, parameters: MR2XRayParameterNode, angulation: Angulation) -> None:
        """Turn the C-arm."""
        with slicer.util.NodeModify(parameters.parameterNode):
            parameters.carm.primaryDeg, parameters.carm.secondaryDeg = (
                angulation.primary,
                angulation.secondary,
            )

    def aim(self, parameters: MR2XRayParameterNode) -> None:
        """Let the C-arm in the 3D view follow the angles, where these are known."""
        try:
            view = self.view(parameters)
        except MR2XRayError:
            return
        if self._display is None:
            self._display = CArmDisplay(self.scene)
        self._display.update(view)

    # One view

    def live_state(self, parameters: MR2XRayParameterNode) -> Hashable:
        """What the images depend on; equal as long as they need not be made anew."""
        display = parameters.display
        return id(self.prepared), self.carm_state(parameters), display.quantity, display.fourth

    def carm_state(self, parameters: MR2XRayParameterNode) -> Hashable:
        """Where the C-arm stands: about a point, or about the head, whether or not its centre is known yet."""
        carm = parameters.carm
        isocentre: Hashable = ""
        if carm.isocentre == Isocentre.POINT:
            try:
                isocentre = tuple(geometry.isocentre_point(carm.isocentrePoint))
            except MR2XRayError as error:
                isocentre = str(error)
        return (
            isocentre, carm.primaryDeg, carm.secondaryDeg, carm.sourceToIsocentreMm, carm.sourceToDetectorMm,
            carm.detectorHeightMm, carm.detectorWidthMm, carm.rows, carm.columns,
        )  # fmt: skip

    def update_images(self, parameters: MR2XRayParameterNode, *, preview: bool = False) -> LiveImages:
        """Make and show the images at the present angles.

        Args:
            parameters: the parameter node.
            preview: rather quickly than exactly, where this machine can; `make_exact` is to follow.

        Raises:
            MR2XRayError: if nothing is prepared, or the view cannot be projected.
        """
        live = self._live
        made = live.update(self.view(parameters), preview=preview)
        self._take_made(parameters, live, made)
        return made

    def update_steps(self, parameters: MR2XRayParameterNode) -> Steps[None]:
        """`update_images` with a preview, with a pause between projecting, synthesizing and showing.

        What is made is shown at the end, of the angles of the beginning.
        """
        live = self._live
        made = yield from live.preview_steps(self.view(parameters))
        yield
        self._take_made(parameters, live, made)

    @property
    def _live(self) -> Live:
        if self.prepared is None:
            raise MR2XRayError("The volumes are not prepared yet; choose an MR volume and wait a moment.")
        return self.prepared.live

    def _take_made(self, parameters: MR2XRayParameterNode, live: Live, made: LiveImages) -> None:
        self._made, self._browsed = (live, made), None
        self.shown.show(parameters, made.by_role(), 0)

    @property
    def _shows_preview(self) -> bool:
        return self._made is not None and self._made[1].is_preview

    def make_exact(self, parameters: MR2XRayParameterNode) -> bool:
        """Show the exact image in place of a preview; whether there was one."""
        if self._made is None or not self._shows_preview:
            return False
        live, made = self._made
        self._take_made(parameters, live, live.exact(made))
        return True

    def deviation_steps(self, parameters: MR2XRayParameterNode) -> Steps[None]:
        """Make the expected error of the images that are shown, where it is wanted and can be had, and show it.

        It takes several syntheses: one at each step, so that the panel answers between them. Steps that are not taken
        to their end change no image, nor do they where other images are shown by then.
        """
        begun = self._made
        wanted = parameters.display.fourth == Fourth.EXPECTED_ERROR
        if not wanted or begun is None or begun[1].deviation is not None:
            return
        live, made = begun
        if live.synthesizer is None or not live.synthesizer.trained.card.has_uncertainty:
            return
        self._is_making_deviation = True
        try:
            yield
            made = yield from live.uncertain(made)
        finally:
            self._is_making_deviation = False
        if self._made is begun:
            self._take_made(parameters, live, made)

    def fourth_note(self, parameters: MR2XRayParameterNode) -> str:
        """Why the fourth image is not the one that is chosen, in a sentence; empty if all is in order."""
        chosen = parameters.display.fourth == Fourth.EXPECTED_ERROR
        nodes = self.shown.nodes(parameters)
        has_it = "difference" in nodes and nodes["difference"].GetAttribute(ROLE) == DEVIATION
        if not nodes or has_it == chosen:
            return ""
        if not chosen:
            return "The difference of these images was not saved; update them. The expected error is shown."
        synthesizer = None if self.prepared is None else self.prepared.live.synthesizer
        if synthesizer is not None and not synthesizer.trained.card.has_uncertainty:
            return f"The generator {synthesizer.trained.card.name} gives no expected error; the difference is shown."
        if self._is_making_deviation:
            return "The expected error is being made; until then the difference is shown."
        return (
            "The expected error of these images was not made; synthesize them again. The difference is shown."
        )

    def numbers(self) -> Metrics | None:
        """The numbers of the view that is shown; None without a reference, and of a preview."""
        from MR2XRayLib.metrics import compare

        made = self.shown.made
        if self._shows_preview or not {"synthesized", "reference"} <= made.keys():
            return None
        return compare(made["synthesized"], made["reference"]).views[self.shown.index]

    def show_result(self, parameters: MR2XRayParameterNode) -> None:
        """Show the view `resultIndex` of the stacks, and turn the C-arm there.

        Raises:
            MR2XRayError: if a stack was changed so that it no longer is one.
        """
        state = stacks.state_of_stacks(parameters)
        if not state:
            return
        # To read whole stacks at each tick of a slider would take longer than to show one view of them.
        is_read = state == self._browsed
        found = self.shown.made if is_read else stacks.read_stacks(parameters, layers=False)
        index, view = _chosen(parameters, found)
        self.turn(parameters, view.angulation)
        self._made, self._browsed = None, state
        self.shown.show(parameters, found, index)

    def show_again(self, parameters: MR2XRayParameterNode) -> None:
        """Show what is shown once more, after a change of how it is to be shown."""
        if not self.shown.made and self.shown.nodes(parameters):
            self._recognise_result(parameters)
        self.shown.show_again(parameters)

    def _recognise_result(self, parameters: MR2XRayParameterNode) -> None:
        """Take images that came with a scene for the chosen view of its stacks, if that is what they are."""
        try:
            found = stacks.read_stacks(parameters, layers=False)
        except MR2XRayError:
            # Browsing them tells what is wrong; it does not keep the images from being shown in another way.
            return
        if found and self.shown.recognise(parameters, found, _chosen(parameters, found)[0]):
            self._browsed = stacks.state_of_stacks(parameters)

    def head_volume(self, parameters: MR2XRayParameterNode) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume that shows where the head is."""
        return parameters.ct or first_mr(parameters)

    def show_head(self, parameters: MR2XRayParameterNode) -> None:
        """Show the head in the 3D view as it is to be shown.

        Raises:
            MR2XRayError: if a volume rendering is wanted where the program has none.
        """
        self._head = parameters.display.head
        head_display.show_head(
            self.scene,
            self._head,
            head_surface.find_head(self.scene),
            self.head_volume(parameters),
            is_ct=parameters.ct is not None,
        )

    def show_layout(self, parameters: MR2XRayParameterNode) -> None:
        """The four images and the C-arm, with whatever is there already."""
        fusion.leave_fusion(self.scene)
        self.shown.enter_layout(parameters)
        if self._display is not None:
            self._display.visible = True
        if not self._framed and self.prepared is not None:
            layout.look_at_carm(self.scene, self.view(parameters))
            self._framed = True

    def leave_layout(self) -> bool:
        """The former layout, if ours is shown; whether it was."""
        was_shown = layout.is_shown(self.scene)
        layout.leave_layout(self.scene)
        if self._display is not None:
            self._display.visible = False
        return was_shown

    # All kept views

    def take_results(self, parameters: MR2XRayParameterNode, run: RunResult) -> None:
        """Put the worker's projections and numbers into the scene, in place of the last ones, and choose the first."""
        for role in STACKS:
            projections, node = run.projections.get(role), all_node(parameters, role)
            if projections is None:
                if node is not None:
                    set_all_node(parameters, role, None)
                    stacks.remove(node)
                continue
            name = f"{NAMES[role]}, all views"
            set_all_node(
                parameters,
                role,
                stacks.node_from_projections(self.scene, projections, name, role, node=node),
            )
        if run.metrics is not None:
            parameters.metrics = results.metrics_table(
                self.scene, run.metrics, "MR2XRay metrics", node=parameters.metrics
            )
        elif (table := parameters.metrics) is not None:
            parameters.metrics = None
            results.remove_metrics(table)
        nodes = [all_node(parameters, role) for role in STACKS] + [parameters.metrics]
        results.put_into_folder(self.scene, [node for node in nodes if node is not None])
        parameters.resultIndex = 0

    def result_count(self, parameters: MR2XRayParameterNode) -> int:
        """How many views the stacks hold; 0 without any."""
        stack = parameters.allSynthesized
        return 0 if stack is None or stack.GetImageData() is None else stack.GetImageData().GetDimensions()[2]

    def plot(self, parameters: MR2XRayParameterNode) -> None:
        """Show the chosen metric over the views in a plot view."""
        chart = results.metrics_plot(self.scene, parameters.metrics, parameters.display.plotMetric)
        layout.show_plot(self.scene, chart)


def _chosen(parameters: MR2XRayParameterNode, found: Mapping[str, Projections]) -> tuple[int, View]:
    """Which view of the stacks is chosen: its place in them, and itself."""
    views = next(iter(found.values())).views
    index = min(parameters.resultIndex, len(views) - 1)
    return index, views[index]
