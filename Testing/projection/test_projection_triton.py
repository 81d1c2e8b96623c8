"""The GPU projector against the numba projector: on an NVIDIA GPU, or in Triton's interpreter where there is none.

Triton reads TRITON_INTERPRET when it is imported. So one test runs this file once more, in a child with that variable
set, in which the tests marked `on_a_device` run on the CPU.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest
import torch
from bodies import centred_affine, relative_rms, voxelised

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.phantom import ellipsoid_phantom
from MR2XRayLib.projection import Projector, projector
from MR2XRayLib.projection.shear_warp import QUALITIES, Sampling, plan_view
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")

GPU = torch.cuda.is_available()
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cuda" if GPU else "cpu"

on_a_device = pytest.mark.skipif(not (GPU or INTERPRETED), reason="no NVIDIA GPU here")

TURN = Transform.rigid((12, -20, 30)).matrix[:3, :3]
SIZE = (24, 27, 22)
CARM = CArm(750, 1200, (300, 280), (40, 36), (0.0, 0.0, 0.0))
BESIDE = CArm(750, 1200, (300, 280), (40, 36), (0.0, 900.0, 900.0))
VIEWS = [
    CARM.view(Angulation(0)),
    CARM.view(Angulation(80, 10)),
    BESIDE.view(Angulation(0)),
    CARM.view(Angulation(20, 80)),
    CARM.view(Angulation(-170, -15)),
]


@pytest.fixture(scope="module")
def head() -> Volume:
    """The ellipsoids on an oblique, anisotropic grid."""
    return voxelised(ellipsoid_phantom(), centred_affine(SIZE, (8, 7.5, 9), TURN), SIZE)


def by_numba(volume: Volume, views: list[View], storage: str, quality: str) -> np.ndarray:
    """The numba projector's pixels."""
    prepared = Projector(volume, backend="numba", device="cpu", storage=storage, quality=quality)
    return prepared.project(views).pixels


def by_triton(volume: Volume, views: list[View], storage: str, quality: str) -> np.ndarray:
    """The Triton projector's pixels, all in one launch."""
    from MR2XRayLib.projection.triton_projector import TritonProjector, load_kernel

    kernel = load_kernel(storage, DEVICE)
    assert kernel is not None
    return TritonProjector(volume, kernel, storage, QUALITIES[quality], DEVICE).batch(views)


def test_the_views_cover_all_main_axes(head: Volume) -> None:
    plans = [plan_view(view, np.linalg.inv(head.affine), head.size, QUALITIES["fast"]) for view in VIEWS]
    assert {plan.axis for plan in plans if plan.shape != (0, 0)} == {0, 1, 2}
    assert plans[2].shape == (0, 0)
    assert len({plan.shape for plan in plans}) == len(VIEWS)


@on_a_device
@pytest.mark.parametrize("storage", ["int16", "float32"])
@pytest.mark.parametrize("quality", ["fast", "accurate"])
def test_views_of_one_launch_equal_the_numba_projector(head: Volume, storage: str, quality: str) -> None:
    expected = by_numba(head, VIEWS, storage, quality)
    result = by_triton(head, VIEWS, storage, quality)
    assert result.dtype == np.float32
    for view, page, truth in zip(VIEWS, result, expected, strict=True):
        if truth.any():
            assert relative_rms(page, truth) <= 1e-5, view
        else:
            assert not page.any()


@on_a_device
@pytest.mark.parametrize("size", [(1, 20, 20), (20, 1, 20), (20, 20, 1), (2, 3, 5)])
def test_flat_and_small_volumes_of_noise_equal_the_numba_projector(size: tuple[int, int, int]) -> None:
    voxels = np.random.default_rng(1).random(size[::-1], np.float32)
    volume = Volume(voxels, centred_affine(size, (5, 5, 5), TURN), "1/mm")
    expected = by_numba(volume, VIEWS, "float32", "fast")
    assert relative_rms(by_triton(volume, VIEWS, "float32", "fast"), expected) <= 1e-5


@on_a_device
def test_coordinates_hold_at_the_far_corner_of_a_large_volume() -> None:
    size = (600, 3, 600)
    voxels = np.random.default_rng(2).random(size[::-1], np.float32)
    volume = Volume(voxels, centred_affine(size, (0.5, 0.5, 0.5), np.eye(3)), "1/mm")
    corner = CArm(750, 1200, (24, 24), (50, 50), (140.0, 0.0, 140.0)).view(Angulation(0))
    expected = by_numba(volume, [corner], "float32", "accurate")
    assert relative_rms(by_triton(volume, [corner], "float32", "accurate"), expected) <= 1e-4


