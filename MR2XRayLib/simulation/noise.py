"""Smooth random fields."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import interpolate


def smooth_noise(shape: tuple[int, ...], grain: float, rng: np.random.Generator) -> torch.Tensor:
    """Noise of about unit variance that varies over `grain` voxels, float32 of the given shape (nk, nj, ni)."""
    coarse = tuple(max(2, round(n / grain)) for n in shape)
    noise = torch.from_numpy(1.5 * rng.standard_normal(coarse, dtype=np.float32))
    return interpolate(noise[None, None], size=shape, mode="trilinear", align_corners=False)[0, 0]
