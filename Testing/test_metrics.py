"""The metrics against scikit-image, against exact answers, and by the properties they are there for."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import gaussian
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.metrics import (
    Metrics,
    compare,
    edge_share,
    fourier_ring_correlation,
    frc_mid_band,
    head_mask_2d,
    high_pass_correlation,
    measure,
    ssim_map,
)
from MR2XRayLib.metrics.blur import gaussian_blur
from MR2XRayLib.metrics.mask import depth_inside
from MR2XRayLib.projection.projections import Projections
from MR2XRayLib.scale import to_unit

quick = settings(max_examples=20, deadline=None)
sizes = pytest.mark.parametrize("size", [(128, 128), (96, 130), (11, 45)], ids=str)


def a_head(size: tuple[int, int] = (128, 128), seed: int = 0) -> np.ndarray:
    """Line integrals of an ellipsoid with structure inside it and nothing beside it."""
    rows, columns = size
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    chord = np.sqrt(np.maximum(1 - (x / 0.7) ** 2 - (y / 0.85) ** 2, 0))
    structure = gaussian_blur(np.random.default_rng(seed).normal(size=size), 1.5)
    return 3.5 * chord + 0.25 * structure / structure.std() * (chord > 0)


def noise(size: tuple[int, int] = (128, 128), seed: int = 1, deviation: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=deviation, size=size)


def projections(*pages: np.ndarray, unit: str = "1", primary: float = 30.0) -> Projections:
    """Pages (rows, columns) as the views of one C-arm, 10 degrees apart."""
    carm = CArm(pixels=pages[0].shape, isocentre_mm=(0, 0, 0))  # type: ignore[arg-type]
    views = tuple(carm.view(Angulation(primary + 10 * number, 10)) for number in range(len(pages)))
    return Projections(np.stack(pages).astype(np.float32), views, unit)  # type: ignore[arg-type]


# The peers


@sizes
def test_psnr_and_ssim_agree_with_scikit_image(size: tuple[int, int]) -> None:
    reference = a_head(size)
    synthesized = gaussian_blur(reference, 1) * 1.05 + noise(size, deviation=0.1)
    ours = measure(synthesized, reference)
    s, r = to_unit(synthesized), to_unit(reference)
    theirs = structural_similarity(
        s, r, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=2
    )
    assert ours.ssim == pytest.approx(theirs, abs=1e-4)
    assert ours.psnr == pytest.approx(peak_signal_noise_ratio(r, s, data_range=2), abs=1e-4)


def test_the_ssim_map_agrees_with_scikit_image_up_to_the_border() -> None:
    s, r = to_unit(a_head(seed=3)), to_unit(a_head(seed=4))
    settings_ = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 2}
    _, theirs = structural_similarity(s, r, full=True, **settings_)
    np.testing.assert_allclose(ssim_map(s, r), theirs, atol=1e-6)


@pytest.mark.parametrize("size", [(7, 33), (32, 64), (100, 31)], ids=str)
@pytest.mark.parametrize("sigma", [0.8, 3.0, 9.0])
def test_the_blur_agrees_with_scipys_also_where_the_window_exceeds_the_image(
    size: tuple[int, int], sigma: float
) -> None:
    image = noise(size)
    theirs = gaussian(image, sigma, mode="reflect", truncate=3.5)
    np.testing.assert_allclose(gaussian_blur(image, sigma), theirs, atol=1e-12)


# The fixed scale


def test_a_line_integral_of_6_against_0_is_the_whole_range() -> None:
    metrics = measure(np.zeros((32, 32)), np.full((32, 32), 6.0))
    assert (metrics.mae, metrics.rmse, metrics.mse, metrics.psnr) == pytest.approx((2, 2, 4, 0))


@quick
@given(offset=st.floats(-3, 3).filter(lambda c: abs(c) > 1e-3))
def test_an_offset_changes_the_errors_by_a_third_of_itself(offset: float) -> None:
    reference = a_head((64, 64))
    metrics = measure(reference + offset, reference)
    expected = abs(offset) / 3
    errors = (metrics.mae, metrics.rmse, metrics.masked_mae, metrics.masked_rmse)
    assert errors == pytest.approx([expected] * 4)
    assert metrics.masked_psnr == pytest.approx(20 * math.log10(2 / expected))


@quick
@given(seed=st.integers(0, 2**16), deviation=st.floats(0.01, 2))
def test_exchanging_the_images_changes_no_whole_image_number(seed: int, deviation: float) -> None:
    one = a_head((64, 64))
    other = one + noise((64, 64), seed, deviation)
    there, back = measure(one, other), measure(other, one)
    for name in ("mae", "rmse", "mse", "ssim", "psnr"):
        assert getattr(there, name) == pytest.approx(getattr(back, name))


def test_values_beyond_the_scale_are_not_clipped() -> None:
    metrics = measure(np.full((32, 32), 12.0), np.full((32, 32), 6.0))
    assert metrics.mae == pytest.approx(2)


# The head


def test_the_head_is_the_largest_region_with_its_holes_filled() -> None:
    y, x = np.mgrid[:100, :120]
    disc = np.hypot(x - 60, y - 50) < 30
    pixels = 0.3 + 2.0 * disc  # foam everywhere
    pixels[45:55, 50:60] = 0.0  # a sinus
    pixels[2:8, 2:8] = 3.0  # a marker beside the head
    np.testing.assert_array_equal(head_mask_2d(pixels), disc)


def test_depth_is_the_distance_to_the_nearest_pixel_outside_also_beyond_the_detector() -> None:
    mask = head_mask_2d(a_head((40, 50)))
    mask[20:, 20:40] = True  # a neck that the detector cuts off
    outside = np.argwhere(~np.pad(mask, 1))
    expected = np.zeros(mask.shape)
    for row, column in np.argwhere(mask):
        expected[row, column] = np.hypot(*(outside - (row + 1, column + 1)).T).min()
    np.testing.assert_allclose(depth_inside(mask), expected, atol=1e-6)


@quick
@given(seed=st.integers(0, 2**16), level=st.floats(-2, 5))
def test_what_lies_outside_the_head_changes_nothing_inside(seed: int, level: float) -> None:
    reference = a_head()
    synthesized = reference + noise(deviation=0.2)
    beside = np.where(head_mask_2d(reference), synthesized, level + noise(seed=seed))
    before, after = measure(synthesized, reference), measure(beside, reference)
    for name in ("masked_mae", "masked_rmse", "masked_mse", "masked_psnr", "frc_mid", "hp_corr"):
        assert getattr(before, name) == pytest.approx(getattr(after, name), abs=1e-6)
    assert before.mae != pytest.approx(after.mae)


# Fourier ring correlation and high-pass correlation


def test_frc_is_the_textbook_sum_over_the_whole_plane() -> None:
    a, b, mask = a_head((48, 60), 1), a_head((48, 60), 2), np.ones((48, 60), bool)
    depth = np.full(mask.shape, 1e3)  # so deep that the window is 1 everywhere
    frequencies, ours = fourier_ring_correlation(a, b, mask, depth)
    fa, fb = np.fft.fft2(a - a.mean()), np.fft.fft2(b - b.mean())
    radius = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.fftfreq(60)) / 0.5
    for frequency, value in zip(frequencies[1:], ours[1:], strict=True):
        ring = np.abs(radius - frequency) < 0.5 / 24
        power = (np.abs(fa[ring]) ** 2).sum() * (np.abs(fb[ring]) ** 2).sum()
        assert value == pytest.approx((fa[ring] * fb[ring].conj()).sum().real / math.sqrt(power))
    assert (frequencies[0], frequencies[-1]) == (0, 1)


@quick
@given(phase=st.floats(0, math.pi))
def test_frc_of_two_waves_is_the_cosine_of_their_phase(phase: float) -> None:
    x = np.arange(128) * np.ones((128, 1))
    mask = np.ones((128, 128), bool)
    one, other = np.cos(2 * np.pi * x / 8), np.cos(2 * np.pi * x / 8 + phase)
    frequencies, correlation = fourier_ring_correlation(one, other, mask)
    assert correlation[frequencies == 0.25] == pytest.approx(math.cos(phase), abs=0.01)


def test_independent_noise_has_no_correlation_and_equal_images_have_all() -> None:
    mask = head_mask_2d(a_head())
    values = [
        (frc_mid_band(one, other, mask), high_pass_correlation(one, other, mask))
        for one, other in ((noise(seed=2 * n), noise(seed=2 * n + 1)) for n in range(10))
    ]
    assert np.abs(np.mean(values, axis=0)).max() < 0.03
    assert np.abs(values).max() < 0.2
    one = a_head()
    assert frc_mid_band(one, one, mask) == pytest.approx(1)
    assert high_pass_correlation(one, one, mask) == pytest.approx(1)


@quick
@given(gain=st.floats(0.1, 10), offset=st.floats(-5, 5))
def test_brightness_and_contrast_do_not_change_the_structure_numbers(gain: float, offset: float) -> None:
    one, other = a_head(seed=1), a_head(seed=1) + noise(deviation=0.2)
    mask = head_mask_2d(one)
    for number in (frc_mid_band, high_pass_correlation):
        expected = number(other, one, mask)
        assert number(gain * other + offset, one, mask) == pytest.approx(expected, abs=1e-4)
        assert number(-gain * other + offset, one, mask) == pytest.approx(-expected, abs=1e-4)


def test_blur_that_psnr_forgives_lowers_the_structure_numbers() -> None:
    reference = a_head((256, 256))
    # A trace of noise: blur without any keeps every ring's phase, to which alone FRC listens.
    metrics = measure(gaussian_blur(reference, 4) + noise((256, 256), deviation=0.03), reference)
    assert metrics.psnr > 27
    assert metrics.hp_corr < 0.7
    assert metrics.frc_mid < 0.6


def test_the_silhouette_alone_earns_psnr_but_no_structure_numbers() -> None:
    reference, another = a_head((256, 256), 1), a_head((256, 256), 2)
    metrics = measure(another, reference)
    assert metrics.psnr > 25
    assert abs(metrics.frc_mid) < 0.2
    assert abs(metrics.hp_corr) < 0.1


def test_a_rim_that_both_images_share_earns_no_structure_numbers() -> None:
    mask = head_mask_2d(a_head((256, 256)))
    depth = depth_inside(mask)
    rim = 5.0 * ((depth > 0) & (depth < 3))
    one, other = rim + noise((256, 256), 1), rim + noise((256, 256), 2)
    assert abs(frc_mid_band(one, other, mask)) < 0.1
    assert abs(high_pass_correlation(one, other, mask)) < 0.05


# What is undefined


@quick
@given(strength=st.floats(-2, 2), level=st.floats(-3, 3), seed=st.integers(0, 99))
def test_the_share_of_edges_is_the_strength_whatever_the_level(
    strength: float, level: float, seed: int
) -> None:
    structure = a_head(seed=seed)
    assert edge_share(strength * structure + level, structure) == pytest.approx(strength, abs=1e-9)


def test_the_share_of_edges_agrees_with_a_least_squares_fit() -> None:
    made, true = a_head(seed=1), a_head(seed=2)
    made_edges, true_edges = (np.concatenate([part.ravel() for part in np.gradient(t)]) for t in (made, true))
    fitted = np.linalg.lstsq(true_edges[:, None], made_edges, rcond=None)[0][0]
    assert edge_share(made, true) == pytest.approx(fitted, rel=1e-9)


def test_a_blur_and_a_wrong_place_cost_a_thin_line_its_edges() -> None:
    line = np.zeros((64, 64))
    line[:, 30:33] = 1
    assert edge_share(line, line) == 1
    shares = [edge_share(gaussian_blur(line, sigma), line) for sigma in (0.7, 1.4, 2.8)]
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[-1] < 0.2
    assert edge_share(np.roll(line, 8, axis=1), line) == 0
    assert math.isnan(edge_share(line, np.ones((64, 64))))


def test_equal_images_have_an_infinite_psnr_which_is_null_in_json() -> None:
    metrics = measure(a_head(), a_head())
    assert (metrics.mse, metrics.psnr, metrics.masked_psnr) == (0, math.inf, math.inf)
    assert metrics.ssim == pytest.approx(1)
    content = json.loads(json.dumps(metrics.to_json(), allow_nan=False))
    assert content["psnr"] is None
    assert content["hp_corr"] == pytest.approx(1)
    assert "PSNR ∞ dB" in metrics.words()[0]


def test_without_a_head_what_is_taken_inside_it_is_null() -> None:
    content = measure(noise((32, 32), deviation=0.01), np.zeros((32, 32))).to_json()
    undefined = {name for name, value in content.items() if value is None}
    assert undefined == {name for name in content if name.startswith("masked")} | {"frc_mid", "hp_corr"}


def test_a_flat_image_has_no_structure_to_correlate() -> None:
    metrics = measure(np.full((128, 128), 2.7), a_head())
    assert math.isnan(metrics.frc_mid)
    assert math.isnan(metrics.hp_corr)
    assert "high-pass correlation –" in metrics.words()[1]


def test_the_mean_leaves_undefined_views_out() -> None:
    one = measure(a_head() + 1, a_head())
    mean = Metrics.mean_of((one, replace(one, mae=3 * one.mae, hp_corr=math.nan)))
    assert mean.mae == pytest.approx(2 * one.mae)
    assert mean.hp_corr == one.hp_corr
    assert math.isnan(Metrics.mean_of((replace(one, frc_mid=math.nan),)).frc_mid)


# compare


def test_compare_measures_each_view_against_its_own_reference() -> None:
    reference = [a_head(seed=n) for n in range(2)]
    synthesized = [reference[0] + 0.3, reference[1] + 0.6]
    comparison = compare(projections(*synthesized), projections(*reference))
    assert [view.mae for view in comparison.views] == pytest.approx([0.1, 0.2], abs=1e-6)
    assert comparison.mean.mae == pytest.approx(0.15, abs=1e-6)
    content = comparison.to_json()
    assert [view["view"] for view in content["views"]] == ["LAO 30°, CRA 10°", "LAO 40°, CRA 10°"]
    assert content["mean"]["mae"] == comparison.mean.mae


def test_the_table_has_a_row_a_view_and_one_for_the_mean() -> None:
    pages = projections(a_head(), a_head(seed=1))
    rows = list(csv.DictReader(io.StringIO(compare(pages, pages).to_csv())))
    assert [row["view"] for row in rows] == ["LAO 30°, CRA 10°", "LAO 40°, CRA 10°", "mean"]
    assert (rows[2]["mae"], rows[2]["psnr"]) == ("0.0", "")
    assert list(rows[0])[1:] == list(measure(a_head(), a_head()).to_json())


@pytest.mark.parametrize(
    ("synthesized", "words"),
    [
        (projections(a_head(), unit="mm"), 'unit "mm"'),
        (projections(a_head(), a_head()), "differ in views"),
        (projections(a_head((128, 96))), "differ in views, rows or columns"),
        (projections(a_head(), primary=31.0), "LAO 31°, CRA 10° in the synthesized"),
        (projections(np.full((128, 128), np.nan)), "NaN"),
    ],
    ids=["unit", "views", "size", "geometry", "not finite"],
)
def test_what_cannot_be_compared_is_refused_with_a_sentence(synthesized: Projections, words: str) -> None:
    with pytest.raises(MR2XRayError, match=words):
        compare(synthesized, projections(a_head()))


def test_images_smaller_than_the_ssim_window_are_refused() -> None:
    small = projections(np.ones((10, 40)))
    with pytest.raises(MR2XRayError, match="at least 11"):
        compare(small, small)


def test_a_geometry_that_went_through_a_file_is_still_the_same() -> None:
    pages = projections(a_head())
    view = pages.views[0]
    again = type(view).from_json(json.loads(json.dumps(view.to_json())))
    assert compare(replace(pages, views=(again,)), pages).mean.mse == 0
