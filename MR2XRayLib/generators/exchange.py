"""Generators come and go: verify, import, export and remove.

What comes in is a stranger's: of a folder or zip file two files are read, the card and the weights, into a draft
folder that becomes the generator only when it has loaded. Nothing is unpickled and nothing else is unpacked.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path, draft_folder, sha256_of, write_json
from MR2XRayLib.generators.card import CARD, LARGEST_CARD, ModelCard
from MR2XRayLib.generators.shelf import (
    can_be_a_name,
    find_generator,
    own_generators,
    shipped_generators,
    user_models_folder,
    what_is,
)
from MR2XRayLib.resources import WEIGHTS

PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".npy", ".npz", ".joblib")
"""Names of files that may hold pickled objects, which run code when they are opened."""

MOST_ENTRIES = 1000
A_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an exported zip file: the same generator gives the same bytes."""

BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, OverflowError
)  # fmt: skip
"""What reading a zip file that is none, is damaged, or names its files in no text, raises."""

PACKED_HOW = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The ways of compression that are read: of others Python unpacks a whole block at once, which may be gigabytes."""

Read = TypeVar("Read")
Opened = Callable[[str], IO[bytes]]
"""Opens the card or the weights of what is imported, by name."""


def verify_generator(name_or_folder: str | Path | None = None) -> ModelCard:
    """Check hash, shapes, finite values and card of a generator by loading it.

    Returns:
        Its card.

    Raises:
        MR2XRayError: saying what is wrong.
    """
    from MR2XRayLib.generators.store import load_generator

    return load_generator(name_or_folder).card


def import_generator(source: Path, *, name: str | None = None, replace_it: bool = False) -> str:
    """Copy a generator into the user's folder.

    Args:
        source: a folder with model.json and weights.safetensors, or a zip file of such a folder.
        name: what it is called here; by default what its card says.
        replace_it: put it in the place of the user's own generator of that name.

    Returns:
        The name.

    Raises:
        MR2XRayError: if it is not sound or not safe, or the name is taken or cannot be one.
    """
    source = Path(source)
    kind = what_is(source)
    if kind == "folder":
        for file in (CARD, WEIGHTS):
            if (source / file).is_symlink():
                raise MR2XRayError(
                    f"{source / file} is a link; give a folder that holds the files themselves."
                )
        return _import(source, lambda file: (source / file).open("rb"), name, replace_it)
    if kind == "nothing":
        raise MR2XRayError(f"{source} does not exist; give a generator's folder or zip file.")
    return _import_zip(source, name, replace_it)


def export_generator(name_or_folder: str | Path | None, path: Path) -> ModelCard:
    """Write a generator as a zip file: a folder with card, weights and their SHA-256 sums.

    Returns:
        Its card.

    Raises:
        MR2XRayError: if the generator is not sound, or the file cannot be written or is not called .zip.
    """
    path = Path(path)
    if path.suffix.lower() != ".zip":
        raise MR2XRayError(f"{path} cannot hold a generator; choose a name that ends in .zip.")
    card = verify_generator(name_or_folder)
    folder = find_generator(name_or_folder).resolve()
    sums = "".join(f"{sha256_of(folder / file)}  {file}\n" for file in (CARD, WEIGHTS))
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in (
            (CARD, (folder / CARD).read_bytes()),
            (WEIGHTS, (folder / WEIGHTS).read_bytes()),
            ("SHA256SUMS", sums.encode()),
        ):
            entry = zipfile.ZipInfo(f"{folder.name}/{file}", A_TIME)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return card


def remove_generator(name: str) -> None:
    """Remove one of the user's own generators.

    Raises:
        MR2XRayError: if there is none of that name, it came with the program, or it cannot be removed.
    """
    own = own_generators()
    if name not in own:
        if name in shipped_generators():
            raise MR2XRayError(f'The generator "{name}" came with the program and stays.')
        raise MR2XRayError(f'There is no generator "{name}" of your own ({", ".join(own) or "none"}).')
    with draft_folder(user_models_folder()) as draft:
        try:
            # Renamed first: it is there or not, and never in parts. A link goes, not what it points to.
            os.replace(own[name], draft / name)
        except OSError as error:
            raise MR2XRayError(
                f'The generator "{name}" cannot be removed ({error.strerror}); close what uses it.'
            ) from None


def clear_generators() -> list[str]:
    """Remove all of the user's own generators; their names. Raises as `remove_generator`."""
    names = list(own_generators())
    for name in names:
        remove_generator(name)
    return names


def _import_zip(source: Path, name: str | None, replace_it: bool) -> str:
    try:
        stream = source.open("rb")
    except OSError as error:
        raise MR2XRayError(f"{source} cannot be read ({error.strerror}); check its permissions.") from None
    try:
        with stream, zipfile.ZipFile(stream) as archive:
            entries = _entries(source, archive)
            return _import(source, lambda file: archive.open(entries[file]), name, replace_it)
    except BROKEN_ZIP as error:
        raise MR2XRayError(
            f"{source} cannot be read as a zip file ({error}); give a generator's folder or zip file."
        ) from None


