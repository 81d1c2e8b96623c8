"""The U-Net with strided convolutions in place of pooling (arXiv 1710.07498, section II.A, after pix2pix)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from MR2XRayLib.generators.base import Generator, group_norm, upsampling_layer

LAYERS_WITH_DROPOUT = 3
"""The first layers of the synthesis path, coarsest first, that drop values while training (paper, II.A)."""


class UNet(Generator):
    """Analysis path down, synthesis path up, and a skip connection at every resolution.

    Ronneberger et al. (arXiv 1505.04597) in the form of Isola et al. (arXiv 1611.07004): 4x4 convolutions of
    stride 2 instead of pooling, dropout in the first three layers of the synthesis path. The input itself is
    the outermost skip connection, so that detail of one pixel need not pass through half resolution.

    Args:
        in_channels: number of input images.
        widths: channels of the analysis path, finest first; their number is the depth.
        upsampling: "resize" or "transposed", see `upsampling_layer`.
        dropout: probability of dropping a value (the paper keeps .5).
        linear_path: whether the input reaches the output through a 1x1 convolution, see `Generator`.
    """

    def __init__(
        self,
        in_channels: int = 1,
        widths: Sequence[int] = (64, 128, 256, 512, 512, 512, 512, 512),
        upsampling: str = "resize",
        dropout: float = 0.5,
        linear_path: bool = True,
    ) -> None:
        finest = widths[0]
        super().__init__(
            in_channels, 2 ** len(widths), nn.Conv2d(finest, 1, 3, padding=1), linear_path=linear_path
        )
        self.analysis = nn.ModuleList(
            analysis_layer(coming, going, normalise=level > 0)
            for level, (coming, going) in enumerate(zip((in_channels, *widths), widths, strict=False))
        )
        outs = (*reversed(widths[:-1]), finest)
        ins = (widths[-1], *(2 * width for width in outs[:-1]))
        self.synthesis = nn.ModuleList(
            synthesis_layer(coming, going, upsampling, dropout if layer < LAYERS_WITH_DROPOUT else 0.0)
            for layer, (coming, going) in enumerate(zip(ins, outs, strict=True))
        )
        self.merge = nn.Sequential(
            nn.Conv2d(finest + in_channels, finest, 3, padding=1), nn.LeakyReLU(0.2, inplace=True)
        )

    def features(self, image: Tensor) -> Tensor:
        """Features at full resolution, (n, widths[0], rows, columns)."""
        skips = [image]
        for layer in self.analysis:
            skips.append(layer(skips[-1]))
        features = skips.pop()
        for layer in self.synthesis:
            features = torch.cat([layer(features), skips.pop()], dim=1)
        return self.merge(features)


def analysis_layer(in_channels: int, out_channels: int, normalise: bool) -> nn.Sequential:
    """Half the rows and columns; pix2pix does not normalise the first layer, which still sees amplitudes."""
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=not normalise)
    ]
    if normalise:
        layers.append(group_norm(out_channels))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2, inplace=True))


def synthesis_layer(in_channels: int, out_channels: int, upsampling: str, dropout: float) -> nn.Sequential:
    """Twice the rows and columns; while training, drops values with probability `dropout`."""
    layers = [upsampling_layer(in_channels, out_channels, upsampling, kernel=4), group_norm(out_channels)]
    if dropout > 0:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))
