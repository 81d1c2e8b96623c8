"""A generator as one ONNX file, for programs without PyTorch; written only if ONNX Runtime computes the same.

Instance and group norm are written out in short sums. ONNX Runtime (1.32, CPU) adds the values of a channel one after
another in float32, in InstanceNormalization and ReduceMean alike; where most of them are equal, as in air, the rounding
adds up too. The ResNet's image of the digital head in `Testing/generators/test_onnx_export.py` was wrong by 1e-3.
"""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib import __version__
from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path
from MR2XRayLib.generators.card import CARD, ModelCard
from MR2XRayLib.generators.words import WARNING
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.scale import to_unit

if TYPE_CHECKING:
    from torch import nn

    from MR2XRayLib.generators.base import Generator

OPSET = 20
"""The version of ONNX's operators in the file; ONNX Runtime knows it since 1.17."""

TOLERANCE = 1e-4
"""Largest difference from the PyTorch network, on [-1, 1], that a file may show."""

INPUT, OUTPUT = "mr", "synthesized"
SMALLEST_SIDE = 256
"""Of the images that both networks are compared on, rounded up to what the network takes."""


@dataclass(frozen=True)
class OnnxExport:
    """What was written.

    Attributes:
        card: the generator's, which lies in the file's metadata too, under "model.json".
        opset: version of the operators.
        largest_difference: between ONNX Runtime and PyTorch in any pixel compared, on [-1, 1].
    """

    card: ModelCard
    opset: int
    largest_difference: float


def export_onnx(name_or_folder: str | Path | None, path: Path) -> OnnxExport:
    """Write a generator as an ONNX file, weights included: "mr" (n, contrasts, rows, columns) to "synthesized".

    n is free, and so are rows and columns, in multiples that the file names. Both images are on [-1, 1]: the scales
    are in the card, and resampling, padding and cropping (see `Synthesizer`) are left to the caller.

    Raises:
        MR2XRayError: if the generator is not sound, packages are missing, the file is not called .onnx or cannot be
            written, or ONNX Runtime does not give the same images within `TOLERANCE`; nothing is written then.
    """
    path = Path(path)
    if path.suffix.lower() != ".onnx":
        raise MR2XRayError(f"{path} cannot hold an ONNX network; choose a name that ends in .onnx.")
    _check_packages()
    from MR2XRayLib.generators.store import load_generator

    trained = load_generator(name_or_folder)
    content = onnx_of(trained.generator, trained.card)
    difference = largest_difference(content, trained.generator)
    # Not ">": what is not a number is not the same either.
    if not difference <= TOLERANCE:
        raise MR2XRayError(
            f"ONNX Runtime's images differ from those of {trained.card.name} by up to {difference:.2g} on [-1, 1] "
            f"({TOLERANCE:g} is allowed); nothing was written: try other versions of onnxscript and onnxruntime."
        )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return OnnxExport(trained.card, OPSET, difference)


def onnx_of(generator: Generator, card: ModelCard) -> bytes:
    """The bytes of an ONNX file of the generator in evaluation mode, checked by ONNX's own checker.

    Raises:
        MR2XRayError: if PyTorch cannot express it.
    """
    import onnx
    import torch
    from torch.export import Dim

    multiple = generator.multiple
    # Sizes that nothing in the network shares, so that the exporter takes none of them for fixed.
    example = torch.zeros(2, generator.in_channels, 3 * multiple, 5 * multiple)
    free = {0: Dim("n", min=1), 2: multiple * Dim("rows", min=1), 3: multiple * Dim("columns", min=1)}
    with _quiet():
        try:
            program = torch.onnx.export(
                with_exact_norms(generator).eval(),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=(free,),
                external_data=False,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = str(error).strip().partition("\n")[0]
            raise MR2XRayError(
                f"PyTorch cannot write {card.name} as ONNX ({reason}); try other versions of torch and onnxscript."
            ) from error
    assert program is not None
    model = program.model_proto
    _describe(model, card)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def with_exact_norms(network: nn.Module) -> nn.Module:
    """A copy of a network, its instance and group norms written out in sums over one axis after the other."""
    import torch
    from torch import Tensor, nn

    class ExactNorm(nn.Module):
        """Group norm (Wu and He, arXiv 1803.08494); instance norm has a group a channel."""

        def __init__(self, norm: nn.GroupNorm | nn.InstanceNorm2d) -> None:
            super().__init__()
            self.groups = norm.num_groups if isinstance(norm, nn.GroupNorm) else norm.num_features
            self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

        def forward(self, features: Tensor) -> Tensor:
            """(n, c, rows, columns) to the same shape."""
            grouped = features.unflatten(1, (self.groups, -1))
            centred = grouped - self.mean(grouped)
            scaled = centred / torch.sqrt(self.mean(centred * centred) + self.eps)
            return scaled.flatten(1, 2) * self.weight[:, None, None] + self.bias[:, None, None]

        @staticmethod
        def mean(grouped: Tensor) -> Tensor:
            for axis in (4, 3, 2):
                grouped = grouped.mean(axis, keepdim=True)
            return grouped

    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, (nn.GroupNorm, nn.InstanceNorm2d)):
                setattr(module, name, ExactNorm(child))
    return network


def largest_difference(content: bytes, generator: Generator) -> float:
    """Between an ONNX network, run by ONNX Runtime on the CPU, and a generator: in any pixel, on [-1, 1].

    Compared on noise, on two images of noise of the smallest sides, and on a projection of the digital head.
    """
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    differences = []
    for image in _images(generator.in_channels, generator.multiple):
        with torch.inference_mode():
            expected = generator(torch.from_numpy(image)).numpy()
        differences.append(np.abs(session.run([OUTPUT], {INPUT: image})[0] - expected).max())
    return float(np.max(differences))


def _images(contrasts: int, multiple: int) -> Iterator[np.ndarray]:
    """Images (n, contrasts, rows, columns) float32 on [-1, 1], in three sizes."""
    rng, side = np.random.default_rng(0), -(-SMALLEST_SIDE // multiple) * multiple
    yield rng.uniform(-1, 1, (1, contrasts, side, side + multiple)).astype(np.float32)
    yield rng.uniform(-1, 1, (2, contrasts, multiple, 2 * multiple)).astype(np.float32)
    view = CArm(pixels=(side, side), isocentre_mm=(0.0, 0.0, 0.0)).view(Angulation(30.0, 10.0))
    projection = digital_head().line_integrals([view], "t1").pixels
    yield np.repeat(to_unit(projection, projection.max())[None], contrasts, axis=1).astype(np.float32)


def _describe(model: object, card: ModelCard) -> None:
    """Put the card into an `onnx.ModelProto`, and take out what says on whose machine it was made."""
    import onnx

    assert isinstance(model, onnx.ModelProto)
    graph = model.graph
    # Of each operator the exporter notes the lines of Python that it came from, with their paths.
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer, graph):
        del part.metadata_props[:]
    graph.name, model.doc_string = card.name, WARNING
    model.producer_name, model.producer_version = "MR2XRayLib", __version__
    onnx.helper.set_model_props(model, {CARD: json.dumps(card.to_json(), ensure_ascii=False)})


def _check_packages() -> None:
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise MR2XRayError(
            f"ONNX files need packages that are not installed: python -m pip install {' '.join(missing)}"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on packages and arguments that are not used here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
