"""What stands in the checkout."""

from __future__ import annotations

import subprocess
from functools import cache

import pytest
from places import REPOSITORY


def git(*arguments: str, given: str | None = None) -> str:
    """What git answers about the checkout; the test is skipped where it is none."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-C", str(REPOSITORY), "-c", "core.quotePath=false", *arguments]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout


@cache
def checkout_files() -> frozenset[str]:
    """All files that git tracks or would add, relative to the root, with slashes."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    return frozenset(name for name in listed if (REPOSITORY / name).is_file())
