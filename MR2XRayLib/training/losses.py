"""Losses between synthesized and reference images on [-1, 1], and weighted sums of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from MR2XRayLib.errors import MR2XRayError


class L1Loss(nn.Module):
    """Mean absolute difference (the paper's Eq. 1 as a mean)."""

    def forward(self, synthesized: Tensor, reference: Tensor) -> Tensor:
        """A scalar, from two tensors (batch, 1, rows, columns)."""
        return (synthesized - reference).abs().mean()


class L2Loss(nn.Module):
    """Mean squared difference: its minimum is the mean of what is likely, where L1's is the median.

    Of rare and bright voxels, like bone, L1 for long finds that there are none.
    """

    def forward(self, synthesized: Tensor, reference: Tensor) -> Tensor:
        """A scalar, from two tensors of one shape."""
        return (synthesized - reference).square().mean()


class GradientLoss(nn.Module):
    """Mean absolute difference of the images' gradients (forward differences along rows and columns).

    It weighs edges, which L1 alone lets blur (Mathieu et al. 2016, arXiv 1511.05440, Eq. 6 with exponent 1, on
    signed gradients).
    """

    def forward(self, synthesized: Tensor, reference: Tensor) -> Tensor:
        """A scalar, from two tensors (batch, 1, rows, columns)."""
        difference = synthesized - reference
        along_rows = torch.diff(difference, dim=-2).abs().mean()
        along_columns = torch.diff(difference, dim=-1).abs().mean()
        return along_rows + along_columns


class LaplacianLoss(nn.Module):
    """Mean absolute difference of the images' Laplacians (four neighbours).

    It weighs the finest detail most: its factor grows with the square of the spatial frequency, where natural
    images' amplitudes fall about as 1/f, so that L1 and gradient hardly see it.
    """

    def forward(self, synthesized: Tensor, reference: Tensor) -> Tensor:
        """A scalar, from two tensors (batch, 1, rows, columns)."""
        difference = synthesized - reference
        neighbours = (
            difference[..., :-2, 1:-1]
            + difference[..., 2:, 1:-1]
            + difference[..., 1:-1, :-2]
            + difference[..., 1:-1, 2:]
        )
        return (neighbours - 4 * difference[..., 1:-1, 1:-1]).abs().mean()


class ProjectedLoss(nn.Module):
    """Of volumes: L1, gradient and Laplacian loss of their parallel projections along the three axes.

    What an error adds up to along a ray counts, not what it is in each voxel: thin bone that is a voxel off, or bone
    that is everywhere a little too light.
    """

    def __init__(self) -> None:
        super().__init__()
        self.of_images = ((1.0, L1Loss()), (10.0, GradientLoss()), (5.0, LaplacianLoss()))

    def forward(self, synthesized: Tensor, reference: Tensor) -> Tensor:
        """A scalar, from two tensors (batch, 1, nk, nj, ni)."""
        sums = [(synthesized - reference).sum(dim=axis) for axis in (2, 3, 4)]
        return sum(
            weight * loss(difference, torch.zeros_like(difference))
            for difference in sums
            for weight, loss in self.of_images
        )  # type: ignore[return-value]


def _perceptual(vgg: Path | None) -> nn.Module:
    from MR2XRayLib.training.perceptual import PerceptualLoss
    from MR2XRayLib.training.vgg import load_vgg

    return PerceptualLoss(load_vgg(vgg), PERCEPTUAL_CROP_PX)


PERCEPTUAL_CROP_PX = 128
"""VGG-19 on a whole image of 256 x 256 takes several times as long as a compact generator's training step."""

LOSSES: dict[str, Callable[[Path | None], nn.Module]] = {
    "l1": lambda vgg: L1Loss(),
    "l2": lambda vgg: L2Loss(),
    "gradient": lambda vgg: GradientLoss(),
    "laplacian": lambda vgg: LaplacianLoss(),
    "perceptual": _perceptual,
}
"""Of images: from a loss's name to what makes it; the path is that of VGG-19's weights."""

VOLUME_LOSSES: dict[str, Callable[[Path | None], nn.Module]] = {"projected": lambda vgg: ProjectedLoss()}
"""Of volumes alone; "l1" and "l2" are of both."""


def check_names(names: Iterable[str]) -> None:
    """Refuse a name that is no loss's of images.

    Raises:
        MR2XRayError: naming those that there are.
    """
    unknown = [name for name in names if name not in LOSSES]
    if unknown:
        raise MR2XRayError(f'There is no loss "{unknown[0]}"; choose among {", ".join(LOSSES)}.')


class WeightedSum(nn.Module):
    """A weighted sum of named losses.

    Args:
        weights: from a name in `LOSSES`, or of volumes in `VOLUME_LOSSES`, to its weight: {"l1": 1.0, "gradient": 2}.
        vgg: VGG-19's weights for a perceptual loss, see `vgg.load_vgg`.

    Raises:
        MR2XRayError: if there is no loss of a name, or VGG-19's weights are needed and cannot be had.
    """

    def __init__(self, weights: Mapping[str, float], vgg: Path | None = None) -> None:
        super().__init__()
        made = LOSSES | VOLUME_LOSSES
        check_names(name for name in weights if name not in VOLUME_LOSSES)
        self.weights = dict(weights)
        self.terms = nn.ModuleDict({name: made[name](vgg) for name in weights})

    def forward(self, synthesized: Tensor, reference: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The sum, a scalar, and each term before weighting, for the log."""
        terms = {name: term(synthesized, reference) for name, term in self.terms.items()}
        total = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        return total, {name: term.item() for name, term in terms.items()}
