"""Layers of an MR: what its own projection adds up and loses, kept apart as projections of their own.

Bone and air are both dark in MR. A line integral of the signal cannot tell a ray through little tissue from one
through dark tissue; the length of the ray inside the head, the length in dark voxels, and how deep these lie, can. Most
layers are made voxel by voxel from the normalised volume; the last one, attenuation, by a 3D network that sees what
surrounds each voxel (`estimation`). All are projected as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from types import MappingProxyType

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.device import resolve_device
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.field_of_view import within_field_of_view
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection.project import project
from MR2XRayLib.projection.projections import SIGNAL, Projections
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

HEAD, DARK, DIM, DEEP, ATTENUATION = "head", "dark", "dim", "deep", "attenuation"

VOXEL_LAYERS = (SIGNAL, HEAD, DARK, DIM, DEEP)
"""Those that take no network: what a generator is trained on unless other layers are named."""

MR_LAYERS = (*VOXEL_LAYERS, ATTENUATION)
"""All layers that there are, in the order of a generator's channels."""

ESTIMATOR = "estimator"
"""In the provenance of an estimate, and of projections with the layer attenuation: the SHA-256 of its weights."""

DARK_RAMP, DIM_RAMP = (0.0, 0.15), (0.1, 0.5)
"""Normalised intensities between which a voxel stops being dark, or dim: cortical bone and air; bone that shares its
voxel with tissue, where slices are thick."""

DEEPEST_MM = 40.0
"""Depth below the skin from which on all voxels count as equally deep: the skull lies less deep, sinuses and the skull
base deeper."""

DEPTH_STEP_MM = 4.0
"""Depth is measured on voxels of about this size: it is smooth, and the skin lies 3 mm inside the mask anyway."""


def layer_of(mr: Volume, name: str, device: str = "cpu", progress: Progress = silent) -> Volume:
    """One layer of a normalised MR, unit "normalised": its line integrals are in mm.

    "attenuation" takes some seconds of all cores and needs torch; the others take a pass or two over the voxels.

    Args:
        mr: as `normalise_mr` gives it: above 0 inside the head, 0 outside.
        name: "signal", the volume itself; "head", 1 inside the head; "dark" and "dim", 1 in its dark voxels, 0 in its
            bright ones; "deep", dark times the depth below the skin over `DEEPEST_MM`, at most 1; "attenuation", as the
            estimator that comes with the program infers it, 1 being water's.
        device: "auto", "cpu", "cuda" or "mps"; the estimator runs on the CPU or on "cuda".
        progress: told how far the estimator is; the others are quick.

    Raises:
        MR2XRayError: if there is no such layer, or the volume is not normalised.
    """
    if mr.unit != "normalised":
        raise MR2XRayError(f"{mr.name} is in {mr.unit}, not normalised; layers are of a normalised MR.")
    check_layers([name])
    if name == SIGNAL:
        return mr
    if name == ATTENUATION:
        from MR2XRayLib.estimation import estimate_attenuation

        return estimate_attenuation(mr, resolve_device(device), progress=progress)
    head = mr.voxels > 0
    voxels = head.astype(np.float32)
    if name != HEAD:
        voxels *= _darkness(mr.voxels, DIM_RAMP if name == DIM else DARK_RAMP)
    if name == DEEP:
        voxels *= np.minimum(_depth_mm(head, mr.spacing_mm), DEEPEST_MM) / np.float32(DEEPEST_MM)
    return replace(mr, voxels=voxels, provenance={**mr.provenance, "layer": name})


def _darkness(voxels: np.ndarray, ramp: tuple[float, float]) -> np.ndarray:
    """1 up to the ramp's lower end, 0 from its upper end on, float32."""
    dark, bright = ramp
    return np.clip((bright - voxels) / np.float32(bright - dark), 0, 1)


