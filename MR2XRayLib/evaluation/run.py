"""`evaluate`: several generators and the baselines in one pass over the cases."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from MR2XRayLib import __version__
from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation.baselines import estimate_alone, fit_baselines
from MR2XRayLib.evaluation.cases import BaselineData, Case, CaseGroup
from MR2XRayLib.evaluation.curves import Curves
from MR2XRayLib.evaluation.results import (
    ESTIMATE,
    LINEAR_MAP,
    MEAN_IMAGE,
    Evaluation,
    GeneratorIdentity,
    GroupResult,
    Measured,
    MethodResult,
)
from MR2XRayLib.evaluation.strips import Gallery
from MR2XRayLib.generators.applicability import unlike_geometry, unlike_reference
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.metrics import compare, edge_share, head_mask_2d
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection import Projections
from MR2XRayLib.synthesis import Synthesizer

logger = logging.getLogger(__name__)

Method = Callable[[Case], Projections]


def evaluate(
    generators: Sequence[TrainedGenerator],
    groups: Sequence[CaseGroup],
    *,
    device: str = "cpu",
    pictures: bool = True,
    progress: Progress = silent,
    warn: Callable[[str], None] = logger.warning,
) -> Evaluation:
    """Measure generators and baselines; each case is made and projected once, one in memory at a time.

    Args:
        generators: to evaluate.
        groups: of cases.
        device: that generators run on; projections are the CPU's.
        pictures: whether the views to be shown are kept.
        progress: told "evaluate" once a case.
        warn: told, once for each group and generator, of views that are unlike the C-arm it was trained for; the
            report says the same.

    Raises:
        MR2XRayError: if there is no generator or no group, a generator takes contrasts that a case has not, or a
            case cannot be made.
    """
    if not generators or not groups:
        raise MR2XRayError("There is nothing to evaluate; give a generator, and heads to evaluate it on.")
    identities = identities_of(generators)
    methods = {
        identity.name: _OfGenerator(Synthesizer(trained, device))
        for identity, trained in zip(identities, generators, strict=True)
    }
    told = _Counted(groups, progress)
    fitted: dict[BaselineData, dict[str, Method]] = {}
    results = []
    for group in groups:
        if group.baselines not in fitted:
            fitted[group.baselines] = _baseline_methods(group.baselines, told)
        results.append(_of_group(group, methods, fitted[group.baselines], pictures, told, warn))
    return Evaluation(identities, tuple(results), f"MR2XRayLib {__version__}")


def identities_of(generators: Sequence[TrainedGenerator]) -> tuple[GeneratorIdentity, ...]:
    """What the report says of each; those called the same are told apart by their weights' hash.

    Raises:
        MR2XRayError: if one is given twice.
    """
    found = []
    for trained in generators:
        card = trained.card
        losses = _loss_names(card.loss)
        shape = (card.architecture, card.width, card.parameters)
        found.append(GeneratorIdentity(card.name, card.version, *shape, losses, card.weights_sha256))
    times = Counter(identity.name for identity in found)
    named = tuple(
        replace(each, name=f"{each.name} ({each.sha256[:8]})") if times[each.name] > 1 else each
        for each in found
    )
    if len({each.name for each in named}) < len(named):
        raise MR2XRayError("A generator is given twice; give each once.")
    return named


def _loss_names(loss: object) -> tuple[str, ...]:
    """Names of the losses in a card, which may stand under stages."""
    if not isinstance(loss, dict):
        return ()
    names: list[str] = []
    for name, entry in loss.items():
        names.extend(_loss_names(entry) if isinstance(entry, dict) else [name])
    return tuple(dict.fromkeys(names))


class _Counted:
    """Tells how many of all cases are done, those for the baselines included."""

    def __init__(self, groups: Sequence[CaseGroup], progress: Progress) -> None:
        fits = {group.baselines: group.baselines.count for group in groups}
        self._total = sum(group.count for group in groups) + sum(fits.values())
        self._done = 0
        self._progress = progress

    def __call__(self, cases: Iterable[Case]) -> Iterable[Case]:
        """The same cases, each counted when the next is asked for."""
        self._progress("evaluate", self._done / self._total)
        for case in cases:
            yield case
            self._done += 1
            self._progress("evaluate", self._done / self._total)


@dataclass(frozen=True, eq=False)
class _OfGenerator:
    """The method of a generator."""

    synthesizer: Synthesizer

    def __call__(self, case: Case) -> Projections:
        """The case's X-rays as the generator makes them."""
        return self.synthesizer.synthesize(*case.contrasts_for(self.synthesizer.trained.card))

    def unlike_training(self, views: Sequence[View]) -> str:
        """What in the views is unlike the C-arm it was trained for, in sentences; empty where nothing is."""
        return " ".join(unlike_geometry(self.synthesizer.trained.card.geometry, tuple(views)))


def _baseline_methods(data: BaselineData, told: _Counted) -> dict[str, Method]:
    linear_map, mean_image = fit_baselines(told(data.cases()))
    methods: dict[str, Method] = {LINEAR_MAP: linear_map}
    if data.mean_image:
        methods[MEAN_IMAGE] = mean_image
    if data.estimate:
        methods[ESTIMATE] = estimate_alone
    return methods


def _of_group(
    group: CaseGroup,
    generators: Mapping[str, _OfGenerator],
    baselines: Mapping[str, Method],
    pictures: bool,
    told: _Counted,
    warn: Callable[[str], None],
) -> GroupResult:
    methods: dict[str, Method] = {**generators, **baselines}
    views: list[View] = []
    measured: dict[str, list[Measured]] = {name: [] for name in methods}
    gallery, coverage, caveats = Gallery(), [], dict[str, None]()
    for case in told(group.cases()):
        coverage += [head_mask_2d(page).mean() for page in case.xray.pixels]
        caveats |= dict.fromkeys(unlike_reference(case.xray))
        views += case.xray.views
        if pictures:
            gallery.add_case(case)
        for name, method in methods.items():
            synthesized = method(case)
            without_ring = None if case.bare is None else method(case.bare)
            result = _measured(case, synthesized, without_ring)
            measured[name].append(result)
            if pictures and name in generators:
                gallery.add(name, synthesized, result.views)
    unlike = _unlike_training(generators, views)
    for sentence in unlike:
        warn(f"{group.title}: {sentence}")
    return GroupResult(
        group.key,
        group.title,
        group.words,
        group.paper,
        group.baselines.words,
        float(np.mean(coverage)),
        tuple(
            MethodResult(name, tuple(cases), gallery.strips(name) if name in gallery.metrics else ())
            for name, cases in measured.items()
        ),
        (*caveats, *unlike),
    )


def _unlike_training(generators: Mapping[str, _OfGenerator], views: Sequence[View]) -> list[str]:
    """A caveat for each generator that was trained for another C-arm than that of a group's views."""
    told = {name: generator.unlike_training(views) for name, generator in generators.items()}
    return [f"{name} is used outside its training. {text}" for name, text in told.items() if text]


def _measured(case: Case, synthesized: Projections, without_ring: Projections | None) -> Measured:
    angulations = tuple(view.angulation for view in case.xray.views)
    views = compare(synthesized, case.xray).views
    edges: tuple[float, ...] = ()
    if case.bare is not None and without_ring is not None:
        rings = synthesized.pixels - without_ring.pixels, case.xray.pixels - case.bare.xray.pixels
        edges = tuple(edge_share(made, true) for made, true in zip(*rings, strict=True))
    return Measured(case.name, case.head, views, angulations, Curves.of(synthesized, case.xray), edges)
