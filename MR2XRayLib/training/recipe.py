"""From a source of pairs to a generator's folder: build, train, evaluate, write the card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from MR2XRayLib import __version__
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation import shipped_sha256
from MR2XRayLib.generators.base import Generator
from MR2XRayLib.generators.build import build, with_further_channels
from MR2XRayLib.generators.card import InputCard, ModelCard
from MR2XRayLib.generators.shelf import available_generators
from MR2XRayLib.generators.store import TrainedGenerator, save_generator
from MR2XRayLib.mr_layers import ATTENUATION
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.resources import Storage
from MR2XRayLib.scale import MR_FULL_SCALE_MM
from MR2XRayLib.training.distributed import ALONE, Ranks
from MR2XRayLib.training.log import LOG, lines_of
from MR2XRayLib.training.loop import Keeping, Validate, train
from MR2XRayLib.training.losses import PERCEPTUAL_CROP_PX, WeightedSum
from MR2XRayLib.training.settings import TrainingSettings
from MR2XRayLib.training.source import Source
from MR2XRayLib.weights import rounded

LOG_EVERY = 200
"""Steps between lines of the log, and checkpoints."""

INTENDED_USE = "Research on MR to X-ray projection synthesis, teaching and tests of the software."


@dataclass(frozen=True)
class Recipe:
    """What is to be trained, besides the source of its pairs.

    Attributes:
        name: the generator's.
        architecture, width, options: arguments of `build`.
        settings: of the training.
        start: a generator of the same architecture whose weights it starts from, or None; it may see fewer layers.
        kept: names of layers that keep the weights they start with, "bottom" or "synthesis.0".
        storage: how the weights are written.
        licence: of the weights.
    """

    name: str
    architecture: str
    settings: TrainingSettings
    width: str = "compact"
    options: Mapping[str, Any] = field(default_factory=dict)
    start: TrainedGenerator | None = None
    kept: tuple[str, ...] = ()
    storage: Storage = "float32"
    licence: str = "Apache-2.0"


def make_generator(
    recipe: Recipe,
    source: Source,
    out: Path,
    *,
    max_minutes: float = math.inf,
    resume: bool = False,
    vgg: Path | None = None,
    device: str = "cpu",
    workers: int = 0,
    ranks: Ranks = ALONE,
    progress: Progress = silent,
) -> ModelCard | None:
    """Train, evaluate and write a generator.

    Args:
        recipe, source: what is trained, and on what.
        out: folder to write; it gets the generator's folder, the log and the checkpoint.
        max_minutes, resume, vgg, device, workers, ranks: see `train`.
        progress: told "train" and, after `max_minutes`, "evaluate", each with the fraction done.

    Returns:
        the card as written, its metrics from `source.evaluate`; None on all ranks but the first.

    Raises:
        MR2XRayError: if the network, its start and the source do not go together, or the training fails.
    """
    settings = recipe.settings
    network = _network(recipe, source)
    _keep_layers(network, recipe)
    trained = train(
        network,
        source.pairs,
        settings,
        Keeping(
            out,
            LOG_EVERY,
            validate=validator(source, device) if ranks.first else None,
            known_by=_known_by(recipe, source),
        ),
        max_minutes=max_minutes,
        resume=resume,
        vgg=vgg,
        device=device,
        workers=workers,
        ranks=ranks,
        progress=progress,
    )
    if not ranks.first:
        return None
    trained = rounded(trained, recipe.storage)
    card = _card(
        recipe, source, training_entry(settings, max_minutes, out / LOG) | _perceptual(settings, vgg)
    )
    progress("evaluate", 0.0)
    metrics = source.evaluate(TrainedGenerator(trained, card, out), progress)
    card = save_generator(out / card.name, trained, replace(card, metrics=metrics), recipe.storage)
    progress("evaluate", 1.0)
    return card


def _known_by(recipe: Recipe, source: Source) -> dict[str, Any]:
    """What a checkpoint must have in common with this training besides settings and network, by words for it."""
    return {
        "name": recipe.name,
        "contrasts": source.contrasts,
        "data": source.data,
        "weights to start from": recipe.start.card.weights_sha256 if recipe.start else None,
        "layers to keep": recipe.kept,
        "estimator of attenuation": _estimator(source),
    }


def _keep_layers(network: nn.Module, recipe: Recipe) -> None:
    """Exempt layers from training.

    Raises:
        MR2XRayError: if they have no weights worth keeping, if the network has no layer of a name, or none besides.
    """
    if recipe.kept and recipe.start is None:
        raise MR2XRayError(
            "There are no weights to keep (--keep); name the generator that has them (--start-from)."
        )
    layers = dict(network.named_modules())
    for name in recipe.kept:
        if not name or name not in layers:
            known = ", ".join(path for path, layer in layers.items() if list(layer.parameters(recurse=False)))
            raise MR2XRayError(
                f'The network has no layer "{name}" to keep; its layers are {known}, or what these names begin with.'
            )
        layers[name].requires_grad_(False)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise MR2XRayError("All layers are kept, and nothing is left to train; name fewer (--keep).")


def _channels(source: Source) -> int:
    return len(source.contrasts) * len(source.settings.layers)


def _estimator(source: Source) -> str:
    """The SHA-256 of the estimator's weights; empty without its layer."""
    return shipped_sha256() if ATTENUATION in source.settings.layers else ""


def check_pixels(network: Generator, pixels: int) -> None:
    """Refuse a square image that the network cannot halve as often as it does.

    Raises:
        MR2XRayError: naming what the number of rows and columns must be divisible by.
    """
    if pixels < 1 or pixels % network.multiple:
        raise MR2XRayError(
            f"This network cannot work on {pixels} x {pixels} pixels; give --pixels divisible by {network.multiple}, "
            "or another --architecture or --width."
        )


