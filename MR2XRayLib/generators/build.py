"""`build`: a generator from the name of its architecture and width."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.base import UPSAMPLING, Generator, parameter_count
from MR2XRayLib.generators.crn import CRN
from MR2XRayLib.generators.resnet import ResNet
from MR2XRayLib.generators.subpixel import SubpixelUNet
from MR2XRayLib.generators.unet import UNet

ARCHITECTURES: dict[str, type[Generator]] = {
    "unet": UNet,
    "resnet": ResNet,
    "crn": CRN,
    "subpixel": SubpixelUNet,
}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "unet": {
        "compact": {"widths": (24, 48, 96, 128, 128), "upsampling": "resize"},
        "paper": {"widths": (64, 128, 256, 512, 512, 512, 512, 512), "upsampling": "transposed"},
    },
    "resnet": {
        "compact": {"channels": 16, "blocks": 9, "upsampling": "resize"},
        "paper": {"channels": 64, "blocks": 9, "upsampling": "transposed"},
    },
    "crn": {
        "compact": {"widths": (128, 128, 128, 128, 96, 64, 48, 32)},
        "paper": {"widths": (1024, 1024, 1024, 1024, 1024, 512, 512, 128)},
    },
    "subpixel": {
        "narrow": {"widths": (32, 64, 96, 128), "upsampling": "resize"},
        "compact": {"widths": (48, 96, 128, 128), "upsampling": "resize"},
        "wide": {"widths": (64, 128, 192, 256), "upsampling": "resize"},
    },
}
"""What each width of each architecture sets: `paper` and `wide` train on a GPU, `compact` on two CPU cores, and
`narrow` follows the sliders there.

"subpixel" is no network of the paper.
"""

MOST_CHANNELS_IN = 64
MOST_PARAMETERS = 200_000_000
"""Twice the largest network of the paper: a card that asks for more is a mistake or an attack on memory."""


def build(architecture: str, width: str = "compact", in_channels: int = 1, **options: Any) -> Generator:
    """Make an untrained generator.

    Args:
        architecture: "unet", "resnet", "crn" or "subpixel".
        width: "compact" or "paper"; of "subpixel" "narrow", "compact" or "wide".
        in_channels: number of input images, the layers of each MR contrast, 1 to 64.
        options: arguments of the architecture's class in place of those of the preset.

    Raises:
        MR2XRayError: if a name is unknown, an option's value is absurd, or the network would be too large.
    """
    return build_described(architecture, width, in_channels, options)


def build_described(architecture: str, width: str, in_channels: int, options: Mapping[str, Any]) -> Generator:
    """As `build`, with options as a mapping, which may come out of a stranger's file."""
    network = ARCHITECTURES[_known("architecture", architecture, ARCHITECTURES)]
    preset = PRESETS[architecture][_known("width", width, PRESETS[architecture])]
    names = [name for name in inspect.signature(network).parameters if name != "in_channels"]
    for name in options:
        _known(f"option of {architecture}", name, names)
    arguments = {**preset, **options, "in_channels": in_channels}
    for name, value in arguments.items():
        if not OPTION_CHECKS[name](value):
            raise MR2XRayError(
                f"The {name} of a {architecture} cannot be {value!r:.60}; leave it out to take the preset's."
            )
    with torch.device("meta"):
        parameters = parameter_count(network(**arguments))
    if parameters > MOST_PARAMETERS:
        raise MR2XRayError(
            f"A {architecture} of {parameters:,} parameters is too large; use at most {MOST_PARAMETERS:,}."
        )
    return network(**arguments)


def with_further_channels(weights: Mapping[str, Tensor], network: Generator) -> dict[str, Tensor]:
    """Weights of a network of the same kind that sees fewer channels, for one that sees more: these count nothing yet.

    In every architecture the input comes last among the channels of each convolution that takes it.
    """
    wanted, made = network.state_dict(), {}
    for name, value in weights.items():
        shape = wanted[name].shape if name in wanted else value.shape
        further = shape[1] - value.shape[1] if value.ndim > 1 and len(shape) == value.ndim else 0
        made[name] = value
        if further > 0:
            nothing = value.new_zeros(value.shape[0], further, *value.shape[2:])
            made[name] = torch.cat([value, nothing], dim=1)
    return made


def _known(what: str, name: str, known: Mapping[str, Any] | list[str]) -> str:
    if not isinstance(name, str) or name not in known:
        raise MR2XRayError(f'There is no {what} "{name}"; choose one of {", ".join(known)}.')
    return name


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _are_widths(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and 1 <= len(value) <= 10
        and all(_is_whole(width, 1, 2048) for width in value)
    )


OPTION_CHECKS: dict[str, Callable[[Any], bool]] = {
    "in_channels": lambda value: _is_whole(value, 1, MOST_CHANNELS_IN),
    "widths": _are_widths,
    "channels": lambda value: _is_whole(value, 1, 512),
    "blocks": lambda value: _is_whole(value, 1, 32),
    "upsampling": lambda value: value in UPSAMPLING,
    "dropout": lambda value: (
        isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1
    ),
    "linear_path": lambda value: isinstance(value, bool),
}
"""For each option, whether a value, perhaps out of a stranger's file, is of the right kind and size."""
