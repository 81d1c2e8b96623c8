"""The main job on nodes, step by step or whole; what `MR2XRayLogic` offers on Slicer's Python console.

Every function blocks until it is done, needs neither Qt nor the panel, and raises MR2XRayError with one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer

from MR2XRayLib.carm import CArm, View
from MR2XRayLib.generators.applicability import caveats
from MR2XRayLib.head import head_centre_mm, head_only
from MR2XRayLib.intensity import as_ct, as_mr, attenuation, normalise_mr
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection import Projections
from MR2XRayLib.transform import Transform
from MR2XRayLib.views import DEFAULT_VIEWS, resolve_views
from MR2XRayScene import results, stacks, transforms
from MR2XRayScene.roles import NAMES
from MR2XRayScene.volumes import volume_from_node

if TYPE_CHECKING:
    from MR2XRayLib.pipeline import Result

Views = str | Sequence[View]
"""Views by words (see `MR2XRayLib.views`), a CSV or JSON file's name, or ready-made."""


@dataclass(frozen=True)
class RunNodes:
    """The nodes that the main job makes; `reference`, `difference` and `metrics` are None without a CT.

    Attributes:
        mr, synthesized, reference, difference: stacks, one slice a view.
        metrics: a row a view, and the mean.
        quality: of the alignment, in words; empty without a CT.
        warnings: why images or numbers deserve less trust than others, see `applicability.caveats`.
        deviation: stack of the standard deviation that the error is expected to have; None unless asked for.
    """

    mr: slicer.vtkMRMLScalarVolumeNode
    synthesized: slicer.vtkMRMLScalarVolumeNode
    reference: slicer.vtkMRMLScalarVolumeNode | None
    difference: slicer.vtkMRMLScalarVolumeNode | None
    metrics: slicer.vtkMRMLTableNode | None
    quality: str
    warnings: tuple[str, ...]
    deviation: slicer.vtkMRMLScalarVolumeNode | None = None


def register(
    scene: slicer.vtkMRMLScene,
    mr: slicer.vtkMRMLScalarVolumeNode,
    ct: slicer.vtkMRMLScalarVolumeNode,
    preset: str = "rigid",
    more_mr: Sequence[slicer.vtkMRMLScalarVolumeNode] = (),
    progress: Progress = silent,
) -> slicer.vtkMRMLLinearTransformNode:
    """Register the MR to the CT, and put it (and further contrasts) under the transform that is found.

    Args:
        scene: gets the transform node.
        mr, ct: where they lie now does not matter.
        preset: "rigid" or "affine".
        more_mr: contrasts that lie under the same transform as `mr`.
        progress: told of every stage.

    Returns:
        The transform node; its attribute `MR2XRay.Quality` tells the quality in words.

    Raises:
        MR2XRayError: if a volume cannot be registered, contrasts lie under different transforms, or the registration
            fails.
    """
    from MR2XRayLib.registration import register as register_volumes

    nodes = [mr, *more_mr]
    # Told before the minutes that it takes.
    transforms.check_one_frame(scene, nodes)
    fixed, moving = as_ct(volume_from_node(ct)), as_mr(volume_from_node(mr))
    found = register_volumes(fixed, moving, preset, progress)
    return transforms.place_under(
        scene,
        nodes,
        found.transform,
        f"{mr.GetName()} to {ct.GetName()}",
        found.quality.words,
        found.to_json(),
    )


