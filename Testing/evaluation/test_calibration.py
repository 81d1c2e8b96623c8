"""Calibration: known factors are found again, right deviations score as right, wrong ones as wrong."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import astuple, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from tiny_generators import card_of, tiny, trained

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.cli import main
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation.calibration import (
    Scatter,
    calibrate,
    calibration_of,
    calibration_report,
    fitted,
    rank_correlation,
    scatter_of,
)
from MR2XRayLib.evaluation.calibration_section import PICTURE, calibration_section
from MR2XRayLib.evaluation.cases import Case
from MR2XRayLib.evaluation.results import Evaluation
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.shelf import MODELS_VARIABLE
from MR2XRayLib.generators.store import load_generator, save_generator
from MR2XRayLib.generators.uncertainty_card import AUGMENTATION, DROPOUT, ENSEMBLE
from MR2XRayLib.metrics import head_mask_2d
from MR2XRayLib.mr_layers import DIM
from MR2XRayLib.projection import Projections
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.synthesis import Synthesizer
from MR2XRayLib.uncertainty import UncertainSynthesizer
from MR2XRayLib.uncertainty.error_model import ErrorModel

NORMAL_WITHIN = (0.6827, 0.9545)
NOTHING_MEASURED = Evaluation((), (), "MR2XRayLib")


def normal_errors(model: ErrorModel, count: int = 100_000, seed: int = 0) -> Scatter:
    """Errors of a model's variance: deviations between 0 and about 0.5, rays through some 0 to 200 mm of dim voxels."""
    rng = np.random.default_rng(seed)
    deviation, dim_mm = rng.gamma(2.0, 0.05, count), rng.gamma(2.0, 20.0, count)
    error = rng.normal(0.0, model.deviation(deviation, dim_mm))
    return Scatter(*(values.astype(np.float32) for values in (deviation, dim_mm, error)), 1, 1)


TRUE = ErrorModel(factor=2.0, floor=0.05, per_dim_mm=0.002)


@settings(max_examples=15, deadline=None)
@given(
    factor=st.floats(0.5, 8.0),
    floor=st.floats(0.05, 0.5),
    per_dim_mm=st.floats(0.0, 0.01),
    seed=st.integers(0, 1000),
)
def test_a_known_model_is_found_again(factor: float, floor: float, per_dim_mm: float, seed: int) -> None:
    found = fitted(normal_errors(ErrorModel(factor, floor, per_dim_mm), seed=seed))
    # Each part is judged by what it does to the variance of a typical pixel: deviation 0.1, 40 mm of dim voxels.
    variance = floor**2 + (0.1 * factor) ** 2 + (40 * per_dim_mm) ** 2
    assert abs(found.factor**2 - factor**2) * 0.1**2 < 0.05 * variance
    assert abs(found.floor**2 - floor**2) < 0.05 * variance
    assert abs(found.per_dim_mm**2 - per_dim_mm**2) * 40**2 < 0.05 * variance


def test_no_other_model_is_likelier() -> None:
    scatter = normal_errors(TRUE, count=20_000)
    found = fitted(scatter)
    best = calibration_of(scatter, found).log_score
    for part, by in product(("factor", "floor", "per_dim_mm"), (0.97, 1.03)):
        other = replace(found, **{part: by * getattr(found, part)})
        assert calibration_of(scatter, other).log_score > best


def test_members_that_agree_everywhere_leave_the_floor_alone() -> None:
    nothing = np.zeros(1000, np.float32)
    scatter = Scatter(nothing, nothing, np.full(1000, 0.3, np.float32), 1, 1)
    found = fitted(scatter)
    assert astuple(found) == pytest.approx((0.0, 0.3, 0.0))
    made = calibration_of(scatter, found)
    assert (made.ence, made.within_2, made.rank_correlation) == pytest.approx((0, 1, 0), abs=1e-6)
    assert made.log_score == pytest.approx(made.log_score_constant, abs=1e-6)


def test_a_generator_that_is_always_right_gets_no_expected_error() -> None:
    scatter = normal_errors(TRUE, 1000)
    found = fitted(replace(scatter, error=np.zeros(1000, np.float32)))
    assert astuple(found) == pytest.approx((0, 0, 0), abs=1e-6)


