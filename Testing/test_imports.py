"""The library imports nothing heavy before it is needed, and never Slicer or Qt."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import MR2XRayLib

LIBRARY = Path(MR2XRayLib.__file__).parent
HEAVY = {"torch", "itk", "numba", "SimpleITK", "matplotlib", "scipy", "pydicom"}
LAYERS = [
    {
        "errors",
        "ending",
        "files",
        "progress",
        "steps",
        "scale",
        "device",
        "resources",
        "user_folders",
        "weights",
    },
    {
        "volume",
        "volume_io",
        "dicom_series",
        "dicom_frames",
        "header_checks",
        "nifti_checks",
        "head",
        "intensity",
    }
    | {"transform", "field_of_view", "carm", "carm_presets", "views"},
    {"registration", "projection", "phantom", "simulation"},
    {"estimation"},
    {"mr_layers", "mr_projector", "common_view"},
    {"generators"},
    {"synthesis", "metrics", "registered_pair"},
    {"figure", "live", "cohort", "evaluation", "uncertainty"},
    {"training", "dicom_export"},
    {"pipeline", "demo"},
    {"cli", "__main__"},
]


def modules_loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after a statement."""
    code = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "statement",
    [
        "import MR2XRayLib",
        "from MR2XRayLib.cli.parser import build_parser; build_parser().format_help()",
        "import MR2XRayLib.pipeline, MR2XRayLib.views, MR2XRayLib.volume_io, MR2XRayLib.phantom",
        "import MR2XRayLib.live, MR2XRayLib.dicom_export, MR2XRayLib.generators.exchange",
    ],
    ids=["the package", "the command line's help", "the pipeline", "what the panel imports"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement: str) -> None:
    assert not modules_loaded_by(statement) & HEAVY


def imported_names(path: Path) -> set[str]:
    """Every dotted module that a source file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


SOURCES = sorted(LIBRARY.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_the_library_knows_neither_slicer_nor_qt(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported_names(path)}
    assert not roots & {"slicer", "qt", "ctk", "PySide6", "PyQt5", "pickle"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_imports_flow_one_way(path: Path) -> None:
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    room = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    imported = {name.split(".")[1] for name in imported_names(path) if name.startswith("MR2XRayLib.")}
    upstream = {other for other in imported if other != room and level[other] > level[room]}
    assert not upstream, f"{room} imports {upstream}, which lie downstream of it"
