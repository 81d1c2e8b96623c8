"""`slicer.packaging`: asks as the real one does, but installs nothing: a test says what an install would do."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path
from typing import Any

import slicer
from packaging.requirements import Requirement
from slicerstandin.namespace import shows_nothing as __dir__  # noqa: F401
from slicerstandin.packages import PACKAGES

__all__ = ["load_requirements", "pip_check", "pip_ensure", "pip_install", "pip_uninstall"]


def load_requirements(path: str | Path) -> list[Requirement]:
    """The requirements in a file, one a line; comments and options are passed over."""
    lines = [line.split(" #")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def as_requirements(requirements: Any) -> list[Requirement]:
    """A text, a Requirement, or a list of both, as Requirements."""
    if isinstance(requirements, str):
        requirements = requirements.split()
    elif isinstance(requirements, Requirement):
        requirements = [requirements]
    return [one if isinstance(one, Requirement) else Requirement(one) for one in requirements]


def pip_check(req: str | Requirement | list[Any]) -> bool:
    """Whether requirements are met, by what the test says is installed, else by what is."""
    for one in as_requirements(req):
        try:
            version = PACKAGES.version(one.name)
        except importlib.metadata.PackageNotFoundError:
            return False
        if not one.specifier.contains(version, prereleases=True):
            return False
    return True


def pip_install(requirements: Any, constraints: Any = None, skip_packages: Any = None, blocking: bool = True,
                show_progress: bool = True, requester: str | None = None) -> None:  # fmt: skip
    """Remember what was to be installed, and end as the test says.

    Raises:
        CalledProcessError: the test says that installing fails.
    """
    wanted = as_requirements(requirements)
    PACKAGES.install_requests.append([str(one) for one in wanted])
    if not PACKAGES.can_install:
        raise subprocess.CalledProcessError(1, ["PythonSlicer", "-m", "pip", "install", *map(str, wanted)])
    PACKAGES.missing -= {one.name for one in wanted}


def pip_uninstall(requirements: Any) -> None:
    """Take packages away."""
    PACKAGES.missing |= {one.name for one in as_requirements(requirements)}


def pip_ensure(requirements: Any, constraints: Any = None, skip_packages: Any = None, prompt_install: bool = True,
               prompt_restart: bool = True, requester: str | None = None, skip_in_testing: bool = True,
               show_progress: bool = True) -> None:  # fmt: skip
    """Install what is missing after asking.

    Raises:
        RuntimeError: the user declined.
        CalledProcessError: installing failed.
    """
    missing = [one for one in as_requirements(requirements) if not pip_check(one)]
    if not missing or (skip_in_testing and slicer.app.testingEnabled()):
        return
    if prompt_install:
        count = "1 Python package needs" if len(missing) == 1 else f"{len(missing)} Python packages need"
        message = f"{count} to be installed.\n\nThis will modify Slicer's Python environment. Continue?"
        title = f"{requester} - Install Python Packages" if requester else "Install Python Packages"
        listed = "\n".join(f"- {one}" for one in missing)
        if not slicer.util.confirmOkCancelDisplay(message, title, detailedText=listed):
            raise RuntimeError("User declined package installation")
    pip_install([str(one) for one in missing], requester=requester, show_progress=show_progress)
