"""Tables and numbers in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from MR2XRayLib.evaluation.intervals import Estimate

DECIMALS = {"mae": 4, "rmse": 4, "mse": 5, "ssim": 3, "psnr": 1, "frc_mid": 3, "hp_corr": 3}
"""Of each number; those with `masked_` have the same."""

TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "mse": "MSE",
    "ssim": "SSIM",
    "psnr": "PSNR (dB)",
    "frc_mid": "FRC mid band",
    "hp_corr": "high-pass correlation",
}


def title_of(metric: str) -> str:
    """A number's name for people."""
    plain = metric.removeprefix("masked_")
    return TITLES[plain] + (", head" if plain != metric else "")


def number(value: float, metric: str) -> str:
    """A number with the decimals that it deserves; a dash where it is not defined."""
    if math.isnan(value):
        return "–"
    return f"{value:.{DECIMALS[metric.removeprefix('masked_')]}f}".replace("inf", "∞").replace("-", "−")


def with_interval(found: Estimate, metric: str) -> str:
    """A mean and its 95 % interval, where there is one."""
    if math.isnan(found.low):
        return number(found.mean, metric)
    return f"{number(found.mean, metric)} ({number(found.low, metric)} to {number(found.high, metric)})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table, the first column to the left, the others to the right, and an empty line after it."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return [*(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)), ""]
