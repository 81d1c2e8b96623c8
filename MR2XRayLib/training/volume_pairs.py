"""Pairs of blocks of voxels, MR and attenuation, of simulated heads: what an estimator is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.estimation.grid import MULTIPLE, HeadGrid
from MR2XRayLib.intensity import normalise_mr
from MR2XRayLib.simulation.heads import SimulatedHead, simulate_head
from MR2XRayLib.simulation.variety import TRAINING_VARIETY, Variety
from MR2XRayLib.training.pairs import PairSettings
from MR2XRayLib.volume import Volume

BLOCK_MM = 96
AIR_HU = -1000.0
HIGHEST = 4.0
"""Attenuation relative to water at 3000 HU: metal, which MR shows as a void only, must not rule the training."""

SETTINGS = PairSettings(pixels=BLOCK_MM, spacing=1, heads=5, views=24, passes=2)
"""Blocks of 96 mm; "views" of a head are its blocks."""


@dataclass(frozen=True, eq=False)
class VolumePairs:
    """Blocks of simulated heads, drawn anew for every head; a `HeadPairs` of volumes.

    Attributes:
        anatomies: label volumes, to draw from.
        variety: how they are changed.
    """

    anatomies: Sequence[Volume]
    variety: Variety = TRAINING_VARIETY

    def __call__(self, settings: PairSettings, seed: int, index: int) -> np.ndarray:
        """Blocks of one head, float16 (blocks, 2, side, side, side): MR as normalised, attenuation of water as 1.

        In float16 they take half the memory from process to process; its steps are a thousandth of tissue's signal.
        """
        rng = np.random.default_rng([seed, index, 1])
        anatomy = self.anatomies[int(rng.integers(len(self.anatomies)))]
        head = simulate_head(anatomy, seed, index, settings.spacing, variety=self.variety, registered=True)
        volumes = head_volumes(head).astype(np.float16)
        return np.stack([_block(volumes, settings.pixels, rng) for _ in range(settings.views)])


def head_volumes(head: SimulatedHead) -> np.ndarray:
    """MR and relative attenuation on the grid around a head, float32 (2, nk, nj, ni)."""
    mr = normalise_mr(head.mr)
    grid = HeadGrid.around(mr, MULTIPLE)
    attenuation = 1 + grid.sampled(head.ct, AIR_HU) / 1000
    return np.stack([grid.sampled(mr), np.clip(attenuation, 0, HIGHEST)])


def _block(volumes: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    k, j, i = (int(rng.integers(n - side + 1)) for n in volumes.shape[1:])
    return volumes[:, k : k + side, j : j + side, i : i + side]
