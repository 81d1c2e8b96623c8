"""The C-arm's conventions: which way is left, which way is up, and the 3x4 matrix."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.errors import MR2XRayError

LEFT, POSTERIOR, HEAD = np.eye(3)
ISOCENTRE = np.array([10.0, -20.0, 30.0])
CARM = CArm(750.0, 1200.0, (300.0, 400.0), (120, 200)).at(ISOCENTRE)
MIDDLE = ((200 - 1) / 2, (120 - 1) / 2)

angulations = st.builds(Angulation, st.floats(-180, 180), st.floats(-90, 90))
quick = settings(max_examples=60, deadline=None)


def pixel(view: View, point_mm: np.ndarray) -> tuple[float, float]:
    """(column, row) of a point, by the view's matrix."""
    column, row, w = view.matrix() @ np.append(point_mm, 1.0)
    assert w > 0, "the point lies behind the source"
    return column / w, row / w


def shift(angulation: Angulation, direction: np.ndarray) -> tuple[float, float]:
    """How far (columns, rows) a marker 20 mm from the isocentre lies from the image's middle."""
    column, row = pixel(CARM.view(angulation), ISOCENTRE + 20 * direction)
    return column - MIDDLE[0], row - MIDDLE[1]


@pytest.mark.parametrize(
    ("angulation", "to_the_right", "to_the_bottom"),
    [
        (Angulation(0, 0), LEFT, -HEAD),
        (Angulation(180, 0), -LEFT, -HEAD),
        (Angulation(90, 0), POSTERIOR, -HEAD),
        (Angulation(-90, 0), -POSTERIOR, -HEAD),
        (Angulation(0, 90), LEFT, -POSTERIOR),
        (Angulation(180, 90), -LEFT, POSTERIOR),
        (Angulation(0, -90), LEFT, POSTERIOR),
    ],
    ids=["PA", "AP", "left lateral", "right lateral", "above, from PA", "above, from AP", "below, from PA"],
)
def test_image_is_seen_from_the_detector(angulation, to_the_right, to_the_bottom):
    # 20 mm at the isocentre, magnified by 1200 / 750, on pixels of 2 mm by 2.5 mm
    assert shift(angulation, to_the_right) == pytest.approx((20 * 1.6 / 2, 0), abs=1e-9)
    assert shift(angulation, to_the_bottom) == pytest.approx((0, 20 * 1.6 / 2.5), abs=1e-9)


@pytest.mark.parametrize(
    ("angulation", "side"),
    [
        (Angulation(0, 0), -POSTERIOR),
        (Angulation(180, 0), POSTERIOR),
        (Angulation(90, 0), LEFT),
        (Angulation(-90, 0), -LEFT),
        (Angulation(0, 90), HEAD),
        (Angulation(0, -90), -HEAD),
        (Angulation(30, 0), math.sin(math.pi / 6) * LEFT - math.cos(math.pi / 6) * POSTERIOR),
        (Angulation(0, 30), math.sin(math.pi / 6) * HEAD - math.cos(math.pi / 6) * POSTERIOR),
    ],
)
def test_detector_stands_on_the_side_that_the_angles_name(angulation, side):
    view = CARM.view(angulation)
    assert view.source_mm == pytest.approx(ISOCENTRE - 750 * side)
    assert view.normal == pytest.approx(side, abs=1e-12)
    detector = view.corner_mm + MIDDLE[0] * view.column_step_mm + MIDDLE[1] * view.row_step_mm
    assert detector == pytest.approx(ISOCENTRE + 450 * side)


@quick
@given(angulations, st.lists(st.floats(-100, 100), min_size=3, max_size=3))
def test_angles_turn_the_whole_c_arm_first_towards_the_head_then_about_the_long_axis(angulation, offset):
    p, s = np.deg2rad([angulation.primary, angulation.secondary])
    towards_head = np.array([[1, 0, 0], [0, np.cos(s), np.sin(s)], [0, -np.sin(s), np.cos(s)]])
    towards_left = np.array([[np.cos(p), -np.sin(p), 0], [np.sin(p), np.cos(p), 0], [0, 0, 1]])
    turned = ISOCENTRE + towards_left @ towards_head @ np.array(offset)
    unturned = pixel(CARM.view(Angulation(0, 0)), ISOCENTRE + np.array(offset))
    assert pixel(CARM.view(angulation), turned) == pytest.approx(unturned, abs=1e-6)


@quick
@given(angulations)
def test_isocentre_lies_in_the_middle_and_distances_are_those_given(angulation):
    view = CARM.view(angulation)
    assert pixel(view, ISOCENTRE) == pytest.approx(MIDDLE)
    assert view.source_to_isocentre_mm == pytest.approx(750)
    assert view.source_to_detector_mm == pytest.approx(1200)
    assert view.pixel_pitch_mm == pytest.approx((2.5, 2.0))


