"""`Source`: where a training's pairs come from, and what the card says of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from MR2XRayLib.generators.card import TrainedGeometry
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.progress import Progress
from MR2XRayLib.training.pairs import HeadPairs, PairSettings

RESEARCH_ONLY = (
    "Not a medical device: a synthesized image is a guess and must not be used for diagnosis or treatment."
)

Evaluate = Callable[[TrainedGenerator, Progress], Mapping[str, Mapping[str, float]]]
"""Numbers of a generator for each named set of pairs; the `Progress` is told "evaluate"."""


@dataclass(frozen=True, eq=False)
class Source:
    """Heads to train on, to validate on, and to evaluate on.

    Attributes:
        pairs: makes the training pairs of one head.
        settings: how the training makes its pairs.
        validation: makes the pairs that the log's validation loss is taken on; float32 as `HeadPairs` gives them.
        evaluate: on pairs that were neither trained nor validated on.
        contrasts: names of the MR contrasts, in the order of the channels.
        geometry: of the views.
        data: what the card says of the data.
        limits: sentences for the card.
    """

    pairs: HeadPairs
    settings: PairSettings
    validation: Callable[[], np.ndarray]
    evaluate: Evaluate
    contrasts: tuple[str, ...]
    geometry: TrainedGeometry
    data: Mapping[str, Any]
    limits: tuple[str, ...]
