"""VGG-19's features of images on [-1, 1], which the perceptual loss compares.

Weights come from a file of the user's, or from a download whose SHA-256 is known. Of pickles, only torchvision's own
file is opened, and only after its SHA-256 was found right.

Simonyan and Zisserman 2015, arXiv 1409.1556, configuration E.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.user_folders import NAME

VGG_VARIABLE = "MR2XRAY_VGG"
"""Environment variable with the path of a weights file."""

VGG_FILE = "vgg19-dcbb9e9d.pth"
VGG_URL = f"https://download.pytorch.org/models/{VGG_FILE}"
VGG_SHA256 = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
"""Of torchvision's file of 574,673,361 bytes; the file's name carries the first eight digits."""

LAYERS = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")
"""After whose ReLU features are taken, as Chen and Koltun 2017 (arXiv 1707.09405) do and the paper after them."""

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue on [0, 1]."""


class Convolution(NamedTuple):
    """One of VGG-19's 3x3 convolutions: its name, torchvision's number for it, and its channels."""

    name: str
    number: int
    channels_in: int
    channels_out: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its tensors by torchvision's keys."""
        return {
            f"features.{self.number}.weight": (self.channels_out, self.channels_in, 3, 3),
            f"features.{self.number}.bias": (self.channels_out,),
        }


def _convolutions() -> Iterator[Convolution]:
    number, channels = 0, 3
    for block, (width, depth) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), start=1):
        for place in range(1, depth + 1):
            yield Convolution(f"conv{block}_{place}", number, channels, width)
            number, channels = number + 2, width  # a ReLU has a number too
        number += 1  # and so has the pooling after a block


CONVOLUTIONS = tuple(_convolutions())


class VggFeatures(nn.Module):
    """VGG-19 up to the last layer that is wanted.

    The weights are buffers that no state_dict holds: nothing trains them, and a checkpoint stays small.

    Args:
        tensors: weights and biases by torchvision's keys, of every convolution up to the last wanted one.
        source: where they are from, for the card.

    Attributes:
        layers: names of the layers of `LAYERS` that the tensors reach.
        source: as given.
    """

    def __init__(self, tensors: Mapping[str, Tensor], source: Mapping[str, str | int]) -> None:
        super().__init__()
        self.layers = layers_reached(tensors)
        self.source = dict(source)
        self._convolutions = convolutions_up_to(self.layers[-1])
        for convolution in self._convolutions:
            weight, bias = (tensors[key].detach() for key in convolution.shapes)
            weight = weight.contiguous(memory_format=torch.channels_last)
            self.register_buffer(f"{convolution.name}_weight", weight, persistent=False)
            self.register_buffer(f"{convolution.name}_bias", bias, persistent=False)
        for name, colours in (("mean", MEAN), ("standard_deviation", STANDARD_DEVIATION)):
            self.register_buffer(name, torch.tensor(colours).view(1, 3, 1, 1), persistent=False)
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """The features of each of `layers`, (batch, channels, rows, columns), halved in size from block to block.

        Args:
            image: (batch, 1, rows, columns) on [-1, 1], with at least 16 rows and columns.
        """
        grey = 0.5 * image + 0.5
        colours = (grey - self.get_buffer("mean")) / self.get_buffer("standard_deviation")
        features, kept = colours.contiguous(memory_format=torch.channels_last), []
        for convolution in self._convolutions:
            if convolution.name.endswith("_1") and convolution.number:
                features = functional.max_pool2d(features, 2)
            weight = self.get_buffer(f"{convolution.name}_weight")
            bias = self.get_buffer(f"{convolution.name}_bias")
            # In place upon the convolution's output, which nothing else reads: kept features are never touched.
            features = functional.conv2d(features, weight, bias, padding=1).relu_()
            if convolution.name in self.layers:
                kept.append(features)
        return tuple(kept)

    def card_entry(self) -> dict[str, object]:
        """What a model card says of them: layers and source."""
        return {"layers": list(self.layers), **self.source}


def layers_reached(keys: Iterable[str]) -> tuple[str, ...]:
    """Those of `LAYERS` that are no deeper than the deepest convolution among torchvision's keys."""
    held = set(keys)
    reached = [convolution.name for convolution in CONVOLUTIONS if held & set(convolution.shapes)]
    # Names sort as the convolutions follow upon each other: conv1_1, conv1_2, conv2_1, ...
    return tuple(layer for layer in LAYERS if reached and layer <= reached[-1])


