"""The perceptual loss: how far the features of two images are apart."""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.training.vgg import VggFeatures

SMALLEST_CROP = 16
"""Pixels a side that VGG-19's four poolings leave one of."""


class PerceptualLoss(nn.Module):
    """Σ_k λ_k · mean|V_k(synthesized) − V_k(reference)| over the layers k of a network V.

    The paper's Eq. 2 with the absolute value that its print lacks. Each λ_k is 1 / (K · d_k), d_k being that mean on
    the first batch: K layers contribute equally at the start, and the loss begins at 1 (Chen and Koltun 2017, arXiv
    1707.09405, sec. 3.3). A layer that sees no difference yet waits for the first batch where it does. Between ranks
    of torch.distributed, d_k is averaged while training, so that all have the same λ.

    Args:
        features: V.
        crop: compare, while training, only one random square of so many pixels a side, the same for the whole batch;
            its place is from torch's global random state. In evaluation mode the whole image counts.

    Attributes:
        layer_weights: λ, float32 (K,); nan = not yet set. All that the state_dict holds.

    Raises:
        MR2XRayError: if the crop is too small.
    """

    layer_weights: Tensor

    def __init__(self, features: VggFeatures, crop: int | None = None) -> None:
        super().__init__()
        if crop is not None and crop < SMALLEST_CROP:
            raise MR2XRayError(
                f"The perceptual loss cannot work on a crop of {crop} pixels; give at least {SMALLEST_CROP}."
            )
        self.features = features
        self.crop = crop
        self.register_buffer("layer_weights", torch.full((len(features.layers),), torch.nan))

    def forward(self, synthesized: Tensor, reference: Tensor) -> Tensor:
        """A scalar, from two tensors (batch, 1, rows, columns) on [-1, 1]; its gradient goes to `synthesized`.

        Raises:
            MR2XRayError: if the images are smaller than the crop.
        """
        if self.crop is not None and self.training:
            synthesized, reference = _cropped(self.crop, synthesized, reference)
        with torch.no_grad():
            aims = self.features(reference)
        distances = torch.stack(
            [_distance(made, aim) for made, aim in zip(self.features(synthesized), aims, strict=True)]
        )
        if self.layer_weights.isnan().any():
            self._set_layer_weights(distances.detach())
        return (self.layer_weights.nan_to_num(0.0) * distances).sum()

    def _set_layer_weights(self, distances: Tensor) -> None:
        """Set those λ that are not yet set, from the distances of a batch."""
        if self.training and distributed.is_available() and distributed.is_initialized():
            distances = distances.clone()
            distributed.all_reduce(distances)
            distances /= distributed.get_world_size()
        due = self.layer_weights.isnan() & distances.isfinite() & (distances > 0)
        self.layer_weights[due] = 1.0 / (len(distances) * distances[due].to(self.layer_weights.dtype))


def _distance(made: Tensor, aim: Tensor) -> Tensor:
    """Mean absolute difference; the mean of bfloat16 features is float32."""
    return (made - aim).abs().mean(dtype=torch.promote_types(made.dtype, torch.float32))


def _cropped(crop: int, *images: Tensor) -> tuple[Tensor, ...]:
    """The same random square of each image."""
    rows, columns = images[0].shape[-2:]
    if min(rows, columns) < crop:
        raise MR2XRayError(
            f"The perceptual loss wants a crop of {crop} pixels of images of {rows} x {columns}; give a smaller crop."
        )
    top, left = (int(torch.randint(room + 1, ())) for room in (rows - crop, columns - crop))
    return tuple(image[..., top : top + crop, left : left + crop] for image in images)
