"""The residual network of Johnson et al. (arXiv 1603.08155) with nine residual blocks."""

from __future__ import annotations

from torch import Tensor, nn

from MR2XRayLib.generators.base import Generator, upsampling_layer


class ResNet(Generator):
    """c7s1-c, d2c, d4c, residual blocks of 4c, u2c, uc, c7s1-1, in Johnson's notation; c is 64 in the paper.

    Instance norm, and reflection padding in place of zeros, which draw a frame. Two strides of 2 ask for
    sides divisible by 4; 8 is asked for, because reflection needs two pixels at the coarsest level.

    Args:
        in_channels: number of input images.
        channels: at full resolution.
        blocks: number of residual blocks.
        upsampling: "resize" or "transposed", see `upsampling_layer`.
        linear_path: whether the input reaches the output through a 1x1 convolution, see `Generator`.
    """

    def __init__(
        self,
        in_channels: int = 1,
        channels: int = 64,
        blocks: int = 9,
        upsampling: str = "resize",
        linear_path: bool = True,
    ) -> None:
        last = nn.Conv2d(channels, 1, 7, padding=3, padding_mode="reflect")
        super().__init__(in_channels, 8, last, linear_path=linear_path)
        self.analysis = nn.Sequential(
            *normalised(_convolution(in_channels, channels, 7), channels),
            *normalised(_convolution(channels, 2 * channels, 3, stride=2), 2 * channels),
            *normalised(_convolution(2 * channels, 4 * channels, 3, stride=2), 4 * channels),
        )
        self.residual = nn.Sequential(*(ResidualBlock(4 * channels) for _ in range(blocks)))
        self.synthesis = nn.Sequential(
            *normalised(upsampling_layer(4 * channels, 2 * channels, upsampling, kernel=3), 2 * channels),
            *normalised(upsampling_layer(2 * channels, channels, upsampling, kernel=3), channels),
        )

    def features(self, image: Tensor) -> Tensor:
        """Features at full resolution, (n, channels, rows, columns)."""
        return self.synthesis(self.residual(self.analysis(image)))


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions of x; no activation after the sum (Gross and Wilber's form, as Johnson's)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *normalised(_convolution(channels, channels, 3), channels),
            _convolution(channels, channels, 3),
            nn.InstanceNorm2d(channels, affine=True),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(n, c, rows, columns) to the same shape."""
        return features + self.residual(features)


def normalised(layer: nn.Module, channels: int) -> tuple[nn.Module, ...]:
    """A layer without bias, its instance norm and ReLU."""
    return layer, nn.InstanceNorm2d(channels, affine=True), nn.ReLU(inplace=True)


def _convolution(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel,
        stride=stride,
        padding=kernel // 2,
        padding_mode="reflect",
        bias=False,
    )
