"""Live projection pairs: heads seen through randomly placed C-arms; nothing is stored on disk.

A round of heads is drawn and projected, each head from several views; its pairs are served in random order,
some times over, while a thread makes the next round. Several rounds may be at hand at once, the oldest of which
goes when the next one comes: heads then come as often as before, but from step to step there are more of them. Which
pairs a batch holds follows from the seed and the number of the batch alone, so that a resumed training sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from MR2XRayLib.carm import CArm
from MR2XRayLib.projection.projections import SIGNAL, Projections
from MR2XRayLib.scale import MR_FULL_SCALE_MM, to_unit
from MR2XRayLib.training.makers import Made, Makers, finished

ABSENT = -1.0
"""Every pixel of a contrast that is not there: no signal along any ray."""

CONTRAST_DROPOUT = 0.5
"""How often a training on several contrasts serves a pair with one of them alone, see `PairSettings`."""


@dataclass(frozen=True)
class PairSettings:
    """How pairs are made.

    Attributes:
        pixels: rows and columns of the square detector.
        spacing: voxel size of the simulated CT, in voxels of the label volumes (about mm).
        heads: draws of a head in one round.
        views: random views of each.
        passes: how often each pair of a round is served; on average, where several rounds are at hand.
        window: rounds at hand at once; all of them are made before the first batch.
        mirrored: whether half of the pairs, drawn at each pass, are mirrored left to right.
        layers: of each MR contrast, one a channel, see `mr_layers`.
        contrast_dropout: with more than one MR contrast, how often a pair is served with one of its contrasts alone,
            all others being `ABSENT`, 0 to 1.
    """

    pixels: int = 128
    spacing: int = 2
    heads: int = 8
    views: int = 40
    passes: int = 3
    window: int = 1
    mirrored: bool = True
    layers: tuple[str, ...] = (SIGNAL,)
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
"""`pairs(settings, seed, index)`: all pairs of head draw `index`, shape (views, channels + 1, rows, columns).

