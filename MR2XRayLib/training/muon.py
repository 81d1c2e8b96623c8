"""Muon: gradient descent whose step has, for every matrix of weights, equal singular values.

Keller Jordan et al., Muon: An optimizer for hidden layers in neural networks (2024). Adam scales each weight by
itself, and a step then turns a layer in a few directions only; an orthogonal step turns it in all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

MOMENTUM = 0.95
BETAS = (0.9, 0.99)
TINY = 1e-8
SMALLEST_MATRIX = 16
"""Layers with fewer channels in or out (the first and the last), biases and norms are left to Adam."""

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5
"""Jordan's quintic a·X + b·XXᵀX + c·(XXᵀ)²X; five rounds bring all singular values near 1, to about ±30 %."""


class Muon(Optimizer):
    """Muon for the convolutions between features, Adam for all other parameters.

    Args:
        network: whose parameters are trained.
        learning_rate: Adam's.
        matrix_learning_rate: Muon's: about the largest singular value of a step.
    """

    def __init__(self, network: nn.Module, learning_rate: float, matrix_learning_rate: float) -> None:
        parameters = list(network.parameters())
        matrices = [parameter for parameter in parameters if _is_matrix(parameter)]
        others = [parameter for parameter in parameters if not _is_matrix(parameter)]
        groups: list[dict[str, Any]] = [
            {"params": others, "lr": learning_rate, "matrices": False},
            {"params": matrices, "lr": matrix_learning_rate, "matrices": True},
        ]
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients at hand."""
        for group in self.param_groups:
            step = self._matrix_step if group["matrices"] else self._adam_step
            for parameter in _with_gradient(group["params"]):
                parameter.sub_(step(parameter), alpha=group["lr"])

    def _matrix_step(self, parameter: Tensor) -> Tensor:
        """The orthogonalised momentum (with Nesterov's look ahead) of a convolution's weights."""
        gradient = parameter.grad
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        mean = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        matrix = gradient.lerp(mean, MOMENTUM).flatten(1)  # type: ignore[union-attr]
        rows, columns = matrix.shape
        return orthogonalised(matrix).view(parameter.shape) * max(1.0, rows / columns) ** 0.5

    def _adam_step(self, parameter: Tensor) -> Tensor:
        """Adam's step (Kingma and Ba, arXiv 1412.6980) for a learning rate of 1."""
        gradient = parameter.grad
        state = self.state[parameter]
        if not state:
            state["steps"] = torch.zeros(())
            state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["steps"] += 1
        mean = state["mean"].lerp_(gradient, 1 - BETAS[0])
        square = state["square"].lerp_(gradient**2, 1 - BETAS[1])  # type: ignore[operator]
        mean, square = (m / (1 - b ** state["steps"]) for m, b in zip((mean, square), BETAS, strict=True))
        return mean / (square.sqrt() + TINY)


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix (rows, columns) with all its singular values brought near 1; in bfloat16, returned as given.

    Newton–Schulz iteration, which needs nothing but products of matrices.
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = ((matrix.mT if tall else matrix) / (matrix.norm() + TINY)).bfloat16()
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).to(matrix.dtype)


def _is_matrix(parameter: Tensor) -> bool:
    return parameter.ndim in (4, 5) and min(parameter.shape[:2]) >= SMALLEST_MATRIX


def _with_gradient(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [parameter for parameter in parameters if parameter.grad is not None]