def project(
    scene: slicer.vtkMRMLScene,
    node: slicer.vtkMRMLScalarVolumeNode,
    views: Views = DEFAULT_VIEWS,
    modality: str = "ct",
    carm: CArm | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Forward projections of one volume, where it lies under its transforms.

    Args:
        scene: gets the stack.
        node: the volume.
        views: by words, a file's name, or ready-made.
        modality: "ct" (HU to attenuation at 60 keV, table out), "mr" (normalised intensity, with all layers that a
            generator may see, so that the stack suits any of them) or "raw".
        carm: for views by words; its isocentre, where it has none, becomes the centre of this volume's head.
        device: "auto", "cpu", "cuda" or "mps".
        progress: told of every stage.

    Raises:
        MR2XRayError: if the volume is not of the modality, or a view cannot be projected.
    """
    from MR2XRayLib.mr_layers import layers_at_hand, project_mr
    from MR2XRayLib.projection import project as forward_project

    volume = volume_from_node(node)
    centre = volume.centre_mm
    if modality == "ct":
        volume = as_ct(volume)
        centre, volume = head_centre_mm(volume), attenuation(head_only(volume))
    elif modality == "mr":
        volume = as_mr(volume)
        centre, volume = head_centre_mm(volume), normalise_mr(volume)
    placed = _placed(views, carm, centre)
    if modality == "mr":
        projections = project_mr(volume, placed, layers=layers_at_hand(), device=device, progress=progress)
    else:
        projections = forward_project(volume, placed, device=device, progress=progress)
    role = "mr" if modality == "mr" else "reference"
    return _stack(scene, projections, role, f"{node.GetName()}, projected")


def synthesize(
    scene: slicer.vtkMRMLScene,
    *contrasts: slicer.vtkMRMLScalarVolumeNode | None,
    generator: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> slicer.vtkMRMLScalarVolumeNode:
    """X-ray projections guessed from MR projections.

    Args:
        scene: gets the stack.
        contrasts: stacks that `project` made with modality "mr", one a contrast, in the order of the card; None where
            one is absent.
        generator: its name in the store or its folder; None is the default one.
        device: "auto", "cpu", "cuda" or "mps".
        progress: told of every stage.

    Raises:
        MR2XRayError: if a stack is none, or does not fit the generator.
    """
    from MR2XRayLib.generators.store import load_generator
    from MR2XRayLib.synthesis import Synthesizer

    projections = [None if node is None else stacks.projections_from_node(node) for node in contrasts]
    synthesized = Synthesizer(load_generator(generator), device).synthesize(*projections, progress=progress)
    return _stack(scene, synthesized, "synthesized")


def compare(
    scene: slicer.vtkMRMLScene,
    synthesized: slicer.vtkMRMLScalarVolumeNode,
    reference: slicer.vtkMRMLScalarVolumeNode,
) -> slicer.vtkMRMLTableNode:
    """The numbers of synthesized against reference projections: a row a view, and the mean.

    Raises:
        MR2XRayError: if a stack is none, or they are not of the same views.
    """
    from MR2XRayLib.metrics import compare as compare_projections

    comparison = compare_projections(
        stacks.projections_from_node(synthesized), stacks.projections_from_node(reference)
    )
    return results.metrics_table(scene, comparison.to_json(), "MR2XRay metrics")


def run(
    scene: slicer.vtkMRMLScene,
    mr: slicer.vtkMRMLScalarVolumeNode | Sequence[slicer.vtkMRMLScalarVolumeNode | None],
    ct: slicer.vtkMRMLScalarVolumeNode | None = None,
    views: Views = DEFAULT_VIEWS,
    *,
    registration: str | None = "rigid",
    generator: str | None = None,
    carm: CArm | None = None,
    device: str = "auto",
    progress: Progress = silent,
    **options: Any,
) -> RunNodes:
    """The main job: register, project, synthesize, compare.

    Args:
        scene: gets the nodes.
        mr: the MR, or one node a contrast in the order of the generator's card; None where one is absent.
        ct: None synthesizes without a reference.
        views: by words, a file's name, or ready-made.
        registration: "rigid" or "affine"; None takes the volumes as they lie.
        generator: its name in the store or its folder; None is the default one.
        carm: for views by words; centred on the CT's head where it has no isocentre.
        device: "auto", "cpu", "cuda" or "mps".
        progress: told of every stage.
        options: `energy_kev`, `whole_ct` and `uncertain` of `MR2XRayLib.pipeline.run`.

    Raises:
        MR2XRayError: as the steps.
    """
    from MR2XRayLib import pipeline
    from MR2XRayLib.generators.store import load_generator

    nodes = [mr] if isinstance(mr, slicer.vtkMRMLScalarVolumeNode) else list(mr)
    given = [node for node in nodes if node is not None]
    if given and ct is not None and registration is not None:
        register(scene, given[0], ct, registration, given[1:], progress)
    place = partial(resolve_views, views) if isinstance(views, str) else lambda _carm: tuple(views)
    result = pipeline.run(
        [None if node is None else volume_from_node(node) for node in nodes],
        None if ct is None else volume_from_node(ct),
        load_generator(generator),
        place,
        carm=carm,
        transform=Transform.identity(),
        device=device,
        progress=progress,
        **options,
    )
    return _nodes(scene, result)


def _nodes(scene: slicer.vtkMRMLScene, result: Result) -> RunNodes:
    """The result of the main job as nodes."""
    has_ct = result.reference is not None
    return RunNodes(
        _stack(scene, result.mr[0], "mr"),
        _stack(scene, result.synthesized, "synthesized"),
        _stack(scene, result.reference, "reference") if has_ct else None,
        _stack(scene, result.difference, "difference") if has_ct else None,
        results.metrics_table(scene, result.comparison.to_json(), "MR2XRay metrics") if has_ct else None,
        result.alignment.quality.words if result.alignment.quality else "",
        caveats(result.synthesized, result.reference),
        None if result.deviation is None else _stack(scene, result.deviation, "deviation"),
    )


def _placed(views: Views, carm: CArm | None, centre_mm: np.ndarray) -> tuple[View, ...]:
    """The views; those by words are placed by the C-arm, about `centre_mm` where it has no isocentre."""
    if not isinstance(views, str):
        return tuple(views)
    carm = carm or CArm()
    return resolve_views(views, carm if carm.isocentre_mm is not None else carm.at(centre_mm))


def _stack(
    scene: slicer.vtkMRMLScene, projections: Projections, role: str, name: str = ""
) -> slicer.vtkMRMLScalarVolumeNode:
    """A stack node in the results' folder."""
    node = stacks.node_from_projections(scene, projections, name or f"{NAMES[role]}, all views", role)
    results.put_into_folder(scene, [node])
    return node
