"""Which views are shown, and what is averaged by angle."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from invented_cases import a_case, projections, xray_pixels
from PIL import Image

from MR2XRayLib.evaluation.by_angle import binned
from MR2XRayLib.evaluation.plots import draw_strips
from MR2XRayLib.evaluation.strips import Gallery, Strip, ranked
from MR2XRayLib.metrics import measure


def test_best_median_and_worst_are_chosen_by_high_pass_correlation() -> None:
    pixels = xray_pixels(5)
    gallery = Gallery()
    gallery.add_case(a_case("a", "a", pixels[:3], pixels[:3] * 10))
    metrics = [
        replace(measure(page, page), hp_corr=value)
        for page, value in zip(pixels, (0.3, 0.9, math.nan, 0.1, 0.5), strict=True)
    ]
    gallery.add("g", projections(pixels[:3] + 1, "1"), tuple(metrics[:3]))
    gallery.add_case(a_case("b", "b", pixels[3:], pixels[3:] * 10))
    gallery.add("g", projections(pixels[3:] + 1, "1"), tuple(metrics[3:]))
    strips = gallery.strips("g")
    assert [(strip.rank, strip.metrics.hp_corr) for strip in strips] == [
        ("best", 0.9),
        ("median", 0.3),
        ("worst", 0.1),
    ]
    assert [strip.label[:2] for strip in strips] == ["a,", "a,", "b,"]
    for strip, place in zip(strips, (1, 0, 3), strict=True):
        assert np.allclose(strip.reference, pixels[place], atol=5e-3)
        assert np.allclose(strip.synthesized, pixels[place] + 1, atol=5e-3)
        assert np.allclose(strip.mr, pixels[place] * 10, atol=5e-2)


def test_without_any_high_pass_correlation_nothing_is_shown() -> None:
    assert ranked([math.nan, math.nan]) == []
    assert ranked([0.1, math.nan, 0.3, 0.3]) == [2, 3, 0]


def test_values_are_averaged_in_the_bins_of_their_angles() -> None:
    bins = binned([-30.0, -0.1, 0.0, 29.9, 30.0], [1.0, 3.0, 5.0, math.nan, 7.0], 30.0)
    assert [(part.low_deg, part.high_deg, part.views) for part in bins] == [
        (-30, 0, 2),
        (0, 30, 2),
        (30, 60, 1),
    ]
    assert [part.mean for part in bins] == pytest.approx([2.0, 5.0, 7.0])


def test_a_bin_without_a_defined_value_has_none() -> None:
    (only,) = binned([5.0], [math.nan], 15.0)
    assert only.views == 1
    assert math.isnan(only.mean)


def test_strips_fit_the_bytes_that_they_may_take(tmp_path: Path) -> None:
    (page,) = xray_pixels(1)
    strips = [Strip(rank, "a head", measure(page, page), page, page, page) for rank in ("best", "worst")]
    for most_bytes in (200_000, 25_000):
        draw_strips(tmp_path / "strips.jpg", strips, most_bytes)
        assert (tmp_path / "strips.jpg").stat().st_size <= most_bytes
        with Image.open(tmp_path / "strips.jpg") as picture:
            assert picture.width > 500


def test_synthesized_and_reference_are_shown_in_one_window(tmp_path: Path) -> None:
    (page,) = xray_pixels(1)
    strip = Strip("best", "a head", measure(page / 2, page), page, page / 2, page)
    draw_strips(tmp_path / "strips.jpg", [strip], 10**6)
    with Image.open(tmp_path / "strips.jpg") as picture:
        grey = np.asarray(picture.convert("L"), float)
    columns = np.array_split(grey[grey.shape[0] // 3 : -grey.shape[0] // 5], 4, axis=1)
    mr, synthesized, reference, _ = (column[:, 20:-20].mean() for column in columns)
    assert mr == pytest.approx(reference, rel=0.05)
    assert synthesized == pytest.approx(reference / 2, rel=0.1)
