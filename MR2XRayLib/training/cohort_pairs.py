"""Training pairs from a user's own heads: registered MR and CT, projected live from random views."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.shelf import HeadShelf
from MR2XRayLib.generators.channels import without_signal
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.simulation.random_views import draw_view
from MR2XRayLib.training.pairs import PairSettings, pages


@dataclass(frozen=True, eq=False)
class CohortPairs:
    """Pairs of a cohort's heads, each as often as any other, in a new random order each time round; a `HeadPairs`.

    Attributes:
        heads: to train on, with transforms.
        shelf: where they are kept.
    """

    heads: Sequence[CohortHead]
    shelf: HeadShelf

    def __call__(self, settings: PairSettings, seed: int, index: int) -> np.ndarray:
        """The pairs of one head; raises what `HeadShelf.pair` raises."""
        time_round, place = divmod(index, len(self.heads))
        order = np.random.default_rng([seed, time_round]).permutation(len(self.heads))
        return _pairs(self.shelf, self.heads[order[place]], settings, np.random.default_rng([seed, index, 1]))


def validation_pairs(
    heads: Sequence[CohortHead], shelf: HeadShelf, settings: PairSettings, seed: int
) -> Iterator[tuple[CohortHead, np.ndarray]]:
    """Each head once, with `settings.views` views that follow from the seed and its name alone.

    So a head's numbers stay comparable when others join the cohort.
    """
    for head in heads:
        own = int.from_bytes(hashlib.sha256(head.name.encode()).digest()[:8], "big")
        yield head, _pairs(shelf, head, settings, np.random.default_rng([seed, own]))


def pages_of_head(
    shelf: HeadShelf, head: CohortHead, views: Sequence[View], layers: Sequence[str] = (SIGNAL,)
) -> np.ndarray:
    """A head's projections on [-1, 1], float32 (views, channels + 1, rows, columns), the X-ray last.

    The channels are the layers of each of the shelf's contrasts; one that the head lacks is without signal.

    Raises:
        MR2XRayError: as `HeadShelf.pair`.
    """
    mr, xray = shelf.pair(head).projected(views, layers)
    found = dict(zip(shelf.present(head), mr, strict=True))
    absent = without_signal(mr[0])
    return pages([found.get(contrast, absent) for contrast in shelf.contrasts], xray, layers)


def _pairs(
    shelf: HeadShelf, head: CohortHead, settings: PairSettings, rng: np.random.Generator
) -> np.ndarray:
    centre_mm = shelf.pair(head).centre_mm
    views = [draw_view(rng, centre_mm, settings.carm) for _ in range(settings.views)]
    return pages_of_head(shelf, head, views, settings.layers)
