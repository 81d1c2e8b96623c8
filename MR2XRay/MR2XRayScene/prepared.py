"""What is chosen, as volumes, and made ready for projecting: all that live images need.

`chosen_pair` reads MRML; everything after it works on arrays alone, so that it may run on a thread.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.live import Live, first_present
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.volume import Volume
from MR2XRayScene.head_surface import skin
from MR2XRayScene.libraries import load_ahead
from MR2XRayScene.volumes import volume_from_node, world_matrix_lps

if TYPE_CHECKING:
    from MR2XRayLib.generators.store import TrainedGenerator
    from MR2XRayScene.parameters import MR2XRayParameterNode

PACKAGES = ("numba", "platformdirs", "safetensors", "torch")
"""What projecting and synthesizing import that Slicer does not bring along."""


@dataclass(frozen=True, eq=False)
class Pair:
    """The chosen volumes where they lie in the world, and the options that concern them.

    Attributes:
        mr: one volume a contrast; None where one before the last is absent.
        ct: None without a reference.
        energy_kev, whole_ct: as in `MR2XRayLib.pipeline.run`.
    """

    mr: tuple[Volume | None, ...]
    ct: Volume | None
    energy_kev: float
    whole_ct: bool


@dataclass(frozen=True, eq=False)
class Prepared:
    """Volumes and generator ready for projecting.

    Attributes:
        live: the projectors and the synthesizer.
        centre_mm: of the head (the CT's, or the MR's without a CT), LPS: the isocentre unless another is chosen.
        skin: the head's surface, RAS mm.
        words: what is to be said, such as why nothing can be synthesized; empty if all is in order.
    """

    live: Live
    centre_mm: np.ndarray
    skin: vtk.vtkPolyData
    words: str = ""


def contrast_nodes(parameters: MR2XRayParameterNode) -> list[slicer.vtkMRMLScalarVolumeNode | None]:
    """The MR nodes in the order of the generator's card, None for an absent contrast; the last is there."""
    nodes = [parameters.mr, *parameters.moreMr]
    while nodes and nodes[-1] is None:
        nodes.pop()
    return nodes


def mr_nodes(parameters: MR2XRayParameterNode) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The MR nodes that are there, the one that is registered first."""
    return [node for node in contrast_nodes(parameters) if node is not None]


def first_mr(parameters: MR2XRayParameterNode) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The MR node that is registered, and shows where the head is; None while no contrast is chosen."""
    return next(iter(mr_nodes(parameters)), None)


def chosen_pair(parameters: MR2XRayParameterNode) -> Pair:
    """The chosen volumes.

    Raises:
        MR2XRayError: if there is no MR, a volume is chosen twice, or a node is no volume that can be projected.
    """
    nodes = mr_nodes(parameters)
    if not nodes:
        raise MR2XRayError("No MR volume is chosen; a synthesized X-ray starts from one.")
    chosen = [*nodes, parameters.ct] if parameters.ct is not None else nodes
    twice = [node.GetName() for node in chosen if sum(node is other for other in chosen) > 1]
    if twice:
        raise MR2XRayError(f"The volume {twice[0]} is chosen twice; MR and CT are two volumes of one head.")
    return Pair(
        tuple(None if node is None else volume_from_node(node) for node in contrast_nodes(parameters)),
        None if parameters.ct is None else volume_from_node(parameters.ct),
        parameters.energyKev,
        parameters.wholeCt,
    )


def state_of(parameters: MR2XRayParameterNode) -> Hashable:
    """What `chosen_pair` depends on; equal as long as nothing needs to be prepared anew."""
    nodes = [*contrast_nodes(parameters), parameters.ct]
    return (
        tuple(None if node is None else _state_of_node(node) for node in nodes),
        parameters.energyKev,
        parameters.wholeCt,
    )


def _state_of_node(node: slicer.vtkMRMLScalarVolumeNode) -> Hashable:
    image, matrix = node.GetImageData(), vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    elements = tuple(matrix.GetElement(row, column) for row in range(3) for column in range(4))
    transform = node.GetParentTransformNode()
    placed = None if transform is None else _placement(node)
    return node.GetID(), None if image is None else image.GetMTime(), elements, placed


def _placement(node: slicer.vtkMRMLScalarVolumeNode) -> Hashable:
    try:
        return world_matrix_lps(node).tobytes()
    except MR2XRayError as error:
        return str(error)


def at_hand() -> frozenset[str]:
    """Those of `PACKAGES` that can be imported. It looks on the disk: not to be asked at each move of a slider."""
    return frozenset(name for name in PACKAGES if find_spec(name) is not None)


def prepare(pair: Pair, generator: Path | None, device: str, progress: Progress = silent) -> Prepared:
    """Make volumes and generator ready; some seconds, and safe on a thread.

    Args:
        pair: the volumes.
        generator: a generator's folder; None prepares for projecting alone.
        device: "auto", "cpu", "cuda" or "mps".
        progress: told "preparing" between the steps.

    Raises:
        MR2XRayError: if a volume is not of its modality, or shows no head, or a package cannot be imported that
            projecting needs.
    """
    # Heads are found by SimpleITK, and the projectors ask torch for a GPU.
    load_ahead()
    with _imports_told():
        live = Live.prepare(
            pair.mr,
            pair.ct,
            energy_kev=pair.energy_kev,
            whole_ct=pair.whole_ct,
            device=device,
            progress=progress,
        )
    head = first_present(pair.mr) if pair.ct is None else pair.ct
    centre_mm = head_centre_mm(head)
    progress("preparing", 1.0)
    live.warm_up(centre_mm)
    progress("preparing", 1.0)
    prepared = Prepared(live, centre_mm, skin(head))
    progress("preparing", 1.0)
    return with_generator(prepared, generator, progress)


def with_generator(prepared: Prepared, generator: Path | None, progress: Progress = silent) -> Prepared:
    """The same volumes with another generator; where it cannot be used, `words` tell why and nothing is synthesized."""
    try:
        with _imports_told():
            live, words = prepared.live.with_generator(_load(generator), progress=progress), ""
            progress("preparing", 1.0)
            live = live.with_preview()
    except MR2XRayError as error:
        live, words = prepared.live.with_generator(None), str(error)
    return replace(prepared, live=live, words=words)


def _load(generator: Path | None) -> TrainedGenerator | None:
    if generator is None:
        return None
    if find_spec("torch") is None:
        raise MR2XRayError(
            "PyTorch is not installed, so no X-ray can be synthesized; press Update to install it."
        )
    from MR2XRayLib.generators.store import load_generator

    return load_generator(generator)


@contextmanager
def _imports_told() -> Iterator[None]:
    """What cannot be imported becomes a sentence that says what to do: packages come only once they are asked for."""
    try:
        yield
    except ImportError as error:
        raise MR2XRayError(
            f"{error.name or 'A Python package'} cannot be imported ({error}); press Update to install what is missing."
        ) from error
