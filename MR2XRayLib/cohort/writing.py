"""`write_cohort`: a cohort as the TOML file that `read_cohort` reads."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.files import write_text


def write_cohort(path: Path, heads: Sequence[CohortHead], note: str = "") -> None:
    """Write the heads as TOML, paths relative to the file, whole or not at all.

    Args:
        path: where to.
        heads: what to write; the split is written for each, whoever chose it.
        note: one line for the reader, written as a comment.

    Raises:
        MR2XRayError: if the file cannot be written.
    """
    tables = [_table(head, path.parent) for head in heads]
    write_text(path, "\n".join([f"# {note}\n"] * bool(note) + tables))


def _table(head: CohortHead, folder: Path) -> str:
    contrasts = ", ".join(f"{_quoted(name)} = {_quoted_path(file, folder)}" for name, file in head.mr.items())
    lines = [
        "[[head]]",
        f"name = {_quoted(head.name)}",
        f"person = {_quoted(head.person)}",
        f"split = {_quoted(head.split)}",
        f"mr = {{ {contrasts} }}",
        f"ct = {_quoted_path(head.ct, folder)}",
    ]
    if head.transform is not None:
        lines.append(f"transform = {_quoted_path(head.transform, folder)}")
    return "\n".join(lines) + "\n"


def _quoted_path(path: Path, folder: Path) -> str:
    path, folder = path.resolve(), folder.resolve()
    try:
        relative = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return _quoted(path.as_posix())
    # "~" would be taken for a home folder.
    return _quoted(f"./{relative}" if relative.startswith("~") else relative)


def _quoted(text: str) -> str:
    """A basic string of TOML; its escapes are JSON's, and control characters are refused when a cohort is read."""
    return json.dumps(text, ensure_ascii=False)
