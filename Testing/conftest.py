"""Fixtures that several tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from modelled_heads import ct_head, mr_head
from places import REPOSITORY
from quick_estimator import HeadOfWater

from MR2XRayLib.estimation import Estimator, estimator
from MR2XRayLib.volume import Volume

# How fast an example runs says how busy the computer is, not whether the code is right.
settings.register_profile(
    "unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and simulated heads; the test is skipped where it is absent."""
    folder = Path(os.environ.get("MR2XRAY_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no head data: {folder} does not exist (set MR2XRAY_DATA)")
    return folder.resolve()


@pytest.fixture(scope="session", autouse=True)
def quick_estimator() -> Iterator[Callable[[], Estimator]]:
    """No test waits for the shipped estimator unless it asks for it by `the_shipped_estimator`; gives what loads it."""
    with pytest.MonkeyPatch.context() as patch:
        shipped = estimator.shipped_estimator
        patch.setattr(estimator, "shipped_estimator", lambda device="cpu": HeadOfWater())
        yield shipped


@pytest.fixture
def the_shipped_estimator(
    quick_estimator: Callable[[], Estimator], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Estimator]:
    """Attenuation is estimated as for users; also what loads the estimator."""
    monkeypatch.setattr(estimator, "shipped_estimator", quick_estimator)
    return quick_estimator


@pytest.fixture(scope="session")
def ct() -> Volume:
    """A head of ellipsoids as CT, voxels of 3 mm; not to be changed."""
    return ct_head((3.0, 3.0, 3.0))


@pytest.fixture(scope="session")
def mr() -> Volume:
    """The same head as MR, voxels of 3 mm; not to be changed."""
    return mr_head((3.0, 3.0, 3.0))


@pytest.fixture
def a_small_anatomy() -> Volume:
    """Shells of fat, skull, fluid, grey and white matter in a ball of 176 mm: 48³ voxels of 4 mm."""
    k, j, i = np.meshgrid(*[np.arange(48) - 23.5] * 3, indexing="ij")
    radius = np.sqrt(k**2 + j**2 + i**2)
    labels = np.zeros((48, 48, 48), np.uint8)
    for outer, label in ((22, 4), (20, 7), (18, 1), (16, 2), (12, 3)):
        labels[radius < outer] = label
    affine = np.diag([-4.0, -4.0, 4.0, 1.0])
    affine[:3, 3] = (94.0, 94.0, -94.0)
    return Volume(labels, affine, name="small")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for want of the head data."""
    skipped = terminalreporter.stats.get("skipped", [])
    without_data = sum("no head data" in str(report.longrepr) for report in skipped)
    terminalreporter.write_line(f"tests skipped because the head data are absent: {without_data}")
