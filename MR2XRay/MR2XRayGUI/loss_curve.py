"""The curve of a training's loss, drawn into a label of the panel.

Not a plot node of MRML: while a job runs the scene stays as it is, and so do the views that the user arranged.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import qt

WIDTH, HEIGHT = 300, 90
"""Of the picture, in pixels."""

TEXT_WIDTH, TEXT_HEIGHT, MARGIN = 56, 12, 4
"""Of the highest and the lowest value in numbers, at the left; and what stays free around the curve."""

CURVE, NUMBERS = (46, 134, 222), (128, 128, 128)
"""Colours that stand out from a light panel and from a dark one."""


class LossCurve:
    """Draws the losses told so far, at even steps.

    Args:
        label: shows the picture; hidden until there are two losses.
    """

    def __init__(self, label: Any) -> None:
        self._label = label
        self.clear()

    def clear(self) -> None:
        """Forget what was told: another training begins."""
        self._losses: list[float] = []
        self._label.visible = False

    def add(self, loss: float) -> None:
        """Go on to the newest loss; what is not finite has no place in a curve and is passed over."""
        if math.isfinite(loss):
            self._losses.append(loss)
        if len(self._losses) > 1:
            self._label.setPixmap(picture(self._losses))
            self._label.visible = True


def picture(losses: list[float]) -> Any:
    """A QPixmap of at least two losses, with the highest and the lowest in numbers."""
    most = WIDTH - TEXT_WIDTH - 2 * MARGIN
    # More losses than pixels become means of neighbours.
    values = np.array([part.mean() for part in np.array_split(losses, min(most, len(losses)))])
    pixmap = qt.QPixmap(WIDTH, HEIGHT)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    painter.setPen(qt.QColor(*NUMBERS))
    painter.drawText(0, TEXT_HEIGHT, f"{values.max():.3g}")
    painter.drawText(0, HEIGHT - MARGIN, f"{values.min():.3g}")
    painter.setPen(qt.QColor(*CURVE))
    across, down = _positions(values, most)
    for n in range(1, len(values)):
        painter.drawLine(across[n - 1], down[n - 1], across[n], down[n])
    # A painter that is still at work when its pixmap is shown or destroyed crashes the program.
    painter.end()
    return pixmap


def _positions(values: np.ndarray, width: int) -> tuple[list[int], list[int]]:
    """Pixels from the left and from the top."""
    share = (values - values.min()) / (np.ptp(values) or 1.0)
    across = TEXT_WIDTH + MARGIN + np.linspace(0, width, len(values))
    down = MARGIN + (1 - share) * (HEIGHT - 2 * MARGIN)
    return across.round().astype(int).tolist(), down.round().astype(int).tolist()
