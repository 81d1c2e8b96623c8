"""Trained generators on disk: a folder with `weights.safetensors` and `model.json`; nothing is unpickled.

The SHA-256 in the card tells that the weights are those which the card describes. It does not tell who made
them: weights and card of a stranger may be replaced together.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path, write_json
from MR2XRayLib.generators.base import Generator, parameter_count
from MR2XRayLib.generators.build import build_described
from MR2XRayLib.generators.card import CARD, ModelCard
from MR2XRayLib.generators.shelf import WEIGHTS, find_generator

LARGEST_HEADER = 1 << 20
"""Bytes that the list of tensors before the weights may take at most."""


@dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """A generator with its trained weights, its card and the folder that it came from."""

    generator: Generator
    card: ModelCard
    folder: Path


def save_generator(folder: Path, generator: Generator, card: ModelCard, half: bool = False) -> ModelCard:
    """Write weights and card into `folder`, both files whole or none.

    Args:
        folder: of the generator.
        generator, card: the weights, and what describes them.
        half: write float16, half the size; `rounded_to_half` beforehand lets a card's metrics be those of the file.

    Returns:
        The card as written: with the number of parameters and the SHA-256 of the weights.

    Raises:
        MR2XRayError: if the card does not describe this generator, or the folder cannot be written.
    """
    folder = Path(folder)
    weights = {name: value.detach().cpu().contiguous() for name, value in generator.state_dict().items()}
    with torch.device("meta"):
        described = _described(card)
    if _shapes(weights) != _shapes(described.state_dict()):
        raise MR2XRayError(
            f'The card "{card.name}" does not describe this generator; give it the arguments of build.'
        )
    content = save({name: value.half() for name, value in weights.items()} if half else weights)
    card = replace(card, parameters=parameter_count(generator), weights_sha256=_sha256(content))
    with atomic_path(folder / CARD) as card_path, atomic_path(folder / WEIGHTS) as weights_path:
        weights_path.write_bytes(content)
        write_json(card_path, card.to_json())
    return card


def rounded_to_half(generator: Generator) -> Generator:
    """The generator with its weights rounded to what float16 holds; still float32, changed in place."""
    generator.load_state_dict({name: value.half() for name, value in generator.state_dict().items()})
    return generator


def load_generator(name_or_folder: str | Path | None = None) -> TrainedGenerator:
    """Load a generator by its name or from its folder (see `find_generator`), in evaluation mode.

    Raises:
        MR2XRayError: if there is none, its card or weights are not sound, or do not belong together.
    """
    folder = find_generator(name_or_folder)
    card = ModelCard.read(folder)
    generator = _described(card)
    if card.parameters != parameter_count(generator):
        raise MR2XRayError(
            f"The card of {folder} names {card.parameters:,} parameters, but its architecture has "
            f"{parameter_count(generator):,}; replace the generator."
        )
    generator.load_state_dict(_read_weights(folder / WEIGHTS, generator, card.weights_sha256))
    return TrainedGenerator(generator.eval(), card, folder)


def largest_weights(card: ModelCard) -> int:
    """Bytes that the weights of the described architecture can take at most.

    Raises:
        MR2XRayError: if the card describes no generator.
    """
    with torch.device("meta"):
        return _most_bytes(_described(card))


def _described(card: ModelCard) -> Generator:
    return build_described(card.architecture, card.width, card.in_channels, card.options)


def _most_bytes(generator: Generator) -> int:
    return LARGEST_HEADER + sum(value.nbytes for value in generator.state_dict().values())


def _read_weights(path: Path, generator: Generator, sha256: str) -> dict[str, torch.Tensor]:
    """The tensors in `path`, float32.

    They must be `generator`'s in name and shape, all float32 or all float16, and have the SHA-256.
    """
    if not path.is_file():
        raise MR2XRayError(
            f"{path.parent} holds no {WEIGHTS}; weights in another form (.pt, .pkl) are never opened."
        )
    expected = generator.state_dict()
    if path.stat().st_size > _most_bytes(generator):
        raise MR2XRayError(f"{path} is larger than its architecture can be; replace the generator.")
    # The bytes that were hashed are the bytes that are parsed: the file is read once.
    content = path.read_bytes()
    if _sha256(content) != sha256:
        raise MR2XRayError(
            f"{path} is not the file that its card describes (SHA-256 differs); replace the generator."
        )
    try:
        weights = load(content)
    except SafetensorError as error:
        raise MR2XRayError(f"{path} is not in safetensors form ({error}); replace the generator.") from None
    kinds = {value.dtype for value in weights.values()}
    if kinds in ({torch.float16}, {torch.float32}):
        weights = {name: value.float() for name, value in weights.items()}
    if _shapes(weights) != _shapes(expected) or not all(value.isfinite().all() for value in weights.values()):
        raise MR2XRayError(f"The weights in {path} do not fit their architecture; replace the generator.")
    return weights


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in weights.items()}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
