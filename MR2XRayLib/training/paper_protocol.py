"""The paper's protocol: one head, 3000 random views of it to train on and 200 others to test on.

Stimpel et al. (arXiv 1710.07498), section III, split the views of one head at random. What a generator scores on such
views says nothing of other heads: it has seen this one from a few degrees away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import TrainedGeometry
from MR2XRayLib.mr_projector import MrProjector
from MR2XRayLib.projection import project
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.training.pairs import CONTRAST_DROPOUT, PairSettings, pages
from MR2XRayLib.training.source import RESEARCH_ONLY, Evaluate, Source

TRAINING_VIEWS, TEST_VIEWS, VALIDATION_VIEWS = 3000, 200, 16
PRIMARY_DEG, SECONDARY_DEG = (-45.0, 45.0), (-20.0, 20.0)
"""The paper does not tell its range of angles; this one is 3000 views about a degree apart."""

DETECTOR_MM = 320.0
"""Collimated to the head: it covers 66 % of the pixels of the real male head's views in the mean."""

VIEWS_A_DRAW = 100
"""Unless a training asks for another divisor of all."""

LEAST_ATTENUATION_PER_MM = 0.005
"""A quarter of water's: what counts as head where its middle is looked for."""

LIMITS = (
    RESEARCH_ONLY,
    "Trained on views of one head, a cadaver's, and tested on other views of the same head: its numbers say nothing of "
    "other heads, on which it cannot be expected to work.",
)


@dataclass(frozen=True, eq=False)
class PaperProtocol:
    """The protocol on one registered pair; all views follow from the seed.

    Attributes:
        pair: the head.
        pixels: rows and columns of the detector.
        seed: of the views.
        layers: of the MR, one a channel; the paper has the signal alone.
    """

    pair: RegisteredPair
    pixels: int = 256
    seed: int = 0
    layers: tuple[str, ...] = (SIGNAL,)
    _kept: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def training_views(self) -> tuple[View, ...]:
        """`TRAINING_VIEWS` views."""
        return self._views(1, TRAINING_VIEWS)

    @cached_property
    def test_views(self) -> tuple[View, ...]:
        """`TEST_VIEWS` others."""
        return self._views(2, TEST_VIEWS)

    @cached_property
    def validation_views(self) -> tuple[View, ...]:
        """`VALIDATION_VIEWS` others, for the training's log."""
        return self._views(3, VALIDATION_VIEWS)

    @property
    def carm(self) -> CArm:
        """The default distances, a detector collimated to the head, and the middle of the head as isocentre."""
        carm = CArm(detector_mm=(DETECTOR_MM, DETECTOR_MM), pixels=(self.pixels, self.pixels))
        return carm.at(self._middle_mm())

    def _middle_mm(self) -> np.ndarray:
        """Of the box around the attenuating voxels, LPS mm, (3,)."""
        ct = self.pair.ct
        inside = np.argwhere(ct.voxels > LEAST_ATTENUATION_PER_MM)
        middle = (inside.min(0) + inside.max(0)) / 2
        return ct.to_world(middle[None, ::-1])[0]

    def _views(self, stream: int, count: int) -> tuple[View, ...]:
        rng = np.random.default_rng([self.seed, stream])
        carm = self.carm
        return tuple(
            carm.view(Angulation(rng.uniform(*PRIMARY_DEG), rng.uniform(*SECONDARY_DEG)))
            for _ in range(count)
        )

    def projected(self, views: tuple[View, ...]) -> np.ndarray:
        """Pairs on [-1, 1], float32 (views, channels + 1, rows, columns)."""
        contrasts = [mr.project(views) for mr in self._projectors]
        return pages(contrasts, project(self.pair.ct, views, device="cpu"), self.layers)

    @cached_property
    def _projectors(self) -> tuple[MrProjector, ...]:
        """One a contrast: each layer is made once for all views."""
        return tuple(
            MrProjector.of(volume, self.pair.transform, "cpu")
            .cut_to(self.pair.within)
            .with_layers(self.layers)
            for volume in self.pair.mr
        )

    def pairs(self, settings: PairSettings, seed: int, index: int) -> np.ndarray:
        """The training views, `settings.views` a draw, over and over; a `HeadPairs`.

        Projected once, then kept, in float16: with six layers and their X-ray all of them take 2.8 GB, and what is
        rounded off is at most .00025.

        Raises:
            MR2XRayError: if the training views cannot be parted evenly into draws of that many.
        """
        draws, left_over = divmod(TRAINING_VIEWS, settings.views)
        if left_over:
            raise MR2XRayError(
                f"The protocol's {TRAINING_VIEWS} training views cannot be served {settings.views} at a time; choose a "
                f"divisor of {TRAINING_VIEWS} for --views."
            )
        first = index % draws * settings.views
        if (first, settings.views) not in self._kept:
            chosen = self.training_views[first : first + settings.views]
            self._kept[first, settings.views] = self.projected(chosen).astype(np.float16)
        return self._kept[first, settings.views]

    @property
    def settings(self) -> PairSettings:
        """Rounds of 500 views; not mirrored, since the head is not. Of several contrasts, which the paper does not
        have, half of the pairs show one alone, as in every other training."""
        return PairSettings(
            pixels=self.pixels,
            heads=5,
            views=VIEWS_A_DRAW,
            passes=1,
            mirrored=False,
            layers=self.layers,
            contrast_dropout=CONTRAST_DROPOUT if len(self.pair.mr) > 1 else 0.0,
        )

    def source(self, contrasts: tuple[str, ...], evaluate: Evaluate) -> Source:
        """The protocol as a training's source; `contrasts` names the pair's."""
        return Source(
            pairs=self.pairs,
            settings=self.settings,
            validation=lambda: self.projected(self.validation_views),
            evaluate=evaluate,
            contrasts=contrasts,
            geometry=TrainedGeometry.of(self.carm, PRIMARY_DEG, SECONDARY_DEG),
            data={
                "kind": "projections of one registered MR and CT, split by view (the protocol of arXiv 1710.07498)",
                "mr": [volume.identity for volume in self.pair.mr],
                "ct": self.pair.ct.identity,
                # As good as equal where another number of threads registered: a checkpoint is known by it.
                "transform": self.pair.transform.matrix.round(6).tolist(),
                "training_views": TRAINING_VIEWS,
                "test_views": TEST_VIEWS,
            },
            limits=LIMITS,
        )
