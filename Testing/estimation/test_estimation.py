"""Attenuation estimated from MR: the network's phases, the grid around the head, and what lies on the disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation import (
    Estimator,
    EstimatorCard,
    estimate_attenuation,
    estimator,
    load_estimator,
    save_estimator,
)
from MR2XRayLib.estimation.estimator import CARD, KEPT, STORAGE
from MR2XRayLib.estimation.grid import HeadGrid, own_axes
from MR2XRayLib.estimation.network import TINY, ChannelNorm, VolumeUNet, phases, voxels
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.resources import WEIGHTS
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.weights import rounded


def a_network(seed: int = 0) -> VolumeUNet:
    """Untrained, but with no weight left at zero."""
    torch.manual_seed(seed)
    network = VolumeUNet()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.eval()


def a_ball(affine: np.ndarray, radius_mm: float = 30.0, size: tuple[int, int, int] = (64, 64, 64)) -> Volume:
    """A bright ball about the middle of the volume, brighter towards +x; normalised."""
    volume = Volume(np.zeros(size[::-1], np.float32), affine)
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    offset = volume.to_world(np.stack([i, j, k], axis=-1)) - volume.centre_mm
    inside = np.linalg.norm(offset, axis=-1) < radius_mm
    signal = np.where(inside, 1 + offset[..., 0] / 100, 0)
    return Volume(signal.astype(np.float32), affine, "normalised", "ball")


def test_phases_hold_every_voxel_once_and_come_back() -> None:
    volume = torch.randn(2, 1, 4, 6, 8)
    apart = phases(volume)
    assert apart.shape == (2, 8, 2, 3, 4)
    assert torch.equal(voxels(apart), volume)
    assert torch.equal(apart[:, 0], volume[:, 0, ::2, ::2, ::2])
    assert torch.equal(apart[:, 7], volume[:, 0, 1::2, 1::2, 1::2])


@pytest.mark.parametrize("size", [(16, 16, 16), (16, 32, 48)])
def test_the_network_keeps_the_size_of_a_volume(size: tuple[int, int, int]) -> None:
    with torch.inference_mode():
        assert a_network()(torch.randn(1, 1, *size)).shape == (1, 1, *size)


def test_a_whole_head_is_estimated_as_its_blocks_are() -> None:
    """Nothing in the network is a mean over what it sees: far from a border a block gives what the whole gives."""
    network, volume = a_network(), torch.randn(1, 1, 16, 16, 256)
    with torch.inference_mode():
        whole, block = network(volume), network(volume[..., :192])
    torch.testing.assert_close(whole[..., :48], block[..., :48], rtol=1e-4, atol=1e-5)


def test_the_norm_is_that_of_each_voxels_channels() -> None:
    features = torch.randn(2, 5, 3, 4, 6) * 3 + 1
    centred = features - features.mean(dim=1, keepdim=True)
    expected = centred / (centred.square().mean(dim=1, keepdim=True) + TINY).sqrt()
    torch.testing.assert_close(ChannelNorm()(features), expected)


@given(
    st.tuples(*[st.floats(-40, 40)] * 3),
    st.tuples(*[st.floats(0.7, 3.0)] * 3),
    st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
)
def test_a_plane_through_an_oblique_volume_is_sampled_exactly(
    turn_deg: tuple[float, ...], spacing_mm: tuple[float, ...], signs: tuple[float, ...]
) -> None:
    affine = Transform.rigid(np.array(turn_deg)).matrix @ np.diag([*np.multiply(spacing_mm, signs), 1.0])
    volume = Volume(np.zeros((24, 22, 20), np.float32), affine)
    k, j, i = np.meshgrid(*(np.arange(n) for n in (24, 22, 20)), indexing="ij")
    world = volume.to_world(np.stack([i, j, k], axis=-1))
    plane = Volume((2 + world @ [0.01, 0.02, -0.03]).astype(np.float32), affine, "normalised")
    placed = np.eye(4)
    placed[:3, 3] = volume.centre_mm - 3
    grid = HeadGrid(placed, (7, 6, 5))
    sampled = grid.sampled(plane, outside=np.nan)
    gk, gj, gi = np.meshgrid(*(np.arange(n) for n in (5, 6, 7)), indexing="ij")
    truth = 2 + (placed[:3, 3] + np.stack([gi, gj, gk], axis=-1)) @ [0.01, 0.02, -0.03]
    np.testing.assert_allclose(sampled, truth, atol=1e-4)


def test_the_grid_surrounds_the_head_and_its_sizes_can_be_halved() -> None:
    mr = a_ball(Transform.rigid(np.array([10.0, 20.0, 30.0])).matrix @ np.diag([1.0, 1.2, 1.5, 1.0]))
    grid = HeadGrid.around(mr, 16)
    assert all(n % 16 == 0 for n in grid.size)
    middle = np.linalg.solve(grid.affine, [*mr.centre_mm, 1])[:3]
    assert (middle >= 29).all()
    assert (np.array(grid.size) - 1 - middle >= 29).all()
    np.testing.assert_allclose(grid.affine[:3, :3].T @ grid.affine[:3, :3], np.eye(3), atol=1e-12)
    assert grid.sampled(mr).sum() == pytest.approx(mr.voxels.sum() * 1.8, rel=0.01)


def test_an_estimate_does_not_depend_on_the_index_frame_of_the_mr() -> None:
    """The same ball stored with its axes exchanged and reversed is the same head."""
    made_by = Estimator(a_network(), "0" * 64)
    mr = a_ball(np.eye(4))
    turned = np.ascontiguousarray(mr.voxels[:, ::-1].transpose(2, 0, 1))
    other = Volume(turned, mr.affine @ _index_of_turned(mr), "normalised")
    one, two = made_by.estimate(mr), made_by.estimate(other)
    np.testing.assert_allclose(one.affine, two.affine, atol=1e-9)
    np.testing.assert_allclose(one.voxels, two.voxels, atol=1e-5)


@given(st.tuples(*[st.floats(-180, 180)] * 3), st.tuples(*[st.floats(0.5, 5.0)] * 3), st.booleans())
def test_own_axes_are_a_volumes_axes_nearest_to_those_of_the_world(
    turn_deg: tuple[float, ...], spacing_mm: tuple[float, ...], left_handed: bool
) -> None:
    affine = Transform.rigid(np.array(turn_deg)).matrix @ np.diag([*spacing_mm, 1.0])
    affine[:, 0] *= -1 if left_handed else 1
    axes, order = own_axes(affine)
    assert sorted(order) == [0, 1, 2]
    assert (np.diagonal(axes) >= 0).all()
    # Of all orders this one leaves least to turn.
    assert np.trace(axes) >= 1 - 1e-9
    for axis, index in enumerate(order):
        along = affine[:3, index] / spacing_mm[index]
        assert abs(axes[:, axis] @ along) == pytest.approx(1)


def test_the_estimate_of_a_head_that_was_moved_is_the_moved_estimate() -> None:
    """A registration may be applied to the MR before its attenuation is estimated, or after."""
    network, mr = a_network(), a_ball(np.diag([1.0, 1.2, 1.5, 1.0]))
    onto_ct = Transform.rigid(np.array([8.0, -5.0, 12.0]), np.array([10.0, -20.0, 30.0])).matrix
    before = Estimator(network, "0" * 64).estimate(replace(mr, affine=onto_ct @ mr.affine))
    after = Estimator(network, "0" * 64).estimate(mr)
    np.testing.assert_allclose(before.affine, onto_ct @ after.affine, atol=1e-9)
    np.testing.assert_allclose(before.voxels, after.voxels, atol=1e-4)


class Counted(torch.nn.Module):
    """A network that counts what it is asked."""

    multiple = 16

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.weight = 0, torch.nn.Parameter(torch.ones(1))

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        self.asked += 1
        return volume * self.weight


def test_the_same_mr_is_estimated_once_wherever_it_lies() -> None:
    network, mr = Counted(), a_ball(np.eye(4), size=(32, 32, 32), radius_mm=10.0)
    made_by = Estimator(network, "0" * 64)  # type: ignore[arg-type]
    made_by.estimate(mr)
    moved = replace(mr, affine=Transform.rigid(np.array([5.0, 0, 0])).matrix @ mr.affine, name="moved")
    again = made_by.estimate(moved)
    assert (network.asked, again.name) == (2, "moved")
    for other in (replace(mr, voxels=mr.voxels * 2), replace(mr, affine=np.diag([1, 1, 2.0, 1]))):
        asked = network.asked
        made_by.estimate(other)
        assert network.asked == asked + 2
    assert (network.asked, len(made_by._last)) == (6, KEPT)
    # The first is forgotten by now.
    made_by.estimate(mr)
    assert network.asked == 8


def test_without_a_head_there_is_only_air() -> None:
    mr = replace(a_ball(np.eye(4)), voxels=np.zeros((64, 64, 64), np.float32))
    estimated = Estimator(a_network(), "0" * 64).estimate(mr)
    assert (estimated.size, estimated.unit, estimated.voxels.any()) == (mr.size, "normalised", False)
    assert estimated.provenance["estimator"] == "0" * 64


def test_what_is_too_large_for_a_head_is_refused_in_a_sentence() -> None:
    with pytest.raises(MR2XRayError, match=r"ball measures 400 x 600 x 600 mm.*correct its spacing"):
        HeadGrid.around(a_ball(np.diag([10.0, 10.0, 10.0, 1.0]), radius_mm=300.0))


def _index_of_turned(mr: Volume) -> np.ndarray:
    """From the index of `voxels[:, ::-1].transpose(2, 0, 1)` to that of `voxels`: i = k', j = last - i', k = j'."""
    last = mr.size[1] - 1
    return np.array([[0.0, 0, 1, 0], [-1, 0, 0, last], [0, 1, 0, 0], [0, 0, 0, 1]])


