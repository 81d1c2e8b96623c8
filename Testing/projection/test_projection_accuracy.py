"""Every projector against exact line integrals, on every main axis and every kind of index frame."""

from __future__ import annotations

import numpy as np
import pytest
from bodies import STEEP_VIEWS, Phantom, centred_affine, relative_rms, views, voxelised

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.phantom import ellipsoid_phantom, gaussian_phantom
from MR2XRayLib.projection import project
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

CUBE = (256, 256, 256)
STEEP = views(angulations=STEEP_VIEWS)
HOW = pytest.mark.parametrize(
    "how",
    [
        {"backend": "torch"},
        {"backend": "numba", "quality": "accurate"},
        {"backend": "numba", "quality": "fast"},
    ],
    ids=["torch", "numba accurate", "numba fast"],
)


def rotation(z: float, x: float) -> np.ndarray:
    """Turn by x degrees about the x axis, then z degrees about the z axis."""
    return Transform.rigid((x, 0, z)).matrix[:3, :3]


def errors(volume: Volume, phantom: Phantom, all_views: list[View], how: dict[str, str]) -> np.ndarray:
    """Relative RMS error of each view."""
    pixels = project(volume, all_views, device="cpu", **how).pixels
    exact = phantom.line_integrals(all_views)
    return np.array([relative_rms(page, truth) for page, truth in zip(pixels, exact, strict=True)])


@pytest.fixture(scope="module")
def sharp() -> Volume:
    """The ellipsoids, 256³ voxels of 1 mm."""
    return voxelised(ellipsoid_phantom(), centred_affine(CUBE, (1, 1, 1), np.eye(3)), CUBE)


@pytest.fixture(scope="module")
def smooth() -> Volume:
    """The Gaussians, 256³ voxels of 1 mm."""
    return voxelised(gaussian_phantom(), centred_affine(CUBE, (1, 1, 1), np.eye(3)), CUBE)


@pytest.fixture(scope="module")
def joseph(sharp: Volume) -> dict[str, float]:
    """The error of Joseph's method itself, on torch: what voxels of 1 mm leave of sharp edges."""
    sets = {"oblique": views(), "steep": STEEP}
    return {
        name: errors(sharp, ellipsoid_phantom(), some, {"backend": "torch"}).mean()
        for name, some in sets.items()
    }


def test_joseph_on_torch_errs_below_one_percent_on_sharp_bodies(joseph: dict[str, float]) -> None:
    assert joseph["oblique"] <= 0.0092
    assert joseph["steep"] <= 0.0096


@pytest.mark.parametrize(("quality", "excess"), [("accurate", 1.005), ("fast", 1.055)])
@pytest.mark.parametrize("where", ["oblique", "steep"])
def test_the_compiled_projector_adds_little_to_josephs_error_on_sharp_bodies(
    sharp: Volume, joseph: dict[str, float], where: str, quality: str, excess: float
) -> None:
    some = views() if where == "oblique" else STEEP
    how = {"backend": "numba", "quality": quality}
    assert errors(sharp, ellipsoid_phantom(), some, how).mean() <= excess * joseph[where]


@HOW
def test_smooth_bodies_from_sixteen_oblique_views_err_below_five_in_ten_thousand(
    smooth: Volume, how: dict
) -> None:
    assert errors(smooth, gaussian_phantom(), views(), how).mean() <= 0.0005


@HOW
@pytest.mark.parametrize(
    ("primary", "secondary"),
    [(0, 0), (180, -30), (90, 0), (-90, 10), (0, 90), (30, -80), (45, 44), (-135, 60)],
)
def test_every_main_axis_and_side_is_accurate(
    smooth: Volume, primary: float, secondary: float, how: dict
) -> None:
    carm = CArm(750, 1200, (307.2, 307.2), (128, 128), (0.0, 0.0, 0.0))
    view = carm.view(Angulation(primary, secondary))
    assert errors(smooth, gaussian_phantom(), [view], how).max() <= 0.0007


@HOW
@pytest.mark.parametrize(
    ("size", "spacing", "axes"),
    [
        ((220, 260, 200), (1.0, 0.8, 1.2), rotation(25, -35)),
        ((256, 256, 104), (0.9, 0.9, 2.2), rotation(-10, 8)),
        ((220, 240, 230), (1.0, 1.0, 1.0), rotation(70, 20) @ np.diag([1, -1, 1])),
        ((200, 230, 240), (1.1, 1.0, 0.9), rotation(0, 0)[:, [2, 0, 1]]),
    ],
    ids=["oblique", "thick slices", "left-handed", "sagittal"],
)
def test_any_index_frame_gives_the_same_projection(
    size: tuple, spacing: tuple, axes: np.ndarray, how: dict
) -> None:
    volume = voxelised(gaussian_phantom(), centred_affine(size, spacing, axes), size)
    assert errors(volume, gaussian_phantom(), views(128)[::4], how).max() <= (
        0.004 if spacing[2] > 2 else 0.001
    )


def test_a_transform_moves_the_volume_as_if_it_had_been_made_there(smooth: Volume) -> None:
    transform = Transform.rigid((10, 0, 20), (8, -5, 12))
    displaced = smooth.moved(transform.inverse().matrix)
    expected = project(smooth, views(64)[::5], device="cpu").pixels
    result = project(displaced, views(64)[::5], transform, device="cpu").pixels
    np.testing.assert_allclose(result, expected, atol=1e-4 * expected.max())
