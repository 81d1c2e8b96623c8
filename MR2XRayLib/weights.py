"""A network's weights in a safetensors file: what is read is what its card describes, and nothing is unpickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.resources import Storage

LARGEST_HEADER = 1 << 20
"""Bytes that the list of tensors before the weights may take at most."""

Network = TypeVar("Network", bound=nn.Module)


SCALE = ".scale"
"""After the name of an int8 tensor: its scales, float32, one a filter."""

LARGEST_WHOLE = 127


def rounded(network: Network, storage: Storage) -> Network:
    """The network with its weights rounded to what the storage holds; still float32, changed in place."""
    network.load_state_dict(_unpacked(_packed(network.state_dict(), storage)))
    return network


def packed(network: nn.Module, storage: Storage = "float32") -> tuple[bytes, str]:
    """The content of a file of a network's weights, and its SHA-256."""
    weights = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    content = save({name: value.contiguous() for name, value in _packed(weights, storage).items()})
    return content, _sha256(content)


def _packed(weights: Mapping[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    if storage == "int8":
        return _in_whole_numbers(weights)
    return {name: value.half() if storage == "float16" else value for name, value in weights.items()}


def _in_whole_numbers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Filters as int8 and their scales; biases and norms, which are few, stay float32."""
    made = {}
    for name, value in weights.items():
        if value.ndim < 2:
            made[name] = value
            continue
        largest = value.abs().amax(dim=tuple(range(1, value.ndim)), keepdim=True)
        scale = largest.clamp(min=torch.finfo(torch.float32).tiny) / LARGEST_WHOLE
        made[name] = (value / scale).round().to(torch.int8)
        made[name + SCALE] = scale.flatten()
    return made


def _unpacked(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float32 out of what `_packed` gives; a mixture that it does not give stays as it is, for the check to refuse."""
    kinds = {value.dtype for value in weights.values()}
    if kinds == {torch.float16}:
        return {name: value.float() for name, value in weights.items()}
    made = {}
    for name, value in weights.items():
        scale = weights.get(name + SCALE)
        if value.dtype == torch.int8 and scale is not None and scale.shape == value.shape[:1]:
            made[name] = value.float() * scale.view(-1, *[1] * (value.ndim - 1))
        elif not name.endswith(SCALE):
            made[name] = value
    return made


def most_bytes(network: nn.Module) -> int:
    """That a file of the network's weights can take."""
    return LARGEST_HEADER + sum(value.nbytes for value in network.state_dict().values())


def read_weights(path: Path, network: nn.Module, sha256: str) -> dict[str, Tensor]:
    """The tensors in `path`, float32.

    They must be the network's in name and shape, in one of `STORAGES`, and have the SHA-256.

    Raises:
        MR2XRayError: if they are not, or the file is missing.
    """
    if not path.is_file():
        raise MR2XRayError(
            f"{path.parent} holds no {path.name}; weights in another form (.pt, .pkl) are never opened."
        )
    expected = network.state_dict()
    if path.stat().st_size > most_bytes(network):
        raise MR2XRayError(f"{path} is larger than its architecture can be; replace the generator.")
    # The bytes that were hashed are the bytes that are parsed: the file is read once.
    content = path.read_bytes()
    if _sha256(content) != sha256:
        raise MR2XRayError(
            f"{path} is not the file that its card describes (SHA-256 differs); replace the generator."
        )
    try:
        weights = _unpacked(load(content))
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a type of numbers that torch lacks
        raise MR2XRayError(f"{path} is not in safetensors form ({error}); replace the generator.") from None
    if shapes(weights) != shapes(expected) or not all(value.isfinite().all() for value in weights.values()):
        raise MR2XRayError(f"The weights in {path} do not fit their architecture; replace the generator.")
    return weights


def shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Shape and type of each tensor, to compare."""
    return {name: (value.shape, value.dtype) for name, value in weights.items()}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