@on_a_device
def test_no_view_on_the_volume_gives_zeros(head: Volume) -> None:
    result = by_triton(head, [BESIDE.view(Angulation(0))] * 2, "int16", "fast")
    assert result.shape == (2, 40, 36)
    assert not result.any()


@on_a_device
def test_the_spline_filter_equals_the_recursive_one() -> None:
    from MR2XRayLib.projection import numba_kernel, triton_kernel

    height, width = 45, 37
    image = np.random.default_rng(3).random((height, width), np.float32)
    recursive = image.copy()
    numba_kernel._prefilter_rows(recursive, 0, width)
    values = torch.from_numpy(image).to(DEVICE)
    result = torch.empty_like(values)
    blocks = (-(-height * width // triton_kernel.BLOCK), 1)
    triton_kernel.prefilter[blocks](values, result, height * width, height, width, triton_kernel.BLOCK)
    np.testing.assert_allclose(result.cpu().numpy(), recursive, rtol=0, atol=1e-5)


@on_a_device
def test_on_cuda_a_projector_takes_several_views_in_each_launch_of_triton(
    head: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    from MR2XRayLib.projection import triton_projector

    expected = by_numba(head, VIEWS, "int16", "fast")
    launches: list[int] = []
    kernel = triton_projector.load_kernel("int16", DEVICE)

    class Counting(triton_projector.TritonProjector):
        def __init__(self, volume: Volume, kernel: ModuleType, storage: str, sampling: Sampling, _: str):
            super().__init__(volume, kernel, storage, sampling, DEVICE)

        def batch(self, views: Sequence[View]) -> np.ndarray:
            launches.append(len(views))
            return super().batch(views)

    monkeypatch.setattr(triton_projector, "TritonProjector", Counting)
    monkeypatch.setattr(triton_projector, "load_kernel", lambda storage, device: kernel)
    monkeypatch.setattr(projector, "resolve_device", lambda name: "cuda")
    monkeypatch.setattr(projector, "VIEWS_AT_ONCE", 3)
    told: list[float] = []
    prepared = Projector(head, quality="fast")
    result = prepared.project(VIEWS, lambda stage, fraction: told.append(fraction))
    assert (prepared.backend, launches, told) == ("triton", [3, 2], [0.6, 1.0])
    assert relative_rms(result.pixels, expected) <= 1e-5


@pytest.mark.skipif(GPU or INTERPRETED, reason="the tests run on a GPU, or in the interpreter already")
def test_the_tests_on_a_device_pass_in_tritons_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", __file__]
    child = subprocess.run(
        command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, timeout=300
    )
    assert child.returncode == 0, child.stdout + child.stderr
    assert "no NVIDIA GPU here" not in child.stdout


SIGNATURES = {
    "accumulate": "voxels:*i16 views:*i64 steps:*fp32 image:*fp32 slices:i32 height:i32 width:i32 "
    "BV:constexpr BU:constexpr",
    "prefilter": "image:*fp32 out:*fp32 pixels:i32 length:i32 stride:i32 BLOCK:constexpr",
    "warp": "image:*fp32 views:*i64 rays:*fp32 out:*fp32 height:i32 width:i32 rows:i32 columns:i32 "
    "BI:constexpr BJ:constexpr",
}


@pytest.mark.skipif(INTERPRETED, reason="the interpreter does not compile")
@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("capability", [80, 90])
def test_the_kernels_compile_for_nvidia_gpus_even_where_there_is_none(name: str, capability: int) -> None:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from MR2XRayLib.projection import triton_kernel

    signature = dict(argument.split(":") for argument in SIGNATURES[name].split())
    constants = [argument for argument, kind in signature.items() if kind == "constexpr"]
    sizes = triton_kernel.TILE if len(constants) == 2 else [triton_kernel.BLOCK]
    source = ASTSource(getattr(triton_kernel, name), signature, dict(zip(constants, sizes, strict=True)))
    target = GPUTarget("cuda", capability, 32)
    assert triton.compile(source, target=target, options=dict(triton_kernel.OPTIONS)).asm["cubin"]


def test_without_triton_torch_takes_over_with_one_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from MR2XRayLib.projection import triton_projector

    monkeypatch.setitem(sys.modules, "MR2XRayLib.projection.triton_kernel", None)
    monkeypatch.delattr("MR2XRayLib.projection.triton_kernel", raising=False)
    with caplog.at_level(logging.WARNING):
        assert triton_projector.load_kernel("int16", "cpu") is None
    assert [record.name for record in caplog.records] == [triton_projector.__name__]