def test_right_deviations_measure_as_right() -> None:
    made = calibration_of(normal_errors(TRUE), TRUE)
    assert made.ence < 0.02
    assert (made.within_1, made.within_2) == pytest.approx(NORMAL_WITHIN, abs=0.005)
    assert made.rms_predicted == pytest.approx(made.rms_error, rel=0.02)
    assert made.log_score < made.log_score_constant - 0.05
    assert 0.3 < made.sparsification_gain < 1
    assert sum(part.pixels for part in made.bins) == made.pixels == 100_000
    assert [part.predicted for part in made.bins] == sorted(part.predicted for part in made.bins)


@pytest.mark.parametrize(("times", "ence"), [(0.5, 1.0), (2.0, 0.5)])
def test_deviations_that_are_wrong_by_a_factor_measure_so(times: float, ence: float) -> None:
    wrong = ErrorModel(*(times * part for part in astuple(TRUE)))
    made = calibration_of(normal_errors(TRUE), wrong)
    assert made.ence == pytest.approx(ence, abs=0.02)
    right = calibration_of(normal_errors(TRUE), TRUE)
    assert made.log_score > right.log_score
    assert made.sparsification == right.sparsification


def test_leaving_out_by_the_error_itself_gains_all_there_is() -> None:
    scatter = normal_errors(TRUE, 2000)
    made = calibration_of(replace(scatter, deviation=np.abs(scatter.error)), ErrorModel(1.0, 0.0))
    assert made.sparsification_gain == pytest.approx(1)
    assert made.rank_correlation == pytest.approx(1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=40))
def test_rank_correlation_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    if np.ptp(one) and np.ptp(other):
        assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    else:
        assert rank_correlation(one, other) == 0


def heads(count: int = 2) -> list[Case]:
    """Round heads of water with a lump, whose MR shows the lump elsewhere: something to be wrong about."""
    view = CArm(pixels=(64, 64), isocentre_mm=(0.0, 0.0, 0.0)).view(Angulation(0))
    row, column = np.mgrid[:64, :64]

    def lump(at: float, width: float) -> np.ndarray:
        return np.exp(-((row - 32) ** 2 + (column - at) ** 2) / width)

    made = []
    for number in range(count):
        mr = 150 * lump(31, 300) + 40 * lump(24 + number, 20)
        xray = 4 * lump(31, 300) + lump(40, 20)
        pages = [Projections(p[None].astype(np.float32), (view,), u) for p, u in ((mr, "mm"), (xray, "1"))]
        made.append(Case(f"head {number}", f"head {number}", (pages[0],), pages[1]))
    return made


def test_a_generator_is_calibrated_and_reported_on() -> None:
    network = trained(tiny("unet"))
    card = calibrate(network, heads(), "two lumps", members=4, device="cpu")
    assert (card.method, card.members, card.calibrated_on) == (AUGMENTATION, 4, "two lumps")
    assert card.metrics["heads_fitted"] == 2
    uncertain = replace(network, card=replace(network.card, uncertainty=card))
    report = calibration_report(UncertainSynthesizer(uncertain, "cpu"), heads())
    assert report.numbers() == {name.removesuffix("_fitted"): value for name, value in card.metrics.items()}
    # The same by hand, from what users get.
    predicted, errors = [], []
    for case in heads():
        made = UncertainSynthesizer(uncertain, "cpu").synthesize(*case.mr)
        inside = head_mask_2d(case.xray.pixels[0])
        predicted.append(made.deviation.pixels[0][inside])
        errors.append(np.abs(made.synthesized.pixels - case.xray.pixels)[0][inside])
    within = np.concatenate(errors) <= np.concatenate(predicted)
    assert report.within_1 == pytest.approx(within.mean(), abs=1e-3)
    assert report.rms_error == pytest.approx(report.rms_predicted, rel=0.1)


