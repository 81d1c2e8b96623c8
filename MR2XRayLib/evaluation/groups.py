"""The case groups there are: simulated heads, the digital head, a registered pair, given views of a pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation.anatomies import AnatomyFiles
from MR2XRayLib.evaluation.cases import BaselineData, Case, CaseGroup, CaseSettings
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import attenuation, normalise_mr
from MR2XRayLib.mr_layers import MR_LAYERS, project_mr
from MR2XRayLib.phantom import DigitalHead, digital_head
from MR2XRayLib.projection import project
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.simulation.heads import read_labels, simulate_contrasts
from MR2XRayLib.simulation.random_views import draw_view
from MR2XRayLib.simulation.tissues import SEQUENCES
from MR2XRayLib.volume import Volume

Contrasts = Sequence[tuple[str, ...]]
"""For each case of an anatomy the families of MR contrast that it is seen in, one a channel."""

FAMILIES: Contrasts = (("T1",), ("MPRAGE",), ("PD",), ("T2",))
"""What every anatomy is evaluated with unless other contrasts are asked for."""

DIGITAL_CONTRASTS: tuple[Literal["t1", "t2"], ...] = ("t1", "t2")

SEED = 20_000
"""Of the simulated heads and the views: the same at every evaluation."""

BASELINE_SEED = SEED + 1000
BASELINE_ANATOMIES = 2
BASELINE_VIEWS = 16
"""Of one head, for the baselines where there are no training views."""

BASELINE_STEP = 10
"""Of a protocol's training views the baselines are fitted on every tenth: two numbers and a mean need no more."""

VIEWS_A_CASE = 50
"""Of many given views of a pair, so many are in memory at a time."""


def unseen_simulated_heads(
    labels: Path, settings: CaseSettings, contrasts: Contrasts = FAMILIES
) -> tuple[CaseGroup, CaseGroup]:
    """The anatomies held out, with MR voxels that lie exactly on the CT, and as a clinic has them.

    Raises:
        MR2XRayError: if the folder lacks label volumes, or a contrast cannot be simulated.
    """
    files = AnatomyFiles.of(labels)
    return _exact_and_thick(
        files.held_out, files.training, "held_out_heads", "Held-out heads", settings, contrasts
    )


def validation_heads(
    labels: Path, settings: CaseSettings, contrasts: Contrasts = FAMILIES
) -> tuple[CaseGroup, CaseGroup]:
    """The same of the validation anatomy: what choices are made by.

    Raises:
        MR2XRayError: if the folder lacks label volumes, or a contrast cannot be simulated.
    """
    files = AnatomyFiles.of(labels)
    return _exact_and_thick(
        (files.validation,), files.training, "validation_head", "Validation head", settings, contrasts
    )


def digital_heads(settings: CaseSettings, baselines: BaselineData | None = None) -> CaseGroup:
    """The digital head in both of its contrasts: an anatomy of another kind, with face, neck and sinuses.

    Args:
        settings: how it is projected.
        baselines: fitted on these; by default on other views of the same head.
    """
    own = BaselineData(
        "other views of the same head, which so know it: a harder opponent",
        partial(_digital_cases, settings, BASELINE_SEED),
        2,
        estimate=True,
    )
    return CaseGroup(
        "digital_head",
        "Digital head",
        "The digital head as T1 and as T2, with face, neck and sinuses; mr2xray train never trains on it.",
        partial(_digital_cases, settings, SEED),
        2,
        baselines or own,
    )


def registered(
    pair: RegisteredPair, name: str, settings: CaseSettings, contrasts: tuple[str, ...] = ()
) -> CaseGroup:
    """Random views of a registered MR and CT; the baselines are fitted on other random views of it.

    Args:
        pair: the head.
        name: of the head, for the report.
        settings: `views` of it are evaluated on.
        contrasts: names of the MR volumes.
    """
    views = _random_views(pair.centre_mm, SEED, settings)
    others = _random_views(pair.centre_mm, BASELINE_SEED, CaseSettings(settings.pixels, views=BASELINE_VIEWS))
    return CaseGroup(
        "registered_pair",
        f"Registered pair {name}",
        f"{settings.views} random views of one registered MR and CT.",
        partial(_pair_cases, pair, name, views, contrasts),
        1,
        BaselineData(
            f"{BASELINE_VIEWS} other random views of the same head, which so know it: a harder opponent",
            partial(_pair_cases, pair, name, others, contrasts),
            1,
            mean_image=True,
            estimate=True,
        ),
    )


