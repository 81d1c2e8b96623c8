"""Layers of an MR, on a ball whose shell, core and depth are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_generators import card_of

from MR2XRayLib import mr_layers
from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation import shipped_sha256
from MR2XRayLib.estimation.grid import HeadGrid
from MR2XRayLib.files import write_json
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.channels import channels_of
from MR2XRayLib.intensity import normalise_mr
from MR2XRayLib.mr_layers import (
    DEEPEST_MM,
    MR_LAYERS,
    check_layers,
    layer_of,
    layers_at_hand,
    project_mr,
)
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.projection import Projections
from MR2XRayLib.volume import Volume

RADIUS_MM, HOLE_MM = 70.0, 20.0
SPACING_MM = (1.5, 2.0, 3.0)
SIZE = (105, 81, 53)
VIEW = CArm(750, 1200, (300, 300), (61, 61), (0.0, 0.0, 0.0)).view(Angulation(0))


@pytest.fixture(scope="module")
def ball() -> Volume:
    """A bright ball with a dark hole in its middle; normalised, air 0."""
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = -(np.array(SIZE) - 1) / 2 * SPACING_MM
    radius = radii(affine)
    voxels = np.where(radius < HOLE_MM, 1e-6, 1.0) * (radius < RADIUS_MM)
    return Volume(voxels.astype(np.float32), affine, "normalised", "ball")


def radii(affine: np.ndarray) -> np.ndarray:
    """Distance of each voxel to the origin, mm."""
    ni, nj, nk = SIZE
    k, j, i = np.meshgrid(np.arange(nk), np.arange(nj), np.arange(ni), indexing="ij")
    return np.linalg.norm(np.stack([i, j, k], -1) @ affine[:3, :3].T + affine[:3, 3], axis=-1)


def test_the_layers_are_what_their_names_say(ball: Volume) -> None:
    radius = radii(ball.affine)
    inside, hole = radius < RADIUS_MM, radius < HOLE_MM
    assert layer_of(ball, "signal") is ball
    np.testing.assert_array_equal(layer_of(ball, "head").voxels, inside)
    np.testing.assert_allclose(layer_of(ball, "dark").voxels, hole, atol=1e-4)
    np.testing.assert_allclose(layer_of(ball, "dim").voxels, hole, atol=1e-4)
    deep = layer_of(ball, "deep").voxels
    assert not deep[~hole].any()
    np.testing.assert_allclose(deep[hole], 1.0, atol=1e-3)


def test_depth_is_the_distance_to_the_skin_within_a_step(ball: Volume) -> None:
    dark = Volume((ball.voxels > 0) * np.float32(1e-6), ball.affine, "normalised")
    depth_mm = DEEPEST_MM * layer_of(dark, "deep").voxels
    radius = radii(ball.affine)
    inside = radius < RADIUS_MM
    truth = np.minimum(RADIUS_MM - radius, DEEPEST_MM)
    assert np.abs(depth_mm - truth)[inside].max() < 5.0
    assert np.abs(depth_mm - truth)[inside].mean() < 1.5


def test_a_volume_that_is_all_head_is_deep_everywhere() -> None:
    whole = Volume(np.full((5, 6, 7), 1e-6, np.float32), np.eye(4), "normalised")
    np.testing.assert_allclose(layer_of(whole, "deep").voxels, 1.0, atol=1e-4)


def test_half_bright_voxels_are_partly_dim_and_not_dark() -> None:
    grey = Volume(np.full((2, 2, 2), 0.3, np.float32), np.eye(4), "normalised")
    np.testing.assert_allclose(layer_of(grey, "dim").voxels, 0.5, atol=1e-6)
    assert not layer_of(grey, "dark").voxels.any()


def test_projected_layers_are_the_lengths_of_the_ray(ball: Volume) -> None:
    made = project_mr(ball, [VIEW], layers=MR_LAYERS, device="cpu")
    middle = {name: made.layer(name)[0, 29:32, 29:32].mean() for name in MR_LAYERS}
    assert middle["head"] == pytest.approx(2 * RADIUS_MM, rel=0.03)
    assert middle["dark"] == pytest.approx(2 * HOLE_MM, rel=0.08)
    assert middle["signal"] == pytest.approx(middle["head"] - middle["dark"], rel=0.01)
    assert middle["deep"] == pytest.approx(middle["dark"], rel=0.02)


@pytest.mark.usefixtures("the_shipped_estimator")
def test_attenuation_of_the_digital_head_is_estimated_from_its_mr() -> None:
    """A head that no training saw: bone is told from air, both dark in MR, and from what lies beside it."""
    head = digital_head()
    ct = head.ct(2.0)
    estimated = layer_of(normalise_mr(head.mr("t1", 2.0)), "attenuation")
    grid = HeadGrid(estimated.affine, estimated.size)
    truth = 1 + grid.sampled(ct, -1000.0) / 1000
    bone, soft = truth > 1.6, (truth > 0.95) & (truth < 1.1)
    assert estimated.voxels[bone].mean() > 1.3
    assert estimated.voxels[soft].mean() == pytest.approx(1.04, abs=0.06)
    assert estimated.unit == "normalised"


@pytest.mark.usefixtures("the_shipped_estimator")
def test_projections_of_another_estimator_are_refused(ball: Volume) -> None:
    made = project_mr(ball, [VIEW], layers=("attenuation",), device="cpu")
    assert made.provenance["estimator"] == shipped_sha256()
    seen = InputCard(("t1",), 160.0, layers=("attenuation",), estimator_sha256=shipped_sha256())
    assert channels_of([made], card_of(input=seen)).shape == (1, 1, 61, 61)
    other = replace(made, provenance={**made.provenance, "estimator": "0" * 64})
    with pytest.raises(MR2XRayError, match="another estimator"):
        channels_of([other], card_of(input=seen))


def test_without_torch_all_layers_but_attenuation_are_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert layers_at_hand() == MR_LAYERS
    monkeypatch.setattr(mr_layers, "find_spec", lambda name: None)
    assert layers_at_hand() == MR_LAYERS[:-1]


def test_layers_come_back_from_their_file_bit_for_bit(ball: Volume, tmp_path: Path) -> None:
    made = project_mr(ball, [VIEW, VIEW], layers=("head", "dark"), device="cpu")
    made.write(tmp_path / "p.nrrd")
    read = Projections.read(tmp_path / "p.nrrd")
    assert list(read.layers) == ["head", "dark"]
    for name in ("signal", "head", "dark"):
        np.testing.assert_array_equal(read.layer(name), made.layer(name))


def test_a_fault_in_writing_the_layers_leaves_no_file(
    ball: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project_mr(ball, [VIEW], layers=("head",), device="cpu")
    write_pages = Projections._write_pages

    def full(self: Projections, path: Path, pixels: np.ndarray) -> None:
        if "layers" in path.name:
            raise MR2XRayError(f"Cannot write {path} (the disk may be full).")
        write_pages(self, path, pixels)

    monkeypatch.setattr(Projections, "_write_pages", full)
    with pytest.raises(MR2XRayError) as fault:
        made.write(tmp_path / "p.nrrd")
    assert str(tmp_path / "p-layers.nrrd") in str(fault.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("names", [["../head"], ["head", "head"], "head", [3], ["head"] * 99, {"head": 1.5}])
def test_a_sidecar_with_absurd_layers_is_refused(ball: Volume, tmp_path: Path, names: object) -> None:
    project_mr(ball, [VIEW], device="cpu").write(tmp_path / "p.nrrd")
    content = {"unit": "mm", "views": [VIEW.to_json()], "provenance": {}, "layers": names}
    write_json(tmp_path / "p.json", content)
    with pytest.raises(MR2XRayError, match=r"sidecar|does not exist"):
        Projections.read(tmp_path / "p.nrrd")


def test_a_file_of_layers_with_another_number_of_pages_is_refused(ball: Volume, tmp_path: Path) -> None:
    project_mr(ball, [VIEW, VIEW], layers=("head",), device="cpu").write(tmp_path / "p.nrrd")
    project_mr(ball, [VIEW], layers=("head",), device="cpu").write(tmp_path / "q.nrrd")
    (tmp_path / "q-layers.nrrd").replace(tmp_path / "p-layers.nrrd")
    with pytest.raises(MR2XRayError, match="holds 1 pages, not 2"):
        Projections.read(tmp_path / "p.nrrd")


def test_an_unknown_layer_and_a_volume_that_is_not_normalised_are_sentences(ball: Volume) -> None:
    with pytest.raises(MR2XRayError, match="choose among signal, head"):
        check_layers(["bone"])
    with pytest.raises(MR2XRayError, match="each once"):
        check_layers(["head", "head"])
    with pytest.raises(MR2XRayError, match="not normalised"):
        layer_of(Volume(ball.voxels, ball.affine, "raw"), "head")
    with pytest.raises(MR2XRayError, match='lack the layer "dark"'):
        project_mr(ball, [VIEW], device="cpu").layer("dark")