def test_rays_through_dim_voxels_count_where_the_generator_sees_them() -> None:
    """Errors that grow with a layer "dim", which members that agree say nothing of."""
    case = heads(1)[0]
    dim_mm = np.where(np.arange(64) > 32, 40.0, 10.0).astype(np.float32) * np.ones((1, 64, 1), np.float32)
    seen = InputCard(("t1",), 300.0, layers=(SIGNAL, DIM))
    alone = Synthesizer(trained(tiny("unet", in_channels=2), input=seen), "cpu")
    mr = replace(case.mr[0], layers={DIM: dim_mm})
    wrong = 0.01 * dim_mm * np.random.default_rng(0).standard_normal(dim_mm.shape)
    xray = replace(case.xray, pixels=(alone.synthesize(mr).pixels + wrong).astype(np.float32))
    found = fitted(scatter_of([alone, alone], [replace(case, mr=(mr,), xray=xray)]))
    assert found.per_dim_mm == pytest.approx(0.01, rel=0.1)
    assert (found.factor, found.floor) == pytest.approx((0, 0), abs=0.03)


def test_rays_through_dim_voxels_do_not_count_where_the_generator_does_not_see_them() -> None:
    """The cases of a group have all layers; what a user synthesizes has those of the generator alone."""
    network = trained(tiny("unet"))
    layers = {DIM: np.full((1, 64, 64), 40.0, np.float32)}
    cases = [replace(case, mr=(replace(case.mr[0], layers=layers),)) for case in heads()]
    entry = calibrate(network, cases, "two lumps", members=2, device="cpu")
    assert entry.per_dim_mm == 0
    card = replace(network.card, uncertainty=replace(entry, weights_sha256=network.card.weights_sha256))
    assert (
        UncertainSynthesizer(replace(network, card=card), "cpu")
        .synthesize(*heads(1)[0].mr)
        .deviation.pixels.any()
    )


def test_an_ensemble_names_its_generators_and_dropout_is_calibrated_too() -> None:
    network, other = (
        trained(tiny("unet", dropout=0.5)),
        trained(tiny("subpixel"), name="other", weights_sha256="5a"),
    )
    ensemble = calibrate(network, heads(1), "a lump", ENSEMBLE, others=[other], device="cpu")
    assert (ensemble.members, ensemble.others) == (2, {"other": "5a"})
    assert calibrate(network, heads(1), "a lump", DROPOUT, members=3, device="cpu").members == 3
    with pytest.raises(MR2XRayError, match="choose one of"):
        calibrate(network, heads(1), "a lump", "guessing")


@pytest.mark.parametrize(
    ("method", "members", "words"),
    [
        (AUGMENTATION, 1, "cannot be made of 1 member; give 2 or more"),
        (AUGMENTATION, 0, "cannot be made of 0 members"),
        (AUGMENTATION, -3, "cannot be made of -3 members"),
        (DROPOUT, 1, "cannot be made of 1 member"),
        (ENSEMBLE, 8, "name further ones"),
    ],
)
def test_a_deviation_of_one_member_is_refused_before_any_case_is_made(
    method: str, members: int, words: str
) -> None:
    def cases() -> Iterator[Case]:
        pytest.fail("a case was made")
        yield from ()

    with pytest.raises(MR2XRayError, match=words):
        calibrate(trained(tiny("unet", dropout=0.5)), cases(), "nothing", method, members, device="cpu")


def test_other_generators_are_of_an_ensemble_alone() -> None:
    network, other = trained(tiny("unet")), trained(tiny("unet"), name="other", weights_sha256="5a")
    with pytest.raises(MR2XRayError, match="not of test-time augmentation"):
        calibrate(network, [], "nothing", others=[other], device="cpu")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--members", "1"], "1 member;"),
        (["--method", "ensemble"], "further ones (--others)"),
        (["--energy", "5"], "5 keV is outside the table"),
    ],
)
def test_the_command_refuses_what_cannot_be_before_it_looks_for_heads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    save_generator(tmp_path / "tiny", tiny("unet"), card_of())
    assert main(["calibrate", str(tmp_path / "tiny"), "--labels", str(tmp_path / "no"), *more]) == 2
    assert words in capsys.readouterr().err