@quick
@given(angulations, st.floats(-500, 400))
def test_magnification_is_the_detectors_distance_over_the_objects(angulation, depth):
    view = CARM.view(angulation)
    here = ISOCENTRE + depth * view.normal
    along_column = view.column_step_mm / np.linalg.norm(view.column_step_mm)
    columns = pixel(view, here + 10 * along_column)[0] - pixel(view, here)[0]
    assert columns * view.pixel_pitch_mm[1] / 10 == pytest.approx(1200 / (750 + depth))


@quick
@given(angulations, st.floats(0, 199), st.floats(0, 119), st.floats(0.05, 1.5))
def test_every_point_of_a_pixels_ray_maps_to_that_pixel(angulation, column, row, fraction):
    view = CARM.view(angulation)
    on_detector = view.corner_mm + column * view.column_step_mm + row * view.row_step_mm
    point = view.source_mm + fraction * (on_detector - view.source_mm)
    assert pixel(view, point) == pytest.approx((column, row), abs=1e-6)
    assert (view.matrix() @ np.append(point, 1.0))[2] == pytest.approx(fraction)


@quick
@given(angulations, st.floats(0.001, 1000), st.sampled_from([-1, 1]))
def test_a_matrix_of_any_scale_and_sign_gives_the_view_back(angulation, scale, sign):
    view = CARM.view(angulation)
    again = View.from_matrix(sign * scale * view.matrix(), 120, 200, 1200.0, ISOCENTRE)
    for name in ("source_mm", "corner_mm", "column_step_mm", "row_step_mm"):
        assert getattr(again, name) == pytest.approx(getattr(view, name), abs=1e-6)
    direction, expected = again.angulation.axes()[2], angulation.axes()[2]
    assert direction == pytest.approx(expected, abs=1e-6)


def test_matrix_may_mirror_the_image():
    view = CARM.view(Angulation(20, 10))
    mirrored = np.array([[-1, 0, 199], [0, 1, 0], [0, 0, 1]]) @ view.matrix()
    again = View.from_matrix(mirrored, 120, 200, 1200.0, ISOCENTRE)
    assert again.column_step_mm == pytest.approx(-view.column_step_mm)
    assert again.source_to_detector_mm == pytest.approx(1200)
    assert (again.angulation.primary, again.angulation.secondary) == pytest.approx((20, 10))


@pytest.mark.parametrize(
    "matrix",
    [np.eye(3), np.full((3, 4), np.nan), np.zeros((3, 4)), [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]],
    ids=["3x3", "NaN", "zero", "parallel beam"],
)
def test_matrix_without_a_point_source_is_refused(matrix):
    with pytest.raises(MR2XRayError, match="3x4, finite"):
        View.from_matrix(np.array(matrix), 10, 10, 1200.0)


@pytest.mark.parametrize("distance", [0.0, -1.0, math.nan, math.inf])
def test_matrix_with_an_impossible_distance_is_refused(distance):
    with pytest.raises(MR2XRayError, match="source_to_detector_mm"):
        View.from_matrix(CARM.view(Angulation(0)).matrix(), 120, 200, distance, ISOCENTRE)


@quick
@given(angulations, st.integers(1, 600), st.integers(1, 600))
def test_the_number_of_pixels_leaves_the_detectors_outer_edges_where_they_are(angulation, rows, columns):
    def corners(view: View) -> np.ndarray:
        return np.array(
            [
                view.corner_mm + c * view.column_step_mm + r * view.row_step_mm
                for c in (-0.5, view.columns - 0.5)
                for r in (-0.5, view.rows - 0.5)
            ]
        )

    view = CARM.view(angulation)
    other = replace(CARM, pixels=(rows, columns)).view(angulation)
    assert (other.rows, other.columns) == (rows, columns)
    assert corners(other) == pytest.approx(corners(view), abs=1e-9)
    assert other.source_to_detector_mm == pytest.approx(1200)


@quick
@given(angulations)
def test_json_gives_the_view_back(angulation):
    view = CARM.view(angulation)
    again = View.from_json(view.to_json())
    assert again.angulation == angulation
    assert (again.rows, again.columns) == (120, 200)
    for name in ("source_mm", "corner_mm", "column_step_mm", "row_step_mm", "isocentre_mm"):
        assert getattr(again, name) == pytest.approx(getattr(view, name), abs=1e-8)


@pytest.mark.parametrize("stated", [(-30, 10), (30, -10), (30.6, 10), (-150, -10)])
def test_json_whose_angles_are_not_those_of_its_matrix_is_refused(stated):
    content = CARM.view(Angulation(30, 10)).to_json()
    content["primary_angle_deg"], content["secondary_angle_deg"] = stated
    with pytest.raises(
        MR2XRayError, match=rf"say {Angulation(*stated)}, but its matrix looks from LAO 30°, CRA 10°"
    ):
        View.from_json(content)


@pytest.mark.parametrize(
    ("true", "stated"), [((29.7, 10.2), (30, 10)), ((40, 90), (-20, 90)), ((180, 0), (-180, 0))]
)
def test_json_keeps_angles_that_are_rounded_or_name_the_same_direction(true, stated):
    content = CARM.view(Angulation(*true)).to_json()
    content["primary_angle_deg"], content["secondary_angle_deg"] = stated
    assert View.from_json(content).angulation == Angulation(*stated)


