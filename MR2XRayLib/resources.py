"""Where the files that come with the program lie."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

WEIGHTS = "weights.safetensors"
"""The file of a trained network's weights, in a folder of its own beside its card."""

Storage = Literal["float32", "float16", "int8"]
STORAGES: tuple[Storage, ...] = ("float32", "float16", "int8")
"""How weights are written. In int8 every filter is whole numbers up to 127 times a scale of its own: half the size of
float16, and of `recommended` neither correlation changed by more than .0002 (validation head)."""


def resource_folder(kind: str) -> Path:
    """The folder `Resources/<kind>`: "CArms", "Estimator" or "Models".

    Installed, it lies inside the package; in a checkout, beside it.
    """
    package = Path(__file__).resolve().parent
    installed = package / "Resources"
    return (installed if installed.is_dir() else package.parent / "Resources") / kind
