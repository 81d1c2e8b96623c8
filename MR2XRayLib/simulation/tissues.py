"""The twelve BrainWeb tissue labels: what each looks like to a MR scanner and to X-rays, and random draws of both.

MR: relaxation times and proton densities at 1.5 T after BrainWeb (Kwan, Evans and Pike 1999, IEEE Trans. Med.
Imaging 18:1085), bone and marrow from the textbook (Haacke et al., Magnetic Resonance Imaging, ch. 8). CT: ranges
of Hounsfield units as radiology textbooks give them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tissue:
    """One label's properties.

    Attributes:
        name: in words.
        proton_density: relative to water.
        t1_ms, t2_ms: relaxation times.
        hu: lowest and highest mean CT number that a head's tissue is given.
        hu_texture: standard deviation of the CT number inside the tissue, HU.
        fatty: dark under fat suppression.
    """

    name: str
    proton_density: float
    t1_ms: float
    t2_ms: float
    hu: tuple[float, float]
    hu_texture: float
    fatty: bool = False


TISSUES = (
    Tissue("background", 0.0, 1000, 50, (-1000, -1000), 0),
    Tissue("cerebrospinal fluid", 1.0, 2569, 329, (0, 15), 2),
    Tissue("grey matter", 0.86, 833, 83, (30, 45), 4),
    Tissue("white matter", 0.77, 500, 70, (22, 35), 4),
    Tissue("fat", 1.0, 350, 70, (-110, -70), 8, fatty=True),
    Tissue("muscle", 0.9, 900, 47, (40, 65), 6),
    Tissue("muscle and skin", 0.9, 850, 50, (20, 65), 10),
    Tissue("skull", 0.1, 300, 4, (700, 1500), 120),
    Tissue("vessels", 0.9, 1200, 120, (35, 55), 4),
    Tissue("connective tissue around fat", 0.75, 600, 55, (-60, 40), 10),
    Tissue("dura", 0.7, 900, 40, (40, 70), 5),
    Tissue("bone marrow", 0.85, 400, 60, (100, 500), 80, fatty=True),
)
"""Indexed by BrainWeb label."""

SKULL, MARROW = 7, 11

ADDED_TISSUES = (
    Tissue("tooth", 0.05, 300, 1, (1600, 2600), 150),
    Tissue("metal", 0.0, 1000, 1, (3000, 8000), 0),
    Tissue("air inside the head", 0.0, 1000, 50, (-1000, -1000), 0),
)
"""What simulated heads have besides: labels that follow those of `TISSUES`."""

TOOTH, METAL, CAVITY = 12, 13, 14


@dataclass(frozen=True)
class Sequence:
    """A family of MR sequences: ranges in ms that one is drawn from; `ti_ms` None is a plain spin echo."""

    name: str
    tr_ms: tuple[float, float]
    te_ms: tuple[float, float]
    ti_ms: tuple[float, float] | None = None


SEQUENCES = {
    "T1": Sequence("T1", (350, 750), (8, 20)),
    "MPRAGE": Sequence("MPRAGE", (1600, 2500), (2, 5), (750, 1100)),
    "PD": Sequence("PD", (2000, 4000), (8, 30)),
    "T2": Sequence("T2", (2500, 6000), (70, 120)),
    "FLAIR": Sequence("FLAIR", (7000, 10000), (80, 140), (2000, 2600)),
}
RANDOM = "random"
"""The family that follows no physics: every soft tissue any signal, bone dark."""

FAMILY_WEIGHTS = {"T1": 0.22, "MPRAGE": 0.36, "PD": 0.08, "T2": 0.16, "FLAIR": 0.06, RANDOM: 0.12}
"""How often each is drawn: MPRAGE most, as the commonest 3D sequence of the head and the hardest one here: it shows
cerebrospinal fluid as dark as the bone beside it."""


def draw_family(rng: np.random.Generator) -> str:
    """The name of a family of MR contrast, by `FAMILY_WEIGHTS`."""
    return str(rng.choice(list(FAMILY_WEIGHTS), p=list(FAMILY_WEIGHTS.values())))


def draw_mr_signal(rng: np.random.Generator, family: str) -> np.ndarray:
    """The mean MR signal of each label, shape (12,), float32; the brightest tissue is 1, background 0.

    Inversion-recovery spin echo: PD · |1 − 2 exp(−TI/T1) + exp(−TR/T1)| · exp(−TE/T2), without the middle term
    for a plain spin echo; every T1, T2 and PD is jittered, and one head in six is fat-suppressed.
    """
    count = len(TISSUES)
    if family == RANDOM:
        signal = rng.uniform(0.15, 1.0, count)
        signal[SKULL] = rng.uniform(0.0, 0.1)
    else:
        density, t1, t2 = np.array([(t.proton_density, t.t1_ms, t.t2_ms) for t in TISSUES]).T * np.exp(
            rng.normal(0.0, 0.12, (3, count))
        )
        sequence = SEQUENCES[family]
        recovery = 1.0 - np.exp(-rng.uniform(*sequence.tr_ms) / t1)
        if sequence.ti_ms:
            recovery = np.abs(2.0 - recovery - 2.0 * np.exp(-rng.uniform(*sequence.ti_ms) / t1))
        signal = density * recovery * np.exp(-rng.uniform(*sequence.te_ms) / t2)
    if rng.random() < 1 / 6:
        signal[[t.fatty for t in TISSUES]] *= rng.uniform(0.1, 0.4)
    signal[0] = 0.0
    return (signal / signal.max()).astype(np.float32)


def draw_hu(rng: np.random.Generator) -> np.ndarray:
    """The mean CT number of each label, HU, shape (12,), float32; likelier in the middle of its range."""
    return np.array(
        [
            low if low == high else rng.triangular(low, (low + high) / 2, high)
            for low, high in (t.hu for t in TISSUES)
        ],
        dtype=np.float32,
    )


def draw_added(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """CT number (HU) and relative MR signal of each of `ADDED_TISSUES`, shape (3,), float32."""
    hu = np.array([rng.uniform(*t.hu) for t in ADDED_TISSUES], np.float32)
    return hu, np.array([t.proton_density * rng.uniform(0.0, 1.0) for t in ADDED_TISSUES], np.float32)