Float32 or float16, on [-1, 1]; the layers of each MR contrast first, X-ray last. Everything random follows from
settings, seed and index.
To be called in other processes it must be picklable: a dataclass, not a closure.
"""


def pages(contrasts: Sequence[Projections], xray: Projections, layers: Sequence[str]) -> np.ndarray:
    """Projections of one head as the pairs that `HeadPairs` gives."""
    channels = [to_unit(mr.layer(name), MR_FULL_SCALE_MM) for mr in contrasts for name in layers]
    return np.stack([*channels, to_unit(xray.pixels)], axis=1)


class PairStream:
    """An endless stream of training batches.

    Args:
        pairs_of_head: makes the pairs of one head draw; called on a thread of the stream's own, or in its processes.
        settings: how pairs are made.
        seed: everything follows from it and from the numbers asked for.
        shard, shards: of all heads, those whose number is `shard` modulo `shards` are this stream's.
        workers: processes that make pairs, each a head at a time; with none a thread does. Which pairs come when does
            not depend on it.

    Attributes:
        seconds_making: spent on making pairs, on the thread or in all processes together.
        seconds_waiting: that `batch` stood still because pairs were not there yet.
    """

    def __init__(
        self,
        pairs_of_head: HeadPairs,
        settings: PairSettings,
        seed: int,
        shard: int = 0,
        shards: int = 1,
        workers: int = 0,
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._shard, self._shards = shard, shards
        self._makers = Makers(partial(pairs_of_head, settings, seed), workers)
        self._making: dict[int, list[Future[Made]]] = {}
        self._at_hand: dict[int, list[np.ndarray]] = {}
        self.seconds_making = self.seconds_waiting = 0.0

    def batch(self, number: int, size: int) -> tuple[Tensor, Tensor]:
        """Batch `number` (from 0) of `size` pairs: MR and X-ray projections.

        (size, channels, rows, columns) and (size, 1, rows, columns), of the numbers that the heads' pairs are in.
        The last, incomplete batch of a pass is left out.
        """
        pass_number, chosen = self._chosen(number, size)
        heads = self._heads_of(self._rounds(pass_number))
        views = self._settings.views
        pairs = np.stack([heads[place // views][place % views] for place in chosen])
        rng = np.random.default_rng([self._seed, self._shard, pass_number, chosen[0]])
        if self._settings.mirrored:
            mirrored = rng.random(len(pairs)) < 0.5
            pairs[mirrored] = pairs[mirrored][..., ::-1]
        mr, xray = pairs[:, :-1], pairs[:, -1:]
        _drop_contrasts(mr, len(self._settings.layers), self._settings.contrast_dropout, rng)
        return torch.from_numpy(mr), torch.from_numpy(xray)

    def origin(self, number: int, size: int) -> str:
        """Which draws of heads the pairs of a batch are of, in words, so that a fault can be looked into."""
        pass_number, chosen = self._chosen(number, size)
        heads = [head for a_round in self._rounds(pass_number) for head in self._draws(a_round)]
        views = self._settings.views
        pairs = ", ".join(f"view {place % views} of head {heads[place // views]}" for place in chosen)
        return f"{pairs} (seed {self._seed})"

    def close(self) -> None:
        """End the thread or the processes; what they have begun they finish."""
        self._makers.close()

    def _chosen(self, number: int, size: int) -> tuple[int, np.ndarray]:
        """The pass that a batch belongs to, and the places among the rounds at hand that its pairs are taken from."""
        settings = self._settings
        pass_number, place = divmod(number, max(1, settings.round_size // size))
        rng = np.random.default_rng([self._seed, self._shard, pass_number])
        # A pass is as long as a round, and draws from all rounds at hand.
        order = rng.permutation(settings.window * settings.round_size)
        return pass_number, order[place * size : (place + 1) * size]

    def _rounds(self, pass_number: int) -> range:
        """The rounds at hand in a pass."""
        oldest = pass_number // self._settings.passes
        return range(oldest, oldest + self._settings.window)

    def _draws(self, number: int) -> Sequence[int]:
        """The head draws of a round."""
        first = number * self._settings.heads
        return [n * self._shards + self._shard for n in range(first, first + self._settings.heads)]

    def _heads_of(self, rounds: range) -> list[np.ndarray]:
        """The pairs of each head of these rounds, and the round after them under way."""
        if self._at_hand.keys() != set(rounds):
            began = time.perf_counter()
            for number in (*rounds, rounds.stop):
                self._start(number)
            self._at_hand = {
                number: self._at_hand[number] if number in self._at_hand else self._finish(number)
                for number in rounds
            }
            self.seconds_waiting += time.perf_counter() - began
        return [pairs for number in rounds for pairs in self._at_hand[number]]

    def _start(self, number: int) -> None:
        if number not in self._making and number not in self._at_hand:
            self._making[number] = [self._makers.make(head) for head in self._draws(number)]

    def _finish(self, number: int) -> list[np.ndarray]:
        made = [finished(future) for future in self._making.pop(number)]
        self.seconds_making += sum(seconds for _, seconds in made)
        return [pairs for pairs, _ in made]


def _drop_contrasts(mr: np.ndarray, layers: int, share: float, rng: np.random.Generator) -> None:
    """Leave one contrast of a `share` of the pairs, in place; mr is (pairs, contrasts · layers, rows, columns).

    One that the head has: a pair of which all contrasts were absent would teach to invent an X-ray.
    """
    count, contrasts = len(mr), mr.shape[1] // layers
    if contrasts == 1 or share == 0:
        return
    drawn = rng.integers(contrasts, size=count)
    dropped = np.reshape(rng.random(count), (count, 1)) < share
    lots = rng.random((count, contrasts))
    lots[np.arange(count), drawn] = 1.0
    lots[~_present(mr, layers)] = -1.0
    kept = lots.argmax(axis=1, keepdims=True)
    absent = dropped & (np.arange(contrasts) != kept)
    mr[np.repeat(absent, layers, axis=1)] = ABSENT


def _present(mr: np.ndarray, layers: int) -> np.ndarray:
    """Which contrasts the head of each pair has, bool (pairs, contrasts)."""
    channels = (mr != ABSENT).any(axis=(-2, -1))
    return channels.reshape(len(mr), -1, layers).any(axis=2)