def _import(source: Path, opened: Opened, name: str | None, replace_it: bool) -> str:
    with draft_folder(user_models_folder()) as draft:
        _copy(source, opened, CARD, draft, LARGEST_CARD)
        card = _from(source, draft, lambda: ModelCard.read(draft))
        name = card.name if name is None else name
        _check_name(name, replace_it)
        # Only now torch is needed, and the weights are worth reading.
        from MR2XRayLib.generators.store import largest_weights

        _copy(source, opened, WEIGHTS, draft, _from(source, draft, lambda: largest_weights(card)))
        _from(source, draft, lambda: verify_generator(draft))
        if name != card.name:
            try:
                write_json(draft / CARD, replace(card, name=name).to_json())
            except ValueError as error:  # half a character, or a number that is none
                raise MR2XRayError(
                    f"The card of {source} holds what cannot be written ({error}); correct it."
                ) from None
        _put(draft, name)
    return name


def _from(source: Path, draft: Path, read: Callable[[], Read]) -> Read:
    """What `read` gives; its error names what the user gave, not the draft."""
    try:
        return read()
    except MR2XRayError as error:
        raise MR2XRayError(str(error).replace(str(draft), str(source))) from None


def _copy(source: Path, opened: Opened, file: str, draft: Path, most_bytes: int) -> None:
    """Copy one file into the draft, and stop where it is larger than it can be, whatever its header says."""
    try:
        with opened(file) as stream, (draft / file).open("wb") as copy:
            left = most_bytes + 1
            while left > 0 and (block := stream.read(min(left, 1 << 20))):
                copy.write(block)
                left -= len(block)
    except (KeyError, FileNotFoundError):
        raise MR2XRayError(
            f"{source} holds no {file}; a generator is a folder with {CARD} and {WEIGHTS}, and weights in another "
            "form (.pt, .pkl) are never opened."
        ) from None
    except OSError as error:
        raise MR2XRayError(
            f"{source} cannot be copied ({error.strerror or error}); check file and disk."
        ) from None
    if left <= 0:
        raise MR2XRayError(f"{file} in {source} is larger than it can be; it was not imported.")


def _entries(source: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Card and weights in a zip file, in one folder or at its top.

    Raises:
        MR2XRayError: if the zip file holds what no exported generator holds.
    """
    infos = archive.infolist()
    if len(infos) > MOST_ENTRIES:
        raise MR2XRayError(f"{source} holds {len(infos)} files; a generator has two.")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _check_entry(source, info)
        path = PurePosixPath(info.filename)
        if path.name in (CARD, WEIGHTS) and path.parts[0] != "__MACOSX":
            if path.name in found:
                raise MR2XRayError(f"{source} holds more than one {path.name}; give one generator a file.")
            found[path.name] = info
    if len({PurePosixPath(info.filename).parent for info in found.values()}) > 1:
        raise MR2XRayError(f"{source} holds {CARD} and {WEIGHTS} in different folders; zip one folder.")
    return found


def _check_entry(source: Path, info: zipfile.ZipInfo) -> None:
    if info.compress_type not in PACKED_HOW:
        raise MR2XRayError(
            f"{source} holds {info.filename!r} in an uncommon compression; zip it the common way (deflate)."
        )
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in info.filename:
        raise MR2XRayError(
            f"{source} holds {info.filename!r}, a path that leads out of it; it was not imported."
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise MR2XRayError(f"{source} holds a link, {info.filename!r}; it was not imported.")
    if path.suffix.lower() in PICKLES:
        raise MR2XRayError(
            f"{source} holds {info.filename!r}, which may run code when it is opened; it was not imported."
        )


def _check_name(name: str, replace_it: bool) -> None:
    if not can_be_a_name(name):
        raise MR2XRayError(
            f'A generator cannot be called "{name:.60}"; use letters, digits, ".", "_" and "-", a letter first.'
        )
    if name in shipped_generators():
        raise MR2XRayError(
            f'The generator "{name}" came with the program and stays; import under another name.'
        )
    if (user_models_folder() / name).exists() and not replace_it:
        raise MR2XRayError(
            f'There is a generator "{name}" already; replace it, or import under another name.'
        )


def _put(draft: Path, name: str) -> None:
    """Let the draft's files become the generator; an earlier one comes back where that fails."""
    target, fresh, earlier = user_models_folder() / name, draft / "fresh", draft / "earlier"
    fresh.mkdir()
    for file in (CARD, WEIGHTS):
        os.replace(draft / file, fresh / file)
    try:
        if target.exists():
            os.replace(target, earlier)
        os.replace(fresh, target)
    except OSError as error:
        if earlier.exists() and not target.exists():
            os.replace(earlier, target)
        raise MR2XRayError(f"Cannot write {target} ({error.strerror}); close what uses it.") from None
