"""Zip files of a generator's folder and of what else a test puts in."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path


def zipped(
    path: Path, entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None
) -> Path:
    """A zip file of these entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(info)
            archive.writestr(info, content)
    return path


def contents(source: Path, folder: str = "tiny/") -> dict[str, bytes]:
    return {f"{folder}{file.name}": file.read_bytes() for file in sorted(source.iterdir())}
