"""Live projection pairs: simulated heads seen through randomly placed C-arms; nothing is stored on disk.

A round of heads is simulated and projected, each head from several views; its pairs are served in random order,
some times over, before the next round replaces them. Which pairs a batch holds follows from the seed and the
number of the batch alone, so that a resumed training sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        heads: simulated heads in one round.
        views: random views of each.
        passes: how often each pair of a round is served, mirrored at random each time.
    """

    pixels: int = 128
    spacing: int = 2
    heads: int = 8
    views: int = 40
    passes: int = 3

    @property
    def round_size(self) -> int:
        """Different pairs in one round."""
        return self.heads * self.views


def draw_view(rng: np.random.Generator, centre_mm: np.ndarray, pixels: int) -> View:
    """A random C-arm view of a head at `centre_mm` (LPS): distances, isocentre and angles as in a clinic.

    The primary angle is any, the secondary lies within ±45°.
    """
    angulation = Angulation(rng.uniform(*PRIMARY_DEG), rng.uniform(*SECONDARY_DEG))
    carm = CArm(
        source_to_isocentre_mm=rng.uniform(700.0, 800.0),
        source_to_detector_mm=rng.uniform(1100.0, 1250.0),
        pixels=(pixels, pixels),
    )
    return carm.at(centre_mm + rng.uniform(-15.0, 15.0, 3)).view(angulation)


def project_head(head: SimulatedHead, views: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
    """MR and X-ray projections of one head on their [-1, 1] scales, float32 (views, rows, columns) each."""
    mr = project(normalise_mr(head.mr, head.head), views, device="cpu").pixels
    xray = project(attenuation(head.ct), views, device="cpu").pixels
    return to_unit(mr, MR_FULL_SCALE_MM), to_unit(xray)


class PairStream:
    """An endless stream of training batches.

    Args:
        anatomies: label volumes to draw heads on.
        settings: how pairs are made.
        seed: everything follows from it and from the numbers asked for.
    """

    def __init__(self, anatomies: Sequence[Volume], settings: PairSettings, seed: int) -> None:
        self._anatomies = anatomies
        self._settings = settings
        self._seed = seed
        self._round = -1
        self._pairs = np.empty(0)

    def batch(self, number: int, size: int) -> tuple[Tensor, Tensor]:
        """Batch `number` (from 0) of `size` pairs: MR and X-ray projections, float32 (size, 1, rows, columns).

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
        mr, xray = torch.from_numpy(chosen[:, :1]), torch.from_numpy(chosen[:, 1:])
        return mr, xray

    def _go_to(self, number: int) -> None:
        """Make round `number`, unless it is the one at hand."""
        if number == self._round:
            return
        self._pairs = np.concatenate(
            [self._pairs_of_head(number * self._settings.heads + n) for n in range(self._settings.heads)]
        )
        self._round = number

    def _pairs_of_head(self, index: int) -> np.ndarray:
        """All pairs of one head draw, shape (views, 2, rows, columns)."""
        rng = np.random.default_rng([self._seed, index, 1])
        anatomy = self._anatomies[int(rng.integers(len(self._anatomies)))]
        head = simulate_head(anatomy, self._seed, index, self._settings.spacing)
        views = [
            draw_view(rng, head.ct.centre_mm, self._settings.pixels) for _ in range(self._settings.views)
        ]
        return np.stack(project_head(head, views), axis=1)
