"""The Extensions Index would take the extension, as far as files can tell."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkout import checkout_files, git
from index_rules import (
    DEFAULT_BRANCH,
    FIELDS,
    LARGEST_REPOSITORY,
    REPOSITORY_PREFIX,
    clone_options,
    entry_faults,
    extension_fields,
)
from PIL import Image
from places import REPOSITORY

ENTRY_FILE = REPOSITORY / "Resources" / "ExtensionsIndex" / "MR2XRay.json"
ICON = REPOSITORY / "MR2XRay" / "Resources" / "Icons" / "MR2XRay.png"
LARGEST_FILE = 10 * 1024 * 1024


@pytest.fixture(scope="module")
def entry() -> dict[str, Any]:
    """The extension's entry in the Index's catalog."""
    return json.loads(ENTRY_FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def root_cmake() -> str:
    """The text of the root's CMakeLists.txt."""
    return (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def readme() -> str:
    """The text of the README, which the extension's page shows."""
    return (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_entry_keeps_to_the_schema(entry: dict[str, Any]) -> None:
    assert not entry_faults(entry)
    assert re.search(r"/slicer-extension-catalog-entry-schema-v1\.0\.2\.json#?$", entry["$schema"])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"homepage": "x"}, "homepage is not known"),
        ({"tier": 6}, "tier is not 1 to 5"),
        ({"tier": True}, "tier is not of type int"),
        ({"build_dependencies": [1]}, "build_dependencies are not names"),
        ({"scm_url": None}, "scm_url is not of type str"),
    ],
)
def test_an_entry_that_breaks_the_schema_is_found_out(
    entry: dict[str, Any], change: dict[str, Any], fault: str
) -> None:
    assert entry_faults({**entry, **change}) == [fault]
    assert entry_faults({}) == ["$schema is missing", "category is missing", "scm_url is missing"]


def test_the_entry_has_unix_line_ends() -> None:
    assert b"\r" not in ENTRY_FILE.read_bytes()


def test_entry_and_cmake_agree(entry: dict[str, Any], root_cmake: str) -> None:
    (project,) = re.findall(r"project\s*\(\s*([^\s)]+)", root_cmake, re.IGNORECASE)
    assert project == ENTRY_FILE.stem
    assert extension_fields(root_cmake)["depends"].split() == entry["build_dependencies"]


def test_every_field_can_be_read_and_has_one_plain_line(root_cmake: str) -> None:
    fields = extension_fields(root_cmake)
    assert set(fields) == {field.lower() for field in FIELDS}
    assert not any(";" in value or "$" in value for value in fields.values())


def test_the_description_is_a_sentence_or_two_and_says_that_it_is_research(root_cmake: str) -> None:
    description = extension_fields(root_cmake)["description"]
    assert 1 <= len(re.findall(r"\.(?=\s|$)", description)) <= 2
    assert len(description) < 300
    assert "research" in description


def test_the_names_are_as_the_index_wants_them(entry: dict[str, Any]) -> None:
    repository = Path(entry["scm_url"]).stem
    assert not ENTRY_FILE.stem.startswith(REPOSITORY_PREFIX)
    assert repository == REPOSITORY_PREFIX + ENTRY_FILE.stem
    assert entry["scm_url"].startswith("https://")


def test_module_and_entry_stand_in_one_category(entry: dict[str, Any]) -> None:
    module = (REPOSITORY / "MR2XRay" / "MR2XRay.py").read_text(encoding="utf-8")
    assert f'translate("qSlicerAbstractCoreModule", "{entry["category"]}")' in module


def test_images_are_addressed_in_the_repository_and_exist(entry: dict[str, Any], root_cmake: str) -> None:
    fields = extension_fields(root_cmake)
    base = f"{entry['scm_url'].removesuffix('.git')}/raw/{entry['scm_revision'] or DEFAULT_BRANCH}/"
    addresses = [fields["iconurl"], *fields["screenshoturls"].split()]
    assert len(addresses) >= 2
    for address in addresses:
        assert address.startswith(base)
        assert address.removeprefix(base) in checkout_files()
        with Image.open(REPOSITORY / address.removeprefix(base)) as image:
            image.verify()


def test_the_licence_lies_at_the_root_and_the_readme_names_it(readme: str) -> None:
    text = (REPOSITORY / "LICENSE.txt").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0" in text
    assert re.search(r"Apache[ -](License, )?(Version )?2\.0", readme)


def test_the_clone_that_the_index_makes_is_small(entry: dict[str, Any], tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", "--quiet", *clone_options(entry), "--no-local", str(REPOSITORY), str(clone))
    try:
        size = sum(file.lstat().st_size for file in clone.rglob("*") if file.is_file())
    finally:
        shutil.rmtree(clone, ignore_errors=True)
    assert size <= LARGEST_REPOSITORY


def test_no_file_is_large_nor_was() -> None:
    large = [name for name in checkout_files() if (REPOSITORY / name).stat().st_size > LARGEST_FILE]
    objects = git("rev-list", "--objects", "--all")
    described = git("cat-file", "--batch-check=%(objectsize) %(rest)", given=objects).splitlines()
    large += [line for line in described if int(line.split(" ")[0]) > LARGEST_FILE]
    assert not large


def test_the_icon_is_a_square_of_128_pixels_on_a_transparent_ground() -> None:
    with Image.open(ICON) as icon:
        assert icon.format == "PNG"
        assert icon.size == (128, 128)
        assert icon.mode == "RGBA"
        assert icon.getchannel("A").getpixel((0, 0)) == 0


def test_the_icons_are_what_their_script_draws() -> None:
    spec = importlib.util.spec_from_file_location("draw_icon", REPOSITORY / "Resources/Icons/draw_icon.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert ICON in script.ICONS
    for file, size in script.ICONS.items():
        with Image.open(file) as kept:
            difference = np.asarray(script.icon(size), dtype=float) - np.asarray(kept, dtype=float)
        assert np.abs(difference).mean() < 1


def test_the_readme_says_what_the_review_asks_for(readme: str) -> None:
    assert readme.startswith("# MR2XRay\n")
    assert "3D Slicer" in readme
    assert "\n## Cite\n" in readme
    assert re.search(r"arxiv\.org/abs/", readme)


def test_the_readme_has_a_tutorial_in_steps_with_pictures(readme: str) -> None:
    tutorial = readme.partition("\n## In 3D Slicer\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\d+\. ", tutorial, re.MULTILINE)) >= 5
    assert len(re.findall(r"!\[", tutorial)) >= 3
    assert "sample data" in tutorial.lower()


def test_the_readme_shows_images_and_all_are_there(readme: str) -> None:
    images = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", readme)
    assert images
    assert [name for name in images if not name.startswith("http") and name not in checkout_files()] == []
