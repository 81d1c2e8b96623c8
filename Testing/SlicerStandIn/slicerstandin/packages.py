"""What `slicer.packaging` and PyTorchUtils find installed, as the test says."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass, field


@dataclass
class Packages:
    """The Python packages of the stand-in's Slicer.

    missing: packages that are to look absent; can_install: whether an install succeeds; install_requests: what was
    asked to be installed, a list each time.
    """

    missing: set[str] = field(default_factory=set)
    can_install: bool = True
    install_requests: list[list[str]] = field(default_factory=list)

    def version(self, name: str) -> str:
        """The version of a package.

        Raises:
            PackageNotFoundError: it is absent, or is to look so.
        """
        if name in self.missing:
            raise importlib.metadata.PackageNotFoundError(name)
        return importlib.metadata.version(name)


PACKAGES = Packages()
