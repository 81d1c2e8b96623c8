"""What generators are evaluated on: `Case`, one head seen from several views, and `CaseGroup`, what is averaged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from MR2XRayLib.carm import CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.channels import without_signal
from MR2XRayLib.projection import Projections


@dataclass(frozen=True)
class CaseSettings:
    """How cases are made.

    Attributes:
        pixels: rows and columns of the square detector.
        spacing: voxel size of simulated volumes, in voxels of the label volumes (about mm).
        views: random views of each case.
    """

    pixels: int = 256
    spacing: int = 1
    views: int = 4

    @property
    def carm(self) -> CArm:
        """The default C-arm with a detector of `pixels`."""
        return CArm(pixels=(self.pixels, self.pixels))


@dataclass(frozen=True, eq=False)
class Case:
    """Projections of one head by MR and by X-rays, from the same views.

    Attributes:
        name: "subject41 T1".
        head: whose they are, "subject41": cases of one head are not independent.
        mr: one `Projections` in mm for each contrast, with all layers.
        xray: line integrals of attenuation: the reference.
        contrasts: names of `mr`; empty where nobody knows them. Capitals do not matter.
        bare: the same head and views without the thin ring, where it has one: the difference is what is made of it.
    """

    name: str
    head: str
    mr: tuple[Projections, ...]
    xray: Projections
    contrasts: tuple[str, ...] = ()
    bare: Case | None = None

    @property
    def named(self) -> dict[str, Projections]:
        """The contrasts by their names, or by "1", "2" where nobody knows these."""
        names = self.contrasts or tuple(str(n) for n in range(1, len(self.mr) + 1))
        return {name.lower(): contrast for name, contrast in zip(names, self.mr, strict=True)}

    def contrasts_for(self, card: ModelCard) -> tuple[Projections, ...]:
        """The projections that a generator takes, in the order of its card.

        A generator of one contrast takes the one of that name, and else the first: many take any contrast, whatever
        their card calls it. One of several takes those that it knows by name, and in place of the others a contrast
        without signal, as in its training.

        Raises:
            MR2XRayError: if none is of a contrast that the generator knows.
        """
        known, named = [name.lower() for name in card.input.contrasts], self.named
        if len(known) == 1:
            return (named.get(known[0], self.mr[0]),)
        if not self.contrasts and len(self.mr) == len(known):
            return self.mr
        check_contrasts(card, named, self.name)
        absent = without_signal(self.mr[0])
        return tuple(named.get(name, absent) for name in known)


def check_contrasts(card: ModelCard, contrasts: Collection[str], whose: str) -> None:
    """Refuse a head of which a generator of several contrasts knows none; one of one contrast takes any.

    Args:
        card: the generator's.
        contrasts: names of those that the head has; capitals do not matter.
        whose: the head or case, for the message.

    Raises:
        MR2XRayError: if none is of a contrast that the generator knows.
    """
    known = [name.lower() for name in card.input.contrasts]
    if len(known) > 1 and not set(known) & {name.lower() for name in contrasts}:
        raise MR2XRayError(
            f'The generator "{card.name}" takes the MR contrasts {", ".join(known)}, of which {whose} has none; '
            "evaluate it on heads that have them (--contrasts)."
        )


@dataclass(frozen=True, eq=False)
class BaselineData:
    """What the baselines are fitted on, and which make sense.

    Attributes:
        words: what that is, for the report ("heads of 2 training anatomies").
        cases: makes them, one at a time.
        count: how many.
        mean_image: whether a mean image does: the views show one head in about one place.
        estimate: whether the cases have the layer "attenuation", which is a baseline as it is.
    """

    words: str
    cases: Callable[[], Iterator[Case]]
    count: int
    mean_image: bool = False
    estimate: bool = False


@dataclass(frozen=True, eq=False)
class CaseGroup:
    """Cases that are averaged.

    Attributes:
        key: its name in files and in a card's metrics, "held_out_heads".
        title: its heading.
        words: what it is, in a sentence or two.
        cases: makes the cases anew, one in memory at a time.
        count: how many.
        baselines: what the baselines are fitted on; several groups may share one.
        paper: whether this is the paper's protocol, whose Table I then stands beside.
    """

    key: str
    title: str
    words: str
    cases: Callable[[], Iterator[Case]]
    count: int
    baselines: BaselineData
    paper: bool = False

    def kept(self) -> CaseGroup:
        """The same group, whose cases are made the first time and then stay in memory, 7 MB a case of usual size."""
        return replace(self, cases=_Kept(self.cases))


class _Kept:
    """Makes cases once."""

    def __init__(self, make: Callable[[], Iterator[Case]]) -> None:
        self._make = make
        self._made: list[Case] | None = None

    def __call__(self) -> Iterator[Case]:
        """Those made before; anew until they were once made to the last."""
        if self._made is not None:
            yield from self._made
            return
        made = []
        for case in self._make():
            made.append(case)
            yield case
        self._made = made
