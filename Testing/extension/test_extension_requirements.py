"""What the module installs at first need is what the library needs and Slicer does not bring along."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from places import MODULE, REPOSITORY

BUNDLED = {"numpy", "simpleitk", "pillow", "scipy", "pydicom", "requests", "packaging"}
"""What Slicer 5.12 brings along (its SuperBuild/External_python-*.cmake)."""
FROM_PYTORCH_EXTENSION = {"torch"}
FILES = [MODULE / "Resources" / name for name in ("requirements.txt", "requirements-worker.txt")]


def requirements(path: Path) -> list[Requirement]:
    """What `slicer.packaging.load_requirements` makes of a file: lines, but for comments and pip's options."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def lower_bounds(listed: list[Requirement]) -> dict[str, Version]:
    """The lower bound of each requirement by its name in small letters; it must have that bound and no other."""
    bounds = {}
    for requirement in listed:
        (bound,) = requirement.specifier
        assert bound.operator == ">="
        bounds[requirement.name.lower()] = Version(bound.version)
    return bounds


@pytest.fixture(scope="module")
def library() -> dict[str, Version]:
    """What the library needs."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return lower_bounds([Requirement(text) for text in project["dependencies"]])


def test_slicer_installs_what_the_library_needs_and_slicer_lacks(library: dict[str, Version]) -> None:
    names = [requirement.name.lower() for path in FILES for requirement in requirements(path)]
    assert sorted(names) == sorted(set(library) - BUNDLED - FROM_PYTORCH_EXTENSION)


def test_slicer_never_installs_less_than_the_library_needs(library: dict[str, Version]) -> None:
    for path in FILES:
        for name, bound in lower_bounds(requirements(path)).items():
            assert bound >= library[name], f"{path.name}: {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_of_requirements_has_no_options_and_no_comments_after_a_name(path: Path) -> None:
    # load_requirements would pass over the options and stumble over the comments.
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.startswith("-") or "#" in line.lstrip("#")[1:]]


def test_live_images_need_none_of_the_large_packages() -> None:
    names = {requirement.name for requirement in requirements(FILES[0])}
    assert not names & {"itk-elastix", "matplotlib"}
