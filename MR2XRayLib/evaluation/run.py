"""`evaluate`: several generators and the baselines in one pass over the cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from MR2XRayLib import __version__
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
from MR2XRayLib.generators.applicability import unlike_reference
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.metrics import compare, edge_share, head_mask_2d
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection import Projections
from MR2XRayLib.synthesis import Synthesizer

Method = Callable[[Case], Projections]


def evaluate(
    generators: Sequence[TrainedGenerator],
    groups: Sequence[CaseGroup],
    *,
    device: str = "cpu",
    pictures: bool = True,
    progress: Progress = silent,
) -> Evaluation:
    """Measure generators and baselines; each case is made and projected once, one in memory at a time.

    Args:
        generators: to evaluate.
        groups: of cases.
        device: that generators run on; projections are the CPU's.
        pictures: whether the views to be shown are kept.
        progress: told "evaluate" once a case.

    Raises:
        MR2XRayError: if there is no generator or no group, a generator takes contrasts that a case has not, or a
            case cannot be made.
    """
    if not generators or not groups:
        raise MR2XRayError("There is nothing to evaluate; give a generator, and heads to evaluate it on.")
    identities = identities_of(generators)
    methods = {
        identity.name: _generator_method(trained, device)
        for identity, trained in zip(identities, generators, strict=True)
    }
    told = _Counted(groups, progress)
    fitted: dict[BaselineData, dict[str, Method]] = {}
    results = []
    for group in groups:
        if group.baselines not in fitted:
            fitted[group.baselines] = _baseline_methods(group.baselines, told)
        results.append(_of_group(group, methods, fitted[group.baselines], pictures, told))
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


def _generator_method(trained: TrainedGenerator, device: str) -> Method:
    synthesizer = Synthesizer(trained, device)
    return lambda case: synthesizer.synthesize(*case.contrasts_for(trained.card))


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
    generators: dict[str, Method],
    baselines: dict[str, Method],
    pictures: bool,
    told: _Counted,
) -> GroupResult:
    methods = generators | baselines
    measured: dict[str, list[Measured]] = {name: [] for name in methods}
    gallery, coverage, caveats = Gallery(), [], dict[str, None]()
    for case in told(group.cases()):
        coverage += [head_mask_2d(page).mean() for page in case.xray.pixels]
        caveats |= dict.fromkeys(unlike_reference(case.xray))
        if pictures:
            gallery.add_case(case)
        for name, method in methods.items():
            synthesized = method(case)
            without_ring = None if case.bare is None else method(case.bare)
            result = _measured(case, synthesized, without_ring)
            measured[name].append(result)
            if pictures and name in generators:
                gallery.add(name, synthesized, result.views)
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
        tuple(caveats),
    )


def _measured(case: Case, synthesized: Projections, without_ring: Projections | None) -> Measured:
    angulations = tuple(view.angulation for view in case.xray.views)
    views = compare(synthesized, case.xray).views
    edges: tuple[float, ...] = ()
    if case.bare is not None and without_ring is not None:
        rings = synthesized.pixels - without_ring.pixels, case.xray.pixels - case.bare.xray.pixels
        edges = tuple(edge_share(made, true) for made, true in zip(*rings, strict=True))
    return Measured(case.name, case.head, views, angulations, Curves.of(synthesized, case.xray), edges)