def test_json_of_a_shifted_detector_keeps_the_angle_of_its_normal():
    view = CARM.view(Angulation(30, 10))
    shifted = replace(view, corner_mm=view.corner_mm + 80 * view.column_step_mm)
    again = View.from_json(shifted.to_json())
    assert again.angulation == Angulation(30, 10)
    assert again.corner_mm == pytest.approx(shifted.corner_mm)


def test_json_without_angles_takes_them_from_the_matrix():
    content = CARM.view(Angulation(-30, 15)).to_json()
    del content["primary_angle_deg"], content["secondary_angle_deg"]
    angulation = View.from_json(content).angulation
    assert (angulation.primary, angulation.secondary) == pytest.approx((-30, 15))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("matrix", None),
        ("matrix", "no"),
        ("matrix", [[1, 2], [3]]),
        ("matrix", [[10**400] * 4] * 3),
        ("rows", 0),
        ("rows", 12.5),
        ("rows", math.inf),
        ("columns", 10**6),
        ("source_to_detector_mm", math.nan),
        ("source_to_detector_mm", "far"),
        ("isocentre_mm", [0.0, 0.0]),
        ("isocentre_mm", [0.0, 0.0, math.nan]),
        ("primary_angle_deg", math.nan),
        ("secondary_angle_deg", None),
    ],
)
def test_json_with_a_bad_entry_is_refused(key, value):
    content = CARM.view(Angulation(0, 0)).to_json() | {key: value}
    with pytest.raises(MR2XRayError):
        View.from_json(content)


@pytest.mark.parametrize("key", ["matrix", "rows", "source_to_detector_mm", "secondary_angle_deg"])
def test_json_without_an_entry_names_it(key):
    content = CARM.view(Angulation(0, 0)).to_json()
    del content[key]
    with pytest.raises(MR2XRayError, match=key):
        View.from_json(content)


@pytest.mark.parametrize(
    ("angulation", "words"),
    [
        (Angulation(30, 10), "LAO 30°, CRA 10°"),
        (Angulation(-45.5, -20), "RAO 45.5°, CAU 20°"),
        (Angulation(0, 0), "LAO 0°, CRA 0°"),
        (Angulation(-0.001, -0.004), "LAO 0°, CRA 0°"),
        (Angulation(7.25, -0.75), "LAO 7.25°, CAU 0.75°"),
        (Angulation(100 / 3, 29.999999), "LAO 33.33°, CRA 30°"),
        (Angulation(180, -90), "LAO 180°, CAU 90°"),
    ],
)
def test_angulation_in_words(angulation, words):
    assert str(angulation) == words


@quick
@given(st.floats(-179, 179), st.floats(-89, 89))
def test_a_direction_gives_its_angulation_back(primary, secondary):
    again = Angulation.of_direction(7 * Angulation(primary, secondary).axes()[2])
    assert (again.primary, again.secondary) == pytest.approx((primary, secondary), abs=1e-6)


@pytest.mark.parametrize("angles", [(math.nan, 0.0), (0.0, math.inf)])
def test_angles_must_be_finite(angles):
    with pytest.raises(MR2XRayError, match="not finite"):
        Angulation(*angles)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"source_to_isocentre_mm": 0.0}, "positive"),
        ({"source_to_detector_mm": math.nan}, "positive"),
        ({"detector_mm": (400.0, -1.0)}, "positive"),
        ({"source_to_detector_mm": 700.0}, "beyond the isocentre"),
        ({"pixels": (10000, 10)}, "at most 8192"),
        ({"pixels": (10, 12.5)}, "whole numbers"),
        ({"isocentre_mm": (0.0, math.nan, 0.0)}, "isocentre must be"),
    ],
)
def test_impossible_c_arm_is_refused(change, sentence):
    with pytest.raises(MR2XRayError, match=sentence):
        replace(CARM, **change)


@pytest.mark.parametrize("eight", [8.0, np.int64(8), np.float32(8)])
def test_whole_numbers_of_any_type_are_pixels(eight):
    carm = replace(CARM, pixels=(eight, eight))
    view = CARM.view(Angulation(0))
    by_hand = replace(view, rows=eight, columns=eight)
    matrix = View.from_matrix(view.matrix(), eight, eight, 1200.0)
    sides = [*carm.pixels, *((v.rows, v.columns) for v in (carm.view(Angulation(0)), by_hand, matrix))]
    assert sides == [8, 8, (8, 8), (8, 8), (8, 8)]
    assert {type(side) for pair in (carm.pixels, *sides[2:]) for side in pair} == {int}
    json.dumps(by_hand.to_json())


@pytest.mark.parametrize("side", [12.5, 0, -3, math.nan, math.inf, 8193])
def test_a_view_has_a_whole_number_of_pixels(side):
    with pytest.raises(MR2XRayError, match=r"cannot have .* columns; give a whole number from 1 to 8192"):
        replace(CARM.view(Angulation(0)), columns=side)


def test_c_arm_without_isocentre_has_no_views():
    with pytest.raises(MR2XRayError, match="no isocentre"):
        CArm().view(Angulation(0))
