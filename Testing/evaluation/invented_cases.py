"""Cases with exact answers: an invented head, and MR projections that are a known function of its X-rays."""

from __future__ import annotations

import numpy as np
import torch
from tiny_generators import TINY_OPTIONS, trained

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.evaluation.cases import BaselineData, Case, CaseGroup
from MR2XRayLib.generators.build import build
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.metrics.blur import gaussian_blur
from MR2XRayLib.projection import Projections

SIDE = 64


def xray_pixels(views: int = 2, seed: int = 0) -> np.ndarray:
    """Line integrals of an ellipsoid with structure inside and air beside it, float32 (views, 64, 64)."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    chord = np.sqrt(np.maximum(1 - (x / 0.7) ** 2 - (y / 0.85) ** 2, 0))
    pages = []
    for noise in np.random.default_rng(seed).normal(size=(views, SIDE, SIDE)):
        structure = gaussian_blur(noise, 1.5)
        pages.append(3.5 * chord + 0.25 * structure / structure.std() * (chord > 0))
    return np.clip(pages, 0, None).astype(np.float32)


def projections(pixels: np.ndarray, unit: str, primary: float = -40.0) -> Projections:
    """Pages (views, rows, columns) as views 20 degrees of primary angle apart."""
    carm = CArm(pixels=pixels.shape[1:], isocentre_mm=(0, 0, 0))
    views = tuple(carm.view(Angulation(primary + 20 * n, 10)) for n in range(len(pixels)))
    return Projections(np.asarray(pixels, np.float32), views, unit)  # type: ignore[arg-type]


def a_case(name: str, head: str, xray: np.ndarray, *mr: np.ndarray, contrasts: tuple[str, ...] = ()) -> Case:
    """X-ray pixels and those of the MR contrasts (mm) as a case."""
    seen = tuple(projections(pixels, "mm") for pixels in mr)
    return Case(name, head, seen, projections(xray, "1"), contrasts)


def off_by(*errors: float, heads: int = 0) -> list[Case]:
    """Cases whose MR (mm) is the X-ray plus an error everywhere; each its own head, or dealt out to `heads`."""
    cases = []
    for number, error in enumerate(errors):
        xray = xray_pixels(seed=number)
        head = f"head{number % heads if heads else number}"
        cases.append(a_case(f"{head} {number}", head, xray, xray + error))
    return cases


def a_group(cases: list[Case], baselines: BaselineData | None = None, **entries: object) -> CaseGroup:
    """Cases as a group; the baselines are fitted on the same cases unless others are given."""
    own = baselines or BaselineData("the same cases", lambda: iter(cases), len(cases), mean_image=True)
    described = {"key": "some_heads", "title": "Some heads", "words": "Invented heads.", **entries}
    return CaseGroup(cases=lambda: iter(cases), count=len(cases), baselines=own, **described)  # type: ignore[arg-type]


def identity(name: str = "identity", factor: float = 1.0, **entries: object) -> TrainedGenerator:
    """An untrained generator, which is its linear path: line integrals are the MR's millimetres times `factor`."""
    torch.manual_seed(0)
    network = build("unet", "compact", 1, **TINY_OPTIONS["unet"]).eval()
    described = {"input": InputCard(("mr",), 6.0 / factor), "weights_sha256": name.ljust(64, "0"), **entries}
    return trained(network, name=name, **described)
