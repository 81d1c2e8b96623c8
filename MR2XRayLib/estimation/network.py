"""`VolumeUNet`: the 3D network that estimates attenuation from MR, voxel by voxel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate, layer_norm

PHASES = 8
"""Of a volume: every second voxel along each of three axes."""

TINY = 1e-4
"""Added to the variance of a voxel's channels."""


class VolumeUNet(nn.Module):
    """A U-Net on the eight phases of a volume, which become channels of half its size along each axis.

    The volume's counterpart of `generators.subpixel.SubpixelUNet`: nothing of the volume is lost, and no convolution
    runs at full resolution. Skips are added, not concatenated. Normalisation is of each voxel's channels alone: it is
    trained on blocks and used on whole heads, whose means and deviations differ.

    Args:
        widths: channels at half, quarter, ... resolution.
    """

    def __init__(self, widths: Sequence[int] = (48, 80, 96, 96)) -> None:
        super().__init__()
        self.multiple = 2 ** len(widths)
        self.first = nn.Conv3d(PHASES, widths[0], 3, padding=1)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(
            nn.Sequential(
                ChannelNorm(),
                nn.ReLU(),
                nn.Conv3d(fine, coarse, 3, stride=2, padding=1),
                VolumeBlock(coarse),
            )
            for fine, coarse in pairs
        )
        self.up = nn.ModuleList(nn.Conv3d(coarse, fine, 1) for fine, coarse in reversed(pairs))
        self.blocks = nn.ModuleList(VolumeBlock(fine) for fine, _ in reversed(pairs))
        self.last = nn.Sequential(ChannelNorm(), nn.ReLU(), nn.Conv3d(widths[0], PHASES, 3, padding=1))

    def forward(self, volume: Tensor) -> Tensor:
        """(n, 1, nk, nj, ni) to the same shape; sizes must be divisible by `multiple`."""
        skips = [self.first(phases(volume))]
        for down in self.down:
            skips.append(down(skips[-1]))
        features = skips.pop()
        for up, block in zip(self.up, self.blocks, strict=True):
            features = block(interpolate(up(features), scale_factor=2.0, mode="nearest") + skips.pop())
        return voxels(self.last(features))


class VolumeBlock(nn.Module):
    """x + two 3x3x3 convolutions of x; at first x itself, since the second convolution starts at zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv3d(channels, channels, 3, padding=1) for _ in range(2))
        nn.init.zeros_(second.weight)
        nn.init.zeros_(second.bias)  # type: ignore[arg-type]
        self.residual = nn.Sequential(ChannelNorm(), nn.ReLU(), first, nn.ReLU(inplace=True), second)

    def forward(self, features: Tensor) -> Tensor:
        """(n, c, nk, nj, ni) to the same shape."""
        return features + self.residual(features)


class ChannelNorm(nn.Module):
    """Each voxel's channels, less their mean and over their deviation (Ba et al., arXiv 1607.06450).

    It has no weights: the convolution that follows has them, and in bfloat16 torch sums their gradients over all
    voxels so coarsely that up to all of a gradient is lost.
    """

    def forward(self, features: Tensor) -> Tensor:
        """(n, c, nk, nj, ni) to the same shape."""
        # Channels are innermost in memory, where torch's fused kernel takes a quarter of the time of the formula.
        innermost = features.movedim(1, -1)
        return layer_norm(innermost, innermost.shape[-1:], eps=TINY).movedim(-1, 1)


def phases(volume: Tensor) -> Tensor:
    """(n, 1, 2k, 2j, 2i) to (n, 8, k, j, i): the inverse of `voxels`."""
    n, _, nk, nj, ni = volume.shape
    parts = volume.view(n, nk // 2, 2, nj // 2, 2, ni // 2, 2)
    return parts.permute(0, 2, 4, 6, 1, 3, 5).reshape(n, PHASES, nk // 2, nj // 2, ni // 2)


def voxels(channels: Tensor) -> Tensor:
    """(n, 8, k, j, i) to (n, 1, 2k, 2j, 2i): what PixelShuffle (arXiv 1609.05158) does in 2D."""
    n, _, k, j, i = channels.shape
    parts = channels.reshape(n, 2, 2, 2, k, j, i).permute(0, 4, 1, 5, 2, 6, 3)
    return parts.reshape(n, 1, 2 * k, 2 * j, 2 * i)
