"""Words of `mr2xray train` for trainings that take a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from MR2XRayLib.phantom import digital_head
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume

QUICK = ["--steps", "3", "--batch", "2", "--threads", "1", "--pixels", "32", "--architecture", "unet"]


def one_head(folder: Path) -> list[str]:
    volumes = ["--mr", str(folder / "mr.nrrd"), "--ct", str(folder / "ct.nrrd")]
    return ["train", *volumes, "--transform", str(folder / "none.tfm"), *QUICK]


def a_cohort(folder: Path, transform: Path) -> Path:
    """A cohort file of three people, "a" to train on, "b" to validate on and "c" to test on, and their volumes."""
    rng = np.random.default_rng(0)
    rows = ["name,ct,mr_t1,transform,split"]
    for name, split in (("a", "train"), ("b", "validate"), ("c", "test")):
        # Three people's files may not be the same.
        for modality, volume in (("ct", digital_head().ct(8.0)), ("mr", digital_head().mr("t1", 8.0))):
            voxels = volume.voxels + rng.normal(0, 2, volume.voxels.shape).astype(np.float32)
            write_volume(Volume(voxels, volume.affine, volume.unit), folder / f"{name}-{modality}.nrrd")
        rows.append(f"{name},{name}-ct.nrrd,{name}-mr.nrrd,{transform},{split}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    return folder / "cohort.csv"
