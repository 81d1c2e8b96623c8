"""A folder of small heads: the digital head as CT, T1 and T2, in two world frames, with the transform between."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_heads import TO_CT

from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.volume_io import write_volume


@pytest.fixture(scope="session")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files t1.nrrd, t2.nrrd, ct.nrrd (voxels of 10 mm) and truth.tfm; not to be changed."""
    folder = tmp_path_factory.mktemp("volumes")
    head = digital_head()
    displaced = head.moved(TO_CT.inverse())
    write_volume(displaced.mr("t1", 10.0, noise=6.0, seed=1), folder / "t1.nrrd")
    write_volume(displaced.mr("t2", 10.0, noise=6.0, seed=2), folder / "t2.nrrd")
    write_volume(head.ct(10.0), folder / "ct.nrrd")
    TO_CT.write(folder / "truth.tfm")
    return folder


@pytest.fixture
def heads(volumes: Path, tmp_path: Path) -> tuple[CohortHead, ...]:
    """Three heads to train on, each with its own copy of the same volumes; the third has no T2."""

    def head(name: str, *contrasts: str) -> CohortHead:
        folder = tmp_path / "data" / name
        shutil.copytree(volumes, folder)
        mr = {contrast: folder / f"{contrast}.nrrd" for contrast in contrasts}
        place = f'cohort.toml, head ("{name}")'
        return CohortHead(name, mr, folder / "ct.nrrd", folder / "truth.tfm", name, "train", place)

    return head("a", "t1", "t2"), head("b", "t1", "t2"), head("c", "t1")
