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


def _perceptual(vgg: Path | None) -> nn.Module:
    from MR2XRayLib.training.perceptual import PerceptualLoss
    from MR2XRayLib.training.vgg import load_vgg

    return PerceptualLoss(load_vgg(vgg), PERCEPTUAL_CROP_PX)


PERCEPTUAL_CROP_PX = 128
"""VGG-19 on a whole image of 256 x 256 takes several times as long as a compact generator's training step."""

LOSSES: dict[str, Callable[[Path | None], nn.Module]] = {
    "l1": lambda vgg: L1Loss(),
    "gradient": lambda vgg: GradientLoss(),
    "laplacian": lambda vgg: LaplacianLoss(),
    "perceptual": _perceptual,
}
"""From a loss's name to what makes it; the path is that of VGG-19's weights."""


def check_names(names: Iterable[str]) -> None:
    """Refuse a name that is no loss's.

    Raises:
        MR2XRayError: naming those that there are.
    """
    unknown = [name for name in names if name not in LOSSES]
    if unknown:
        raise MR2XRayError(f'There is no loss "{unknown[0]}"; choose among {", ".join(LOSSES)}.')


class WeightedSum(nn.Module):
    """A weighted sum of named losses.

    Args:
        weights: from a name in `LOSSES` to its weight, {"l1": 1.0, "gradient": 2.0} say.
        vgg: VGG-19's weights for a perceptual loss, see `vgg.load_vgg`.

    Raises:
        MR2XRayError: if there is no loss of a name, or VGG-19's weights are needed and cannot be had.
    """

    def __init__(self, weights: Mapping[str, float], vgg: Path | None = None) -> None:
        super().__init__()
        check_names(weights)
        self.weights = dict(weights)
        self.terms = nn.ModuleDict({name: LOSSES[name](vgg) for name in weights})

    def forward(self, synthesized: Tensor, reference: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The sum, a scalar, and each term before weighting, for the log."""
        terms = {name: term(synthesized, reference) for name, term in self.terms.items()}
        total = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        return total, {name: term.item() for name, term in terms.items()}
