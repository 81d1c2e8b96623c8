"""Small untrained generators and their cards, for the tests of networks, store and synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from MR2XRayLib.generators.base import Generator
from MR2XRayLib.generators.build import build
from MR2XRayLib.generators.card import InputCard, ModelCard, TrainedGeometry
from MR2XRayLib.generators.store import TrainedGenerator

TINY_OPTIONS: dict[str, dict[str, Any]] = {
    "unet": {"widths": (8, 8, 16, 16)},
    "resnet": {"channels": 4, "blocks": 2},
    "crn": {"widths": (8, 8, 4)},
    "subpixel": {"widths": (8, 8, 16)},
}

GEOMETRY = TrainedGeometry(
    source_to_isocentre_mm=750.0,
    source_to_detector_mm=1200.0,
    detector_mm=(400.0, 400.0),
    pixels=(64, 64),
    pixel_pitch_mm=6.25,
    primary_deg=(-90.0, 90.0),
    secondary_deg=(-30.0, 30.0),
)


def randomised(generator: Generator, seed: int = 0) -> Generator:
    """The generator with a random last convolution, as if trained: untrained, it is its linear path."""
    torch.manual_seed(seed)
    torch.nn.init.normal_(generator.last.weight, std=0.1)
    return generator


def tiny(architecture: str, in_channels: int = 1, **options: Any) -> Generator:
    """A small generator that is not merely its linear path; the same at every call."""
    torch.manual_seed(1)
    return randomised(build(architecture, "compact", in_channels, **TINY_OPTIONS[architecture], **options))


def card_of(architecture: str = "unet", in_channels: int = 1, **entries: Any) -> ModelCard:
    """The card of a `tiny` generator; full scale is 300 mm of normalised MR intensity."""
    described: dict[str, Any] = {
        "name": "tiny",
        "version": "1",
        "architecture": architecture,
        "width": "compact",
        "in_channels": in_channels,
        "options": TINY_OPTIONS.get(architecture, {}),
        "input": InputCard(("t1", "t2", "pd")[:in_channels], 300.0),
        "geometry": GEOMETRY,
    }
    return ModelCard(**{**described, **entries})


def trained(generator: Generator, **entries: Any) -> TrainedGenerator:
    """A generator as the store would give it."""
    return TrainedGenerator(generator, card_of(in_channels=generator.in_channels, **entries), Path("nowhere"))
