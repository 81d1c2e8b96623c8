"""`evaluate`: known errors give known numbers, heads are the samples, and cases are made once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from invented_cases import a_case, a_group, identity, off_by, xray_pixels
from tiny_generators import GEOMETRY, card_of, tiny, trained

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import BaselineData, Case, evaluate
from MR2XRayLib.evaluation.intervals import t_quantile
from MR2XRayLib.evaluation.results import ESTIMATE, LINEAR_MAP, MEAN_IMAGE
from MR2XRayLib.generators.applicability import unlike_geometry
from MR2XRayLib.generators.card import InputCard


def test_a_known_error_gives_known_numbers() -> None:
    # A line integral of 0.3 too much is 0.1 on [-1, 1]: 20 log10(2 / 0.1) = 26.02 dB, and no detail is wrong.
    group = evaluate([identity()], [a_group(off_by(0.3, 0.3))]).groups[0]
    method = group.method("identity")
    for metric, value in (
        ("mae", 0.1),
        ("rmse", 0.1),
        ("mse", 0.01),
        ("psnr", 26.0206),
        ("masked_psnr", 26.0206),
    ):
        assert method.estimate(metric).mean == pytest.approx(value, rel=1e-3)
    assert method.estimate("hp_corr").mean == pytest.approx(1, abs=1e-4)
    assert method.estimate("frc_mid").mean == pytest.approx(1, abs=1e-3)
    assert method.curves.mid_band_power_ratio == pytest.approx(1, abs=1e-3)
    assert group.coverage == pytest.approx(np.mean(xray_pixels() > 0.5), abs=0.03)


def test_the_linear_map_undoes_a_known_error_and_gains_are_against_it() -> None:
    group = evaluate([identity()], [a_group(off_by(0.3, 0.3))]).groups[0]
    assert group.linear_map.estimate("masked_mae").mean < 1e-4
    gain = group.method("identity").gain_over(group.linear_map, "masked_psnr")
    difference = 26.0206 - group.linear_map.estimate("masked_psnr").mean
    assert gain.mean == pytest.approx(difference, rel=1e-3)


def test_the_thin_ring_is_what_a_method_makes_of_the_ring_alone() -> None:
    bare, (upper, lower) = xray_pixels(), (20, 23)
    whole = bare.copy()
    whole[:, upper:lower] += 0.5
    case = replace(a_case("a", "a", whole, whole), bare=a_case("a", "a", bare, bare))
    evaluation = evaluate([identity(), identity("half", 0.5)], [a_group([case])])
    group = evaluation.groups[0]
    shares = {method.name: method.ring_edges for method in group.generators}
    assert shares["identity"].mean == pytest.approx(1, abs=1e-3)
    assert shares["half"].mean == pytest.approx(0.5, abs=1e-3)
    written = evaluation.to_json()["groups"][0]["methods"]
    assert [m["ring_edges"]["mean"] for m in written[:2]] == pytest.approx([1, 0.5], abs=1e-3)


def test_heads_without_a_ring_say_nothing_of_one() -> None:
    evaluation = evaluate([identity()], [a_group(off_by(0.3))])
    assert evaluation.groups[0].method("identity").ring_edges is None
    assert "ring_edges" not in evaluation.to_json()["groups"][0]["methods"][0]


def test_intervals_are_over_heads_not_over_their_cases() -> None:
    # Two cases a head: heads have errors of 0.15 and 0.45, in the mean 0.1 on [-1, 1].
    group = evaluate([identity()], [a_group(off_by(0.0, 0.3, 0.3, 0.6, heads=2))]).groups[0]
    method = group.method("identity")
    assert group.counts == {"heads": 2, "cases": 4, "views": 8}
    assert method.of_head("head0").mae == pytest.approx(0.05, rel=1e-3)
    assert method.of_head("head1").mae == pytest.approx(0.15, rel=1e-3)
    found = method.estimate("mae")
    assert found.mean == pytest.approx(0.1, rel=1e-3)
    half = t_quantile(1) * math.sqrt(0.005) / math.sqrt(2)
    assert found.high - found.mean == pytest.approx(half, rel=1e-3)


def test_of_one_head_the_views_are_the_samples_and_the_report_says_so() -> None:
    xray = xray_pixels(3)
    errors = np.array([0.0, 0.3, 0.6], np.float32)[:, None, None]
    one = [a_case(f"h {n}", "h", xray, xray + errors) for n in range(2)]
    group = evaluate([identity()], [a_group(one)]).groups[0]
    found = group.method("identity").estimate("mae")
    assert found.mean == pytest.approx(0.1, rel=1e-3)
    assert found.sd == pytest.approx(0.1, rel=1e-3)
    assert group.to_json()["intervals_over"] == "views of one head"


def test_equal_images_have_no_psnr_in_the_json_and_no_nan() -> None:
    numbers = evaluate([identity()], [a_group(off_by(0.0))]).card_metrics("identity")["some_heads"]
    assert numbers["mae"] == pytest.approx(0, abs=1e-6)
    assert all(math.isfinite(value) for value in numbers.values())


def test_a_card_holds_counts_numbers_intervals_and_the_baseline() -> None:
    numbers = evaluate([identity()], [a_group(off_by(0.3, 0.3, 0.3))]).card_metrics("identity")["some_heads"]
    assert (numbers["heads"], numbers["cases"], numbers["views"]) == (3, 3, 6)
    assert numbers["masked_mae"] == pytest.approx(0.1, rel=1e-3)
    assert numbers["masked_mae_low"] <= numbers["masked_mae"] <= numbers["masked_mae_high"]
    assert {"hp_corr", "hp_corr_sd", "linear_map_hp_corr", "masked_psnr_gain"} <= set(numbers)


def test_several_generators_share_one_pass_and_baselines_one_fit() -> None:
    made: list[str] = []

    def cases(name: str) -> Iterator[Case]:
        made.append(name)
        yield from off_by(0.3)

    shared = BaselineData("others", lambda: cases("fit"), 1)
    groups = [a_group([], shared, key=key) for key in ("one", "two")]
    groups = [replace(group, cases=lambda: cases("test"), count=1) for group in groups]
    told: list[float] = []
    evaluation = evaluate(
        [identity("one"), identity("two", 2.0)],
        groups,
        progress=lambda stage, fraction: told.append(fraction),
    )
    assert made == ["fit", "test", "test"]
    assert told[0] == 0
    assert told[-1] == 1
    assert sorted(told) == told
    for group in evaluation.groups:
        assert [method.name for method in group.methods] == ["one", "two", LINEAR_MAP]
        assert group.method("two").estimate("mae").mean > group.method("one").estimate("mae").mean


def test_kept_cases_are_made_once_unless_nobody_asked_for_the_last() -> None:
    made: list[int] = []

    def cases() -> Iterator[Case]:
        for number, case in enumerate(off_by(0.1, 0.2)):
            made.append(number)
            yield case

    group = replace(a_group([]), cases=cases).kept()
    next(group.cases())
    first, again = list(group.cases()), list(group.cases())
    assert made == [0, 0, 1]
    assert len(first) == 2
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_a_mean_image_is_there_where_it_makes_sense() -> None:
    cases = off_by(0.3, 0.3)
    group = evaluate([identity()], [a_group(cases)]).groups[0]
    mean = np.concatenate([case.xray.pixels for case in cases]).mean(axis=0)
    errors = np.abs([case.xray.pixels - mean for case in cases]).mean() / 3
    assert group.method(MEAN_IMAGE).estimate("mae").mean == pytest.approx(errors, rel=1e-3)


def test_the_estimate_alone_is_a_baseline_where_the_cases_have_it() -> None:
    """A layer of 100 mm of water is a line integral of 100 times water's attenuation at 60 keV, NIST's .2059 / cm."""
    case = off_by(0.3)[0]
    mr = replace(case.mr[0], layers={"attenuation": np.full_like(case.xray.pixels, 100)})
    case = replace(case, mr=(mr,), xray=replace(case.xray, pixels=case.xray.pixels + np.float32(2.059)))
    data = BaselineData("the same case", lambda: iter([case]), 1, estimate=True)
    group = evaluate([identity()], [a_group([case], data)]).groups[0]
    expected = np.abs(case.xray.pixels - 2.059).mean() / 3
    assert group.method(ESTIMATE).estimate("mae").mean == pytest.approx(expected, rel=1e-3)
    assert group.method(ESTIMATE).is_baseline


def test_numbers_by_angle_are_those_of_the_views_there() -> None:
    xray = xray_pixels(3)
    errors = np.array([0.3, 0.3, 3.0], np.float32)[:, None, None]
    group = evaluate([identity()], [a_group([a_case("h", "h", xray, xray + errors)])]).groups[0]
    bins = group.method("identity").by_angle("primary", "masked_psnr")
    # Views at -40, -20 and 0 degrees, in bins of 30.
    assert [(part.low_deg, part.views) for part in bins] == [(-60, 1), (-30, 1), (0, 1)]
    assert [part.mean for part in bins] == pytest.approx([26.0206, 26.0206, 6.0206], rel=1e-3)


def test_generators_called_the_same_are_told_apart_and_the_same_one_is_refused() -> None:
    first, second = identity("g"), identity("g", weights_sha256="f" * 64)
    names = [each.name for each in evaluate([first, second], [a_group(off_by(0.3))]).generators]
    assert names == ["g (g0000000)", "g (ffffffff)"]
    with pytest.raises(MR2XRayError, match="given twice"):
        evaluate([first, first], [a_group(off_by(0.3))])


def test_a_generator_of_two_contrasts_takes_them_by_name_and_an_absent_one_as_no_signal() -> None:
    xray = xray_pixels()
    t1, t2 = 10 * xray, 20 * xray
    card = card_of(in_channels=2)
    both = a_case("c", "h", xray, t2, t1, contrasts=("T2", "T1"))
    assert np.array_equal(both.contrasts_for(card)[0].pixels, t1)
    assert np.array_equal(both.contrasts_for(card)[1].pixels, t2)
    alone = a_case("c", "h", xray, t2, contrasts=("T2",)).contrasts_for(card)
    assert not alone[0].pixels.any()
    assert np.array_equal(alone[1].pixels, t2)
    with pytest.raises(MR2XRayError, match="t1, t2"):
        a_case("c", "h", xray, t1, contrasts=("FLAIR",)).contrasts_for(card)


def test_a_generator_of_one_contrast_takes_that_one_by_name_and_else_the_first() -> None:
    xray = xray_pixels()
    t1, t2 = 10 * xray, 20 * xray
    both = a_case("c", "h", xray, t1, t2, contrasts=("T1", "t2"))

    def taken(case: Case, name: str) -> np.ndarray:
        (mr,) = case.contrasts_for(card_of(input=InputCard((name,), 300.0)))
        return mr.pixels

    assert np.array_equal(taken(both, "T2"), t2)
    assert np.array_equal(taken(both, "t1"), t1)
    assert np.array_equal(taken(both, "mr"), t1)
    assert np.array_equal(taken(a_case("c", "h", xray, t1, t2), "t2"), t1)


def test_a_generator_trained_for_another_c_arm_is_told_of_once_a_group(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of the six views of a group's three cases together, in the log and in the report."""
    elsewhere = replace(GEOMETRY, pixel_pitch_mm=1.5625, primary_deg=(0.0, 90.0))
    groups = [a_group(off_by(0.1, 0.2, 0.3), title=title) for title in ("Some", "Others")]
    evaluation = evaluate([identity("one"), identity("other", geometry=elsewhere)], groups)
    views = tuple(view for case in groups[0].cases() for view in case.xray.views)
    pitch, angles = unlike_geometry(elsewhere, views)
    assert "A pixel is 3.91 mm wide at the isocentre; the generator was trained at 0.98 mm" in pitch
    assert "and 3 more" in angles
    expected = f"other is used outside its training. {pitch} {angles}"
    assert [record.getMessage() for record in caplog.records] == [
        f"{group.title}: {expected}" for group in groups
    ]
    assert [group.caveats for group in evaluation.groups] == [(expected,)] * 2


def test_a_generator_on_the_c_arm_it_was_trained_for_is_not_warned_of() -> None:
    told: list[str] = []
    evaluation = evaluate([identity()], [a_group(off_by(0.3))], warn=told.append)
    assert told == []
    assert evaluation.groups[0].caveats == ()


def test_nothing_to_evaluate_is_said() -> None:
    with pytest.raises(MR2XRayError, match="nothing to evaluate"):
        evaluate([], [a_group(off_by(0.3))])
    with pytest.raises(MR2XRayError, match="nothing to evaluate"):
        evaluate([trained(tiny("unet"))], [])
