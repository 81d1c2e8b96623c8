"""Losses between synthesized and reference images on [-1, 1], and weighted sums of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


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


LOSSES: dict[str, type[nn.Module]] = {"l1": L1Loss, "gradient": GradientLoss}


class WeightedSum(nn.Module):
    """A weighted sum of named losses.

    Args:
        weights: from a name in `LOSSES` to its weight, {"l1": 1.0, "gradient": 2.0} say.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(weights)
        self.terms = nn.ModuleDict({name: LOSSES[name]() for name in weights})

    def forward(self, synthesized: Tensor, reference: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The sum, a scalar, and each term before weighting, for the log."""
        terms = {name: term(synthesized, reference) for name, term in self.terms.items()}
        total = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        return total, {name: term.item() for name, term in terms.items()}
