"""The numbers that a training writes into its generator's card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from MR2XRayLib.carm import View
from MR2XRayLib.evaluation.cases import CaseGroup, CaseSettings
from MR2XRayLib.evaluation.groups import (
    FAMILIES,
    Contrasts,
    digital_heads,
    unseen_simulated_heads,
    views_of_pair,
)
from MR2XRayLib.evaluation.run import evaluate
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.registered_pair import RegisteredPair

CardMetrics = dict[str, dict[str, float]]


class ViewsOfOneHead(Protocol):
    """The paper's protocol: a pair, and its views to train and to test on."""

    @property
    def pair(self) -> RegisteredPair:
        """The head."""

    @property
    def training_views(self) -> Sequence[View]:
        """The baselines are fitted on these."""

    @property
    def test_views(self) -> Sequence[View]:
        """The generator is evaluated on these."""


def evaluate_on_held_out_heads(
    trained: TrainedGenerator,
    labels: Path,
    settings: CaseSettings = CaseSettings(),  # noqa: B008 (frozen)
    progress: Progress = silent,
) -> CardMetrics:
    """On the anatomies held out, exact and with thick slices, and on the digital head; see `card_metrics`.

    Raises:
        MR2XRayError: if label volumes are missing.
    """
    contrasts = contrasts_for(trained)
    groups: list[CaseGroup] = [*unseen_simulated_heads(labels, settings, contrasts)]
    if contrasts is FAMILIES:
        groups.append(digital_heads(settings, groups[0].baselines))
    return _card_metrics(trained, groups, progress)


def evaluate_on_views(
    trained: TrainedGenerator, protocol: ViewsOfOneHead, progress: Progress = silent
) -> CardMetrics:
    """On the test views of a protocol on one head."""
    group = views_of_pair(
        protocol.pair,
        protocol.pair.ct.name,
        protocol.test_views,
        protocol.training_views,
        tuple(name.lower() for name in trained.card.input.contrasts),
    )
    return _card_metrics(trained, [group], progress)


def contrasts_for(trained: TrainedGenerator) -> Contrasts:
    """The contrasts that simulated heads are shown to a generator in: all families, or its own together."""
    card = trained.card
    return (
        FAMILIES
        if len(card.input.contrasts) == 1
        else (tuple(name.upper() for name in card.input.contrasts),)
    )


def _card_metrics(trained: TrainedGenerator, groups: Sequence[CaseGroup], progress: Progress) -> CardMetrics:
    evaluation = evaluate([trained], groups, pictures=False, progress=progress)
    return evaluation.card_metrics(trained.card.name)
