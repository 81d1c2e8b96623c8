"""Trained generators on disk: a folder with `weights.safetensors` and `model.json`; nothing is unpickled.

The SHA-256 in the card tells that the weights are those which the card describes. It does not tell who made
them: weights and card of a stranger may be replaced together.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from platformdirs import user_data_path
from safetensors import SafetensorError
from safetensors.torch import load, save

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path, write_json
from MR2XRayLib.generators.base import Generator, parameter_count
from MR2XRayLib.generators.build import build_described
from MR2XRayLib.generators.card import CARD, ModelCard
from MR2XRayLib.resources import resource_folder

WEIGHTS = "weights.safetensors"
RECOMMENDED = "recommended"
MODELS_VARIABLE = "MR2XRAY_MODELS"
LARGEST_HEADER = 1 << 20
"""Bytes that the list of tensors before the weights may take at most."""


@dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """A generator with its trained weights, its card and the folder that it came from."""

    generator: Generator
    card: ModelCard
    folder: Path


def user_models_folder() -> Path:
    """Where the user's own generators lie; the environment variable MR2XRAY_MODELS says another place."""
    named = os.environ.get(MODELS_VARIABLE)
    return Path(named).expanduser() if named else user_data_path("MR2XRay", appauthor=False) / "Models"


def available_generators() -> dict[str, Path]:
    """Name and folder of each generator at hand: those shipped and the user's, whose names go first."""
    found = {}
    for folder in (resource_folder("Models"), user_models_folder()):
        for card in sorted(folder.glob(f"*/{CARD}")):
            if re.fullmatch(r"[A-Za-z0-9][\w.-]*", card.parent.name):
                found[card.parent.name] = card.parent
    return dict(sorted(found.items()))


def default_generator_name() -> str:
    """The generator named "recommended", or else the first.

    Raises:
        MR2XRayError: if there is none.
    """
    available = available_generators()
    if not available:
        raise MR2XRayError(
            f"No generator is installed; train one or put its folder into {user_models_folder()}."
        )
    return RECOMMENDED if RECOMMENDED in available else next(iter(available))


def save_generator(folder: Path, generator: Generator, card: ModelCard) -> ModelCard:
    """Write weights and card into `folder`, both files whole or none.

    Returns:
        The card as written: with the number of parameters and the SHA-256 of the weights.

    Raises:
        MR2XRayError: if the card does not describe this generator, or the folder cannot be written.
    """
    folder = Path(folder)
    weights = {name: value.detach().cpu().contiguous() for name, value in generator.state_dict().items()}
    with torch.device("meta"):
        described = build_described(card.architecture, card.width, card.in_channels, card.options)
    if _shapes(weights) != _shapes(described.state_dict()):
        raise MR2XRayError(
            f'The card "{card.name}" does not describe this generator; give it the arguments of build.'
        )
    content = save(weights)
    card = replace(card, parameters=parameter_count(generator), weights_sha256=_sha256(content))
    with atomic_path(folder / CARD) as card_path, atomic_path(folder / WEIGHTS) as weights_path:
        weights_path.write_bytes(content)
        write_json(card_path, card.to_json())
    return card


def load_generator(name_or_folder: str | Path | None = None) -> TrainedGenerator:
    """Load a generator by its name (see `available_generators`) or from its folder, in evaluation mode.

    None takes the default one, see `default_generator_name`.

    Raises:
        MR2XRayError: if there is none, its card or weights are not sound, or do not belong together.
    """
    folder = find_generator(default_generator_name() if name_or_folder is None else name_or_folder)
    card = ModelCard.read(folder)
    generator = build_described(card.architecture, card.width, card.in_channels, card.options)
    if card.parameters != parameter_count(generator):
        raise MR2XRayError(
            f"The card of {folder} names {card.parameters:,} parameters, but its architecture has "
            f"{parameter_count(generator):,}; replace the generator."
        )
    generator.load_state_dict(_read_weights(folder / WEIGHTS, generator, card.weights_sha256))
    return TrainedGenerator(generator.eval(), card, folder)


def find_generator(name_or_folder: str | Path) -> Path:
    """The folder of a generator; a known name goes first, and a name never becomes a path.

    Raises:
        MR2XRayError: if it is neither a known name nor a folder.
    """
    available = available_generators()
    if str(name_or_folder) in available:
        return available[str(name_or_folder)]
    folder = Path(name_or_folder)
    if str(name_or_folder) and folder.is_dir():
        return folder
    if folder.is_file():
        raise MR2XRayError(f"{folder} is a file; give the folder that holds {CARD} and {WEIGHTS}.")
    known = ", ".join(available) or "none"
    raise MR2XRayError(
        f'There is no generator "{name_or_folder}"; give one of those installed ({known}) or a folder.'
    )


def _read_weights(path: Path, generator: Generator, sha256: str) -> dict[str, torch.Tensor]:
    """The tensors in `path`, which must be `generator`'s in name, shape and type, and have the SHA-256."""
    if not path.is_file():
        raise MR2XRayError(
            f"{path.parent} holds no {WEIGHTS}; weights in another form (.pt, .pkl) are never opened."
        )
    expected = generator.state_dict()
    if path.stat().st_size > LARGEST_HEADER + sum(value.nbytes for value in expected.values()):
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
    if _shapes(weights) != _shapes(expected) or not all(value.isfinite().all() for value in weights.values()):
        raise MR2XRayError(f"The weights in {path} do not fit their architecture; replace the generator.")
    return weights


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in weights.items()}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
