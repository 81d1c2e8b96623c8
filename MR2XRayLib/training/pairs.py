"""Live projection pairs: heads seen through randomly placed C-arms; nothing is stored on disk.

A round of heads is drawn and projected, each head from several views; its pairs are served in random order,
some times over, before the next round replaces them. Which pairs a batch holds follows from the seed and the
number of the batch alone, so that a resumed training sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.intensity import attenuation, normalise_mr
from MR2XRayLib.projection import project
from MR2XRayLib.scale import to_unit
from MR2XRayLib.training.heads import SimulatedHead, simulate_head
from MR2XRayLib.volume import Volume

MR_FULL_SCALE_MM = 160.0
"""The line integral of normalised MR intensity, in mm, that becomes +1.

By contrast, 99.9 % of the pixels of simulated heads lie below 119 to 179 mm, 154 mm in the mean.
"""

PRIMARY_DEG, SECONDARY_DEG = (-180.0, 180.0), (-45.0, 45.0)


@dataclass(frozen=True)
class PairSettings:
    """How pairs are made.

    Attributes:
        pixels: rows and columns of the square detector.
        spacing: voxel size of the simulated CT, in voxels of the label volumes (about mm).
        heads: draws of a head in one round.
        views: random views of each.
        passes: how often each pair of a round is served, mirrored at random each time.
    """

    pixels: int = 128
    spacing: int = 2
    heads: int = 8
    views: int = 40
    passes: int = 3

    @property
    def carm(self) -> CArm:
        """The default C-arm with a detector of `pixels`."""
        return CArm(pixels=(self.pixels, self.pixels))

    @property
    def round_size(self) -> int:
        """Different pairs in one round."""
        return self.heads * self.views


def draw_view(
    rng: np.random.Generator,
    centre_mm: np.ndarray,
    carm: CArm,
    primary_deg: tuple[float, float] = PRIMARY_DEG,
) -> View:
    """A random view of a head at `centre_mm` (LPS): distances, isocentre and angles as in a clinic.

    The detector is that of `carm`; the primary angle lies within `primary_deg`, the secondary within ±45°.
    """
    angulation = Angulation(rng.uniform(*primary_deg), rng.uniform(*SECONDARY_DEG))
    carm = replace(
        carm,
        source_to_isocentre_mm=rng.uniform(700.0, 800.0),
        source_to_detector_mm=rng.uniform(1100.0, 1250.0),
    )
    return carm.at(centre_mm + rng.uniform(-15.0, 15.0, 3)).view(angulation)


HeadPairs = Callable[[PairSettings, int, int], np.ndarray]
"""`pairs(settings, seed, index)`: all pairs of head draw `index`, float32 (views, contrasts + 1, rows, columns).

On [-1, 1]; MR contrasts first, X-ray last. Everything random follows from settings, seed and index.
"""


def of_simulated_heads(anatomies: Sequence[Volume]) -> HeadPairs:
    """Pairs of heads simulated on one of `anatomies` (label volumes), drawn anew for every head."""

    def pairs(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        rng = np.random.default_rng([seed, index, 1])
        anatomy = anatomies[int(rng.integers(len(anatomies)))]
        head = simulate_head(anatomy, seed, index, settings.spacing)
        views = [draw_view(rng, head.ct.centre_mm, settings.carm) for _ in range(settings.views)]
        return np.stack(project_head(head, views), axis=1)

    return pairs


def project_head(head: SimulatedHead, views: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
    """MR and X-ray projections of one head on their [-1, 1] scales, float32 (views, rows, columns) each."""
    mr = project(normalise_mr(head.mr, head.head), views, device="cpu").pixels
    xray = project(attenuation(head.ct), views, device="cpu").pixels
    return to_unit(mr, MR_FULL_SCALE_MM), to_unit(xray)


class PairStream:
    """An endless stream of training batches.

    Args:
        pairs_of_head: makes the pairs of one head draw.
        settings: how pairs are made.
        seed: everything follows from it and from the numbers asked for.
    """

    def __init__(self, pairs_of_head: HeadPairs, settings: PairSettings, seed: int) -> None:
        self._pairs_of_head = pairs_of_head
        self._settings = settings
        self._seed = seed
        self._round = -1
        self._pairs = np.empty(0)

    def batch(self, number: int, size: int) -> tuple[Tensor, Tensor]:
        """Batch `number` (from 0) of `size` pairs: MR and X-ray projections.

        float32, (size, contrasts, rows, columns) and (size, 1, rows, columns).
        The last, incomplete batch of a pass is left out.
        """
        batches_a_pass = max(1, self._settings.round_size // size)
        pass_number, place = divmod(number, batches_a_pass)
        self._go_to(pass_number // self._settings.passes)
        rng = np.random.default_rng([self._seed, pass_number])
        order = rng.permutation(self._settings.round_size)
        chosen = self._pairs[order[place * size : (place + 1) * size]]
        mirrored = np.random.default_rng([self._seed, pass_number, place]).random(len(chosen)) < 0.5
        chosen[mirrored] = chosen[mirrored][..., ::-1]
        mr, xray = torch.from_numpy(chosen[:, :-1]), torch.from_numpy(chosen[:, -1:])
        return mr, xray

    def _go_to(self, number: int) -> None:
        """Make round `number`, unless it is the one at hand."""
        if number == self._round:
            return
        first = number * self._settings.heads
        heads = range(first, first + self._settings.heads)
        self._pairs = np.concatenate([self._pairs_of_head(self._settings, self._seed, n) for n in heads])
        self._round = number
