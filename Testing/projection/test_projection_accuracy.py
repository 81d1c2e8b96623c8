"""The projector against analytic line integrals, on every main axis and every kind of index frame."""

from __future__ import annotations

import numpy as np
import pytest
from bodies import HEAD, SMOOTH, centred_affine, relative_rms, views, voxelised

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.projection import project
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

CUBE = (256, 256, 256)


def rotation(z: float, x: float) -> np.ndarray:
    """Turn by x degrees about the x axis, then z degrees about the z axis."""
    (cz, cx), (sz, sx) = np.cos(np.deg2rad([z, x])), np.sin(np.deg2rad([z, x]))
    return np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])


def errors(volume: Volume, bodies: tuple, all_views: list) -> np.ndarray:
    """Relative RMS error of each view."""
    pixels = project(volume, all_views, device="cpu").pixels
    return np.array(
        [
            relative_rms(page, sum(body.integral(view) for body in bodies))
            for page, view in zip(pixels, all_views, strict=True)
        ]
    )


@pytest.fixture(scope="module")
def head() -> Volume:
    """The ellipsoid head, 256³ voxels of 1 mm."""
    return voxelised(HEAD, centred_affine(CUBE, (1, 1, 1), np.eye(3)), CUBE, fine=3)


@pytest.fixture(scope="module")
def smooth() -> Volume:
    """The Gaussians, 256³ voxels of 1 mm."""
    return voxelised(SMOOTH, centred_affine(CUBE, (1, 1, 1), np.eye(3)), CUBE, fine=1)


def test_sharp_bodies_from_sixteen_oblique_views_err_below_one_percent(head: Volume) -> None:
    assert errors(head, HEAD, views()).mean() <= 0.010


def test_smooth_bodies_from_sixteen_oblique_views_err_below_five_in_ten_thousand(smooth: Volume) -> None:
    assert errors(smooth, SMOOTH, views()).max() <= 0.0005


@pytest.mark.parametrize(
    ("primary", "secondary"),
    [(0, 0), (180, -30), (90, 0), (-90, 10), (0, 90), (30, -80), (45, 44), (-135, 60)],
)
def test_every_main_axis_and_side_is_accurate(smooth: Volume, primary: float, secondary: float) -> None:
    carm = CArm(750, 1200, (307.2, 307.2), (128, 128), (0.0, 0.0, 0.0))
    assert errors(smooth, SMOOTH, [carm.view(Angulation(primary, secondary))]).max() <= 0.0005


@pytest.mark.parametrize(
    ("size", "spacing", "axes"),
    [
        ((220, 260, 200), (1.0, 0.8, 1.2), rotation(25, -35)),
        ((256, 256, 52), (0.9, 0.9, 4.5), rotation(-10, 8)),
        ((220, 240, 230), (1.0, 1.0, 1.0), rotation(70, 20) @ np.diag([1, -1, 1])),
        ((200, 230, 240), (1.1, 1.0, 0.9), rotation(0, 0)[:, [2, 0, 1]]),
    ],
    ids=["oblique", "thick slices", "left-handed", "sagittal"],
)
def test_any_index_frame_gives_the_same_projection(size: tuple, spacing: tuple, axes: np.ndarray) -> None:
    volume = voxelised(SMOOTH[:1] + SMOOTH[4:], centred_affine(size, spacing, axes), size, fine=1)
    assert errors(volume, SMOOTH[:1] + SMOOTH[4:], views(128)[::4]).max() <= (
        0.004 if spacing[2] > 2 else 0.0008
    )


def test_a_transform_moves_the_volume_as_if_it_had_been_made_there(smooth: Volume) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(20, 10)
    matrix[:3, 3] = (8, -5, 12)
    displaced = smooth.moved(np.linalg.inv(matrix))
    expected = project(smooth, views(64)[::5], device="cpu").pixels
    result = project(displaced, views(64)[::5], Transform(matrix), device="cpu").pixels
    np.testing.assert_allclose(result, expected, atol=1e-4 * expected.max())


def test_gradient_with_respect_to_the_voxels_is_the_adjoint() -> None:
    import torch

    from MR2XRayLib.projection.torch_projector import line_integrals

    generator = torch.Generator().manual_seed(1)
    voxels = torch.rand((12, 15, 10), generator=generator, requires_grad=True)
    affine = torch.tensor(centred_affine((10, 15, 12), (3, 2, 4), rotation(15, -20)))
    weights = torch.rand((32, 32), generator=generator)
    view = CArm(750, 1200, (120, 120), (32, 32), (0.0, 0.0, 0.0)).view(Angulation(35, 20))
    projected = (line_integrals(voxels, affine, view) * weights).sum()
    projected.backward()
    torch.testing.assert_close((voxels * voxels.grad).sum(), projected)
