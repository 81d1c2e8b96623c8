"""Keeping slicer-core from copying every public name of the modules here into `slicer` itself.

`slicer/__init__.py` of slicer-core copies `dir(module)` of each module in its folders. Real Slicer does not: there,
`slicer.WithinRange` and `slicer.getNode` do not exist.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

FOLDER = str(Path(__file__).parent.parent / "slicer")
NOT_AT_START = ("packaging",)  # a module imports it itself


def shows_nothing() -> list[str]:
    """As a module's `__dir__`: nothing to copy."""
    return []


def join_package(slicer: ModuleType) -> None:
    """Make the modules here part of `slicer`, also where it was imported before this folder was on sys.path."""
    if FOLDER not in slicer.__path__:
        slicer.__path__.append(FOLDER)


def remove_copies(slicer: ModuleType) -> None:
    """Take out of `slicer` what was copied from `slicer.util`, and the modules that are not imported at start."""
    for name in NOT_AT_START:
        vars(slicer).pop(name, None)
        sys.modules.pop(f"slicer.{name}", None)
    import slicer_core

    for name, value in vars(slicer.util).items():
        if not name.startswith("_") and vars(slicer).get(name) is value and not hasattr(slicer_core, name):
            delattr(slicer, name)