def test_the_estimate_of_a_mirrored_head_is_the_mirrored_estimate() -> None:
    """To the network left is not right; the mean of its two answers knows no sides."""
    network, mr = a_network(), a_ball(np.eye(4))
    mirrored = Volume(np.ascontiguousarray(mr.voxels[..., ::-1]), mr.affine, "normalised")
    signal = torch.from_numpy(mr.voxels)[None, None]
    with torch.inference_mode():
        assert not torch.allclose(network(signal).flip(-1), network(signal.flip(-1)), atol=1e-3)
    one, other = (Estimator(network, "0" * 64).estimate(volume).voxels for volume in (mr, mirrored))
    assert np.ptp(one) > 0.01
    np.testing.assert_allclose(one, other[..., ::-1], atol=1e-5)


def test_an_estimate_tells_how_far_it_is_and_can_be_cancelled_on_its_way() -> None:
    made_by, mr = Estimator(a_network(), "0" * 64), a_ball(np.eye(4))
    told: list[float] = []
    whole = made_by.estimate(mr, progress=lambda stage, fraction: told.append(fraction))
    assert len(told) > 10
    np.testing.assert_allclose(told, np.linspace(0, 1, len(told)))

    def cancel(stage: str, fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    made_by = Estimator(made_by.network, "0" * 64)
    with pytest.raises(KeyboardInterrupt):
        made_by.estimate(mr, progress=cancel)
    # Nothing half-made is kept, and nobody who has left is told any more.
    count = len(told)
    np.testing.assert_array_equal(made_by.estimate(mr).voxels, whole.voxels)
    assert len(told) == count


class Full:
    """An estimator on a GPU whose memory is taken."""

    def estimate(self, mr: Volume, progress: Progress = silent) -> Volume:
        raise torch.OutOfMemoryError


def test_where_the_memory_of_a_gpu_is_too_small_the_cpu_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {"cuda": Full(), "cpu": Estimator(a_network(), "0" * 64)}
    monkeypatch.setattr(estimator, "shipped_estimator", lambda device="cpu": shipped[device])
    mr = a_ball(np.eye(4))
    there, here = (estimate_attenuation(mr, device).voxels for device in ("cuda", "cpu"))
    np.testing.assert_array_equal(there, here)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
@pytest.mark.usefixtures("the_shipped_estimator")
def test_a_gpu_estimates_what_the_cpu_does() -> None:
    mr = a_ball(np.eye(4))
    there, here = (estimate_attenuation(mr, device).voxels for device in ("cuda", "cpu"))
    np.testing.assert_allclose(there, here, atol=1e-3)


def test_an_estimate_is_never_negative_and_nothing_outside_the_head() -> None:
    mr = a_ball(np.eye(4))
    estimated = Estimator(a_network(), "0" * 64).estimate(mr)
    k, j, i = np.nonzero(estimated.voxels)
    far = np.linalg.norm(estimated.to_world(np.stack([i, j, k], axis=-1)) - mr.centre_mm, axis=-1)
    assert estimated.unit == "normalised"
    assert estimated.voxels.min() >= 0
    assert 20 < far.max() < 31


def test_an_estimator_comes_back_from_its_folder(tmp_path: Path) -> None:
    network = a_network()
    card = save_estimator(tmp_path, network, EstimatorCard(loss={"l1": 1.0}))
    loaded = load_estimator(tmp_path)
    assert loaded.sha256 == card.weights_sha256
    expected = rounded(network, STORAGE).state_dict()
    for name, value in loaded.network.state_dict().items():
        assert torch.equal(value, expected[name])


def test_damaged_estimators_are_refused_in_a_sentence(tmp_path: Path) -> None:
    save_estimator(tmp_path, a_network(), EstimatorCard())
    content = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(MR2XRayError, match="SHA-256"):
        load_estimator(tmp_path)
    (tmp_path / CARD).write_text(json.dumps({"weights_sha256": 3}))
    with pytest.raises(MR2XRayError, match="names no weights_sha256"):
        load_estimator(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(MR2XRayError):
        load_estimator(tmp_path)
