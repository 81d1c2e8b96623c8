"""The views that are shown: the best, the median and the worst of a generator by high-pass correlation."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from MR2XRayLib.evaluation.cases import Case
from MR2XRayLib.metrics import Metrics
from MR2XRayLib.projection import Projections

RANKS = ("best", "median", "worst")


@dataclass(frozen=True, eq=False)
class Strip:
    """One view to be shown.

    Attributes:
        rank: one of `RANKS`.
        label: head, contrast and angulation in words.
        metrics: of the view.
        mr: MR projection, mm, (rows, columns).
        synthesized, reference: line integrals, (rows, columns).
    """

    rank: str
    label: str
    metrics: Metrics
    mr: np.ndarray
    synthesized: np.ndarray
    reference: np.ndarray


@dataclass
class Gallery:
    """Every view of a group at half precision, until it is known which are shown.

    Attributes:
        mr, references: pages (rows, columns) of all views so far, shared by all generators.
        labels: of the views.
        synthesized, metrics: of each generator, by its name.
    """

    mr: list[np.ndarray] = field(default_factory=list)
    references: list[np.ndarray] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    synthesized: dict[str, list[np.ndarray]] = field(default_factory=dict)
    metrics: dict[str, list[Metrics]] = field(default_factory=dict)

    def add_case(self, case: Case) -> None:
        """Keep the pages that all generators share."""
        self.mr.extend(case.mr[0].pixels.astype(np.float16))
        self.references.extend(case.xray.pixels.astype(np.float16))
        self.labels.extend(f"{case.name}, {view.angulation}" for view in case.xray.views)

    def add(self, name: str, synthesized: Projections, metrics: tuple[Metrics, ...]) -> None:
        """Keep what a generator made of the newest case."""
        self.synthesized.setdefault(name, []).extend(synthesized.pixels.astype(np.float16))
        self.metrics.setdefault(name, []).extend(metrics)

    def strips(self, name: str) -> tuple[Strip, ...]:
        """A generator's best, median and worst view; views without a high-pass correlation are passed over."""
        order = ranked([metrics.hp_corr for metrics in self.metrics[name]])
        if not order:
            return ()
        chosen = (order[0], order[len(order) // 2], order[-1])
        return tuple(self._strip(rank, name, index) for rank, index in zip(RANKS, chosen, strict=True))

    def _strip(self, rank: str, name: str, index: int) -> Strip:
        pages = (self.mr[index], self.synthesized[name][index], self.references[index])
        return Strip(
            rank,
            self.labels[index],
            self.metrics[name][index],
            *(page.astype(np.float32) for page in pages),
        )


def ranked(values: list[float]) -> list[int]:
    """Places of the values from highest to lowest; NaN is left out, of equals the first goes first."""
    return sorted((n for n, value in enumerate(values) if not np.isnan(value)), key=lambda n: -values[n])
