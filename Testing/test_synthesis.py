"""The Synthesizer: scales, grids there and back, units and provenance."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_generators import GEOMETRY, tiny, trained
from torch import nn

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.base import Generator
from MR2XRayLib.projection.projections import Projections
from MR2XRayLib.synthesis import Synthesizer, padded_with_air, trained_grid

FULL_SCALE_MM = 300.0


class Linear(Generator):
    """A generator that is exactly its linear path, and remembers the size of what it was given."""

    def __init__(self, in_channels: int = 1, multiple: int = 16) -> None:
        super().__init__(in_channels, multiple, nn.Conv2d(in_channels, 1, 1), linear_path=True)
        self.seen: tuple[int, ...] = ()

    def features(self, image: torch.Tensor) -> torch.Tensor:
        self.seen = tuple(image.shape)
        return image


def arm(rows: int = 64, columns: int = 64, detector_mm: tuple[float, float] = (400.0, 400.0)) -> CArm:
    """The C-arm of the tiny generators' card, with other pixels."""
    return CArm(pixels=(rows, columns), detector_mm=detector_mm, isocentre_mm=(0.0, 0.0, 0.0))


def smooth(carm: CArm, *, scale: float = 1.0, views: int = 1, sigma_mm: float = 45.0) -> Projections:
    """A Gaussian on the detector, off centre, in mm of normalised MR; sigma in mm of the detector."""
    centres = [
        (np.arange(n) + 0.5) * size / n - size / 2
        for n, size in zip(carm.pixels, carm.detector_mm, strict=True)
    ]
    row, column = np.meshgrid(*centres, indexing="ij")
    blob = np.exp(-((row - 20) ** 2 + (column + 35) ** 2) / (2 * sigma_mm**2))
    pixels = np.stack([scale * FULL_SCALE_MM * blob * (index + 1) / views for index in range(views)])
    geometry = tuple(carm.view(Angulation(30.0 * index)) for index in range(views))
    return Projections(pixels.astype(np.float32), geometry, "mm", {"volume": "blob"})


def test_identity_network_maps_full_scale_to_full_scale() -> None:
    projections = smooth(arm(), views=3)
    synthesized = Synthesizer(trained(Linear()), "cpu").synthesize(projections)
    np.testing.assert_allclose(synthesized.pixels, projections.pixels / FULL_SCALE_MM * 6.0, atol=1e-5)
    assert synthesized.unit == "1"
    assert synthesized.pixels.dtype == np.float32
    assert synthesized.views == projections.views


@pytest.mark.parametrize("size", [(128, 128), (96, 160), (61, 47), (40, 50)])
def test_other_pixels_are_resampled_there_and_back(size: tuple[int, int]) -> None:
    projections = smooth(arm(*size))
    network = Linear()
    synthesized = Synthesizer(trained(network), "cpu").synthesize(projections)
    expected = projections.pixels / FULL_SCALE_MM * 6.0
    assert network.seen == (1, 1, 64, 64)
    assert np.abs(synthesized.pixels - expected).max() < 0.01 * 6.0
    assert np.sqrt(np.mean((synthesized.pixels - expected) ** 2)) < 0.002 * 6.0


def test_resampling_does_not_shift_the_image() -> None:
    projections = smooth(arm(150, 90))
    synthesized = Synthesizer(trained(Linear()), "cpu").synthesize(projections)
    for pixels_axis in (1, 2):
        index = np.arange(projections.pixels.shape[pixels_axis])
        along = tuple({0, 1, 2} - {pixels_axis})
        before, after = (
            (p.pixels.sum(axis=along) @ index) / p.pixels.sum() for p in (projections, synthesized)
        )
        assert after == pytest.approx(before, abs=0.02)


def test_detail_finer_than_the_generators_pixels_does_not_alias() -> None:
    carm = arm(256, 256)
    pixels = np.full((1, 256, 256), 150.0, np.float32)
    pixels[:, :, ::3] += 150.0
    synthesized = Synthesizer(trained(Linear()), "cpu").synthesize(
        Projections(pixels, (carm.view(Angulation(0)),), "mm")
    )
    inside = synthesized.pixels[0, 16:-16, 16:-16]
    assert np.ptp(inside) < 0.05
    assert inside.mean() == pytest.approx(200 / 300 * 6, rel=1e-3)


def test_pitch_counts_at_the_isocentre_and_small_differences_are_left() -> None:
    pitch = GEOMETRY.pitch_at_isocentre_mm
    assert pitch == pytest.approx(6.25 * 750 / 1200)
    view = arm().view(Angulation(0))
    assert trained_grid(view, pitch) == (64, 64)
    assert trained_grid(view, pitch * 1.019) == (64, 64)
    assert trained_grid(view, pitch * 2) == (32, 32)
    far = replace(arm(), source_to_detector_mm=1500.0).view(Angulation(0))
    assert trained_grid(far, pitch) == (51, 51)
    with pytest.raises(MR2XRayError, match="smaller detector"):
        trained_grid(view, pitch / 100)


