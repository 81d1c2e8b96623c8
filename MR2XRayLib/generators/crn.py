"""The cascaded refinement network of Chen and Koltun (arXiv 1707.09405) with eight refinement modules."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from MR2XRayLib.generators.base import Generator, Twice


class CRN(Generator):
    """Refinement modules from coarse to fine; each sees the input at its own resolution.

    With eight modules the coarsest works at 1/128 of the resolution: 4x4 for an image of 512x512, as in the
    paper, 2x2 for one of 256x256.

    Args:
        in_channels: number of input images.
        widths: channels of the modules, coarsest first.
        linear_path: whether the input reaches the output through a 1x1 convolution, see `Generator`.
    """

    def __init__(
        self,
        in_channels: int = 1,
        widths: Sequence[int] = (1024, 1024, 1024, 1024, 1024, 512, 512, 128),
        linear_path: bool = True,
    ) -> None:
        super().__init__(
            in_channels, 2 ** (len(widths) - 1), nn.Conv2d(widths[-1], 1, 1), linear_path=linear_path
        )
        self.refine = nn.ModuleList(
            refinement_module(coming + in_channels, going)
            for coming, going in zip((0, *widths), widths, strict=False)
        )
        self.twice = Twice()

    def features(self, image: Tensor) -> Tensor:
        """Features at full resolution, (n, widths[-1], rows, columns)."""
        coarsest, *finer = [self.reduced(image, level) for level in reversed(range(len(self.refine)))]
        features = self.refine[0](coarsest)
        for module, reduced in zip(self.refine[1:], finer, strict=True):
            features = module(torch.cat([self.twice(features), reduced], dim=1))
        return features

    @staticmethod
    def reduced(image: Tensor, level: int) -> Tensor:
        """The image resized by area, with 1/2**level of its rows and columns."""
        return torch.nn.functional.avg_pool2d(image, 2**level) if level else image


def refinement_module(in_channels: int, out_channels: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with layer norm over channels, rows and columns, and LeakyReLU .2."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.GroupNorm(1, out_channels),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        nn.GroupNorm(1, out_channels),
        nn.LeakyReLU(0.2, inplace=True),
    )
