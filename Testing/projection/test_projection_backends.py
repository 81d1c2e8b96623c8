"""The compiled projector against the torch path, and what must not change its results."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bodies import centred_affine, relative_rms, views, voxelised
from hypothesis import given, settings
from hypothesis import strategies as st
from places import REPOSITORY

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.phantom import ellipsoid_phantom
from MR2XRayLib.projection import Projector, numba_projector, project
from MR2XRayLib.projection.numba_projector import NumbaProjector, load_kernel
from MR2XRayLib.projection.shear_warp import QUALITIES, Sampling
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Unit, Volume

SIZE = (96, 110, 88)
TURN = Transform.rigid((12, -20, 30)).matrix[:3, :3]


@pytest.fixture(scope="module")
def head() -> Volume:
    """The ellipsoids on an oblique, anisotropic grid."""
    return voxelised(ellipsoid_phantom(), centred_affine(SIZE, (2.2, 2.0, 2.4), TURN), SIZE)


@pytest.fixture(scope="module")
def both(head: Volume) -> tuple[Projector, Projector]:
    """The head prepared for torch and for numba."""
    return Projector(head, backend="torch", device="cpu"), Projector(head, backend="numba", device="cpu")


@settings(max_examples=200, deadline=None)
@given(
    source=st.floats(400, 900),
    gap=st.floats(100, 600),
    detector=st.tuples(st.floats(120, 400), st.floats(120, 400)),
    pixels=st.tuples(st.integers(20, 90), st.integers(20, 90)),
    isocentre=st.tuples(*3 * [st.floats(-40, 40)]),
    angles=st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
)
def test_accurate_agrees_with_torch_on_random_geometries(
    both: tuple[Projector, Projector],
    source: float,
    gap: float,
    detector: tuple[float, float],
    pixels: tuple[int, int],
    isocentre: tuple[float, float, float],
    angles: tuple[float, float],
) -> None:
    view = CArm(source, source + gap, detector, pixels, isocentre).view(Angulation(*angles))
    exact, result = (projector.pixels(view) for projector in both)
    assert relative_rms(result, exact) <= 3e-3


def test_accurate_agrees_with_torch_at_full_size() -> None:
    size = (256, 256, 256)
    cube = voxelised(ellipsoid_phantom(), centred_affine(size, (1, 1, 1), np.eye(3)), size)
    exact = project(cube, views()[::4], backend="torch", device="cpu").pixels
    result = project(cube, views()[::4], backend="numba", device="cpu").pixels
    assert relative_rms(result, exact) <= 3e-3


@pytest.mark.parametrize("view", views(64)[::5], ids=lambda view: str(view.angulation))
def test_the_result_does_not_depend_on_the_number_of_threads(head: Volume, view) -> None:
    kernel = load_kernel()
    assert kernel is not None
    one, three = (
        NumbaProjector(head, kernel, "int16", QUALITIES["accurate"], threads)(view) for threads in (1, 3)
    )
    np.testing.assert_allclose(one, three, rtol=0, atol=1e-6 * one.max())


def test_int16_and_float32_storage_agree(head: Volume) -> None:
    short, single = (
        Projector(head, backend="numba", device="cpu", storage=storage).pixels(views(64)[3])
        for storage in ("int16", "float32")
    )
    assert relative_rms(short, single) <= 1e-4


@pytest.mark.parametrize("unit", ["raw", "HU"])
def test_one_spike_among_raw_values_does_not_round_the_others_to_zero(unit: Unit) -> None:
    volume = Volume(np.ones((20, 22, 24), np.float32), centred_affine((24, 22, 20), (3, 3, 3), TURN), unit)
    volume.voxels[2, 3, 4] = 1e6
    exact, result = (
        project(volume, views(48)[2:3], backend=backend, device="cpu").pixels
        for backend in ("torch", "numba")
    )
    away = (exact > 10) & (exact < 100)
    assert np.count_nonzero(away) > 100
    # The median: beside the spike its own blur is more than the others together.
    assert np.median(np.abs(result[away] / exact[away] - 1)) < 0.02


def test_whole_numbers_are_stored_exactly() -> None:
    rng = np.random.default_rng(0)
    voxels = rng.integers(-1000, 3000, (20, 22, 24), dtype=np.int16)
    volume = Volume(voxels, centred_affine((24, 22, 20), (3, 3, 3), TURN))
    short, single = (
        Projector(volume, backend="numba", device="cpu", storage=storage).pixels(views(48)[2])
        for storage in ("int16", "float32")
    )
    np.testing.assert_allclose(short, single, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 30, 30), (30, 1, 30), (30, 30, 1), (17, 33, 15), (2, 3, 5)])
def test_flat_and_odd_volumes_agree_with_torch(size: tuple[int, int, int]) -> None:
    # Noise from voxel to voxel is the hardest case for the intermediate image's spline.
    voxels = np.random.default_rng(1).random(size[::-1], np.float32) + 0.5
    volume = Volume(voxels, centred_affine(size, (4, 4, 4), TURN), "1/mm")
    some = views(160)[::5]
    exact = project(volume, some, backend="torch", device="cpu").pixels
    result = project(volume, some, backend="numba", device="cpu").pixels
    assert abs(result.sum() / exact.sum() - 1) < 0.03
    assert relative_rms(result, exact) < 0.08


def test_what_white_noise_costs_is_the_intermediate_images_pitch() -> None:
    """No kernel's fault and no storage's: as the pitch becomes finer, the difference to torch goes to nothing."""
    size = (9, 8, 7)
    voxels = np.random.default_rng(0).random(size[::-1]).astype(np.float32)
    volume = Volume(voxels, centred_affine(size, (2, 2, 2), np.eye(3)), "1/mm")
    carm = CArm(750, 1200, (200, 200), (50, 50), (0.0, 0.0, 0.0))
    some = [carm.view(Angulation(*angles)) for angles in ((0, 0), (90, 0), (35, -20), (10, 75))]
    exact = project(volume, some, backend="torch", device="cpu").pixels

    def furthest(pitch: float, storage: str = "int16") -> float:
        projector = NumbaProjector(volume, load_kernel(), storage, Sampling(pitch, follow_pixels=False))
        return float(np.abs(np.stack([projector(view) for view in some]) - exact).max() / exact.max())

    assert furthest(QUALITIES["accurate"].factor) == pytest.approx(0.046, abs=0.002)
    assert furthest(QUALITIES["accurate"].factor, "float32") == pytest.approx(0.046, abs=0.002)
    assert furthest(1 / 8) < 0.006
    assert furthest(1 / 32) < 0.001


@pytest.mark.parametrize("corner", list(np.ndindex(2, 2, 2)))
def test_a_bright_corner_voxel_lies_where_torch_sees_it(corner: tuple[int, int, int]) -> None:
    size = (40, 36, 44)
    voxels = np.zeros(size[::-1], np.float32)
    voxels[tuple(-c for c in corner)] = 1
    # A faint rest keeps the volume from being cropped to the one voxel.
    voxels[0, 0, 0] += 1e-3
    voxels[-1, -1, -1] += 1e-3
    volume = Volume(voxels, centred_affine(size, (3, 3, 3), TURN), "1/mm")
    for view in views(200, field_mm=500)[::5]:
        pages = [Projector(volume, backend=name, device="cpu").pixels(view) for name in ("torch", "numba")]
        rows, columns = np.indices(pages[0].shape)
        exact, result = (np.array([(p * rows).sum(), (p * columns).sum()]) / p.sum() for p in pages)
        np.testing.assert_allclose(result, exact, atol=0.3)


def test_all_air_and_a_beam_beside_the_volume_project_to_zero() -> None:
    air = Volume(np.zeros((8, 9, 10), np.float32), np.eye(4), "1/mm")
    beside = Volume(np.ones((8, 9, 10), np.float32), np.eye(4), "1/mm").moved(
        Transform.rigid((0, 0, 0), (0, 0, 900)).matrix
    )
    for volume in (air, beside):
        assert not Projector(volume, backend="numba", device="cpu").pixels(views(32)[0]).any()


def test_a_prepared_volume_takes_little_more_than_twice_its_int16_size() -> None:
    volume = Volume(np.ones((100, 128, 128), np.float32), np.eye(4), "1/mm")
    assert Projector(volume, backend="numba", device="cpu").memory_bytes < 2.2 * volume.voxels.size * 2


def test_without_numba_torch_takes_over_with_one_line_in_the_log(
    head: Volume, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "MR2XRayLib.projection.numba_kernel", None)
    monkeypatch.delattr("MR2XRayLib.projection.numba_kernel", raising=False)
    with caplog.at_level(logging.WARNING):
        projector = Projector(head, device="cpu")
    assert projector.backend == "torch"
    assert [r.name for r in caplog.records] == [numba_projector.__name__]


def test_unknown_names_are_errors_that_list_the_known(head: Volume) -> None:
    with pytest.raises(MR2XRayError, match="choose one of fast, accurate"):
        Projector(head, quality="best")
    with pytest.raises(MR2XRayError, match="auto, numba, triton, torch"):
        Projector(head, backend="plastimatch")
    with pytest.raises(MR2XRayError, match="not available on the device"):
        Projector(head, backend="triton", device="cpu")


PROJECTED = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from bodies import centred_affine, views, voxelised
from MR2XRayLib.phantom import ellipsoid_phantom
from MR2XRayLib.projection import Projector

size = (48, 55, 44)
head = voxelised(ellipsoid_phantom(), centred_affine(size, (4.4, 4.0, 4.8), np.eye(3)), size)
sys.stdout.buffer.write(Projector(head, backend="numba", device="cpu").project(views(64)).pixels.tobytes())
"""


def test_code_just_compiled_and_code_from_the_cache_give_the_same_bits(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", PROJECTED, str(Path(__file__).parent)]
    compiled, cached = (
        subprocess.run(command, env=environment, capture_output=True, check=True).stdout for _ in range(2)
    )
    assert len(compiled) == 16 * 64 * 64 * 4
    assert any(tmp_path.rglob("*.nbc"))
    assert compiled == cached
