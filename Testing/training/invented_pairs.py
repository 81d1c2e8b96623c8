"""Training pairs made in no time: smooth random images, the X-ray a fixed blur and scaling of the MR."""

from __future__ import annotations

import numpy as np

from MR2XRayLib.training.pairs import HeadPairs, PairSettings


def invented_pairs(contrasts: int = 1) -> HeadPairs:
    """Pairs that follow from seed and index, shape (views, contrasts + 1, pixels, pixels)."""

    def pairs(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        rng = np.random.default_rng([seed, index])
        shape = (settings.views, contrasts, settings.pixels, settings.pixels)
        mr = rng.uniform(-1, 1, shape).astype(np.float32)
        mean = mr.mean(axis=1, keepdims=True)
        xray = 0.5 * mean + 0.25 * (np.roll(mean, 1, -1) + np.roll(mean, -1, -2))
        return np.concatenate([mr, xray], axis=1)

    return pairs
