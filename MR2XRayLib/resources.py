"""Where the files that come with the program lie."""

from __future__ import annotations

from pathlib import Path


def resource_folder(kind: str) -> Path:
    """The folder `Resources/<kind>`: "CArms" or "Models".

    Installed, it lies inside the package; in a checkout, beside it.
    """
    package = Path(__file__).resolve().parent
    installed = package / "Resources"
    return (installed if installed.is_dir() else package.parent / "Resources") / kind