def _depth_mm(head: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Distance of each voxel to the outside of the head, float32 (nk, nj, ni); a cut by the volume is no outside."""
    import SimpleITK as sitk

    steps = [max(1, round(DEPTH_STEP_MM / mm)) for mm in spacing_mm[::-1]]
    coarse = _block_means(head, steps) >= 0.5
    outside = sitk.GetImageFromArray((~coarse).astype(np.uint8))
    outside.SetSpacing([float(step * mm) for step, mm in zip(steps[::-1], spacing_mm, strict=True)])
    if coarse.all():
        return np.full(head.shape, DEEPEST_MM, np.float32)
    distance = sitk.SignedMaurerDistanceMap(outside, squaredDistance=False, useImageSpacing=True)
    depth = np.maximum(sitk.GetArrayFromImage(distance), 0).astype(np.float32)
    along_k, along_j, along_i = (
        _linear_weights(fine, few, step)
        for fine, few, step in zip(head.shape, depth.shape, steps, strict=True)
    )
    planes = np.tensordot(along_k, depth, axes=(1, 0))
    return along_j @ planes @ along_i.T


def _block_means(mask: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """Share of each block's voxels that are in the mask; blocks at the far ends may be cut."""
    means: np.ndarray = mask.astype(np.float32)
    for axis, step in enumerate(steps):
        starts = np.arange(0, mask.shape[axis], step)
        sizes = np.diff([*starts, mask.shape[axis]])
        shape = [-1 if a == axis else 1 for a in range(3)]
        means = np.add.reduceat(means, starts, axis=axis) / sizes.reshape(shape).astype(np.float32)
    return means


def _linear_weights(fine: int, few: int, step: int) -> np.ndarray:
    """Weights of linear interpolation from `few` blocks of `step` voxels to `fine` voxels, float32 (fine, few)."""
    place = np.clip((np.arange(fine) + 0.5) / step - 0.5, 0, few - 1)
    return np.maximum(1 - np.abs(place[:, None] - np.arange(few)), 0).astype(np.float32)


def layers_at_hand() -> tuple[str, ...]:
    """All layers that can be made here: attenuation needs torch, which Slicer has only once it was installed."""
    return MR_LAYERS if find_spec("torch") else VOXEL_LAYERS


def check_layers(names: Sequence[str]) -> tuple[str, ...]:
    """The names, once each is a layer's and none is given twice.

    Raises:
        MR2XRayError: naming the layers that there are.
    """
    unknown = [name for name in names if name not in MR_LAYERS]
    if unknown or len(set(names)) < len(names):
        raise MR2XRayError(
            f"There are no such layers of an MR as {', '.join(unknown or names)}; choose among "
            f"{', '.join(MR_LAYERS)}, each once."
        )
    return tuple(names)


def project_mr(
    mr: Volume,
    views: Sequence[View],
    transform: Transform | None = None,
    layers: Sequence[str] = (SIGNAL,),
    *,
    made: Mapping[str, Volume] = MappingProxyType({}),
    within: Volume | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Projections:
    """The projections of a normalised MR with its layers; arguments and errors as of `project` and `layer_of`.

    Args:
        mr, views, transform, device, progress: of `project`.
        layers: by their names; the signal is always projected, whether or not it is among them.
        made: those that need not be made, by their names.
        within: see `cut_layer`.
    """
    signal = project(cut_layer(mr, within, transform), views, transform, device=device, progress=progress)
    others = {
        name: project(
            cut_layer(
                made[name] if name in made else layer_of(mr, name, device, progress), within, transform
            ),
            views,
            transform,
            device=device,
        )
        for name in layers
        if name != SIGNAL
    }
    return with_layers(signal, others)


def cut_layer(layer: Volume, within: Volume | None, transform: Transform | None) -> Volume:
    """The signal or a layer with 0 wherever another volume shows nothing.

    Layers are cut once they are made, of the whole MR: a cut is no skin, which depth would be measured from.

    Args:
        layer: in the MR's own world.
        within: the other volume, in the world of the views; None leaves the layer whole.
        transform: MR to the world of the views, LPS mm.
    """
    if within is None:
        return layer
    return within_field_of_view(layer, within, (transform or Transform.identity()).inverse())


def with_layers(signal: Projections, layers: Mapping[str, Projections]) -> Projections:
    """The projected signal with its projected layers; the provenance then names the estimator of attenuation."""
    provenance = dict(signal.provenance)
    if ATTENUATION in layers:
        provenance[ESTIMATOR] = layers[ATTENUATION].provenance["volume"][ESTIMATOR]
    pixels = {name: layer.pixels for name, layer in layers.items()}
    return replace(signal, layers=pixels, provenance=provenance)
