"""`Synthesizer`: projections of MR in, projections of attenuation out."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import conv2d, interpolate, pad

from MR2XRayLib import __version__
from MR2XRayLib.carm import View
from MR2XRayLib.device import resolve_device
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.applicability import pitch_at_isocentre_mm
from MR2XRayLib.generators.base import Generator
from MR2XRayLib.generators.channels import absent_names, channels_of, filled, in_places
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection.projections import Projections
from MR2XRayLib.scale import from_unit, to_unit

PITCH_TOLERANCE = 0.02
"""Pixels are resampled when their pitch at the isocentre differs by more than this share from the trained."""

AIR = -1.0
MOST_PIXELS_A_SIDE = 4096

Precision = Literal["float32", "bfloat16"]
PRECISIONS: dict[Precision, tuple[torch.dtype, str]] = {
    "float32": (torch.float32, "float32"),
    "bfloat16": (torch.bfloat16, "bfloat16 preview"),
}
"""The type in which the network calculates, and what the provenance calls it."""

WORTH_IT = 0.8
"""Previews are made where a convolution in bfloat16 takes less than this share of its time in float32."""


class Synthesizer:
    """A trained generator on a device.

    Each view by itself goes onto the generator's scale and pixel pitch at the isocentre, is padded with air,
    synthesized, cropped, resampled back and returned to line integrals. In float32, without TF32 and with
    deterministic kernels: these are measurements. Air outside the head is synthesized like the rest, not masked: what a
    generator invents there must be seen.

    "bfloat16" is for previews, shown while a slider moves and never measured or kept; their provenance says
    "bfloat16 preview". On a CPU that multiplies bfloat16 (AVX-512 BF16, AMX) they take half to two thirds of the time.
    Line integrals differ from those in float32 by 0.001 on average and by 0.02 at most: measured by
    `python Testing/benchmarks/live.py` for the default generator and for "projection-only".

    Attributes:
        trained: the generator with its card; it is moved to the device.
        device: the torch device in use.
        precision: in which the network calculates.
    """

    def __init__(
        self, trained: TrainedGenerator, device: str = "auto", precision: Precision = "float32"
    ) -> None:
        self.trained = trained
        self.device = resolve_device(device)
        self.precision = precision
        # The generator itself stays in float32, for a synthesizer beside this one.
        own = trained.generator.to(self.device, torch.float32).eval()
        self._network = own if precision == "float32" else with_features_in_bfloat16(own)
        # On CPUs convolution and interpolation are a quarter quicker with channels innermost (measured on a
        # U-Net); on GPUs the kernels that are known to repeat their results stay.
        self._layout = torch.channels_last if self.device == "cpu" else torch.contiguous_format
        self._network.to(memory_format=self._layout)  # type: ignore[call-overload]

    def synthesize(self, *contrasts: Projections | None, progress: Progress = silent) -> Projections:
        """Line integrals of attenuation (unit 1, at least 0) for the views of the MR projections.

        Args:
            contrasts: one `Projections` in mm for each contrast of the card, in its order, of the same views. Where
                the card says that contrasts are optional, None is an absent one, and so is one after the last. Each
                holds the layers that the card names, see `mr_layers.project_mr`.
            progress: told "synthesizing" and the share of views done.

        Raises:
            MR2XRayError: if contrasts are missing that the generator needs, or some are not in mm, not finite, or
                not of the same views.
        """
        placed = filled(contrasts, self.trained.card)
        self._check(placed)
        channels, views = channels_of(placed, self.trained.card), placed[0].views
        pixels = np.empty(placed[0].pixels.shape, np.float32)
        # Full precision on CUDA, where convolutions would otherwise round to TF32, and no run-time choice.
        with torch.inference_mode(), torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
            for index, view in enumerate(views):
                progress("synthesizing", index / len(views))
                pixels[index] = self._one_view(channels[index], view)
        progress("synthesizing", 1.0)
        return Projections(pixels, views, "1", self._provenance(contrasts))

    def _one_view(self, pixels_mm: np.ndarray, view: View) -> np.ndarray:
        """Line integrals (rows, columns) of one view from those of MR (channels, rows, columns), mm."""
        card = self.trained.card
        image = torch.from_numpy(to_unit(pixels_mm.astype(np.float32), card.input.full_scale_mm))[None]
        # Resampled on the CPU: not every device has the antialiased kernel, and all then see the same image.
        image = resampled(image, trained_grid(view, card.geometry.pitch_at_isocentre_mm))
        image = resampled(self.through_network(image), (view.rows, view.columns))
        return from_unit(image, card.output.full_scale).clamp_(min=0)[0, 0].numpy()

    def through_network(self, image: torch.Tensor) -> torch.Tensor:
        """What the network makes of an image on its own grid; padded with air for it, and cropped again.

        A member of an uncertainty (`MR2XRayLib.uncertainty`) varies this step and no other.

        Args:
            image: (1, channels, rows, columns) on [-1, 1], on the CPU.

        Returns:
            (1, 1, rows, columns) on [-1, 1], on the CPU.
        """
        rows, columns = image.shape[-2:]
        padded, top, left = padded_with_air(image, self._network.multiple)
        padded = padded.to(self.device, memory_format=self._layout)
        with torch.autocast(
            torch.device(self.device).type, torch.bfloat16, enabled=self.precision == "bfloat16"
        ):
            synthesized = self._network(padded).cpu()
        return synthesized[..., top : top + rows, left : left + columns]

    def _check(self, contrasts: Sequence[Projections]) -> None:
        card = self.trained.card
        for contrast in contrasts:
            if contrast.unit != card.input.unit:
                raise MR2XRayError(
                    f'The generator "{card.name}" takes projections of normalised MR in mm, not in '
                    f'"{contrast.unit}"; project the MR volume again as mr.'
                )
            if not np.isfinite(contrast.pixels).all():
                raise MR2XRayError("A projection holds NaN or infinite pixels; project the volume again.")
            if not same_views(contrast.views, contrasts[0].views):
                raise MR2XRayError(
                    "The projections of the MR contrasts are not of the same views; project them again."
                )

    def _provenance(self, contrasts: Sequence[Projections | None]) -> dict[str, object]:
        card = self.trained.card
        given = [contrast for contrast in contrasts if contrast is not None]
        warnings = [sentence for contrast in given for sentence in card.outside_training(contrast)]
        return {
            "step": "synthesize",
            "library": f"MR2XRayLib {__version__}",
            "generator": {"name": card.name, "version": card.version, "sha256": card.weights_sha256},
            "device": self.device,
            "precision": PRECISIONS[self.precision][1],
            "outside_training": list(dict.fromkeys(warnings)),
            "input": [dict(contrast.provenance) for contrast in given],
            "absent": list(absent_names(in_places(contrasts, card), card)),
        }


def with_features_in_bfloat16(generator: Generator) -> Generator:
    """A copy, for use under autocast, whose weights are in bfloat16 but for those that make the image of the features.

    Autocast alone would round all weights anew for each image.
    """
    copied = copy.deepcopy(generator)
    for name, layer in copied.named_children():
        if name not in generator.image_layers:
            layer.to(torch.bfloat16)
    return copied


def previewing(synthesizer: Synthesizer) -> Synthesizer | None:
    """The same generator in bfloat16, where that is worth it on this machine; None where it is not."""
    if synthesizer.device != "cpu" or not bfloat16_is_worth_it():
        return None
    return Synthesizer(synthesizer.trained, synthesizer.device, "bfloat16")


@cache
def bfloat16_is_worth_it() -> bool:
    """Whether this processor multiplies bfloat16 so much quicker than float32 that previews are worth it.

    A convolution of a generator's kind is timed, once in the life of the program. No whole generator: on a thread of
    Slicer's, each of its hundred operations would wait for the interpreter lock. For the same reason processor time
    counts.
    """
    seconds = _seconds_of_convolution()
    return seconds["bfloat16"] < WORTH_IT * seconds["float32"]


def _seconds_of_convolution() -> dict[Precision, float]:
    """In each precision, by turns; the least of several, since other work on the machine only adds to it."""
    seconds: dict[Precision, float] = dict.fromkeys(PRECISIONS, math.inf)
    shapes = (1, 64, 64, 64), (64, 64, 3, 3)
    given = {
        precision: [torch.zeros(shape, dtype=dtype).to(memory_format=torch.channels_last) for shape in shapes]
        for precision, (dtype, _) in PRECISIONS.items()
    }
    with torch.inference_mode():
        for _ in range(15):
            for precision, (image, weights) in given.items():
                began = time.thread_time()
                conv2d(image, weights, padding=1)
                seconds[precision] = min(seconds[precision], time.thread_time() - began)
    return seconds


def same_views(views: Sequence[View], others: Sequence[View]) -> bool:
    """Whether two lists of views look along the same rays, to 1e-6 of a pixel step and a micrometre."""
    return len(views) == len(others) and all(
        (a.rows, a.columns) == (b.rows, b.columns)
        and np.allclose(a.source_mm, b.source_mm, atol=1e-3)
        and np.allclose(a.corner_mm, b.corner_mm, atol=1e-3)
        and np.allclose(a.column_step_mm, b.column_step_mm, atol=1e-6)
        and np.allclose(a.row_step_mm, b.row_step_mm, atol=1e-6)
        for a, b in zip(views, others, strict=True)
    )


def trained_grid(view: View, pitch_mm: float) -> tuple[int, int]:
    """Rows and columns that divide the view's detector into pixels of `pitch_mm` at the isocentre.

    The view's own where the pitch differs by no more than 2 %.

    Raises:
        MR2XRayError: if the grid would be absurdly large.
    """
    rows, columns = (
        size if abs(pitch / pitch_mm - 1) <= PITCH_TOLERANCE else max(1, round(size * pitch / pitch_mm))
        for size, pitch in zip((view.rows, view.columns), pitch_at_isocentre_mm(view).tolist(), strict=True)
    )
    if max(rows, columns) > MOST_PIXELS_A_SIDE:
        raise MR2XRayError(
            f"At the generator's {pitch_mm:.2f} mm a pixel this view has {rows} rows and {columns} columns, more "
            f"than {MOST_PIXELS_A_SIDE}; choose a smaller detector."
        )
    return rows, columns


def resampled(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The image (n, c, rows, columns) on another grid over the same detector: the outer edges stay.

    Bicubic; when pixels grow, the kernel grows with them, so that fine detail does not alias.
    """
    if tuple(image.shape[-2:]) == size:
        return image
    return interpolate(image, size=size, mode="bicubic", antialias=True)


def padded_with_air(image: torch.Tensor, multiple: int) -> tuple[torch.Tensor, int, int]:
    """The image in the middle of air with sides divisible by `multiple`; and its first row and column."""
    rows, columns = image.shape[-2:]
    vertical, horizontal = -rows % multiple, -columns % multiple
    top, left = vertical // 2, horizontal // 2
    return pad(image, (left, horizontal - left, top, vertical - top), value=AIR), top, left
