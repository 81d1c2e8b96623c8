"""`HeadShelf`: a cohort's heads ready to be projected, as many as memory holds."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any

from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.loading import load_usable
from MR2XRayLib.registered_pair import RegisteredPair

logger = logging.getLogger(__name__)

KEPT_BYTES = 2 << 30
"""Voxels kept in memory between draws. A head takes 4 bytes a voxel of its CT and of each MR: 315 MB for a CT of
512 x 512 x 300, 47 MB for an MR of 256 x 256 x 180; and as much as for an MR again where attenuation is estimated."""


class HeadShelf:
    """Heads ready to be projected; those used last stay in memory, as many as `kept_bytes` hold, but at least one.

    Args:
        contrasts: in order; a head has one of them at least.
        energy_kev: the effective energy at which HU become attenuation.
        kept_bytes: of voxels.

    Attributes:
        contrasts: as given.
    """

    def __init__(
        self, contrasts: Sequence[str], energy_kev: float = 60.0, kept_bytes: int = KEPT_BYTES
    ) -> None:
        self.contrasts = tuple(contrasts)
        self._energy_kev = energy_kev
        self._kept_bytes = kept_bytes
        self._lock = Lock()
        self._kept: OrderedDict[str, RegisteredPair] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process a shelf is empty at first."""
        return HeadShelf, (self.contrasts, self._energy_kev, self._kept_bytes)

    def present(self, head: CohortHead) -> tuple[str, ...]:
        """Which of the contrasts a head has, in order: those of its pair's MR volumes."""
        return tuple(contrast for contrast in self.contrasts if contrast in head.mr)

    def pair(self, head: CohortHead) -> RegisteredPair:
        """The head itself.

        Raises:
            MR2XRayError: as `load_usable`.
        """
        with self._lock:  # the thread that makes training pairs, and the one that validates
            pair = self._kept.pop(head.name, None) or self._load(head)
            self._kept[head.name] = pair
            while len(self._kept) > 1 and self._memory_bytes() > self._kept_bytes:
                self._kept.popitem(last=False)
            return pair

    def _memory_bytes(self) -> int:
        return sum(pair.memory_bytes for pair in self._kept.values())

    def _load(self, head: CohortHead) -> RegisteredPair:
        loaded = load_usable(head, self.contrasts)
        mr = [loaded.mr[contrast] for contrast in self.present(head)]
        pair = RegisteredPair.of(mr, loaded.ct, loaded.transform, "rigid", self._energy_kev)
        logger.info("%s: %d MB of voxels", head.name, pair.memory_bytes >> 20)
        return pair
