"""The digital head as files."""

from __future__ import annotations

from pathlib import Path

from MR2XRayLib.demo import demo_pair
from MR2XRayLib.volume_io import write_volume


def write_pair(folder: Path, spacing_mm: float, suffix: str = ".nrrd") -> None:
    """Write mr and ct, as two scanners see them, and where the MR lies, truth.tfm."""
    pair = demo_pair(spacing_mm=spacing_mm)
    write_volume(pair.mr, folder / f"mr{suffix}")
    write_volume(pair.ct, folder / f"ct{suffix}")
    pair.truth.write(folder / "truth.tfm")
