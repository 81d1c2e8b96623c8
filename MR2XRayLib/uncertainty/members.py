"""The members of an uncertainty: several synthesizers of one thing, the generator as it is always the first.

Test-time augmentation asks one network about the same head seen a little differently (Wang et al., Neurocomputing
338, 2019), an ensemble asks several networks (Lakshminarayanan et al., arXiv 1612.01474), MC dropout asks one network
of which random parts are left out (Gal and Ghahramani, arXiv 1506.02142). A second opinion is another way to the same
image: the projected estimate of attenuation, which a generator with that layer has before it and departs from. All are
fixed: the same input gives the same members.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.store import TrainedGenerator, load_generator
from MR2XRayLib.generators.uncertainty_card import (
    AUGMENTATION,
    DROPOUT,
    ENSEMBLE,
    METHODS,
    SECOND_OPINION,
    UncertaintyCard,
)
from MR2XRayLib.intensity import TRAINED_KEV, water_attenuation
from MR2XRayLib.mr_layers import ATTENUATION
from MR2XRayLib.scale import from_unit, to_unit
from MR2XRayLib.synthesis import Synthesizer
from MR2XRayLib.uncertainty.augmentation import Augmentation

Members = tuple[Synthesizer, ...]

AUGMENTATIONS = (
    Augmentation(),
    Augmentation(mirrored=True),
    Augmentation(shift=(1, 2)),
    Augmentation(shift=(-2, 1)),
    Augmentation(brightness=0.95),
    Augmentation(brightness=1.05),
    Augmentation(turn_deg=2.0),
    Augmentation(turn_deg=-2.0),
)
"""Of test-time augmentation; a card with fewer members takes the first of them."""


class Augmented(Synthesizer):
    """A generator that sees a changed image; what it makes of it is changed back."""

    def __init__(self, trained: TrainedGenerator, augmentation: Augmentation, device: str = "auto") -> None:
        super().__init__(trained, device)
        self._augmentation = augmentation

    def through_network(self, image: torch.Tensor) -> torch.Tensor:
        """As `Synthesizer.through_network`, on the changed image."""
        return self._augmentation.undone(super().through_network(self._augmentation.done(image)))


class WithDropout(Synthesizer):
    """A generator of which random values are dropped as in training; which ones follows from the seed."""

    def __init__(self, trained: TrainedGenerator, seed: int, device: str = "auto") -> None:
        super().__init__(trained, device)
        self._seed = seed
        self._dropouts = dropouts_of(trained)

    def through_network(self, image: torch.Tensor) -> torch.Tensor:
        """As `Synthesizer.through_network`, with dropout; the generator itself and torch's draws stay untouched."""
        devices = [self.device] if self.device == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self._seed)
            try:
                for layer in self._dropouts:
                    layer.train()
                return super().through_network(image)
            finally:
                for layer in self._dropouts:
                    layer.eval()


class EstimateAlone(Synthesizer):
    """No network: the layer "attenuation" of what a generator sees, as an X-ray at `TRAINED_KEV`.

    Raises:
        MR2XRayError: if the generator does not see that layer, or sees several contrasts.
    """

    def __init__(self, trained: TrainedGenerator, device: str = "auto") -> None:
        super().__init__(trained, device)
        card = trained.card
        if ATTENUATION not in card.input.layers or len(card.input.contrasts) != 1:
            raise MR2XRayError(
                f'The generator "{card.name}" does not see the layer "{ATTENUATION}" of one contrast; use test-time '
                "augmentation."
            )
        self._channel = card.input.layers.index(ATTENUATION)

    def through_network(self, image: torch.Tensor) -> torch.Tensor:
        """As `Synthesizer.through_network`."""
        card = self.trained.card
        water_mm = from_unit(image[:, self._channel, None], card.input.full_scale_mm)
        return to_unit(water_mm * water_attenuation(TRAINED_KEV), card.output.full_scale)


def dropouts_of(trained: TrainedGenerator) -> list[nn.Dropout]:
    """The layers of a generator that drop values while training.

    Raises:
        MR2XRayError: if it has none.
    """
    layers = [layer for layer in trained.generator.modules() if isinstance(layer, nn.Dropout) and layer.p > 0]
    if not layers:
        raise MR2XRayError(
            f'The generator "{trained.card.name}" was trained without dropout; use test-time augmentation.'
        )
    return layers


def by_augmentation(trained: TrainedGenerator, count: int, device: str = "auto") -> Members:
    """The generator on `count` of `AUGMENTATIONS`.

    Raises:
        MR2XRayError: if there are fewer.
    """
    if count > len(AUGMENTATIONS):
        raise MR2XRayError(
            f'The uncertainty of "{trained.card.name}" wants {count} augmentations, and there are '
            f"{len(AUGMENTATIONS)}; update MR2XRay, or calibrate it again."
        )
    return tuple(Augmented(trained, augmentation, device) for augmentation in AUGMENTATIONS[:count])


def by_ensemble(
    trained: TrainedGenerator, others: Iterable[TrainedGenerator], device: str = "auto"
) -> Members:
    """The generator and others that take the same input.

    Raises:
        MR2XRayError: if the card of one asks for other contrasts, scales or a pixel pitch.
    """
    others = tuple(others)
    for other in others:
        if _input_of(other.card) != _input_of(trained.card):
            raise MR2XRayError(
                f'The generators "{trained.card.name}" and "{other.card.name}" take different input; an ensemble '
                "is made of generators with the same contrasts, scales and pixel pitch."
            )
    return tuple(Synthesizer(member, device) for member in (trained, *others))


def by_dropout(trained: TrainedGenerator, count: int, device: str = "auto") -> Members:
    """The generator as it is, and `count` - 1 times with dropout; raises as `dropouts_of`."""
    return (
        Synthesizer(trained, device),
        *(WithDropout(trained, seed, device) for seed in range(1, count)),
    )


def by_second_opinion(trained: TrainedGenerator, device: str = "auto") -> Members:
    """The generator and the estimate that it sees; raises as `EstimateAlone`."""
    return Synthesizer(trained, device), EstimateAlone(trained, device)


def members_of(trained: TrainedGenerator, card: UncertaintyCard, device: str = "auto") -> Members:
    """The members that the card describes.

    Raises:
        MR2XRayError: if they cannot be had: an unknown method, too few members, a generator of the ensemble that is
            missing or has other weights, or a network without dropout.
    """
    if card.method not in METHODS or card.members < 2:
        raise MR2XRayError(
            f'The card of "{trained.card.name}" describes an uncertainty of {card.members} members by '
            f"{card.method!r:.60}; known are {', '.join(METHODS)}, of at least 2 members."
        )
    if card.method == AUGMENTATION:
        return by_augmentation(trained, card.members, device)
    if card.method == DROPOUT:
        return by_dropout(trained, card.members, device)
    if card.method == SECOND_OPINION:
        return by_second_opinion(trained, device)
    assert card.method == ENSEMBLE
    return by_ensemble(trained, [_other(name, sha256) for name, sha256 in card.others.items()], device)


def _other(name: str, sha256: str) -> TrainedGenerator:
    other = load_generator(name)
    if other.card.weights_sha256 != sha256:
        raise MR2XRayError(
            f'The generator "{name}" of the ensemble is not the one that was calibrated (SHA-256 differs); calibrate '
            "the uncertainty again."
        )
    return other


def _input_of(card: ModelCard) -> tuple[object, ...]:
    return card.input, card.output, card.geometry.pitch_at_isocentre_mm
