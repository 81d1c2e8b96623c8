"""The members of an uncertainty: several synthesizers of one thing, the generator as it is always the first.

Test-time augmentation asks one network about the same head seen a little differently (Wang et al., Neurocomputing
338, 2019), an ensemble asks several networks (Lakshminarayanan et al., arXiv 1612.01474), MC dropout asks one network
of which random parts are left out (Gal and Ghahramani, arXiv 1506.02142). A second opinion is another way to the same
image: the projected estimate of attenuation, which a generator with that layer has before it and departs from. All are
fixed: the same input gives the same members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.shelf import available_generators
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
from MR2XRayLib.projection.projections import SIGNAL
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


MOST_MEMBERS = 64
"""Each costs a synthesis, and the number may come out of a stranger's card."""


class Augmented(Synthesizer):
    """A generator that sees a changed image; what it makes of it is changed back."""

    def __init__(self, trained: TrainedGenerator, augmentation: Augmentation, device: str = "auto") -> None:
        super().__init__(trained, device)
        self._augmentation = augmentation
        seen = trained.card.input
        channels = [name for _ in seen.contrasts for name in seen.layers]
        self._signal = [number for number, name in enumerate(channels) if name == SIGNAL]

    def through_network(self, image: torch.Tensor) -> torch.Tensor:
        """As `Synthesizer.through_network`, on the changed image."""
        changed = self._augmentation.done(image, self._signal)
        return self._augmentation.undone(super().through_network(changed))


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
        if not sees_estimate(card):
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


def sees_estimate(card: ModelCard) -> bool:
    """Whether a generator sees the estimate of attenuation, of one contrast, so that there is a second opinion."""
    return ATTENUATION in card.input.layers and len(card.input.contrasts) == 1


def usual_method(card: ModelCard) -> str:
    """The method where none is asked for: a second opinion, which costs no further image, if there is one."""
    return SECOND_OPINION if sees_estimate(card) else AUGMENTATION


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
    trained: TrainedGenerator, others: Sequence[TrainedGenerator], device: str = "auto"
) -> Members:
    """The generator and others that take the same input.

    Raises:
        MR2XRayError: if there are no others, one is given twice, or the card of one asks for other contrasts, scales
            or a pixel pitch.
    """
    if not others:
        raise MR2XRayError(
            f'The generator "{trained.card.name}" alone is no ensemble; name further ones (--others).'
        )
    if len({member.card.weights_sha256 for member in (trained, *others)}) <= len(others):
        raise MR2XRayError("A generator of the ensemble is given twice; give each once.")
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


def members_by(
    trained: TrainedGenerator,
    method: str,
    count: int,
    others: Sequence[TrainedGenerator] = (),
    device: str = "auto",
) -> Members:
    """The members of an uncertainty, at least two of them.

    Args:
        trained: the generator.
        method: one of `METHODS`.
        count: how many; of an ensemble there are as many as generators, of a second opinion two.
        others: the further generators of an ensemble.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        MR2XRayError: if the method is unknown or cannot be had for this generator, or there would be a single member
            or more than `MOST_MEMBERS`.
    """
    if method not in METHODS:
        raise MR2XRayError(f'There is no uncertainty by "{method}"; choose one of {", ".join(METHODS)}.')
    if method in (AUGMENTATION, DROPOUT) and count < 2:
        raise MR2XRayError(
            f"A deviation cannot be made of {count} member{'' if count == 1 else 's'}; give 2 or more (--members)."
        )
    if count > MOST_MEMBERS:
        raise MR2XRayError(
            f'The uncertainty of "{trained.card.name}" wants {count} members; {MOST_MEMBERS} are the most.'
        )
    if others and method != ENSEMBLE:
        raise MR2XRayError(
            f"Further generators are of an ensemble, not of {method}; leave them out, or choose {ENSEMBLE}."
        )
    made_of: dict[str, Callable[[], Members]] = {
        AUGMENTATION: lambda: by_augmentation(trained, count, device),
        DROPOUT: lambda: by_dropout(trained, count, device),
        ENSEMBLE: lambda: by_ensemble(trained, others, device),
        SECOND_OPINION: lambda: by_second_opinion(trained, device),
    }
    return made_of[method]()


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
    others = [_other(name, sha256) for name, sha256 in card.others.items() if card.method == ENSEMBLE]
    return members_by(trained, card.method, card.members, others, device)


def check_installed(others: Sequence[TrainedGenerator]) -> None:
    """Refuse generators that could not be found when an ensemble's card is used, which knows names and hashes alone.

    Raises:
        MR2XRayError: if none of that name is installed, or one with other weights.
    """
    available = available_generators()
    for other in others:
        card, folder = other.card, available.get(other.card.name)
        if folder is None or ModelCard.read(folder).weights_sha256 != card.weights_sha256:
            raise MR2XRayError(
                f'The generator "{card.name}" in {other.folder} is not among those installed; import it first (mr2xray '
                "generators import): an ensemble finds its generators by their names."
            )


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
