"""Images are seen from the detector: PA with the patient's left on the viewer's right, head up."""

from __future__ import annotations

import numpy as np
import pytest
from bodies import centred_affine
from hypothesis import given, settings
from hypothesis import strategies as st

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.projection import project
from MR2XRayLib.volume import Volume

SIZE = (41, 43, 47)
AFFINE = centred_affine(SIZE, (3, 3, 3), np.eye(3))
CARM = CArm(750, 1200, (300, 300), (100, 100), (0.0, 0.0, 0.0))


def bright_point(world_mm: tuple[float, float, float]) -> Volume:
    """Air but for the voxel nearest to a world point."""
    volume = Volume(np.zeros(SIZE[::-1], np.float32), AFFINE, "1/mm")
    i, j, k = np.rint(volume.to_index(np.array(world_mm))).astype(int)
    volume.voxels[k, j, i] = 1
    return volume


def centroid(page: np.ndarray) -> np.ndarray:
    """Intensity-weighted (row, column)."""
    rows, columns = np.indices(page.shape)
    return np.array([(page * rows).sum(), (page * columns).sum()]) / page.sum()


@pytest.mark.parametrize(
    ("view", "point", "row_side", "column_side"),
    [
        (Angulation(0), (45, 0, 0), 0, 1),
        (Angulation(0), (0, 0, 48), -1, 0),
        (Angulation(180), (45, 0, 0), 0, -1),
        (Angulation(90), (0, 45, 0), 0, 1),
        (Angulation(90), (0, -45, 48), -1, -1),
        (Angulation(-90), (0, 45, 0), 0, -1),
        (Angulation(0, 45), (0, -45, 0), 1, 0),
    ],
    ids=["PA left", "PA head", "AP left", "LATL back", "LATL face and head", "LATR back", "CRA face"],
)
def test_landmarks_appear_on_the_stated_side(
    view: Angulation, point: tuple, row_side: int, column_side: int
) -> None:
    offset = centroid(project(bright_point(point), [CARM.view(view)], device="cpu").pixels[0]) - 49.5
    for value, side in zip(offset, (row_side, column_side), strict=True):
        assert np.sign(value) == side if side else abs(value) < 0.5


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.tuples(st.integers(2, 38), st.integers(2, 40), st.integers(2, 44)),
)
def test_a_voxel_is_seen_where_the_projection_matrix_says(
    primary: float, secondary: float, index: tuple
) -> None:
    voxels = np.zeros(SIZE[::-1], np.float32)
    voxels[index[::-1]] = 1
    volume = Volume(voxels, AFFINE, "1/mm")
    view = CArm(750, 1200, (600, 600), (400, 400), (0.0, 0.0, 0.0)).view(Angulation(primary, secondary))
    column, row, w = view.matrix() @ np.append(volume.to_world(np.array(index)), 1)
    page = project(volume, [view], device="cpu").pixels[0]
    np.testing.assert_allclose(centroid(page), [row / w, column / w], atol=0.35)


def test_a_matrix_given_back_projects_the_same_image() -> None:
    volume = bright_point((12, -9, 21))
    view = CARM.view(Angulation(33, -12))
    again = View.from_matrix(-3 * view.matrix(), view.rows, view.columns, 1200)
    first, second = (project(volume, [v], device="cpu").pixels for v in (view, again))
    np.testing.assert_allclose(first, second, atol=5e-4)
