"""Training pairs from a user's own heads: registered MR and CT, projected live from random views."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.loading import load_head
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.channels import without_signal
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.simulation.random_views import draw_view
from MR2XRayLib.training.pairs import PairSettings, pages

logger = logging.getLogger(__name__)

KEPT_BYTES = 2 << 30
"""Voxels kept in memory between draws. A head takes 4 bytes a voxel of its CT and of each MR: 315 MB for a CT of
512 x 512 x 300, 47 MB for an MR of 256 x 256 x 180."""


class HeadShelf:
    """Heads ready to be projected; those used last stay in memory, as many as `kept_bytes` hold, but at least one.

    Args:
        contrasts: in order; a head has one of them at least.
        layers: of each contrast, one a channel.
        energy_kev: the effective energy at which HU become attenuation.
        kept_bytes: of voxels.
    """

    def __init__(
        self,
        contrasts: Sequence[str],
        energy_kev: float = 60.0,
        kept_bytes: int = KEPT_BYTES,
        layers: Sequence[str] = (SIGNAL,),
    ) -> None:
        self._contrasts = tuple(contrasts)
        self._layers = tuple(layers)
        self._energy_kev = energy_kev
        self._kept_bytes = kept_bytes
        self._lock = Lock()
        self._kept: OrderedDict[str, RegisteredPair] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process a shelf is empty at first."""
        return HeadShelf, (self._contrasts, self._energy_kev, self._kept_bytes, self._layers)

    def pages(self, head: CohortHead, views: Sequence[View]) -> np.ndarray:
        """A head's projections on [-1, 1], float32 (views, channels + 1, rows, columns), the X-ray last.

        Raises:
            MR2XRayError: if the head cannot be loaded, has no transform, or none of the contrasts.
        """
        mr, xray = self.pair(head).projected(views, self._layers)
        found = dict(zip(self._present(head), mr, strict=True))
        absent = without_signal(mr[0])
        return pages([found.get(contrast, absent) for contrast in self._contrasts], xray, self._layers)

    def centre_mm(self, head: CohortHead) -> np.ndarray:
        """The centre of the head, in the CT's frame; it raises what `pages` raises."""
        return self.pair(head).centre_mm

    def _present(self, head: CohortHead) -> list[str]:
        return [contrast for contrast in self._contrasts if contrast in head.mr]

    def pair(self, head: CohortHead) -> RegisteredPair:
        """The head itself; it raises what `pages` raises."""
        with self._lock:  # the thread that makes training pairs, and the one that validates
            pair = self._kept.pop(head.name, None) or self._load(head)
            self._kept[head.name] = pair
            while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > self._kept_bytes:
                self._kept.popitem(last=False)
            return pair

    def _load(self, head: CohortHead) -> RegisteredPair:
        if not self._present(head):
            raise MR2XRayError(
                f"{head.place} has none of the MR contrasts {', '.join(self._contrasts)}; add one, or take it out."
            )
        loaded = load_head(head)
        if loaded.transform is None:
            raise MR2XRayError(
                f"{head.place} has no transform; run mr2xray cohort prepare, and train with the cohort.toml that it "
                "writes."
            )
        mr = [loaded.mr[contrast] for contrast in self._present(head)]
        pair = RegisteredPair.of(mr, loaded.ct, loaded.transform, "rigid", self._energy_kev)
        logger.info("%s: %d MB of voxels", head.name, _bytes(pair) >> 20)
        return pair


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
        """The pairs of one head; raises what `HeadShelf.pages` raises."""
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


def _pairs(
    shelf: HeadShelf, head: CohortHead, settings: PairSettings, rng: np.random.Generator
) -> np.ndarray:
    centre_mm = shelf.centre_mm(head)
    return shelf.pages(head, [draw_view(rng, centre_mm, settings.carm) for _ in range(settings.views)])


def _bytes(pair: RegisteredPair) -> int:
    return pair.ct.voxels.nbytes + sum(volume.voxels.nbytes for volume in pair.mr)
