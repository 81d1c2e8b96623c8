"""Uncertainty: the calibration of a card, what is refused, and the main job with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_generators import card_of, tiny, trained
from uncertain_blobs import CARM, entry, lopsided

from MR2XRayLib import pipeline
from MR2XRayLib.carm import Angulation
from MR2XRayLib.cli import commands
from MR2XRayLib.cli.parser import build_parser
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import InputCard, ModelCard
from MR2XRayLib.generators.channels import without_signal
from MR2XRayLib.generators.store import TrainedGenerator, load_generator, save_generator
from MR2XRayLib.generators.uncertainty_card import (
    AUGMENTATION,
    DROPOUT,
    ENSEMBLE,
    SECOND_OPINION,
    UncertaintyCard,
)
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.live import Live
from MR2XRayLib.mr_layers import DIM
from MR2XRayLib.projection import Projections
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.synthesis import Synthesizer
from MR2XRayLib.uncertainty import UncertainSynthesizer, spread
from MR2XRayLib.uncertainty.error_model import dim_lengths_mm
from MR2XRayLib.uncertainty.members import by_augmentation
from MR2XRayLib.uncertainty.uncertain import LEAST_MM
from MR2XRayLib.volume import Volume


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


def with_dim(dim_mm: float) -> Projections:
    """`lopsided` with a layer "dim" of one length everywhere."""
    mr = lopsided()
    return replace(mr, layers={DIM: np.full_like(mr.pixels, dim_mm)})


def test_rays_through_dim_voxels_are_less_certain() -> None:
    seen = InputCard(("t1",), 300.0, layers=(SIGNAL, DIM))
    card = entry(members=2, factor=0.0, floor=0.03, per_dim_mm=0.001)
    network = trained(tiny("unet", in_channels=2), input=seen, uncertainty=card)
    made = UncertainSynthesizer(network, "cpu").synthesize(with_dim(40.0)).deviation
    inside = lopsided().pixels >= LEAST_MM
    np.testing.assert_allclose(made.pixels, np.where(inside, 0.05, 0.04), rtol=1e-5)
    assert made.provenance["per_dim_mm"] == 0.001


def test_of_several_contrasts_the_one_that_shows_most_tissue_counts() -> None:
    absent = without_signal(with_dim(1.0))
    lengths = dim_lengths_mm([with_dim(30.0), None, with_dim(20.0), absent])
    np.testing.assert_array_equal(lengths, np.full_like(lengths, 20.0))
    assert lengths.shape == lopsided().pixels.shape
    assert not dim_lengths_mm([lopsided(), None]).any()


@pytest.mark.parametrize(
    ("uncertainty", "words"),
    [
        (None, "has no uncertainty"),
        (entry(per_dim_mm=0.1), 'counts on the layer "dim", which the generator does not see'),
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
    given, made, deviation = (str(tmp_path / f"{name}.nrrd") for name in "psd")
    files = [given, "--out", made, "--deviation", deviation]
    generator = ["--generator", str(network.folder), "--device", "cpu"]
    options = build_parser().parse_args(["synthesize", *files, *generator])
    commands.synthesize(options, Reporter("none"))
    expected = UncertainSynthesizer(network, "cpu").synthesize(lopsided())
    np.testing.assert_array_equal(Projections.read(Path(made)).pixels, expected.synthesized.pixels)
    np.testing.assert_array_equal(Projections.read(Path(deviation)).pixels, expected.deviation.pixels)
    before = (tmp_path / "s.nrrd").read_bytes()
    options.deviation = tmp_path / "nowhere" / ".." / "s.nrrd"
    with pytest.raises(MR2XRayError, match="two files; give --deviation another name"):
        commands.synthesize(options, Reporter("none"))
    assert (tmp_path / "s.nrrd").read_bytes() == before
    options.deviation = tmp_path / "d.txt"
    with pytest.raises(MR2XRayError, match="standard deviations"):
        commands.synthesize(options, Reporter("none"))
