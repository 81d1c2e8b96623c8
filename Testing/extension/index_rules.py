"""What the Extensions Index asks of an extension, as far as files can tell.

Source: scripts/check_description_files.py and schemas/slicer-extension-catalog-entry-schema-v1.0.2.json of
https://github.com/Slicer/ExtensionsIndex.
"""

from __future__ import annotations

import re
from typing import Any

FIELDS = ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS")
ENTRY_KEYS: dict[str, type] = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "dicom_support_rule": str,
    "build_subdirectory": str,
    "enabled": bool,
    "tier": int,
}
REQUIRED_KEYS = {"$schema", "category", "scm_url"}
REPOSITORY_PREFIX = "Slicer"
DEFAULT_BRANCH = "main"
"""What Slicer builds where an entry leaves the revision empty (SlicerBlockBuildPackageAndUploadExtensions.cmake)."""
LARGEST_REPOSITORY = 100 * 1024 * 1024
"""Bytes of all files of a fresh clone, `.git` and what is checked out (check_repository_size)."""


def extension_fields(cmake_text: str) -> dict[str, str]:
    """The `EXTENSION_...` fields of the root's CMakeLists.txt, each on a line as the Index's expressions want it."""
    found = {}
    for field in FIELDS:
        values = re.findall(rf'^set\(EXTENSION_{field} "([^"\n]+)"\)', cmake_text, re.MULTILINE)
        if len(values) == 1:
            found[field.lower()] = values[0]
    return found


def clone_options(entry: dict[str, Any]) -> list[str]:
    """What the Index gives `git clone`: history only comes along if a revision is named (check_clone_repository)."""
    return [] if entry["scm_revision"] else ["--depth", "1"]


def entry_faults(entry: dict[str, Any]) -> list[str]:
    """What an entry of the Index's catalog breaks of its schema."""
    faults = [f"{key} is missing" for key in sorted(REQUIRED_KEYS - set(entry))]
    faults += [f"{key} is not known" for key in sorted(set(entry) - set(ENTRY_KEYS))]
    for key, value in entry.items():
        if type(value) is not ENTRY_KEYS.get(key, type(value)):
            faults.append(f"{key} is not of type {ENTRY_KEYS[key].__name__}")
    if not all(isinstance(name, str) for name in entry.get("build_dependencies", [])):
        faults.append("build_dependencies are not names")
    if not 1 <= entry.get("tier", 1) <= 5:
        faults.append("tier is not 1 to 5")
    return faults
