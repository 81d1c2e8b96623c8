"""Attenuation estimated from an MR volume, voxel by voxel, by a small 3D network: a layer of `mr_layers`.

`Estimator` is at work in `mr_layers.layer_of`; `training.estimator_recipe` makes one.
"""

from MR2XRayLib.estimation.estimator import (
    Estimator,
    EstimatorCard,
    estimate_attenuation,
    load_estimator,
    save_estimator,
    shipped_estimator,
    shipped_sha256,
)

__all__ = [
    "Estimator",
    "EstimatorCard",
    "estimate_attenuation",
    "load_estimator",
    "save_estimator",
    "shipped_estimator",
    "shipped_sha256",
]
