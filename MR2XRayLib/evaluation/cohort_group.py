"""The heads of a user's cohort as a case group: those kept for the end, or those that choices are made by."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np

from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.shelf import HeadShelf
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation.cases import BaselineData, Case, CaseGroup, CaseSettings
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.mr_layers import MR_LAYERS
from MR2XRayLib.simulation.random_views import draw_view

Side = Literal["validate", "test"]

SEED = 20_000
"""Of the views: the same at every evaluation."""

VIEWS = 8
"""Of each head, unless another number is asked for."""

KNOWN = 2
"""Training heads that the baselines are fitted on."""

TOLD: Mapping[Side, tuple[str, str, str]] = {
    "test": (
        "cohort_test_heads",
        "Test heads of the cohort",
        "of people that mr2xray train neither trains nor validates on",
    ),
    "validate": (
        "cohort_validation_heads",
        "Validation heads of the cohort",
        "of people that mr2xray train does not train on, but that choices are made by",
    ),
}
"""Key, title and words of a group."""


def heads_of(cohort: Sequence[CohortHead], side: Side) -> tuple[CohortHead, ...]:
    """The heads of a cohort's side.

    Raises:
        MR2XRayError: if there is none of that side.
    """
    chosen = tuple(head for head in cohort if head.split == side)
    if not chosen:
        raise MR2XRayError(f'The cohort has no head to {side} on; give some heads split = "{side}".')
    return chosen


def cohort_heads(
    heads: Sequence[CohortHead],
    side: Side,
    shelf: HeadShelf,
    settings: CaseSettings = CaseSettings(views=VIEWS),  # noqa: B008 (frozen)
) -> CaseGroup:
    """The test or the validation heads of a cohort, each from random views.

    The baselines are fitted on the first `KNOWN` training heads; without any, on other views of the same heads.

    Args:
        heads: sound ones, with transforms; those of other sides are passed over.
        side: "test" or "validate".
        shelf: that keeps them.
        settings: how they are projected.
    """
    key, title, words = TOLD[side]
    chosen = [head for head in heads if head.split == side]
    known = [head for head in heads if head.split == "train"][:KNOWN]
    return CaseGroup(
        key,
        title,
        f"{len(chosen)} head{'s' if len(chosen) > 1 else ''} {words}; {settings.views} random views of each.",
        partial(_cases, chosen, shelf, settings, SEED),
        len(chosen),
        BaselineData(
            f"{len(known)} training head{'s' if len(known) > 1 else ''} of the cohort"
            if known
            else "other views of the same heads, which so know them: a harder opponent",
            partial(_cases, known or chosen[:KNOWN], shelf, settings, SEED + 1),
            len(known or chosen[:KNOWN]),
            estimate=True,
        ),
    )


def trained_on(card: ModelCard, heads: Collection[CohortHead]) -> list[str]:
    """Names of heads that a generator's card counts among those that it, or what it started from, was trained on.

    By name alone: two cohorts may call different heads the same.
    """
    known: set[str] = set()
    data: object = card.data
    while isinstance(data, Mapping):
        by_side = data.get("heads")
        names = by_side.get("train") if isinstance(by_side, Mapping) else None
        known.update(map(str, names) if isinstance(names, (list, tuple)) else ())
        parent = data.get("started_from")
        data = parent.get("data") if isinstance(parent, Mapping) else None
    return [head.name for head in heads if head.name in known]


def _cases(
    heads: Sequence[CohortHead], shelf: HeadShelf, settings: CaseSettings, seed: int
) -> Iterator[Case]:
    for number, head in enumerate(heads):
        rng = np.random.default_rng([seed, number])
        pair = shelf.pair(head)
        views = [draw_view(rng, pair.centre_mm, settings.carm) for _ in range(settings.views)]
        mr, xray = pair.projected(views, MR_LAYERS)
        yield Case(head.name, head.person, mr, xray, shelf.present(head))
