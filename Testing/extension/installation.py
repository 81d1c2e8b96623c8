"""An extension installed by CMake."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from places import REPOSITORY

STAND_IN = Path(__file__).resolve().parent / "slicer"
LIBRARIES = Path("lib") / "Slicer-5.12" / "qt-scripted-modules"
DESCRIPTION = Path("share") / "Slicer-5.12" / "MR2XRay.s4ext"


@dataclass(frozen=True)
class Installed:
    """What CMake made of the extension.

    Attributes:
        modules: the folder that Slicer searches for modules and puts on `sys.path`.
        description: the meta-information as CMake understood it, by field.
        messages: what CMake said while it configured.
        tests: the names of the tests that Slicer would run.
    """

    modules: Path
    description: dict[str, str]
    messages: str
    tests: list[str]


def install(build: Path, root: Path) -> Installed:
    """Configure, build and install the extension against the stand-in for Slicer."""
    messages = cmake("-S", REPOSITORY, "-B", build, f"-DSlicer_DIR={STAND_IN}", "--warn-uninitialized")
    cmake("--build", build)
    cmake("--install", build, "--prefix", root)
    listed = cmake("--test-dir", build, "--show-only", tool="ctest").splitlines()
    description = (root / DESCRIPTION).read_text(encoding="utf-8").splitlines()
    return Installed(
        modules=root / LIBRARIES,
        description=dict(line.split(" ", 1) for line in description),
        messages=messages,
        tests=[line.split(": ")[1] for line in listed if line.startswith("  Test ")],
    )


def cmake(*arguments: str | Path, tool: str = "cmake") -> str:
    """What CMake says; where it fails, its complaint is the test's."""
    command = [sys.executable, "-c", f"import cmake; raise SystemExit(cmake.{tool}())", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout
