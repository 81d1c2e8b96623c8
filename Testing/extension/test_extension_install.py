"""What CMake installs is what stands in the checkout, and it works from there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import checkout_files
from index_rules import extension_fields
from installation import STAND_IN, Installed, cmake, install
from places import MODULE, REPOSITORY

SLICER_PYTHON = REPOSITORY / "Testing" / "SlicerStandIn"
NEEDS_STAND_IN = pytest.mark.skipif(
    not SLICER_PYTHON.is_dir(), reason="there is no stand-in for Slicer's Python in Testing/SlicerStandIn"
)
HEAVY = {"torch", "itk", "numba", "matplotlib", "scipy", "pydicom", "PIL"}


def needs_cmake() -> None:
    """Skip the test where there is no CMake."""
    pytest.importorskip("cmake", reason="CMake is not installed (python -m pip install cmake)")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The extension as Slicer's build machines install it, Slicer itself apart."""
    needs_cmake()
    if not any(map(shutil.which, ("cc", "gcc", "clang", "cl"))):
        pytest.skip("no C compiler, which Slicer's extensions make CMake look for")
    return install(tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("installed"))


def expected_files() -> set[str]:
    """Where each file of the module and of the library is to lie, below the folder of modules."""
    places = {
        "MR2XRay/": "",
        "MR2XRayLib/": "MR2XRayLib/",
        "Resources/CArms/": "MR2XRayLib/Resources/CArms/",
        "Resources/Models/": "MR2XRayLib/Resources/Models/",
        "Resources/Estimator/": "MR2XRayLib/Resources/Estimator/",
    }
    return {
        place + name.removeprefix(source)
        for name in checkout_files()
        for source, place in places.items()
        if name.startswith(source) and not name.endswith(("CMakeLists.txt", ".md"))
    }


def python(*arguments: str, paths: list[Path], folder: Path) -> list[str]:
    """The lines that a fresh interpreter prints, with these folders on its path as Slicer would put them."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "QT_QPA_PLATFORM": "offscreen",
    }
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_file_is_installed_and_no_other(installed: Installed) -> None:
    files = [path for path in installed.modules.rglob("*") if path.is_file()]
    found = {path.relative_to(installed.modules).as_posix() for path in files}
    assert not expected_files() - found, "stands in the checkout, but in no CMakeLists.txt"
    assert not found - expected_files(), "is installed, but does not stand in the checkout"


def test_cmake_warns_of_nothing_in_the_extension(installed: Installed) -> None:
    # A misspelt variable is an empty text to CMake; with --warn-uninitialized it says so.
    assert not re.findall(r"CMake Warning.* at [\w/]*CMakeLists\.txt:\d+.*\n.*", installed.messages)


def test_the_index_reads_what_cmake_reads(installed: Installed) -> None:
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    assert installed.description == extension_fields(text)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("slicerMacroBuildScriptedModule(NAME A WITH_TESTS SCRIPTS a.py)", "does not know"),
        ("slicerMacroBuildScriptedModule(NAME A SCRIPTS b.py)", "no such file"),
        ("slicerMacroBuildScriptedModule(NAME A SCRIPTS a.py RESOURCES ../a.py)", "outside the folder"),
        ("slicerMacroBuildScriptedModule(SCRIPTS a.py)", "wants a NAME"),
        ("slicer_add_python_unittest(SCRIPT b.py)", "does not exist"),
        ("slicer_add_python_unittest(a.py)", "does not know"),
    ],
)
def test_the_stand_in_refuses_what_slicer_would_not_install(
    tmp_path: Path, call: str, complaint: str
) -> None:
    needs_cmake()
    lines = ["cmake_minimum_required(VERSION 3.28)", "project(A NONE)", "find_package(Slicer REQUIRED)"]
    (tmp_path / "CMakeLists.txt").write_text("\n".join([*lines, "include(${Slicer_USE_FILE})", call]))
    (tmp_path / "a.py").touch()
    with pytest.raises(AssertionError, match=complaint):
        cmake("-S", tmp_path, "-B", tmp_path / "build", f"-DSlicer_DIR={STAND_IN}")


def test_slicer_would_run_the_tests_of_the_module(installed: Installed) -> None:
    assert installed.tests == ["py_MR2XRay"]


def test_the_installed_library_finds_what_comes_with_it(installed: Installed, tmp_path: Path) -> None:
    statements = """
from MR2XRayLib.carm_presets import read_presets
from MR2XRayLib.generators.shelf import available_generators
from MR2XRayLib.generators.store import load_generator
from MR2XRayLib.resources import resource_folder
print(resource_folder("CArms"))
print(*read_presets())
for folder in available_generators().values():
    print(load_generator(folder).folder)
"""
    folder, presets, *generators = python("-c", statements, paths=[installed.modules], folder=tmp_path)
    assert Path(folder) == installed.modules / "MR2XRayLib" / "Resources" / "CArms"
    assert "default" in presets.split()
    shipped = {path.name for path in (REPOSITORY / "Resources" / "Models").iterdir()}
    assert {
        Path(folder).name for folder in generators if installed.modules in Path(folder).parents
    } == shipped


def test_the_worker_starts_from_the_installed_library(installed: Installed, tmp_path: Path) -> None:
    lines = python("-m", "MR2XRayLib", "generators", paths=[installed.modules], folder=tmp_path)
    assert all(path.name in "\n".join(lines) for path in (REPOSITORY / "Resources" / "Models").iterdir())


@NEEDS_STAND_IN
def test_the_installed_module_imports_nothing_heavy(installed: Installed, tmp_path: Path) -> None:
    statements = """
import sys
import MR2XRay, MR2XRayGUI, MR2XRayLib, MR2XRayScene
print(*(package.__file__ for package in (MR2XRay, MR2XRayGUI, MR2XRayLib, MR2XRayScene)), sep="\\n")
print(*{name.split(".")[0] for name in sys.modules})
"""
    *files, loaded = python("-c", statements, paths=[installed.modules, SLICER_PYTHON], folder=tmp_path)
    assert len(files) == 4
    assert all(installed.modules in Path(file).parents for file in files)
    assert not set(loaded.split()) & HEAVY


@NEEDS_STAND_IN
def test_the_module_finds_the_library_from_a_checkout(tmp_path: Path) -> None:
    # The library that an editable installation would offer is taken off the path first.
    statements = """
import sys
from importlib.util import find_spec
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
assert find_spec("MR2XRayLib") is None
import MR2XRay, MR2XRayLib
print(MR2XRayLib.__file__)
"""
    (file,) = python("-c", statements, paths=[MODULE, SLICER_PYTHON], folder=tmp_path)
    assert Path(file) == REPOSITORY / "MR2XRayLib" / "__init__.py"
