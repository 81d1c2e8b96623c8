"""Uncertainty: the members, their mean and spread, the calibration of a card, and what is refused."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_generators import card_of, tiny, trained
from torch import nn

from MR2XRayLib import pipeline
from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.cli import commands
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.base import Generator
from MR2XRayLib.generators.card import InputCard, ModelCard
from MR2XRayLib.generators.store import TrainedGenerator, load_generator, save_generator
from MR2XRayLib.generators.uncertainty_card import (
    AUGMENTATION,
    DROPOUT,
    ENSEMBLE,
    SECOND_OPINION,
    UncertaintyCard,
)
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import water_attenuation
from MR2XRayLib.live import Live
from MR2XRayLib.mr_layers import ATTENUATION
from MR2XRayLib.projection import Projections
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
    members_of,
)
from MR2XRayLib.uncertainty.uncertain import LEAST_MM
from MR2XRayLib.volume import Volume

CARM = CArm(pixels=(64, 64), isocentre_mm=(0.0, 0.0, 0.0))


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


def lopsided(views: int = 2) -> Projections:
    """Two blobs of MR, one smaller, off the middle; mm."""
    row, column = np.mgrid[:64, :64]
    blobs = [
        180 * np.exp(-((row - 30) ** 2 + (column - 24) ** 2) / 40)
        + 60 * np.exp(-((row - 34) ** 2 + (column - 44) ** 2) / (20 + 10 * n))
        for n in range(views)
    ]
    geometry = tuple(CARM.view(Angulation(30.0 * n)) for n in range(views))
    return Projections(np.stack(blobs).astype(np.float32), geometry, "mm", {"volume": "blobs"})


def entry(method: str = AUGMENTATION, **values: object) -> UncertaintyCard:
    described = {"members": 8, "factor": 2.0, "floor": 0.1, "calibrated_on": "blobs", "weights_sha256": ""}
    return UncertaintyCard(method, **{**described, **values})  # type: ignore[arg-type]


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


def test_a_card_scales_the_deviation_and_says_so() -> None:
    network = trained(tiny("unet"), uncertainty=entry(members=4, factor=3.0, floor=0.25))
    raw = spread(by_augmentation(network, 4, "cpu"), [lopsided()])
    told: list[float] = []
    made = UncertainSynthesizer(network, "cpu").synthesize(
        lopsided(), progress=lambda stage, share: told.append(share)
    )
    floor = np.where(lopsided().pixels < LEAST_MM, 0, 0.25)
    expected = np.sqrt(floor**2 + (3 * raw.deviation.pixels.astype(float)) ** 2)
    np.testing.assert_allclose(made.deviation.pixels, expected, rtol=1e-5)
    np.testing.assert_array_equal(made.synthesized.pixels, raw.synthesized.pixels)
    assert made.deviation.pixels.dtype == np.float32
    assert told == sorted(told)
    assert told[-1] == 1
    provenance = json.loads(json.dumps(made.deviation.provenance))
    assert provenance["step"] == "uncertainty"
    assert (provenance["method"], provenance["members"]) == (AUGMENTATION, 4)
    assert (provenance["factor"], provenance["floor"]) == (3.0, 0.25)
    assert provenance["of"]["generator"]["name"] == "tiny"
    assert provenance["of"]["input"] == [{"volume": "blobs"}]


def test_the_floor_of_the_head_is_not_in_air() -> None:
    """Air is where no contrast has a signal but traces of it; an absent contrast has none anywhere."""
    mr = lopsided()
    air = mr.pixels < LEAST_MM
    traces = np.where(np.indices(air.shape).sum(axis=0) % 2, np.float32(1e-42), np.float32(0.5))
    mr = replace(mr, pixels=np.where(air, traces, mr.pixels))
    seen = InputCard(("t1", "t2"), 300.0, optional=True)
    card = entry(members=4, factor=3.0, floor=0.25)
    network = trained(tiny("unet", in_channels=2), input=seen, uncertainty=card)
    raw = spread(by_augmentation(network, 4, "cpu"), [None, mr]).deviation.pixels
    made = UncertainSynthesizer(network, "cpu").synthesize(None, mr).deviation
    assert 0.2 < air.mean() < 0.8
    np.testing.assert_allclose(made.pixels[air], 3 * raw[air], rtol=1e-5)
    np.testing.assert_allclose(made.pixels[~air], np.hypot(0.25, 3 * raw[~air]), rtol=1e-5)
    assert made.provenance["floor_where"] == "the ray meets the head"


@pytest.mark.parametrize(
    ("uncertainty", "words"),
    [
        (None, "has no uncertainty"),
        (entry(weights_sha256="0" * 64), "calibrated with other weights"),
        (entry("dropout of cards"), "by 'dropout of cards'"),
        (entry(members=1), "at least 2"),
        (entry(members=20), "wants 20 augmentations"),
        (entry(DROPOUT), "trained without dropout"),
        (entry(SECOND_OPINION, members=2), "does not see the layer"),
    ],
)
def test_an_uncertainty_that_cannot_be_had_is_refused(
    uncertainty: UncertaintyCard | None, words: str
) -> None:
    network = trained(tiny("subpixel"), uncertainty=uncertainty)
    with pytest.raises(MR2XRayError, match=words) as refusal:
        UncertainSynthesizer(network, "cpu")
    assert str(refusal.value).endswith(".")


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


def test_an_ensemble_takes_generators_of_the_same_input_alone() -> None:
    one, other = trained(Pixelwise()), trained(Pixelwise(offset=0.2), weights_sha256="5a")
    made = spread(by_ensemble(one, [other], "cpu"), [lopsided()])
    np.testing.assert_allclose(made.deviation.pixels, 0.6 / np.sqrt(2), atol=1e-5)
    card = other.card
    elsewhere = replace(other, card=replace(card, input=replace(card.input, full_scale_mm=160.0)))
    with pytest.raises(MR2XRayError, match="different input"):
        by_ensemble(one, [elsewhere], "cpu")


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., TrainedGenerator]:
    """Saves a tiny generator, whose uncertainty holds for its weights unless it is said otherwise."""

    def save(
        name: str, uncertainty: UncertaintyCard | None = None, architecture: str = "unet"
    ) -> TrainedGenerator:
        network, folder = tiny(architecture), tmp_path / name
        card = save_generator(folder, network, card_of(architecture, name=name))
        if uncertainty is not None:
            uncertainty = replace(
                uncertainty, weights_sha256=uncertainty.weights_sha256 or card.weights_sha256
            )
            save_generator(folder, network, replace(card, uncertainty=uncertainty))
        return load_generator(folder)

    return save


def test_an_uncertainty_survives_saving_and_tuning_ends_it(saved: Callable[..., TrainedGenerator]) -> None:
    kept = saved("kept", entry(members=3, metrics={"ence": 0.1})).card
    assert kept.uncertainty == entry(members=3, metrics={"ence": 0.1}, weights_sha256=kept.weights_sha256)
    assert ModelCard.from_json(json.loads(json.dumps(kept.to_json()))) == kept
    assert saved("without").card.uncertainty is None
    tuned = replace(kept, weights_sha256="1" * 64)
    with pytest.raises(MR2XRayError, match="other weights"):
        tuned.usable_uncertainty()


def test_an_ensemble_is_found_by_name_and_only_with_its_own_weights(
    saved: Callable[..., TrainedGenerator], tmp_path: Path
) -> None:
    other = saved("other", architecture="subpixel")
    others = {str(tmp_path / "other"): other.card.weights_sha256}
    network = saved("one", entry(ENSEMBLE, members=2, others=others))
    made = UncertainSynthesizer(network, "cpu").synthesize(lopsided())
    both = [Synthesizer(member, "cpu").synthesize(lopsided()).pixels for member in (network, other)]
    floor = np.where(lopsided().pixels < LEAST_MM, 0, 0.1)
    expected = np.hypot(floor, 2 * np.std(both, axis=0, ddof=1))
    np.testing.assert_allclose(made.deviation.pixels, expected, atol=1e-4)
    changed = entry(ENSEMBLE, members=2, others=dict.fromkeys(others, "2" * 64))
    with pytest.raises(MR2XRayError, match="SHA-256 differs"):
        UncertainSynthesizer(saved("two", changed), "cpu")


@pytest.fixture(scope="module")
def job() -> pipeline.Result:
    """The main job on the digital head, with uncertainty."""
    pair = demo_pair(spacing_mm=8.0)
    network = trained(tiny("unet"), uncertainty=entry(members=3))
    view = CARM.at(head_centre_mm(pair.ct)).view(Angulation(20))
    result = pipeline.run(
        [pair.mr], pair.ct, network, lambda carm: (view,), transform=pair.truth, uncertain=True, device="cpu"
    )
    live = Live.prepare([pair.mr], pair.ct, network, transform=pair.truth, device="cpu")
    made = live.update(view, uncertain=True)
    np.testing.assert_array_equal(made.by_role()["deviation"].pixels, result.deviation.pixels)
    np.testing.assert_array_equal(live.update(view).synthesized.pixels, made.synthesized.pixels)
    assert live.update(view).deviation is None
    return result


def test_the_main_job_writes_the_deviation_and_shows_it(job: pipeline.Result, tmp_path: Path) -> None:
    pipeline.write_result(job, tmp_path)
    read = Projections.read(tmp_path / "deviation.nrrd")
    np.testing.assert_array_equal(read.pixels, job.deviation.pixels)
    assert read.unit == "1"
    assert read.provenance["step"] == "uncertainty"
    assert not list((tmp_path / "png").glob("deviation*"))
    from PIL import Image

    pipeline.write_result(replace(job, deviation=None), tmp_path / "without")
    widths = [Image.open(folder / "figure.png").width for folder in (tmp_path, tmp_path / "without")]
    assert widths[0] > widths[1]
    assert not (tmp_path / "without" / "deviation.nrrd").exists()


@pytest.mark.parametrize(
    ("uncertainty", "words"),
    [
        (None, "has no uncertainty"),
        (entry(ENSEMBLE, members=2, others={"none-such": "0" * 64}), 'no generator "none-such"'),
    ],
)
def test_the_main_job_refuses_before_it_registers(uncertainty: UncertaintyCard | None, words: str) -> None:
    network = trained(tiny("unet"), uncertainty=uncertainty)
    mr = Volume(np.random.default_rng(0).uniform(0, 900, (8, 8, 8)).astype(np.float32), np.eye(4))

    def told(stage: str, share: float) -> None:
        pytest.fail(f"{stage} began")

    with pytest.raises(MR2XRayError, match=words):
        pipeline.run([mr], mr, network, lambda carm: (), uncertain=True, progress=told)


def test_the_command_writes_image_and_deviation(
    saved: Callable[..., TrainedGenerator], tmp_path: Path
) -> None:
    network = saved("one", entry(members=3))
    lopsided().write(tmp_path / "p.nrrd")
    options = Namespace(
        projections=[tmp_path / "p.nrrd"],
        out=tmp_path / "s.nrrd",
        deviation=tmp_path / "d.nrrd",
        generator=network.folder,
        device="cpu",
    )
    commands.synthesize(options, Reporter("none"))
    made = UncertainSynthesizer(network, "cpu").synthesize(lopsided())
    np.testing.assert_array_equal(Projections.read(tmp_path / "s.nrrd").pixels, made.synthesized.pixels)
    np.testing.assert_array_equal(Projections.read(tmp_path / "d.nrrd").pixels, made.deviation.pixels)
    before = (tmp_path / "s.nrrd").read_bytes()
    options.deviation = tmp_path / "nowhere" / ".." / "s.nrrd"
    with pytest.raises(MR2XRayError, match="two files; give --deviation another name"):
        commands.synthesize(options, Reporter("none"))
    assert (tmp_path / "s.nrrd").read_bytes() == before
    options.deviation = tmp_path / "d.txt"
    with pytest.raises(MR2XRayError, match="standard deviations"):
        commands.synthesize(options, Reporter("none"))
