"""Simulated heads as a training's source, and which label anatomies are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import HELD_OUT, VALIDATION, AnatomyFiles
from MR2XRayLib.generators.card import TrainedGeometry
from MR2XRayLib.intensity import attenuation, normalise_mr
from MR2XRayLib.mr_layers import ATTENUATION, VOXEL_LAYERS, project_mr
from MR2XRayLib.projection import project
from MR2XRayLib.simulation.heads import SimulatedHead, read_labels, simulate_contrasts
from MR2XRayLib.simulation.random_views import PRIMARY_DEG, SECONDARY_DEG, draw_view
from MR2XRayLib.simulation.tissues import SEQUENCES
from MR2XRayLib.simulation.variety import TRAINING_VARIETY, Variety
from MR2XRayLib.synthesis import bfloat16_is_worth_it
from MR2XRayLib.training.distributed import use_own_gpu
from MR2XRayLib.training.pairs import CONTRAST_DROPOUT, PairSettings, pages
from MR2XRayLib.training.source import RESEARCH_ONLY, Evaluate, Source
from MR2XRayLib.volume import Volume

VALIDATION_SEED = 20_000
VALIDATION_PAIRS = 16

SETTINGS = PairSettings(pixels=256, spacing=1, heads=12, views=16, passes=4)
"""At the resolution of use; simulating and projecting a head pays for 64 pairs."""

SETTINGS_WITH_ESTIMATE = replace(SETTINGS, heads=6, views=32, passes=12, window=4)
"""With the layer "attenuation", which takes longer than all else of a head: it pays for 384 pairs. Six heads
alone would draw a generator towards themselves until the next six come."""

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


@dataclass(frozen=True, eq=False)
class SimulatedPairs:
    """Pairs of simulated heads, drawn anew for every head; a `HeadPairs`.

    Attributes:
        anatomies: label volumes, to draw from.
        families: of MR contrast; without any, one contrast of a family drawn for each head.
        variety: how the anatomies are changed.
        device: that projects them; "cuda" is the rank's own GPU.
    """

    anatomies: Sequence[Volume]
    families: Sequence[str] = ()
    variety: Variety = TRAINING_VARIETY
    device: str = "cpu"

    def __call__(self, settings: PairSettings, seed: int, index: int) -> np.ndarray:
        """The pairs of one head, see `HeadPairs`."""
        use_own_gpu(self.device)
        rng = np.random.default_rng([seed, index, 1])
        anatomy = self.anatomies[int(rng.integers(len(self.anatomies)))]
        # No MR tells how its CT will be misregistered: what is learned from such pairs is to blur.
        heads = simulate_contrasts(
            anatomy,
            seed,
            index,
            settings.spacing,
            self.families or (None,),
            variety=self.variety,
            registered=True,
        )
        centre_mm = heads[0].centre_mm
        views = [draw_view(rng, centre_mm, settings.carm) for _ in range(settings.views)]
        # For the estimator of attenuation, which takes longer than all else of a head, and half of it in bfloat16.
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_is_worth_it()):
            return project_head(heads, views, settings.layers, self.device)


def project_head(
    heads: Sequence[SimulatedHead], views: Sequence[View], layers: Sequence[str], device: str = "cpu"
) -> np.ndarray:
    """Pairs of one head, seen in one or more contrasts, as `HeadPairs` gives them.

    The head is found in its MR, as in a user's: on masks that are known a generator learns to trust their edge.
    """
    contrasts = [project_mr(normalise_mr(head.mr), views, layers=layers, device=device) for head in heads]
    return pages(contrasts, project(attenuation(heads[0].ct), views, device=device), layers)


def families_called(names: Sequence[str]) -> tuple[str, ...]:
    """Families of MR contrast by their names, in upper or lower case.

    Raises:
        MR2XRayError: naming the families that there are.
    """
    unknown = [name for name in names if name.upper() not in SEQUENCES]
    if unknown:
        raise MR2XRayError(
            f"Heads cannot be simulated as {', '.join(unknown)}; give --contrasts of {', '.join(SEQUENCES)}."
        )
    return tuple(name.upper() for name in names)


def simulated_source(
    anatomies: Anatomies,
    evaluate: Evaluate,
    families: Sequence[str] = (),
    pixels: int = 256,
    layers: Sequence[str] = VOXEL_LAYERS,
    device: str = "cpu",
) -> Source:
    """A training on simulated heads; `families` and `device` as in `SimulatedPairs`, `layers` as in `PairSettings`."""
    dropout = CONTRAST_DROPOUT if len(families) > 1 else 0.0
    usual = SETTINGS_WITH_ESTIMATE if ATTENUATION in layers else SETTINGS
    settings = replace(usual, pixels=pixels, layers=tuple(layers), contrast_dropout=dropout)

    def validation() -> np.ndarray:
        pairs = SimulatedPairs([anatomies.validation], families, Variety())
        draws = [pairs(replace(settings, views=2), VALIDATION_SEED, n) for n in range(VALIDATION_PAIRS // 2)]
        return np.concatenate(draws)

    return Source(
        pairs=SimulatedPairs(anatomies.training, families, device=device),
        settings=settings,
        validation=validation,
        evaluate=evaluate,
        contrasts=tuple(family.lower() for family in families) or ("mr",),
        geometry=TrainedGeometry.of(settings.carm, PRIMARY_DEG, SECONDARY_DEG),
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
