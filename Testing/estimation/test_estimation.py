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
from MR2XRayLib.estimation.estimator import CARD, STORAGE
from MR2XRayLib.estimation.grid import HeadGrid
from MR2XRayLib.estimation.network import TINY, ChannelNorm, VolumeUNet, phases, voxels
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
    grid = HeadGrid(volume.centre_mm - 3, (7, 6, 5))
    sampled = grid.sampled(plane, outside=np.nan)
    gk, gj, gi = np.meshgrid(*(np.arange(n) for n in (5, 6, 7)), indexing="ij")
    truth = 2 + (grid.origin_mm + np.stack([gi, gj, gk], axis=-1)) @ [0.01, 0.02, -0.03]
    np.testing.assert_allclose(sampled, truth, atol=1e-4)


def test_the_grid_surrounds_the_head_and_its_sizes_can_be_halved() -> None:
    mr = a_ball(Transform.rigid(np.array([10.0, 20.0, 30.0])).matrix @ np.diag([1.0, 1.2, 1.5, 1.0]))
    grid = HeadGrid.around(mr, 16)
    assert all(n % 16 == 0 for n in grid.size)
    ends = grid.origin_mm, grid.origin_mm + np.array(grid.size) - 1
    for end, sign in zip(ends, (-1, 1), strict=True):
        assert (sign * (end - mr.centre_mm) >= 29).all()
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
    assert np.ptp(one) > 0
    np.testing.assert_allclose(one, other[..., ::-1], atol=1e-5)


def test_one_answer_is_that_on_the_head_as_it_is() -> None:
    made_by, mr = Estimator(a_network(), "0" * 64), a_ball(np.eye(4))
    mirrored = replace(mr, voxels=np.ascontiguousarray(mr.voxels[..., ::-1]))
    one, other = (made_by.estimate(volume, one_answer=True).voxels for volume in (mr, mirrored))
    assert np.abs(one - other[..., ::-1]).max() > 0.01
    np.testing.assert_allclose(made_by.estimate(mr).voxels, (one + other[..., ::-1]) / 2, atol=1e-5)


class Full:
    """An estimator on a GPU whose memory is taken."""

    def estimate(self, mr: Volume, one_answer: bool = False) -> Volume:
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
