"""Which MR contrast stands in which place of a generator's input, and what stands there when it is absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.mr_layers import ATTENUATION, ESTIMATOR
from MR2XRayLib.projection.projections import SIGNAL, Projections

Contrast = TypeVar("Contrast")


def in_places(contrasts: Sequence[Contrast | None], card: ModelCard) -> tuple[Contrast | None, ...]:
    """One entry for each contrast of the generator, None where it is absent.

    Args:
        contrasts: volumes, projectors, projections, ... in the order of the card; None where one is absent. Where the
            card allows it, those that follow the last may be left out.
        card: of the generator.

    Raises:
        MR2XRayError: if there are too many, too few, or none, or one is absent that the generator needs.
    """
    names, most = card.input.contrasts, len(card.input.contrasts)
    optional = card.input.optional
    if len(contrasts) > most or (len(contrasts) < most and not optional):
        raise MR2XRayError(
            f'The generator "{card.name}" needs {"at most " if optional else ""}{most} MR contrasts '
            f"({', '.join(names)}), not {len(contrasts)}; give them in this order."
        )
    placed = (*contrasts, *[None] * (most - len(contrasts)))
    absent = absent_names(placed, card)
    if len(absent) == most:
        raise MR2XRayError(
            f'Every MR contrast is absent; the generator "{card.name}" needs at least one of {", ".join(names)}.'
        )
    if absent and not optional:
        raise MR2XRayError(
            f'The generator "{card.name}" was not trained to do without {" and ".join(absent)}; give all of '
            f"{', '.join(names)}, or choose another generator."
        )
    return placed


def absent_names(placed: Sequence[object | None], card: ModelCard) -> tuple[str, ...]:
    """The names of the contrasts that are None; `placed` has one entry a contrast."""
    return tuple(
        name for name, contrast in zip(card.input.contrasts, placed, strict=True) if contrast is None
    )


def filled(contrasts: Sequence[Projections | None], card: ModelCard) -> tuple[Projections, ...]:
    """One `Projections` for each contrast: those given, and no signal where one is absent; raises as `in_places`."""
    placed = in_places(contrasts, card)
    like = next(contrast for contrast in placed if contrast is not None)
    return tuple(without_signal(like) if contrast is None else contrast for contrast in placed)


def without_signal(like: Projections) -> Projections:
    """An absent contrast from the views of another: line integrals of 0 in every layer, -1 on the generator's scale."""
    nothing = np.zeros_like(like.pixels)
    return replace(
        like, pixels=nothing, layers=dict.fromkeys(like.layers, nothing), provenance={"step": "absent"}
    )


def channels_of(contrasts: Sequence[Projections], card: ModelCard) -> np.ndarray:
    """What the generator's channels see, mm, float32 (views, channels, rows, columns): the layers of each contrast.

    Raises:
        MR2XRayError: if projections lack a layer, in words that name a generator's way out.
    """
    wanted = card.input.layers
    lacking = [name for name in wanted if name != SIGNAL and any(name not in c.layers for c in contrasts)]
    if lacking:
        raise MR2XRayError(
            f'The generator "{card.name}" also sees the layers {", ".join(lacking)} of the MR, which these projections '
            "lack; project the MR volume again with this version, or choose a generator that needs the MR projection "
            "alone."
        )
    if ATTENUATION in wanted and any(
        c.provenance.get(ESTIMATOR, card.input.estimator_sha256) != card.input.estimator_sha256
        for c in contrasts
    ):
        raise MR2XRayError(
            f'The projections were made with another estimator of attenuation than the generator "{card.name}" was '
            "trained with; project the MR volume again with this version."
        )
    return np.stack([contrast.layer(name) for contrast in contrasts for name in wanted], axis=1)
