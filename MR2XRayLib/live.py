"""Live use: volumes and generator prepared once, then all images of a view within milliseconds.

Nothing here is global: a `Live` may be prepared on one thread and used on another, one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.common_view import CommonView
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.field_of_view import frame
from MR2XRayLib.generators.channels import in_places
from MR2XRayLib.intensity import as_ct, attenuation
from MR2XRayLib.mr_projector import MrProjector
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection import Projections, Projector
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.steps import Steps, exhausted
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

if TYPE_CHECKING:
    from MR2XRayLib.generators.store import TrainedGenerator
    from MR2XRayLib.metrics import Comparison, Metrics
    from MR2XRayLib.synthesis import Synthesizer
    from MR2XRayLib.uncertainty import UncertainSynthesizer


@dataclass(frozen=True, eq=False)
class LiveImages:
    """What is seen from some views; what cannot be had, for want of a CT or a generator, is None.

    Attributes:
        mr: the projection of each MR contrast that is there, normalised intensity times mm, with the layers that the
            generator sees.
        synthesized: line integrals guessed from `mr`.
        reference: line integrals of the CT.
        comparison: the numbers, where they were asked for.
        deviation: the standard deviation that the error of `synthesized` is expected to have, where it was asked for.
    """

    mr: tuple[Projections, ...]
    synthesized: Projections | None
    reference: Projections | None
    comparison: Comparison | None = None
    deviation: Projections | None = None

    @property
    def difference(self) -> Projections | None:
        """Synthesized minus reference, line integrals."""
        return difference(self.synthesized, self.reference)

    @property
    def is_preview(self) -> bool:
        """Whether `synthesized` is quick rather than exact: to be looked at, not to be measured or kept."""
        return self.synthesized is not None and self.synthesized.provenance["precision"] != "float32"

    @property
    def metrics(self) -> Metrics | None:
        """The numbers of the view, or their mean over the views."""
        return None if self.comparison is None else self.comparison.mean

    def by_role(self) -> dict[str, Projections]:
        """What there is of "mr" (the first contrast), "synthesized", "reference", "difference" and "deviation"."""
        roles = {
            "mr": self.mr[0],
            "synthesized": self.synthesized,
            "reference": self.reference,
            "difference": self.difference,
            "deviation": self.deviation,
        }
        return {role: projections for role, projections in roles.items() if projections is not None}


@dataclass(frozen=True, eq=False)
class Live:
    """Prepared projectors of MR contrasts and CT, and a synthesizer.

    The parts are replaced one by one: `with_generator` and `with_ct` give another `Live` that shares the rest.

    Attributes:
        mr: a projector for each contrast, in the order of the generator's card; None where one is absent. Each gives
            the layers that the generator sees, of what the CT shows too.
        ct: None without a reference.
        synthesizer: None without a generator.
        preview: the quick one that `with_preview` found; None where there is none.
        uncertainty: gives the synthesizer's expected errors, whose members it makes when they are first wanted and
            then keeps; None without a generator.
        frame: where the first MR that is there lies in the world of the views; it has no voxels of its own.
        device: as it was asked for: "auto", "cpu", "cuda" or "mps".
    """

    mr: tuple[MrProjector | None, ...]
    ct: Projector | None
    synthesizer: Synthesizer | None
    frame: Volume
    device: str
    preview: Synthesizer | None = None
    uncertainty: Callable[[], UncertainSynthesizer] | None = None

    @classmethod
    def prepare(
        cls,
        mr: Sequence[Volume | None],
        ct: Volume | None = None,
        trained: TrainedGenerator | None = None,
        *,
        transform: Transform | None = None,
        energy_kev: float = 60.0,
        whole_ct: bool = False,
        device: str = "auto",
        progress: Progress = silent,
    ) -> Live:
        """Prepare volumes as scanned; all arguments as of `pipeline.run`, which prepares by this function.

        Without `trained` no torch is needed where numba is there. Some seconds for large volumes; the interpreter
        is free for other threads nearly all the time.

        Raises:
            MR2XRayError: if there is no MR, a volume is not of its modality, there are more or fewer contrasts
                than the generator takes, or one is absent that it needs.
        """
        first = first_present(mr)
        transform = transform or Transform.identity()
        steps = len(mr) + 2
        projectors: list[MrProjector | None] = []
        for number, volume in enumerate(mr):
            progress("preparing", number / steps)
            projectors.append(None if volume is None else MrProjector.prepare(volume, transform, device))
        live = cls(tuple(projectors), None, None, frame(first).moved(transform.matrix), device)
        # What the CT shows is known before layers are made that take seconds.
        live = live.with_ct(ct, energy_kev=energy_kev, whole_ct=whole_ct)
        live = live.with_generator(
            trained, progress=lambda stage, fraction: progress(stage, (len(mr) + fraction) / steps)
        )
        progress("preparing", 1.0)
        return live

    def with_generator(self, trained: TrainedGenerator | None, *, progress: Progress = silent) -> Live:
        """The same volumes with another generator, or with none.

        A second or so where the generator sees layers of large volumes that none before it saw.

        Raises:
            MR2XRayError: if it takes more or fewer contrasts or needs an absent one, or the device is not available.
        """
        if trained is None:
            mr = self._with_layers((SIGNAL,), progress)
            return replace(self, mr=mr, synthesizer=None, preview=None, uncertainty=None)
        from MR2XRayLib.synthesis import Synthesizer

        in_places(self.mr, trained.card)
        synthesizer = Synthesizer(trained, self.device)
        mr = self._with_layers(trained.card.input.layers, progress)
        uncertainty = cache(partial(uncertainty_of, trained, synthesizer.device))
        return replace(self, mr=mr, synthesizer=synthesizer, preview=None, uncertainty=uncertainty)

    def with_preview(self) -> Live:
        """The same with a quick synthesizer for `update`, where this machine has one; see `synthesis.previewing`."""
        if self.synthesizer is None:
            return self
        from MR2XRayLib.synthesis import previewing

        return replace(self, preview=previewing(self.synthesizer))

    def _with_layers(self, names: Sequence[str], progress: Progress) -> tuple[MrProjector | None, ...]:
        """The projectors, each giving these layers."""
        made: list[MrProjector | None] = []
        for number, mr in enumerate(self.mr):

            def within(stage: str, fraction: float, number: int = number) -> None:
                progress("preparing", (number + fraction) / len(self.mr))

            within("preparing", 0.0)
            made.append(None if mr is None else mr.with_layers(names, within))
        progress("preparing", 1.0)
        return tuple(made)

    def with_ct(self, ct: Volume | None, *, energy_kev: float = 60.0, whole_ct: bool = False) -> Live:
        """The same MR and generator with another CT, in HU, or with none.

        The MR is cut to what the CT shows where a part of its head lies outside the CT, see `common_view`; that takes
        as long as `with_generator`.

        Args:
            ct: as scanned.
            energy_kev: the effective energy at which HU become attenuation.
            whole_ct: leave in what an MR cannot know: table, headrest, and what lies outside its field of view; the MR
                stays whole too.

        Raises:
            MR2XRayError: if it is not a CT in HU, shows no head, or the energy is outside 20 to 150 keV.
        """
        if ct is None:
            return replace(self, mr=self._cut_to(None), ct=None)
        first = next(mr for mr in self.mr if mr is not None)
        mr = first.volume.moved(first.transform.matrix)
        common = CommonView.of(as_ct(ct), mr, self.frame, whole_ct=whole_ct)
        projector = Projector(attenuation(common.ct, energy_kev), device=self.device)
        return replace(self, mr=self._cut_to(common.frame), ct=projector)

    def _cut_to(self, within: Volume | None) -> tuple[MrProjector | None, ...]:
        """The MR projectors, each projecting only where another volume shows anything."""
        return tuple(None if mr is None else mr.cut_to(within) for mr in self.mr)

    def update(
        self, view: View, *, measured: bool = False, uncertain: bool = False, preview: bool = False
    ) -> LiveImages:
        """The images of one view.

        Args:
            view: where from.
            measured: their numbers too, which take about as long as the projections.
            uncertain: the standard deviation of the synthesized image too, which takes several syntheses.
            preview: synthesize quickly rather than exactly, where `with_preview` found how; `exact` mends it. What is
                measured, or uncertain, is no preview.

        Raises:
            MR2XRayError: if the view cannot be projected, or the generator has no uncertainty.
        """
        if preview and not (measured or uncertain):
            return exhausted(self.preview_steps(view))
        return self.images((view,), measured=measured, uncertain=uncertain)

    def preview_steps(self, view: View) -> Steps[LiveImages]:
        """`update` with a preview, with a pause between projecting and synthesizing."""
        live = self if self.preview is None else replace(self, synthesizer=self.preview)
        return live._steps((view,), False, False, silent)

    def exact(self, images: LiveImages) -> LiveImages:
        """The same images with the synthesized one in full precision; as they are if it is no preview."""
        if not images.is_preview or self.synthesizer is None:
            return images
        return replace(images, synthesized=self.synthesizer.synthesize(*self._contrasts(images)))

    def uncertain(self, images: LiveImages) -> Steps[LiveImages]:
        """The same images with their standard deviation, made in steps: a pause after each of several syntheses.

        Raises:
            MR2XRayError: if there is no generator, or it has no uncertainty.
        """
        if self.uncertainty is None:
            raise MR2XRayError("There is no generator; choose one whose card has an uncertainty.")
        made = yield from self.uncertainty().steps(*self._contrasts(images))
        return replace(images, synthesized=made.synthesized, deviation=made.deviation)

    def _contrasts(self, images: LiveImages) -> list[Projections | None]:
        """The MR of images in the generator's order, None where a contrast is absent."""
        given = iter(images.mr)
        return [None if mr is None else next(given) for mr in self.mr]

    def warm_up(self, centre_mm: np.ndarray) -> None:
        """Project something small by each projector.

        The first projection loads the compiled kernel, half a second, and on a new machine compiles it, ten: to be had
        where nobody waits for it.

        Args:
            centre_mm: of the head, LPS.
        """
        x, y, z = (float(x) for x in centre_mm)
        view = CArm(pixels=(16, 16), isocentre_mm=(x, y, z)).view(Angulation(0.0, 0.0))
        for projector in (*self.mr, self.ct):
            if projector is not None:
                projector.project((view,))

    def images(
        self,
        views: Sequence[View],
        *,
        measured: bool = False,
        uncertain: bool = False,
        progress: Progress = silent,
    ) -> LiveImages:
        """The images of several views of one size; raises as `update`."""
        return exhausted(self._steps(views, measured, uncertain, progress))

    def _steps(
        self, views: Sequence[View], measured: bool, uncertain: bool, progress: Progress
    ) -> Steps[LiveImages]:
        """`images` with a pause between projecting and synthesizing."""
        contrasts = [None if mr is None else mr.project(views, progress) for mr in self.mr]
        reference = None if self.ct is None else self.ct.project(views, progress)
        yield
        synthesized, deviation = self._synthesized(contrasts, uncertain, progress)
        comparison = None
        if measured and synthesized is not None and reference is not None:
            from MR2XRayLib.metrics import compare

            comparison = compare(synthesized, reference)
        given = tuple(contrast for contrast in contrasts if contrast is not None)
        return LiveImages(given, synthesized, reference, comparison, deviation)

    def _synthesized(
        self, contrasts: Sequence[Projections | None], uncertain: bool, progress: Progress
    ) -> tuple[Projections | None, Projections | None]:
        """The synthesized images, and their standard deviation where it is wanted."""
        if self.synthesizer is None or self.uncertainty is None:
            return None, None
        if not uncertain:
            return self.synthesizer.synthesize(*contrasts, progress=progress), None
        made = self.uncertainty().synthesize(*contrasts, progress=progress)
        return made.synthesized, made.deviation


def uncertainty_of(trained: TrainedGenerator, device: str) -> UncertainSynthesizer:
    """A generator with its expected errors; raises as `UncertainSynthesizer`."""
    from MR2XRayLib.uncertainty import UncertainSynthesizer

    return UncertainSynthesizer(trained, device)


def difference(synthesized: Projections | None, reference: Projections | None) -> Projections | None:
    """Synthesized minus reference, line integrals; None where one of them is missing."""
    if synthesized is None or reference is None:
        return None
    provenance = {"minuend": dict(synthesized.provenance), "subtrahend": dict(reference.provenance)}
    return replace(synthesized, pixels=synthesized.pixels - reference.pixels, provenance=provenance)


def first_present(mr: Sequence[Volume | None]) -> Volume:
    """The first MR that is there: the one that is registered, and that shows where the head is.

    Raises:
        MR2XRayError: if there is none.
    """
    for volume in mr:
        if volume is not None:
            return volume
    raise MR2XRayError("No MR volume was given; a synthesized X-ray projection starts from at least one.")
