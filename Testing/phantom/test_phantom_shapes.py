"""Chords of ellipsoids, cylinders and cut bodies, against dense sampling and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MR2XRayLib.phantom import Body, Ellipsoid, cylinder, ellipsoid, half_space

STEP_MM = 0.02
centres = st.tuples(*[st.floats(-60, 60)] * 3)
axes = st.tuples(*[st.floats(2, 50)] * 3)
angles = st.tuples(*[st.floats(-180, 180)] * 3)


def sampled_length(body: Body | Ellipsoid, source: np.ndarray, direction: np.ndarray) -> float:
    distances = np.arange(600, 900, STEP_MM)
    return float(body.contains(source + distances[:, None] * direction).sum() * STEP_MM)


def chord_length(body: Body | Ellipsoid, source: np.ndarray, direction: np.ndarray) -> float:
    t_in, t_out = body.chord(source, direction[None])
    return float(max(t_out[0] - t_in[0], 0))


def ray(toward: tuple[float, float, float], around: float) -> tuple[np.ndarray, np.ndarray]:
    """A source 750 mm from the origin and the unit direction from there to a point."""
    source = 750 * np.array([np.sin(around), -np.cos(around), 0.3]) / np.hypot(1, 0.3)
    direction = np.array(toward) - source
    return source, direction / np.linalg.norm(direction)


@settings(max_examples=60, deadline=None)
@given(centres, axes, angles, st.floats(0, 6.28))
def test_chord_of_an_ellipsoid_equals_sampling(centre, semi, turned, around):
    shape = Ellipsoid(centre, semi, turned)
    source, direction = ray((centre[0] + 1.0, centre[1] - 0.7, centre[2] + 0.4), around)
    assert chord_length(shape, source, direction) == pytest.approx(
        sampled_length(shape, source, direction), abs=2 * STEP_MM
    )


@settings(max_examples=40, deadline=None)
@given(centres, angles, st.floats(2, 30), st.floats(2, 30), st.floats(2, 60), st.floats(0, 6.28))
def test_chord_of_a_cut_cylinder_equals_sampling(centre, turned, radius, other, half, around):
    body = cylinder(centre, (radius, other), half, turned) & half_space(centre, (turned[1], turned[0], 10.0))
    source, direction = ray((centre[0] + 0.5, centre[1] + 0.4, centre[2] - 0.3), around)
    assert chord_length(body, source, direction) == pytest.approx(
        sampled_length(body, source, direction), abs=2 * STEP_MM
    )


def test_chord_through_the_centre_is_the_axis_length_to_the_last_digit():
    shape = Ellipsoid((3.0, -2.0, 5.0), (2.0, 40.0, 7.0))
    t_in, t_out = shape.chord(np.array([3.0, -752.0, 5.0]), np.array([[0.0, 1.0, 0.0]]))
    np.testing.assert_allclose([t_in[0], t_out[0]], [710.0, 790.0], rtol=1e-14)


@pytest.mark.parametrize(("offset", "expected"), [(0.0, 20.0), (4.9, 20.0), (5.1, 0.0)])
def test_ray_along_a_cylinder_meets_it_only_inside_its_radius(offset, expected):
    body = cylinder((0, 0, 0), (5, 5), 10)
    source = np.array([offset, 0.0, 700.0])
    assert chord_length(body, source, np.array([0.0, 0.0, -1.0])) == pytest.approx(expected, abs=1e-9)


def test_a_ray_that_misses_has_no_chord():
    assert (
        chord_length(ellipsoid((0, 0, 0), (5, 5, 5)), np.array([0, -700.0, 5.1]), np.array([0, 1.0, 0])) == 0
    )


@settings(max_examples=40, deadline=None)
@given(centres, axes, angles, angles)
def test_bounds_hold_every_point_of_a_body_and_touch_it(centre, semi, turned, placed):
    shape = Ellipsoid(centre, semi, turned)
    matrix = np.eye(4)
    matrix[:3, :3] = Ellipsoid((0, 0, 0), (1, 1, 1), placed).to_ball * 1.3
    sphere = np.random.default_rng(0).normal(size=(4000, 3))
    surface = sphere / np.linalg.norm(sphere, axis=1, keepdims=True) @ np.linalg.inv(shape.to_ball).T + centre
    image = surface @ matrix[:3, :3].T
    low, high = Body((shape,)).bounds(matrix)
    assert (image >= low - 1e-9).all()
    assert (image <= high + 1e-9).all()
    np.testing.assert_allclose(image.max(0), high, atol=0.03 * 1.3 * max(semi))


@given(centres, axes, angles)
def test_mirroring_swaps_left_and_right_and_nothing_else(centre, semi, turned):
    shape = ellipsoid(centre, semi, turned)
    points = np.random.default_rng(1).uniform(-80, 80, (500, 3))
    assert (shape.mirrored().contains(points) == shape.contains(points * [-1, 1, 1])).all()
