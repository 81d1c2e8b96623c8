"""`Estimator`: a trained network that makes attenuation out of a normalised MR, on disk and at work."""

from __future__ import annotations

import copy
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import nn

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation.grid import HeadGrid, own_axes
from MR2XRayLib.estimation.network import VolumeUNet
from MR2XRayLib.files import atomic_path, read_json, write_json
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.resources import WEIGHTS, Storage, resource_folder
from MR2XRayLib.volume import Volume
from MR2XRayLib.weights import packed, read_weights

logger = logging.getLogger(__name__)

CARD = "estimator.json"
FOLDER = "Estimator"
STORAGE: Storage = "int8"

KEPT = 2
"""Estimates in memory, of some 40 MB each."""


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
    """A network that estimates attenuation, and what it answered last.

    Attributes:
        network: in evaluation mode.
        sha256: of its weights, by which generators know it.
    """

    network: VolumeUNet
    sha256: str
    _last: OrderedDict[Hashable, np.ndarray] = field(init=False, repr=False, default_factory=OrderedDict)
    _lock: Lock = field(init=False, repr=False, default_factory=Lock)

    def estimate(self, mr: Volume, progress: Progress = silent) -> Volume:
        """Attenuation relative to water's (1 is water, 0 air), on 1 mm voxels around the head, 0 outside of it.

        The mean of two answers, on the head as it is and on its mirror image: their errors differ, as heads hardly do.
        It takes seconds, and the last `KEPT` are kept: the same MR is asked about again when something else about it
        changes, such as the CT beside it or where it lies. Without a head there is nothing but air.

        Args:
            mr: as `normalise_mr` gives it.
            progress: told "estimating" before each convolution; what it raises ends the work.

        Raises:
            MR2XRayError: if what looks like a head is far too large for one.
            torch.OutOfMemoryError: if the network is on a GPU whose memory is too small.
        """
        provenance = {**mr.provenance, "estimator": self.sha256}
        if not (mr.voxels > 0).any():
            return replace(mr, voxels=np.zeros_like(mr.voxels, np.float32), provenance=provenance)
        grid, asked = HeadGrid.around(mr, self.network.multiple), _identity(mr)
        with self._lock:
            if asked not in self._last:
                with telling(self.network, progress, runs=2):
                    self._last[asked] = self._estimated(mr, grid)
            self._last.move_to_end(asked)
            while len(self._last) > KEPT:
                self._last.popitem(last=False)
            return Volume(self._last[asked], grid.affine, "normalised", mr.name, provenance)

    def _estimated(self, mr: Volume, grid: HeadGrid) -> np.ndarray:
        """The voxels of the estimate, float32 (nk, nj, ni)."""
        signal = torch.from_numpy(grid.sampled(mr)).to(next(self.network.parameters()).device)
        # Full precision on CUDA, as in `synthesis`: what is measured must not depend on the device.
        with torch.inference_mode(), torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
            estimated = self._both_ways(signal[None, None])[0, 0].float().cpu().numpy()
        estimated[~_covered(mr, grid)] = 0
        return estimated

    def _answer(self, signal: torch.Tensor) -> torch.Tensor:
        """Attenuation, never negative, of a volume (1, 1, nk, nj, ni)."""
        answer: torch.Tensor = self.network(signal)
        return answer.clamp_(min=0)

    def _both_ways(self, signal: torch.Tensor) -> torch.Tensor:
        """The mean of the answers on a volume (1, 1, nk, nj, ni) and on its mirror image; rows run along x."""
        mirrored = self._answer(signal.flip(-1)).flip(-1)
        return self._answer(signal).add_(mirrored).div_(2)


@contextmanager
def telling(network: nn.Module, progress: Progress, runs: int) -> Iterator[None]:
    """Inside, `progress` is told "estimating" before each convolution, of all that `runs` runs of the network make."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv3d)]
    done = count()

    def tell(*_: object) -> None:
        progress("estimating", next(done) / (runs * len(layers)))

    hooks = [layer.register_forward_pre_hook(tell) for layer in layers]
    try:
        yield
        progress("estimating", 1.0)
    finally:
        for hook in hooks:
            hook.remove()


def _identity(mr: Volume) -> Hashable:
    """What an estimate depends on: voxels, spacing and, roughly, how the head lies; not where it is moved to."""
    axes, order = own_axes(mr.affine)
    turned = tuple(np.sign(np.sum(axes * mr.affine[:3, order], axis=0)).tolist())
    shape = mr.affine[:3, :3].T @ mr.affine[:3, :3]
    content = hashlib.blake2b(np.ascontiguousarray(mr.voxels).data).hexdigest()
    return content, mr.voxels.shape, order, turned, tuple(shape.round(6).ravel().tolist())


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
    sha256 = read_card(folder).weights_sha256
    network = VolumeUNet()
    network.load_state_dict(read_weights(folder / WEIGHTS, network, sha256))
    # Channels innermost take two thirds of the time, measured on a head of 208 x 240 x 192 voxels.
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return Estimator(network.eval(), sha256)


@cache
def shipped_estimator(device: str = "cpu") -> Estimator:
    """The estimator that comes with the program on a device, read once for each.

    Raises:
        MR2XRayError: if its files are damaged.
    """
    if device == "cpu":
        return load_estimator(resource_folder(FOLDER))
    shipped = shipped_estimator()
    return replace(shipped, network=copy.deepcopy(shipped.network).to(device))


def estimate_attenuation(mr: Volume, device: str = "cpu", progress: Progress = silent) -> Volume:
    """The shipped estimator's `Estimator.estimate` on "cuda" if that is the device and has the memory, else on the CPU.

    Raises:
        MR2XRayError: if the estimator's files are damaged.
    """
    # Apple's MPS was never at hand to be measured with 3D convolutions.
    device = "cuda" if device == "cuda" else "cpu"
    try:
        return shipped_estimator(device).estimate(mr, progress)
    except torch.OutOfMemoryError:
        logger.info("The memory of %s is too small to estimate attenuation there; the CPU does it.", device)
        return shipped_estimator().estimate(mr, progress)


@cache
def shipped_sha256() -> str:
    """The SHA-256 of its weights, by its card: generators that learned with others are not for this version.

    Raises:
        MR2XRayError: if the card is missing or damaged.
    """
    return read_card(resource_folder(FOLDER)).weights_sha256


def read_card(folder: Path) -> EstimatorCard:
    """The card in an estimator's folder.

    Raises:
        MR2XRayError: if it is missing, cannot be read or names no weights.
    """
    card = read_json(folder / CARD, "estimator card")
    if not isinstance(card, Mapping) or not isinstance(card.get("weights_sha256"), str):
        raise MR2XRayError(f"{folder / CARD} names no weights_sha256; replace the estimator.")
    known = {field.name for field in fields(EstimatorCard)}
    return EstimatorCard(**{name: value for name, value in card.items() if name in known})