def convolutions_up_to(layer: str) -> tuple[Convolution, ...]:
    """The convolutions from the first to the named one."""
    return tuple(convolution for convolution in CONVOLUTIONS if convolution.name <= layer)


def load_vgg(path: Path | None = None) -> VggFeatures:
    """VGG-19's features with the weights of a file.

    Args:
        path: torchvision's file `VGG_FILE`, or a safetensors file with torchvision's keys, which may end after any
            convolution from conv1_2 on. By default the file that the environment variable MR2XRAY_VGG names, or else
            torchvision's from the user's cache, downloaded once.

    Raises:
        MR2XRayError: if the file is missing, another pickle, damaged or not VGG-19's, or cannot be downloaded.
    """
    path = Path(path or os.environ.get(VGG_VARIABLE) or _downloaded())
    if not path.is_file():
        raise MR2XRayError(f"There is no file {path} with VGG-19's weights; check the path.")
    read = _read_safetensors if path.suffix == ".safetensors" else _read_torchvision
    try:
        sha256, tensors = read(path)
    except (OSError, SafetensorError) as error:
        raise MR2XRayError(f"{path} with VGG-19's weights cannot be read ({error}); replace it.") from None
    _check(path, tensors)
    return VggFeatures(tensors, {"weights": "VGG-19", "file": path.name, "sha256": sha256})


def _downloaded() -> Path:
    """Torchvision's file in the user's cache, downloaded if it is not there yet.

    Raises:
        MR2XRayError: if that fails.
    """
    remedy = f"download {VGG_URL} yourself and give its path, also by the environment variable {VGG_VARIABLE}"
    try:
        import pooch
    except ImportError:
        raise MR2XRayError(
            f"The package pooch, which downloads VGG-19's weights, is not installed; install it, or {remedy}."
        ) from None
    folder = Path(pooch.os_cache(NAME))
    try:
        return Path(pooch.retrieve(VGG_URL, f"sha256:{VGG_SHA256}", fname=VGG_FILE, path=folder))
    except ValueError:
        reason = "what came is not torchvision's file"
    except OSError as error:
        reason = error.strerror or "the server cannot be reached or refuses"
    raise MR2XRayError(
        f"VGG-19's weights cannot be downloaded ({reason}); {remedy}, or put it into {folder}."
    ) from None


def _read_torchvision(path: Path) -> tuple[str, dict[str, Tensor]]:
    """SHA-256 and tensors of torchvision's pickle; no other is unpickled."""
    # Hashed and read through one open file, so that no other can take its place in between.
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        if sha256 != VGG_SHA256:
            raise MR2XRayError(
                f"{path} is neither torchvision's {VGG_FILE} (SHA-256 differs) nor a .safetensors file, and other "
                "files are never opened; give one of these."
            )
        stream.seek(0)
        return sha256, torch.load(stream, map_location="cpu", weights_only=True)


def _read_safetensors(path: Path) -> tuple[str, dict[str, Tensor]]:
    """SHA-256 and tensors of a safetensors file, without those of the classifier, which are large and not needed."""
    with safe_open(path, "pt") as file:
        keys = [key for key in file.keys() if not key.startswith("classifier.")]  # noqa: SIM118
        return sha256_of(path), {key: file.get_tensor(key) for key in keys}


def _check(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are not VGG-19's from conv1_1 to at least conv1_2, without a gap."""
    known = {key: shape for convolution in CONVOLUTIONS for key, shape in convolution.shapes.items()}
    strange = [key for key in tensors if key not in known and not key.startswith("classifier.")]
    if strange:
        raise MR2XRayError(f'{path} holds "{strange[0]}", which VGG-19 has not; give VGG-19\'s weights.')
    last = max([LAYERS[0], *(c.name for c in CONVOLUTIONS if set(c.shapes) & set(tensors))])
    needed = [key for convolution in convolutions_up_to(last) for key in convolution.shapes]
    for key, shape in ((key, known[key]) for key in needed):
        if key not in tensors:
            raise MR2XRayError(
                f'{path} lacks "{key}"; give VGG-19\'s weights from conv1_1 to conv1_2 at least.'
            )
        tensor = tensors[key]
        if tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
            raise MR2XRayError(
                f'"{key}" in {path} is {tuple(tensor.shape)} of {tensor.dtype}, not {shape} of torch.float32; '
                "give VGG-19's weights."
            )
        if not tensor.isfinite().all():
            raise MR2XRayError(f'"{key}" in {path} holds values that are not finite; replace the file.')