def views_of_pair(
    pair: RegisteredPair,
    name: str,
    test_views: Sequence[View],
    training_views: Sequence[View],
    contrasts: tuple[str, ...] = (),
) -> CaseGroup:
    """The paper's protocol: some views of one head to test on, the baselines fitted on others of the same head."""
    known = training_views[::BASELINE_STEP]
    parts = [known[n : n + VIEWS_A_CASE] for n in range(0, len(known), VIEWS_A_CASE)]

    def training() -> Iterator[Case]:
        for part in parts:
            yield from _pair_cases(pair, name, part, contrasts)

    return CaseGroup(
        "paper_protocol",
        f"The paper's protocol on {name}",
        f"{len(test_views)} random test views of one head of which {len(training_views)} other random views were "
        "trained on: the views of the two sets lie close together, and nothing is said of other heads.",
        partial(_pair_cases, pair, name, test_views, contrasts),
        1,
        BaselineData(
            f"{len(known)} of the training views", training, len(parts), mean_image=True, estimate=True
        ),
        paper=True,
    )


def _exact_and_thick(
    anatomies: Sequence[Path],
    training: Sequence[Path],
    key: str,
    title: str,
    settings: CaseSettings,
    contrasts: Contrasts,
) -> tuple[CaseGroup, CaseGroup]:
    unknown = {family for families in contrasts for family in families} - set(SEQUENCES)
    if unknown:
        raise MR2XRayError(
            f"Heads cannot be simulated as {', '.join(sorted(unknown))}; give contrasts of {', '.join(SEQUENCES)}."
        )
    known = training[:BASELINE_ANATOMIES]
    baselines = BaselineData(
        f"simulated heads of {len(known)} training anatomies",
        partial(_simulated_cases, known, BASELINE_SEED, settings, contrasts, True),
        len(known) * len(contrasts),
        estimate=True,
    )
    number = f"{len(anatomies)} anatom{'ies' if len(anatomies) > 1 else 'y'}"
    seen = ", ".join(" + ".join(families) for families in contrasts)
    kinds = (
        (False, "", "", "MR voxels of 1 mm that lie exactly on the CT"),
        (
            True,
            "_thick_slices",
            ", thick slices",
            "MR slices up to 5 mm thick, misregistered by about 0.5 mm",
        ),
    )
    exact, thick = (
        CaseGroup(
            key + suffix,
            title + ending,
            f"Simulated heads of {number} that mr2xray train never trains on, each as {seen}: {scan}.",
            partial(_simulated_cases, anatomies, SEED, settings, contrasts, clinical),
            len(anatomies) * len(contrasts),
            baselines,
        )
        for clinical, suffix, ending, scan in kinds
    )
    return exact, thick


def _simulated_cases(
    anatomies: Sequence[Path], seed: int, settings: CaseSettings, contrasts: Contrasts, clinical: bool
) -> Iterator[Case]:
    """Each anatomy with each of `contrasts`; a head and its views follow from the seed and its place in the list."""
    number = 0
    for path in anatomies:
        anatomy = read_labels(path)
        for families in contrasts:
            heads = simulate_contrasts(anatomy, seed, number, settings.spacing, families, clinical)
            mr = [head.mr for head in heads]
            views = _random_views(heads[0].centre_mm, seed + number, settings)
            yield _case(anatomy.name, families, mr, heads[0].ct, views)
            number += 1


def _digital_cases(settings: CaseSettings, seed: int) -> Iterator[Case]:
    """In both contrasts, with the thin ring and without it: on one grid, from the same views, with the same noise."""
    head = digital_head()
    bare = head.without("ring", "inside of the ring")
    ct = head.ct(float(settings.spacing))
    views = _random_views(head_centre_mm(ct), seed, settings)

    def seen(each: DigitalHead, contrast: Literal["t1", "t2"]) -> Case:
        mr = each.mr(contrast, size=ct.size, affine=ct.affine, noise=10.0, seed=SEED)
        own_ct = each.ct(size=ct.size, affine=ct.affine)
        return _case("digital head", (contrast.upper(),), [mr], own_ct, views)

    for contrast in DIGITAL_CONTRASTS:
        yield replace(seen(head, contrast), bare=seen(bare, contrast))


def _pair_cases(
    pair: RegisteredPair, name: str, views: Sequence[View], contrasts: tuple[str, ...]
) -> Iterator[Case]:
    mr, xray = pair.projected(views, MR_LAYERS)
    yield Case(name, name, mr, xray, contrasts)


def _case(
    name: str, families: tuple[str, ...], mr: Sequence[Volume], ct: Volume, views: Sequence[View]
) -> Case:
    """A case of volumes in one world; MR is normalised as a user's is, by finding the head in it."""
    return Case(
        f"{name} {' + '.join(families)}",
        name,
        tuple(project_mr(normalise_mr(volume), views, layers=MR_LAYERS, device="cpu") for volume in mr),
        project(attenuation(ct), views, device="cpu"),
        tuple(family.lower() for family in families),
    )


def _random_views(centre_mm: np.ndarray, seed: int, settings: CaseSettings) -> tuple[View, ...]:
    rng = np.random.default_rng(seed)
    return tuple(draw_view(rng, centre_mm, settings.carm) for _ in range(settings.views))