def test_an_ensemble_is_of_generators_that_are_found_by_name_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "own"))
    save_generator(tmp_path / "own" / "one", tiny("unet"), card_of(name="one"))
    save_generator(tmp_path / "own" / "changed", tiny("unet"), card_of(name="changed"))
    for name in ("elsewhere", "changed"):
        save_generator(tmp_path / name, tiny("subpixel"), card_of("subpixel", name=name))
    words = ["calibrate", "one", "--labels", str(tmp_path / "no"), "--method", ENSEMBLE, "--others"]
    monkeypatch.chdir(tmp_path)
    for other in ("elsewhere", str(tmp_path / "changed")):
        assert main([*words, other]) == 2
        assert "is not among those installed; import it first" in capsys.readouterr().err
    save_generator(tmp_path / "own" / "other", tiny("subpixel"), card_of("subpixel", name="other"))
    assert main([*words, "other"]) == 2
    assert "lacks label volumes" in capsys.readouterr().err


def test_an_ensemble_holds_each_generator_once() -> None:
    network = trained(tiny("unet"), weights_sha256="5a")
    with pytest.raises(MR2XRayError, match="given twice"):
        calibrate(network, [], "nothing", ENSEMBLE, others=[network], device="cpu")


def test_a_head_in_several_contrasts_counts_once() -> None:
    twice = [replace(case, head="one head") for case in heads(2)]
    scatter = scatter_of([Synthesizer(trained(tiny("unet")), "cpu")] * 2, twice)
    assert (scatter.heads, scatter.views) == (1, 2)


def test_a_calibration_without_heads_is_refused() -> None:
    network = trained(tiny("unet"))
    for cases in (
        [],
        [replace(heads(1)[0], xray=replace(heads(1)[0].xray, pixels=np.zeros((1, 64, 64), np.float32)))],
    ):
        with pytest.raises(MR2XRayError, match="no head"):
            calibrate(network, cases, "nothing", members=2, device="cpu")


def test_the_errors_are_those_of_the_image_that_users_get() -> None:
    network, case = trained(tiny("unet")), heads(1)[0]
    card = calibrate(network, [case], "a lump", members=3, device="cpu")
    image = Synthesizer(network, "cpu").synthesize(*case.mr).pixels
    inside = head_mask_2d(case.xray.pixels[0])
    rms = np.sqrt(np.mean((image - case.xray.pixels)[0][inside].astype(float) ** 2))
    assert card.metrics["rms_error_fitted"] == pytest.approx(rms, rel=1e-3)


def test_a_report_gets_a_table_and_a_picture(tmp_path: Path) -> None:
    made = calibration_of(normal_errors(TRUE, 2000), TRUE)
    lines = calibration_section({"one": made, "other": made})(NOTHING_MEASURED, tmp_path)
    rows = [line for line in lines if line.startswith(("| one", "| other"))]
    assert len(rows) == 2
    assert f"{made.ence:.3f}" in rows[0]
    assert (tmp_path / PICTURE).stat().st_size > 5000
    assert json.loads(json.dumps(made.to_json()))["bins"][0]["pixels"] == made.bins[0].pixels
    assert calibration_section({})(NOTHING_MEASURED, tmp_path) == []


def test_the_command_writes_the_entry_into_the_card_and_leaves_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_generator(tmp_path / "tiny", tiny("unet"), card_of(), storage="float16")
    weights = (tmp_path / "tiny" / "weights.safetensors").read_bytes()
    groups = [Namespace(cases=lambda: iter(heads()), count=2)]
    monkeypatch.setattr("MR2XRayLib.evaluation.groups.validation_heads", lambda *_: groups)
    where = ["calibrate", str(tmp_path / "tiny"), "--labels", str(tmp_path)]
    assert main([*where, "--members", "3", "--device", "cpu", "--progress", "none"]) == 0
    assert (tmp_path / "tiny" / "weights.safetensors").read_bytes() == weights
    saved = load_generator(tmp_path / "tiny")
    expected = calibrate(saved, heads(), "the same", members=3, device="cpu")
    assert saved.card.uncertainty == replace(expected, calibrated_on=saved.card.uncertainty.calibrated_on)
    assert "2 simulated heads" in saved.card.uncertainty.calibrated_on
    assert UncertainSynthesizer(saved, "cpu").synthesize(*heads()[0].mr).deviation.pixels.min() > 0
