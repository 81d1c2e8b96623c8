"""A U-Net that works at half resolution: sub-pixel in (arXiv 1609.05158), sub-pixel out, residual blocks between."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from MR2XRayLib.generators.base import Generator, group_norm, in_float32
from MR2XRayLib.generators.unet import analysis_layer, synthesis_layer

CHANNELS_AT_FULL_RESOLUTION = 8


class SubpixelUNet(Generator):
    """The U-Net on the four phases of the image (every second pixel), which become channels of half the size.

    A plain U-Net spends half its time on the few channels that it has at full resolution. Here nothing of the
    image is lost, that time goes into twice the channels at half resolution, and the last step turns channels
    into the phases of the output (Shi et al., arXiv 1609.05158). At the bottom and after each synthesis layer but
    the finest stands a residual block (He et al., arXiv 1512.03385), which eases the training.

    Args:
        in_channels: number of input images.
        widths: channels of the analysis path, finest first, from a quarter of the resolution on.
        upsampling: "resize" or "transposed", see `upsampling_layer`.
        linear_path: whether the input reaches the output through a 1x1 convolution, see `Generator`.
    """

    image_layers = ("pixels", "last", "linear")

    def __init__(
        self,
        in_channels: int = 1,
        widths: Sequence[int] = (48, 96, 128, 128),
        upsampling: str = "resize",
        linear_path: bool = True,
    ) -> None:
        last = nn.Conv2d(CHANNELS_AT_FULL_RESOLUTION, 1, 3, padding=1)
        super().__init__(in_channels, 2 ** (len(widths) + 1), last, linear_path=linear_path)
        finest, coarsest, phases = widths[0], widths[-1], 4 * in_channels
        self.analysis = nn.ModuleList(
            analysis_layer(coming, going, normalise=level > 0)
            for level, (coming, going) in enumerate(zip((phases, *widths), widths, strict=False))
        )
        self.bottom = ResidualBlock(coarsest)
        outs = (*reversed(widths[:-1]), finest)
        ins = (coarsest, *(2 * width for width in outs[:-1]))
        self.synthesis = nn.ModuleList(
            nn.Sequential(
                synthesis_layer(coming, going, upsampling, dropout=0.0),
                nn.Identity() if layer == len(outs) - 1 else ResidualBlock(going),
            )
            for layer, (coming, going) in enumerate(zip(ins, outs, strict=True))
        )
        self.merge = nn.Sequential(
            nn.Conv2d(finest + phases, finest, 3, padding=1), nn.LeakyReLU(0.2, inplace=True)
        )
        self.phases = nn.PixelUnshuffle(2)
        self.pixels = nn.Sequential(
            nn.Conv2d(finest, 4 * CHANNELS_AT_FULL_RESOLUTION, 3, padding=1),
            nn.PixelShuffle(2),
            nn.ReLU(inplace=True),
        )

    def features(self, image: Tensor) -> Tensor:
        """Features at full resolution, (n, 8, rows, columns)."""
        skips = [self.phases(image)]
        for layer in self.analysis:
            skips.append(layer(skips[-1]))
        features = self.bottom(skips.pop())
        for layer in self.synthesis:
            features = torch.cat([layer(features), skips.pop()], dim=1)
        return in_float32(self.pixels, self.merge(features))


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions of x, with group norm and ReLU between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            group_norm(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(n, c, rows, columns) to the same shape."""
        return features + self.residual(features)
