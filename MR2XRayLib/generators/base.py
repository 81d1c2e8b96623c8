"""`Generator`: what the three networks share, and the layers that more than one of them is made of."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

UPSAMPLING = ("resize", "transposed")


class Generator(nn.Module, ABC):
    """An image-to-image network on the scale [-1, 1], where air is -1.

    The image is `last(features(x)) + linear(x)`: what `features` of the architecture says, and a per-pixel
    linear map of the input beside it. Every architecture normalises its activations (instance, group or layer
    norm), which discards the absolute amplitude of the input; the linear path carries it to the output. The
    last convolution then starts at zero: an untrained generator is its linear path, the mean of its inputs.

    No final tanh, unlike pix2pix and Johnson et al.: a line integral above full scale is rare but real, and
    must not saturate. The output is not clipped either.

    The image itself is computed in float32, see `in_float32`.

    Attributes:
        in_channels: number of input images (MR contrasts).
        multiple: rows and columns of the input must be divisible by it; any such size will do.
        linear: the 1x1 convolution from input to output, or None.
        last: the convolution from features to the image.
        image_layers: names of the layers that calculate in float32, see `in_float32`.
    """

    image_layers: tuple[str, ...] = ("last", "linear")

    def __init__(self, in_channels: int, multiple: int, last: nn.Conv2d, linear_path: bool) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.multiple = multiple
        self.last = last
        self.linear = nn.Conv2d(in_channels, 1, 1) if linear_path else None
        if self.linear is not None:
            nn.init.constant_(self.linear.weight, 1.0 / in_channels)
            nn.init.zeros_(self.linear.bias)  # type: ignore[arg-type]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    @abstractmethod
    def features(self, image: Tensor) -> Tensor:
        """Features (n, c, rows, columns) of an image (n, in_channels, rows, columns)."""

    def forward(self, image: Tensor) -> Tensor:
        """Synthesize (n, 1, rows, columns) from (n, in_channels, rows, columns), both on [-1, 1]."""
        synthesized = in_float32(self.last, self.features(image))
        return synthesized if self.linear is None else synthesized + in_float32(self.linear, image)


def in_float32(layer: nn.Module, values: Tensor) -> Tensor:
    """`layer(values)` in float32, under autocast too.

    bfloat16 keeps three digits. What it rounds off the image is noise from pixel to pixel, which a gradient or
    Laplacian loss weighs most, and which no training can take away.
    """
    with torch.autocast(values.device.type, enabled=False):
        result: Tensor = layer(values.float())
        return result


def parameter_count(network: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for parameter in network.parameters())


def group_norm(channels: int) -> nn.GroupNorm:
    """Group norm in groups of eight channels (Wu and He, arXiv 1803.08494).

    It is the same in training and evaluation and at any batch size. Instance norm fails on the 1x1 bottleneck
    of a deep U-Net, and batch norm at batch size 1; the channels of a group still have a variance there.
    """
    return nn.GroupNorm(channels // math.gcd(channels, 8), channels)


def upsampling_layer(in_channels: int, out_channels: int, kind: str, kernel: int) -> nn.Module:
    """Twice the rows and columns, followed by a normalisation (hence no bias).

    "transposed" is the paper's transposed convolution of stride 2 with `kernel` (4 in pix2pix, 3 in Johnson
    et al.); it leaves a checkerboard. "resize" interpolates bilinearly and convolves 3x3, which does not
    (Odena et al., Deconvolution and Checkerboard Artifacts, 2016).
    """
    if kind == "transposed":
        return nn.ConvTranspose2d(
            in_channels, out_channels, kernel, stride=2, padding=1, output_padding=kernel % 2, bias=False
        )
    return nn.Sequential(Twice(), nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False))


class Twice(nn.Module):
    """Bilinear interpolation to twice the rows and columns."""

    def forward(self, features: Tensor) -> Tensor:
        """(n, c, rows, columns) to (n, c, 2·rows, 2·columns)."""
        return torch.nn.functional.interpolate(features, scale_factor=2.0, mode="bilinear")
