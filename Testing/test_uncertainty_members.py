"""Members of an uncertainty: what each is made of, their mean and spread, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_generators import tiny, trained
from torch import nn
from uncertain_blobs import entry, lopsided

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.base import Generator
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.uncertainty_card import (
    AUGMENTATION,
    DROPOUT,
    SECOND_OPINION,
)
from MR2XRayLib.intensity import water_attenuation
from MR2XRayLib.mr_layers import ATTENUATION
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.synthesis import Synthesizer, same_views
from MR2XRayLib.uncertainty import UncertainSynthesizer, spread
from MR2XRayLib.uncertainty.augmentation import Augmentation
from MR2XRayLib.uncertainty.members import (
    AUGMENTATIONS,
    Augmented,
    by_augmentation,
    by_dropout,
    by_ensemble,
    members_by,
    members_of,
    usual_method,
)


class Pixelwise(Generator):
    """A generator that is `slope` · input + `offset` on [-1, 1], pixel by pixel."""

    def __init__(self, slope: float = 1.0, offset: float = 0.0) -> None:
        super().__init__(1, 16, nn.Conv2d(1, 1, 1), linear_path=True)
        assert self.linear is not None
        nn.init.constant_(self.linear.weight, slope)
        nn.init.constant_(self.linear.bias, offset)  # type: ignore[arg-type]

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """The image itself; the last convolution is zero."""
        return image


class Watching(Generator):
    """A generator that keeps what it was shown."""

    seen: torch.Tensor

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, 16, nn.Conv2d(in_channels, 1, 1), linear_path=True)

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """The image itself; the last convolution is zero."""
        self.seen = image.clone()
        return image


def test_members_that_are_known_images_give_their_mean_and_deviation() -> None:
    members = tuple(Synthesizer(trained(Pixelwise(offset=offset)), "cpu") for offset in (0.0, 0.1, 0.5))
    made = spread(members, [lopsided()])
    plain = Synthesizer(trained(Pixelwise()), "cpu").synthesize(lopsided())
    line_integrals = 3.0 * np.array([0.0, 0.1, 0.5])
    np.testing.assert_array_equal(made.synthesized.pixels, plain.pixels)
    np.testing.assert_allclose(made.mean.pixels, plain.pixels + line_integrals.mean(), atol=1e-5)
    np.testing.assert_allclose(made.deviation.pixels, line_integrals.std(ddof=1), atol=1e-5)
    assert made.synthesized.provenance == plain.provenance
    assert made.deviation.unit == "1"
    assert same_views(made.deviation.views, plain.views)


def test_deviation_agrees_with_numpy_on_a_network() -> None:
    members = by_augmentation(trained(tiny("unet")), 8, "cpu")
    made = spread(members, [lopsided()])
    images = np.stack([member.synthesize(lopsided()).pixels for member in members]).astype(float)
    np.testing.assert_allclose(made.deviation.pixels, images.std(axis=0, ddof=1), atol=1e-5)
    np.testing.assert_allclose(made.mean.pixels, images.mean(axis=0), atol=1e-5)
    assert made.deviation.pixels.max() > 0.01


@pytest.mark.parametrize(
    "augmentation", [Augmentation(mirrored=True), Augmentation(shift=(3, -2)), Augmentation(True, 0, (-1, 2))]
)
def test_a_pixelwise_network_does_not_see_where_the_head_is(augmentation: Augmentation) -> None:
    network = trained(Pixelwise(0.7))
    members = (Synthesizer(network, "cpu"), Augmented(network, augmentation, "cpu"))
    made = spread(members, [lopsided()])
    # What a shift brings in repeats the edge, which here is air to a millionth.
    assert made.deviation.pixels.max() < 1e-5


@settings(max_examples=25, deadline=None)
@given(
    mirrored=st.booleans(),
    turn=st.floats(-10, 10),
    shift=st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
)
def test_what_is_done_to_an_image_is_undone(mirrored: bool, turn: float, shift: tuple[int, int]) -> None:
    augmentation = Augmentation(mirrored, turn, shift)
    image = torch.from_numpy(lopsided().pixels / 100 - 1)[:, None]
    changed = augmentation.done(image)
    assert changed.shape == image.shape
    assert (augmentation.undone(changed) - image).abs().max() < 0.02


def test_an_image_moves_and_turns_as_it_is_said_to() -> None:
    image = torch.full((1, 1, 65, 65), -1.0)
    image[..., 32, 42] = 1.0
    moved = Augmentation(shift=(3, -5)).done(image)
    assert moved[0, 0].argmax() == 35 * 65 + 37
    quarter = Augmentation(turn_deg=90).done(image)
    assert quarter[0, 0].argmax() == 42 * 65 + 32
    assert Augmentation(mirrored=True).done(image)[0, 0].argmax() == 32 * 65 + 22
    brighter = Augmentation(brightness=1.1).done(image)
    assert brighter.max() == pytest.approx(1.2)
    assert brighter.min() == pytest.approx(-1)


def test_brightness_is_the_signals_alone() -> None:
    """The depth of a voxel, or its attenuation, has nothing to do with the units of an MR."""
    layers, seen = ("signal", "deep", "attenuation"), torch.zeros(1, 6, 32, 32)
    card = InputCard(("t1", "t2"), 300.0, layers=layers)
    network = Watching(6)
    Augmented(trained(network, input=card), Augmentation(brightness=1.1), "cpu").through_network(seen)
    np.testing.assert_allclose(network.seen.mean(dim=(0, 2, 3)), [0.1, 0, 0, 0.1, 0, 0], atol=1e-6)
    assert (seen == 0).all()


def test_the_first_member_is_the_generator_as_it_is() -> None:
    network = trained(tiny("unet", dropout=0.5))
    plain = Synthesizer(network, "cpu").synthesize(lopsided()).pixels
    for members in (by_augmentation(network, 3, "cpu"), by_dropout(network, 3, "cpu")):
        np.testing.assert_array_equal(members[0].synthesize(lopsided()).pixels, plain)
    assert Augmentation() == AUGMENTATIONS[0]


@pytest.mark.parametrize("method", [AUGMENTATION, DROPOUT])
def test_a_card_that_wants_a_million_members_is_refused(method: str) -> None:
    network = trained(tiny("unet", dropout=0.5))
    with pytest.raises(MR2XRayError, match="wants 1000000 members; 64 are the most"):
        members_of(network, entry(method, members=1_000_000), "cpu")


def test_dropout_repeats_and_leaves_generator_and_random_draws_alone() -> None:
    network = trained(tiny("unet", dropout=0.5))
    members = by_dropout(network, 4, "cpu")
    torch.manual_seed(5)
    first = spread(members, [lopsided()]).deviation.pixels
    drawn = torch.rand(1)
    second = spread(members, [lopsided()]).deviation.pixels
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))
    np.testing.assert_array_equal(first, second)
    assert first.max() > 0
    images = [member.synthesize(lopsided()).pixels for member in members]
    assert not np.array_equal(images[1], images[2])
    assert not any(layer.training for layer in network.generator.modules())


def test_a_second_opinion_is_the_estimate_that_the_generator_sees() -> None:
    mr = lopsided()
    estimate_mm = mr.pixels[:, ::-1] / 2
    mr = replace(mr, layers={ATTENUATION: estimate_mm})
    network = tiny("subpixel", in_channels=2)
    seen = InputCard(("t1",), 160.0, layers=(SIGNAL, ATTENUATION))
    card = entry(SECOND_OPINION, members=2, factor=2.0, floor=0.0)
    generator = trained(network, input=seen, uncertainty=card)
    made = UncertainSynthesizer(generator, "cpu").synthesize(mr)
    xray = estimate_mm * water_attenuation(60.0)
    difference = np.abs(made.synthesized.pixels - xray)
    np.testing.assert_allclose(made.deviation.pixels, 2 * difference / np.sqrt(2), atol=1e-4)
    np.testing.assert_allclose(made.mean.pixels, (made.synthesized.pixels + xray) / 2, atol=1e-4)


@pytest.mark.parametrize(
    ("contrasts", "layers", "method"),
    [
        (("t1",), (SIGNAL, ATTENUATION), SECOND_OPINION),
        (("t1",), (SIGNAL,), AUGMENTATION),
        (("t1", "t2"), (SIGNAL, ATTENUATION), AUGMENTATION),
    ],
)
def test_the_method_that_was_not_asked_for_is_one_that_the_generator_has(
    contrasts: tuple[str, ...], layers: tuple[str, ...], method: str
) -> None:
    network = tiny("subpixel", in_channels=len(contrasts) * len(layers))
    generator = trained(network, input=InputCard(contrasts, 160.0, layers=layers))
    assert usual_method(generator.card) == method
    assert len(members_by(generator, method, 8, device="cpu")) >= 2


def test_an_ensemble_takes_generators_of_the_same_input_alone() -> None:
    one, other = trained(Pixelwise()), trained(Pixelwise(offset=0.2), weights_sha256="5a")
    made = spread(by_ensemble(one, [other], "cpu"), [lopsided()])
    np.testing.assert_allclose(made.deviation.pixels, 0.6 / np.sqrt(2), atol=1e-5)
    card = other.card
    elsewhere = replace(other, card=replace(card, input=replace(card.input, full_scale_mm=160.0)))
    with pytest.raises(MR2XRayError, match="different input"):
        by_ensemble(one, [elsewhere], "cpu")
