"""What is installed is what stands in the checkout."""

from __future__ import annotations

import tomllib

from places import REPOSITORY


def test_every_package_of_the_library_is_installed() -> None:
    listed = set(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {
        path.parent.relative_to(REPOSITORY) for path in (REPOSITORY / "MR2XRayLib").rglob("__init__.py")
    }
    assert listed == {".".join(folder.parts) for folder in folders} | {"MR2XRayLib.Resources"}
