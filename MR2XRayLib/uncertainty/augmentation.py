"""`Augmentation`: a change of an image that should not change what is synthesized, and its undoing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad


@dataclass(frozen=True)
class Augmentation:
    """A mirror, a turn and a shift of an image, and a change of its brightness, in this order.

    Attributes:
        mirrored: left and right exchanged.
        turn_deg: about the middle of the image, from its columns' axis towards its rows' axis; bicubic.
        shift: by whole pixels, rows and columns; what comes in repeats the edge.
        brightness: the line integral of MR signal is multiplied by it; this alone is not undone, since an X-ray does
            not know the units of an MR.
    """

    mirrored: bool = False
    turn_deg: float = 0.0
    shift: tuple[int, int] = (0, 0)
    brightness: float = 1.0

    def done(self, image: Tensor, signal: Sequence[int] = (0,)) -> Tensor:
        """The changed image (n, c, rows, columns), on [-1, 1] where -1 is air.

        Args:
            image: to be changed; itself it stays as it is.
            signal: the channels that are signal. Other layers of an MR have units of their own.
        """
        image = image.flip(-1) if self.mirrored else image
        image = shifted(turned(image, self.turn_deg), self.shift).clone()
        image[:, list(signal)] = image[:, list(signal)] * self.brightness + (self.brightness - 1)
        return image

    def undone(self, image: Tensor) -> Tensor:
        """The image (n, c, rows, columns) that was synthesized from a changed one, back in its place."""
        rows, columns = self.shift
        image = turned(shifted(image, (-rows, -columns)), -self.turn_deg)
        return image.flip(-1) if self.mirrored else image


def shifted(image: Tensor, by: tuple[int, int]) -> Tensor:
    """The image moved down and to the right by whole pixels; what comes in repeats the edge."""
    margin = max(map(abs, by))
    if margin == 0:
        return image
    rows, columns = image.shape[-2:]
    top, left = margin - by[0], margin - by[1]
    padded = pad(image, (margin,) * 4, mode="replicate")
    return padded[..., top : top + rows, left : left + columns]


def turned(image: Tensor, degrees: float) -> Tensor:
    """The image turned about its middle, from the columns' axis towards the rows' axis; corners repeat the edge."""
    if degrees == 0:
        return image
    rows, columns = image.shape[-2:]
    angle = math.radians(degrees)
    down, right = torch.meshgrid(
        torch.arange(rows) - (rows - 1) / 2, torch.arange(columns) - (columns - 1) / 2, indexing="ij"
    )
    # Where each pixel of the turned image comes from; grid_sample wants the outer edges at -1 and 1.
    from_right = math.cos(angle) * right + math.sin(angle) * down
    from_down = math.cos(angle) * down - math.sin(angle) * right
    grid = torch.stack([2 * from_right / columns, 2 * from_down / rows], dim=-1).to(image.dtype)
    grid = grid.expand(len(image), -1, -1, -1)
    return grid_sample(image, grid, mode="bicubic", padding_mode="border", align_corners=False)
