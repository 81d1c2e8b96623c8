"""Files that are whole or absent, and what identifies them."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from MR2XRayLib.ending import undone
from MR2XRayLib.errors import MR2XRayError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, with the same suffix; it becomes `path` if the block succeeds.

    On an exception, a full disk or Ctrl-C the temporary file is removed and an earlier `path` is untouched.

    Raises:
        MR2XRayError: if the folder cannot be made or written to.
    """
    path = Path(path)
    with draft_folder(path.parent) as folder:
        temporary = folder / path.name
        try:
            yield temporary
            os.replace(temporary, path)
        except (OSError, RuntimeError) as error:
            raise MR2XRayError(
                f"Cannot write {path} ({reason_of(error)}); free space or choose another folder."
            ) from None


def reason_of(error: OSError | RuntimeError) -> str:
    """The system's words for why a file could not be written."""
    # Of a full disk SimpleITK says only that writing failed, and numpy only how many bytes were written.
    return getattr(error, "strerror", None) or "the disk may be full"


@contextmanager
def draft_folder(parent: Path) -> Iterator[Path]:
    """A temporary folder in `parent`, for what is moved to its place there when it is whole.

    `parent` is made if need be, and goes again if nothing came of it.

    Raises:
        MR2XRayError: if the folder cannot be made or written to.
    """
    made = not parent.exists()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=parent))
    except OSError as error:
        raise MR2XRayError(f"Cannot write into {parent} ({error.strerror}); choose another folder.") from None

    def remove() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        if made:
            with suppress(OSError):  # it holds what was moved there
                parent.rmdir()

    with undone(remove):
        yield folder


def check_writable(folder: Path) -> None:
    """Say before the work, not after it, that a folder cannot be made or written into; nothing is made.

    Raises:
        MR2XRayError: if it, or the nearest path above it that is there, is a file or may not be written into.
    """
    nearest = next((path for path in (folder, *folder.parents) if os.path.exists(path)), folder)
    if nearest.is_file():
        raise MR2XRayError(f"{nearest} is a file; give a folder for the results.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise MR2XRayError(
            f"Cannot write into {nearest} (no permission, or read-only); choose another folder."
        )


def move_all(draft: Path, folder: Path) -> set[Path]:
    """Move the files in a draft folder, at any depth, to the same places in a folder.

    What stands in the way is told before the first file is moved.

    Returns:
        The files at their new places.

    Raises:
        MR2XRayError: if a folder lies where a file is to be, or the other way round, or moving fails.
    """
    moves = [(path, folder / path.relative_to(draft)) for path in sorted(draft.rglob("*"))]
    for path, target in moves:
        if os.path.lexists(target) and target.is_dir() != path.is_dir():
            raise MR2XRayError(
                f"{target} is in the way of a {'folder' if path.is_dir() else 'file'} of that name; remove it, or "
                "choose another folder."
            )
    try:
        for path, target in moves:
            if path.is_dir():
                target.mkdir(exist_ok=True)
            else:
                path.replace(target)
    except OSError as error:
        raise MR2XRayError(
            f"Cannot write {target} ({reason_of(error)}); close what uses it, or choose another folder."
        ) from None
    return {target for _, target in moves if target.is_file()}


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all; NaN and infinity are refused by `json`'s strict form."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Read a JSON file; `what` names it in the error ("model card", "C-arm file").

    Raises:
        MR2XRayError: if it is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), parse_float=_finite)
    except FileNotFoundError:
        raise MR2XRayError(f"The {what} {path} does not exist; check the path.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise MR2XRayError(
            f"The {what} {path} is not readable JSON ({error}); correct or replace it."
        ) from None


def _finite(text: str) -> float:
    """A number of a JSON file; 1e999 would become infinite without a word, and could not be written again."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text:.40} is too large a number")
    return number


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of the names, sizes and bytes of a folder's files in sorted order, as 64 hex digits."""
    path, digest = Path(path), hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        if path.is_dir():
            # The size sets a name and its bytes apart from the next ones.
            digest.update(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
