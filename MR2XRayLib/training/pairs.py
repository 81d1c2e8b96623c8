"""Live projection pairs: heads seen through randomly placed C-arms; nothing is stored on disk.

A round of heads is drawn and projected, each head from several views; its pairs are served in random order,
some times over, while a thread makes the next round. Which pairs a batch holds follows from the seed and the
number of the batch alone, so that a resumed training sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from MR2XRayLib.carm import CArm

ABSENT = -1.0
"""Every pixel of a contrast that is not there: no signal along any ray."""


@dataclass(frozen=True)
class PairSettings:
    """How pairs are made.

    Attributes:
        pixels: rows and columns of the square detector.
        spacing: voxel size of the simulated CT, in voxels of the label volumes (about mm).
        heads: draws of a head in one round.
        views: random views of each.
        passes: how often each pair of a round is served.
        mirrored: whether half of the pairs, drawn at each pass, are mirrored left to right.
        contrast_dropout: with more than one MR contrast, how often a pair is served with one contrast alone, all
            others being `ABSENT`, 0 to 1.
    """

    pixels: int = 128
    spacing: int = 2
    heads: int = 8
    views: int = 40
    passes: int = 3
    mirrored: bool = True
    contrast_dropout: float = 0.0

    @property
    def carm(self) -> CArm:
        """The default C-arm with a detector of `pixels`."""
        return CArm(pixels=(self.pixels, self.pixels))

    @property
    def round_size(self) -> int:
        """Different pairs in one round."""
        return self.heads * self.views


HeadPairs = Callable[[PairSettings, int, int], np.ndarray]
"""`pairs(settings, seed, index)`: all pairs of head draw `index`, float32 (views, contrasts + 1, rows, columns).

On [-1, 1]; MR contrasts first, X-ray last. Everything random follows from settings, seed and index.
"""


class PairStream:
    """An endless stream of training batches.

    Args:
        pairs_of_head: makes the pairs of one head draw; called on a thread of the stream's own.
        settings: how pairs are made.
        seed: everything follows from it and from the numbers asked for.
        shard, shards: of all heads, those whose number is `shard` modulo `shards` are this stream's.

    Attributes:
        seconds_making: spent on making pairs, on the thread.
        seconds_waiting: that `batch` stood still because pairs were not there yet.
    """

    def __init__(
        self, pairs_of_head: HeadPairs, settings: PairSettings, seed: int, shard: int = 0, shards: int = 1
    ) -> None:
        self._pairs_of_head = pairs_of_head
        self._settings = settings
        self._seed = seed
        self._shard, self._shards = shard, shards
        self._thread = ThreadPoolExecutor(1, "pairs")
        self._making: dict[int, Future[np.ndarray]] = {}
        self._round = -1
        self._pairs = np.empty(0)
        self.seconds_making = self.seconds_waiting = 0.0

    def batch(self, number: int, size: int) -> tuple[Tensor, Tensor]:
        """Batch `number` (from 0) of `size` pairs: MR and X-ray projections.

        float32, (size, contrasts, rows, columns) and (size, 1, rows, columns).
        The last, incomplete batch of a pass is left out.
        """
        pass_number, chosen = self._chosen(number, size)
        self._go_to(pass_number // self._settings.passes)
        pairs = self._pairs[chosen]
        rng = np.random.default_rng([self._seed, self._shard, pass_number, chosen[0]])
        if self._settings.mirrored:
            mirrored = rng.random(len(pairs)) < 0.5
            pairs[mirrored] = pairs[mirrored][..., ::-1]
        mr, xray = pairs[:, :-1], pairs[:, -1:]
        _drop_contrasts(mr, self._settings.contrast_dropout, rng)
        return torch.from_numpy(mr), torch.from_numpy(xray)

    def origin(self, number: int, size: int) -> str:
        """Which draws of heads the pairs of a batch are of, in words, so that a fault can be looked into."""
        pass_number, chosen = self._chosen(number, size)
        heads = self._heads(pass_number // self._settings.passes)
        views = self._settings.views
        pairs = ", ".join(f"view {place % views} of head {heads[place // views]}" for place in chosen)
        return f"{pairs} (seed {self._seed})"

    def close(self) -> None:
        """End the thread; what it has begun it finishes."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _chosen(self, number: int, size: int) -> tuple[int, np.ndarray]:
        """The pass that a batch belongs to, and the places in its round that its pairs are taken from."""
        pass_number, place = divmod(number, max(1, self._settings.round_size // size))
        rng = np.random.default_rng([self._seed, self._shard, pass_number])
        order = rng.permutation(self._settings.round_size)
        return pass_number, order[place * size : (place + 1) * size]

    def _heads(self, number: int) -> Sequence[int]:
        first = number * self._settings.heads
        return [n * self._shards + self._shard for n in range(first, first + self._settings.heads)]

    def _go_to(self, number: int) -> None:
        """Have round `number` at hand, and the one after it under way."""
        if number == self._round:
            return
        began = time.perf_counter()
        self._start(number)
        self._pairs, self._round = self._making.pop(number).result(), number
        self._start(number + 1)
        self.seconds_waiting += time.perf_counter() - began

    def _start(self, number: int) -> None:
        if number not in self._making:
            self._making[number] = self._thread.submit(self._make, number)

    def _make(self, number: int) -> np.ndarray:
        began = time.perf_counter()
        made = [self._pairs_of_head(self._settings, self._seed, head) for head in self._heads(number)]
        self.seconds_making += time.perf_counter() - began
        return np.concatenate(made)


def _drop_contrasts(mr: np.ndarray, share: float, rng: np.random.Generator) -> None:
    """Leave one contrast of a `share` of the pairs, in place; mr is (pairs, contrasts, rows, columns)."""
    count, contrasts = mr.shape[:2]
    if contrasts == 1 or share == 0:
        return
    kept = np.reshape(rng.integers(contrasts, size=count), (count, 1))
    dropped = np.reshape(rng.random(count), (count, 1)) < share
    mr[dropped & (np.arange(contrasts) != kept)] = ABSENT