def _network(recipe: Recipe, source: Source) -> Generator:
    """The untrained network, or that of the generator to start from."""
    torch.manual_seed(recipe.settings.seed)
    channels = _channels(source)
    network = build(recipe.architecture, recipe.width, channels, **recipe.options)
    check_pixels(network, source.settings.pixels)
    if recipe.start is not None:
        card, weights = recipe.start.card, recipe.start.generator.state_dict()
        if len(source.contrasts) == 1 and source.settings.layers[: card.in_channels] == card.input.layers:
            weights = with_further_channels(weights, network)
        try:
            network.load_state_dict(weights)
        except RuntimeError:
            raise MR2XRayError(
                f'The generator "{card.name}" ({card.architecture}, {card.width}, {card.in_channels} channels) is of '
                f"another kind than {recipe.architecture}, {recipe.width}, {channels} channels; start from one of "
                "the same kind."
            ) from None
        _check_channels(card, source)
    return network


def _check_channels(card: ModelCard, source: Source) -> None:
    """Refuse to give weights that learned on some channels to others; `card` is of the generator that has them.

    The names of contrasts may differ: a training on "t1" may go on from one on any contrast.
    """
    known, wanted = card.input, source.settings.layers
    further = wanted[len(known.layers) :] if len(source.contrasts) == 1 else ()
    if len(known.contrasts) != len(source.contrasts) or known.layers + further != wanted:
        raise MR2XRayError(
            f'The generator "{card.name}" sees the layers {", ".join(known.layers)} of {len(known.contrasts)} '
            f"contrasts, this training {', '.join(wanted)} of {len(source.contrasts)}; give --layers that begin with "
            "those, in their order, and as many contrasts."
        )
    if set(known.contrasts) == set(source.contrasts) and known.contrasts != source.contrasts:
        raise MR2XRayError(
            f'The generator "{card.name}" has the contrasts in the order {", ".join(known.contrasts)}; give them in '
            "the same order."
        )


def validator(source: Source, device: str) -> Validate:
    """A function from a network to L1 and gradient loss on the source's validation pairs, one at a time.

    The same two whatever the training's loss is, so that trainings can be compared.
    """
    pairs = torch.from_numpy(source.validation())
    loss = WeightedSum({"l1": 1.0, "gradient": 1.0})

    @torch.no_grad()
    def validate(network: nn.Module) -> Mapping[str, float]:
        totals = dict.fromkeys(loss.weights, 0.0)
        for pair in pairs.to(device).split(1):
            for name, value in loss(network(pair[:, :-1]), pair[:, -1:])[1].items():
                totals[name] += value / len(pairs)
        return {f"validation_{name}": float(f"{value:.6g}") for name, value in totals.items()}

    return validate


def training_entry(settings: TrainingSettings, max_minutes: float, log: Path) -> dict[str, Any]:
    """A card's `training`: the settings, and how many steps of each stage the time allowed."""
    lines = lines_of(log)
    return asdict(settings) | {
        "max_minutes": max_minutes if math.isfinite(max_minutes) else None,
        "minutes": lines[-1]["minutes"] if lines else 0.0,
        "steps_done": {f"stage {line['stage'] + 1}": line["step"] for line in lines},
        "library": f"MR2XRayLib {__version__}",
    }


def _perceptual(settings: TrainingSettings, vgg: Path | None) -> dict[str, Any]:
    """A card's words on the network of a perceptual loss: its weights, its layers, the crop."""
    if not any("perceptual" in stage.loss for stage in settings.stages):
        return {}
    from MR2XRayLib.training.vgg import load_vgg

    return {"perceptual": load_vgg(vgg).card_entry() | {"crop_px": PERCEPTUAL_CROP_PX}}


def _card(recipe: Recipe, source: Source, training: dict[str, Any]) -> ModelCard:
    """The card without metrics."""
    stages = recipe.settings.stages
    optional = len(source.contrasts) > 1 and stages[-1].pairs.contrast_dropout > 0
    return ModelCard(
        name=recipe.name,
        version=_version(recipe),
        architecture=recipe.architecture,
        width=recipe.width,
        in_channels=_channels(source),
        input=InputCard(
            source.contrasts,
            MR_FULL_SCALE_MM,
            optional=optional,
            layers=source.settings.layers,
            estimator_sha256=_estimator(source),
        ),
        geometry=source.geometry,
        options=recipe.options,
        data=dict(source.data) | _ancestry(recipe.start),
        loss={f"stage {n}": dict(stage.loss) for n, stage in enumerate(stages, start=1)},
        training=training | ({"kept_layers": list(recipe.kept)} if recipe.kept else {}),
        licence=recipe.licence,
        intended_use=INTENDED_USE,
        limits=source.limits,
    )


def _version(recipe: Recipe) -> str:
    """The next after those of its name: of what the training started from, and of what is installed; first 1.0.0."""
    known = [] if recipe.start is None else [recipe.start.card]
    with suppress(MR2XRayError):  # one that is damaged, or a place for them that is not known
        folder = available_generators().get(recipe.name)
        known += [] if folder is None else [ModelCard.read(folder)]
    majors = [card.version.partition(".")[0] for card in known if card.name == recipe.name]
    return f"{max((int(major) for major in majors if major.isdecimal()), default=0) + 1}.0.0"


def _ancestry(start: TrainedGenerator | None) -> dict[str, Any]:
    """What a card's `data` says of the generator that the training started from."""
    if start is None:
        return {}
    card = start.card
    return {
        "started_from": {
            "name": card.name,
            "weights_sha256": card.weights_sha256,
            "data": card.data,
            "loss": card.loss,
            "training": card.training,
        }
    }
