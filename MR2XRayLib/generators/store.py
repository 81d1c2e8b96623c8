"""Trained generators on disk: a folder with `weights.safetensors` and `model.json`; nothing is unpickled.

The SHA-256 in the card tells that the weights are those which the card describes. It does not tell who made
them: weights and card of a stranger may be replaced together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation.estimator import shipped_sha256
from MR2XRayLib.files import atomic_path, write_json
from MR2XRayLib.generators.base import Generator, parameter_count
from MR2XRayLib.generators.build import build_described
from MR2XRayLib.generators.card import CARD, ModelCard
from MR2XRayLib.generators.shelf import find_generator
from MR2XRayLib.mr_layers import ATTENUATION
from MR2XRayLib.resources import WEIGHTS, Storage
from MR2XRayLib.weights import most_bytes, packed, read_weights, shapes


@dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """A generator with its trained weights, its card and the folder that it came from."""

    generator: Generator
    card: ModelCard
    folder: Path


def save_generator(
    folder: Path, generator: Generator, card: ModelCard, storage: Storage = "float32"
) -> ModelCard:
    """Write weights and card into `folder`, both files whole or none.

    Args:
        folder: of the generator.
        generator, card: the weights, and what describes them.
        storage: how to write the weights; `rounded` beforehand lets a card's metrics be those of the file.

    Returns:
        The card as written: with the number of parameters and the SHA-256 of the weights.

    Raises:
        MR2XRayError: if the card does not describe this generator, or the folder cannot be written.
    """
    folder = Path(folder)
    with torch.device("meta"):
        described = _described(card)
    if shapes(generator.state_dict()) != shapes(described.state_dict()):
        raise MR2XRayError(
            f'The card "{card.name}" does not describe this generator; give it the arguments of build.'
        )
    content, sha256 = packed(generator, storage)
    card = replace(card, parameters=parameter_count(generator), weights_sha256=sha256)
    with atomic_path(folder / CARD) as card_path, atomic_path(folder / WEIGHTS) as weights_path:
        weights_path.write_bytes(content)
        write_json(card_path, card.to_json())
    return card


def rewrite_card(trained: TrainedGenerator, change: Callable[[ModelCard], ModelCard]) -> None:
    """Change a generator's card as it is by now: another program may have put numbers into it since it was loaded.

    The weights' file stays as it is.

    Raises:
        MR2XRayError: if the folder holds other weights by now, or the card cannot be read or written.
    """
    card = ModelCard.read(trained.folder)
    if card.weights_sha256 != trained.card.weights_sha256:
        raise MR2XRayError(
            f"The generator in {trained.folder} was replaced by another meanwhile, and its card is left as it is; "
            "measure that one anew."
        )
    write_json(trained.folder / CARD, change(card).to_json())


def load_generator(name_or_folder: str | Path | None = None, *, to_train: bool = False) -> TrainedGenerator:
    """Load a generator by its name or from its folder (see `find_generator`), in evaluation mode.

    Args:
        name_or_folder: see `find_generator`.
        to_train: load it also if it learned on another estimate of attenuation than this version makes; it can
            learn on this one then, and is not fit for use before.

    Raises:
        MR2XRayError: if there is none, its card or weights are not sound, or do not belong together.
    """
    folder = find_generator(name_or_folder)
    card = ModelCard.read(folder)
    if not to_train:
        _check_estimator(card)
    generator = _described(card)
    if card.parameters != parameter_count(generator):
        raise MR2XRayError(
            f"The card of {folder} names {card.parameters:,} parameters, but its architecture has "
            f"{parameter_count(generator):,}; replace the generator."
        )
    generator.load_state_dict(read_weights(folder / WEIGHTS, generator, card.weights_sha256))
    return TrainedGenerator(generator.eval(), card, folder)


def largest_weights(card: ModelCard) -> int:
    """Bytes that the weights of the described architecture can take at most.

    Raises:
        MR2XRayError: if the card describes no generator.
    """
    with torch.device("meta"):
        return most_bytes(_described(card))


def _check_estimator(card: ModelCard) -> None:
    """Refuse a generator that learned on another estimate of attenuation than this version makes."""
    if ATTENUATION in card.input.layers and card.input.estimator_sha256 != shipped_sha256():
        raise MR2XRayError(
            f'The generator "{card.name}" was trained with another estimator of attenuation than this version has; '
            "use the version of MR2XRay that it came with, or train it anew."
        )


def _described(card: ModelCard) -> Generator:
    return build_described(card.architecture, card.width, card.in_channels, card.options)
