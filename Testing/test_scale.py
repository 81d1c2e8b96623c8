"""The fixed scale between line integrals and [-1, 1]."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from MR2XRayLib.scale import XRAY_FULL_SCALE, from_unit, to_unit


def test_air_is_minus_one_and_a_line_integral_of_six_is_one() -> None:
    np.testing.assert_allclose(to_unit(np.array([0.0, 3.0, 6.0])), [-1, 0, 1])
    assert XRAY_FULL_SCALE == 6.0


@given(st.floats(-1e3, 1e3), st.floats(1e-2, 1e3))
def test_from_unit_undoes_to_unit(value: float, full_scale: float) -> None:
    back = from_unit(to_unit(value, full_scale), full_scale)
    assert abs(back - value) <= 1e-9 * max(1.0, abs(value), full_scale)