@settings(max_examples=12, deadline=None)
@given(rows=st.integers(1, 150), columns=st.integers(1, 150))
def test_padding_is_air_around_the_unchanged_image(rows: int, columns: int) -> None:
    image = torch.rand(1, 2, rows, columns)
    padded, top, left = padded_with_air(image, 32)
    assert padded.shape[-2] % 32 == 0
    assert padded.shape[-1] % 32 == 0
    assert max(padded.shape[-2] - rows, padded.shape[-1] - columns) < 32
    window = padded[..., top : top + rows, left : left + columns]
    assert torch.equal(window, image)
    assert (padded == -1).sum() == padded.numel() - image.numel()


@pytest.mark.parametrize("architecture", ["unet", "resnet", "crn"])
def test_odd_detectors_go_through_every_architecture(architecture: str) -> None:
    carm = arm(37, 53, (37 * 6.25, 53 * 6.25))
    projections = smooth(carm, views=2)
    synthesized = Synthesizer(trained(tiny(architecture)), "cpu").synthesize(projections)
    assert synthesized.pixels.shape == (2, 37, 53)
    assert np.isfinite(synthesized.pixels).all()
    assert synthesized.pixels.min() >= 0


def test_result_repeats_and_does_not_depend_on_the_other_views() -> None:
    synthesizer = Synthesizer(trained(tiny("unet")), "cpu")
    both = smooth(arm(), views=2)
    second = Projections(both.pixels[1:], both.views[1:], "mm")
    first_time = synthesizer.synthesize(both).pixels
    assert np.array_equal(first_time, synthesizer.synthesize(both).pixels)
    assert np.array_equal(first_time[1:], synthesizer.synthesize(second).pixels)


def test_generator_in_training_mode_is_used_in_evaluation() -> None:
    projections = smooth(arm())
    generator = tiny("unet").train()
    first, second = (Synthesizer(trained(generator), "cpu").synthesize(projections) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)


def test_line_integrals_are_never_negative_and_may_exceed_full_scale() -> None:
    projections = smooth(arm(), scale=1.5)
    generator = Linear()
    assert generator.linear is not None
    nn.init.constant_(generator.linear.bias, -0.2)  # type: ignore[arg-type]
    pixels = Synthesizer(trained(generator), "cpu").synthesize(projections).pixels
    assert pixels.min() == 0
    assert pixels.max() > 8


def test_two_contrasts_are_taken_in_their_order() -> None:
    generator = Linear(in_channels=2)
    assert generator.linear is not None
    generator.linear.weight.data = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1)
    first, second = smooth(arm()), smooth(arm(), scale=0.3)
    synthesized = Synthesizer(trained(generator), "cpu").synthesize(first, second)
    np.testing.assert_allclose(synthesized.pixels, first.pixels / 50, atol=1e-5)
    assert len(synthesized.provenance["input"]) == 2


def test_missing_contrast_is_named() -> None:
    with pytest.raises(MR2XRayError, match=r"2 MR contrasts \(t1, t2\), not 1"):
        Synthesizer(trained(Linear(in_channels=2)), "cpu").synthesize(smooth(arm()))


def test_unsound_projections_are_refused() -> None:
    synthesizer, good = Synthesizer(trained(Linear(in_channels=2)), "cpu"), smooth(arm())
    raw = Projections(good.pixels, good.views, "raw mm")
    infinite = Projections(good.pixels * np.float32(np.inf), good.views, "mm")
    turned = Projections(good.pixels, (arm().view(Angulation(1.0)),), "mm")
    for bad, words in ((raw, "normalised MR in mm"), (infinite, "infinite"), (turned, "same views")):
        with pytest.raises(MR2XRayError, match=words):
            synthesizer.synthesize(good, bad)


def test_unknown_device_is_refused() -> None:
    with pytest.raises(MR2XRayError, match="no device"):
        Synthesizer(trained(Linear()), "abacus")


def test_provenance_and_progress_tell_what_was_done() -> None:
    told: list[float] = []
    synthesizer = Synthesizer(trained(Linear(), weights_sha256="ab" * 32))
    synthesized = synthesizer.synthesize(
        smooth(arm(), scale=2.0, views=2), progress=lambda stage, fraction: told.append(fraction)
    )
    assert told == [0.0, 0.5, 1.0]
    provenance = json.loads(json.dumps(synthesized.provenance))
    assert provenance["generator"] == {"name": "tiny", "version": "1", "sha256": "ab" * 32}
    assert provenance["device"] == synthesizer.device
    assert provenance["input"] == [{"volume": "blob"}]
    assert len(provenance["outside_training"]) == 1
