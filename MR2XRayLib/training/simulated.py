"""Simulated heads as a training's source, and which label anatomies are trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from MR2XRayLib.carm import CArm, View
from MR2XRayLib.evaluation import HELD_OUT, VALIDATION, AnatomyFiles
from MR2XRayLib.generators.card import TrainedGeometry
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.intensity import attenuation, normalise_mr
from MR2XRayLib.projection import project
from MR2XRayLib.scale import MR_FULL_SCALE_MM, to_unit
from MR2XRayLib.simulation.heads import SimulatedHead, read_labels, simulate_contrasts
from MR2XRayLib.simulation.random_views import PRIMARY_DEG, SECONDARY_DEG, draw_view
from MR2XRayLib.simulation.variety import TRAINING_VARIETY, Variety
from MR2XRayLib.training.pairs import HeadPairs, PairSettings
from MR2XRayLib.training.source import RESEARCH_ONLY, Source
from MR2XRayLib.volume import Volume

VALIDATION_SEED = 20_000
VALIDATION_PAIRS = 16

SETTINGS = PairSettings(pixels=256, spacing=1, heads=12, views=16, passes=4)
"""At the resolution of use; simulating and projecting a head pays for 64 pairs."""

LIMITS = (
    RESEARCH_ONLY,
    "Trained on simulated heads alone; on real MR its numbers are not those of the card.",
    "Faces, jaws and necks of the simulated heads are invented shapes.",
    "Its bone is inferred from dark MR signal; implants, calcifications and fractures are not synthesized.",
)


@dataclass(frozen=True, eq=False)
class Anatomies:
    """Label volumes by their use: never two uses of one."""

    training: Sequence[Volume]
    validation: Volume

    @classmethod
    def read(cls, folder: Path) -> Anatomies:
        """BrainWeb's `subjectNN_labels.nii.gz` in a folder, without those held out.

        Raises:
            MR2XRayError: if the folder lacks one of the fixed anatomies or has none left to train on.
        """
        files = AnatomyFiles.of(folder)
        return cls([read_labels(path) for path in files.training], read_labels(files.validation))


def of_simulated_heads(
    anatomies: Sequence[Volume], families: Sequence[str] = (), variety: Variety = TRAINING_VARIETY
) -> HeadPairs:
    """Pairs of heads simulated on one of `anatomies` (label volumes), drawn anew for every head.

    Args:
        anatomies: to draw from.
        families: of MR contrast, one a channel; without any, one channel of a family drawn for each head.
        variety: how the anatomies are changed.
    """

    def pairs(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        rng = np.random.default_rng([seed, index, 1])
        anatomy = anatomies[int(rng.integers(len(anatomies)))]
        heads = simulate_contrasts(
            anatomy, seed, index, settings.spacing, families or (None,), variety=variety
        )
        centre_mm = heads[0].centre_mm
        return project_head(heads, [draw_view(rng, centre_mm, settings.carm) for _ in range(settings.views)])

    return pairs


def project_head(heads: Sequence[SimulatedHead], views: Sequence[View]) -> np.ndarray:
    """Pairs of one head, seen in one or more contrasts, on [-1, 1].

    float32, (views, contrasts + 1, rows, columns).
    """
    contrasts = [project(normalise_mr(head.mr, head.head), views, device="cpu").pixels for head in heads]
    xray = project(attenuation(heads[0].ct), views, device="cpu").pixels
    return np.stack([*(to_unit(mr, MR_FULL_SCALE_MM) for mr in contrasts), to_unit(xray)], axis=1)


def simulated_source(
    anatomies: Anatomies,
    evaluate: Callable[[TrainedGenerator], Mapping[str, Mapping[str, float]]],
    families: Sequence[str] = (),
    pixels: int = 256,
) -> Source:
    """A training on simulated heads; `families` as in `of_simulated_heads`."""
    settings = replace(SETTINGS, pixels=pixels, contrast_dropout=0.5 if len(families) > 1 else 0.0)

    def validation() -> np.ndarray:
        pairs = of_simulated_heads([anatomies.validation], families, Variety())
        draws = [pairs(replace(settings, views=2), VALIDATION_SEED, n) for n in range(VALIDATION_PAIRS // 2)]
        return np.concatenate(draws)

    carm = CArm()
    return Source(
        pairs=of_simulated_heads(anatomies.training, families),
        settings=settings,
        validation=validation,
        evaluate=evaluate,
        contrasts=tuple(family.lower() for family in families) or ("mr",),
        geometry=TrainedGeometry(
            carm.source_to_isocentre_mm,
            carm.source_to_detector_mm,
            carm.detector_mm,
            (pixels, pixels),
            carm.detector_mm[1] / pixels,
            PRIMARY_DEG,
            SECONDARY_DEG,
        ),
        data={
            "kind": "simulated heads on deformed BrainWeb label anatomies with invented faces and necks; random "
            "contrast, texture, bias field, noise, slice thickness, implants and pose",
            "source": "BrainWeb, Aubert-Broche et al. 2006 and Collins et al. 1998",
            "training": [anatomy.name for anatomy in anatomies.training],
            "validation": VALIDATION,
            "held_out": list(HELD_OUT),
        },
        limits=LIMITS,
    )
