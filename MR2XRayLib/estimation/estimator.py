"""`Estimator`: a trained network that makes attenuation out of a normalised MR, on disk and at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation.grid import HeadGrid
from MR2XRayLib.estimation.network import VolumeUNet
from MR2XRayLib.files import atomic_path, read_json, write_json
from MR2XRayLib.resources import WEIGHTS, Storage, resource_folder
from MR2XRayLib.volume import Volume
from MR2XRayLib.weights import packed, read_weights

CARD = "estimator.json"
FOLDER = "Estimator"
STORAGE: Storage = "int8"


@dataclass(frozen=True)
class EstimatorCard:
    """What `estimator.json` says.

    Attributes:
        data, loss, training: how it was trained; free form.
        metrics: on blocks of the validation anatomy.
        licence, limits: of the weights.
        weights_sha256: SHA-256 of weights.safetensors, 64 hex digits; empty until it is saved.
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    loss: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    limits: tuple[str, ...] = ()
    weights_sha256: str = ""


@dataclass(frozen=True, eq=False)
class Estimator:
    """The network in evaluation mode, and the SHA-256 of its weights, by which generators know it."""

    network: VolumeUNet
    sha256: str

    def estimate(self, mr: Volume) -> Volume:
        """Attenuation relative to water's (1 is water, 0 air), on 1 mm voxels around the head, 0 outside of it.

        Args:
            mr: as `normalise_mr` gives it.
        """
        grid = HeadGrid.around(mr, self.network.multiple)
        signal = torch.from_numpy(grid.sampled(mr))
        with torch.inference_mode():
            estimated = self.network(signal[None, None])[0, 0].clamp_(min=0).numpy()
        estimated[~_covered(mr, grid)] = 0
        provenance = {**mr.provenance, "estimator": self.sha256}
        return Volume(estimated, grid.affine, "normalised", mr.name, provenance)


def _covered(mr: Volume, grid: HeadGrid) -> np.ndarray:
    """Which voxels of the grid lie in the head of a normalised MR, bool (nk, nj, ni)."""
    head = Volume((mr.voxels > 0).astype(np.float32), mr.affine)
    return grid.sampled(head) >= 0.5


def save_estimator(folder: Path, network: VolumeUNet, card: EstimatorCard) -> EstimatorCard:
    """Write weights (in `STORAGE`) and card into `folder`, both files whole or none; returns the card as written."""
    content, sha256 = packed(network, STORAGE)
    card = replace(card, weights_sha256=sha256)
    with atomic_path(folder / CARD) as card_path, atomic_path(folder / WEIGHTS) as weights_path:
        weights_path.write_bytes(content)
        write_json(card_path, asdict(card))
    return card


def load_estimator(folder: Path) -> Estimator:
    """The estimator in a folder.

    Raises:
        MR2XRayError: if card or weights are missing, damaged, or do not belong together.
    """
    sha256 = _sha256_named(folder)
    network = VolumeUNet()
    network.load_state_dict(read_weights(folder / WEIGHTS, network, sha256))
    # Channels innermost take two thirds of the time, measured on a head of 208 x 240 x 192 voxels.
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return Estimator(network.eval(), sha256)


@cache
def shipped_estimator() -> Estimator:
    """The estimator that comes with the program, read once.

    Raises:
        MR2XRayError: if its files are damaged.
    """
    return load_estimator(resource_folder(FOLDER))


@cache
def shipped_sha256() -> str:
    """The SHA-256 of its weights, by its card: generators that learned with others are not for this version.

    Raises:
        MR2XRayError: if the card is missing or damaged.
    """
    return _sha256_named(resource_folder(FOLDER))


def _sha256_named(folder: Path) -> str:
    card = read_json(folder / CARD, "estimator card")
    if not isinstance(card, Mapping) or not isinstance(sha256 := card.get("weights_sha256"), str):
        raise MR2XRayError(f"{folder / CARD} names no weights_sha256; replace the estimator.")
    return sha256
