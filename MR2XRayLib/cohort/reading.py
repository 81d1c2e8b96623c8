"""`read_cohort`: a TOML or CSV file of heads. Nothing in the file is trusted; no volume is opened."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from MR2XRayLib.cohort.heads import SPLITS, Cohort, CohortHead, can_name_a_head, split_of
from MR2XRayLib.errors import MR2XRayError

MOST_BYTES = 8 << 20
MOST_HEADS = 20_000
MOST_CONTRASTS = 8
LONGEST_TEXT = 1000

ONLY_CONTRAST = "MR"
"""What the MR contrast is called where the file gives one without a name."""

KEYS = ("name", "mr", "ct", "transform", "person", "split")
MR_COLUMN = "mr_"
"""What the CSV columns of named contrasts begin with: mr_t1, mr_t2; the column "mr" is that of `ONLY_CONTRAST`."""


def read_cohort(path: Path) -> Cohort:
    """Read a cohort file; its form is told in docs/cohort.md.

    Relative paths start at the file's folder. Whether the volumes are there is left to `loading`, so that a head
    without them can be skipped.

    Raises:
        MR2XRayError: naming file and line or head, if the file is missing, unreadable or too large, has unknown
            entries, lacks some, repeats a name, or has one person or volume on both sides of the split.
    """
    path = Path(path)
    readers = {".toml": _toml_heads, ".csv": _csv_heads}
    if path.suffix.lower() not in readers:
        raise MR2XRayError(f"The cohort file {path} is neither .toml nor .csv; give one of these.")
    heads: list[CohortHead] = []
    for place, entry in readers[path.suffix.lower()](_text(path), path):
        if len(heads) == MOST_HEADS:
            raise MR2XRayError(f"The cohort file {path} lists more than {MOST_HEADS:,} heads; split it up.")
        heads.append(_head(entry, place, path.parent))
    return Cohort(path, tuple(heads))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise MR2XRayError(
                f"The cohort file {path} is larger than {MOST_BYTES >> 20} MiB; a list of heads is not."
            )
        # Spreadsheets write a byte order mark before UTF-8.
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise MR2XRayError(f"The cohort file {path} does not exist; check the path.") from None
    except OSError as error:
        raise MR2XRayError(
            f"The cohort file {path} cannot be read ({error.strerror}); check the path."
        ) from None
    except UnicodeDecodeError:
        raise MR2XRayError(f"The cohort file {path} is not UTF-8 text; save it as such.") from None


def _toml_heads(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise MR2XRayError(f"The cohort file {path} is not TOML ({error}); correct it.") from None
    heads = content.get("head", [])
    if list(content) != ["head"] or not isinstance(heads, list):
        raise MR2XRayError(f"The cohort file {path} must hold [[head]] tables and nothing else; correct it.")
    for number, entry in enumerate(heads, start=1):
        place = f"{path}, head {number}"
        if not isinstance(entry, dict):
            raise MR2XRayError(f"{place} is no table; write it under [[head]].")
        yield place, entry


def _csv_heads(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    first_line = text.partition("\n")[0]
    # Spreadsheets of countries with a decimal comma write semicolons.
    delimiter = ";" if ";" in first_line and "," not in first_line else ","
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [column.strip() for column in rows.fieldnames or []]
        if len(set(columns)) < len(columns):
            raise MR2XRayError(f"The first line of {path} names a column twice; give each its own name.")
        if {"mr", MR_COLUMN + ONLY_CONTRAST} <= set(columns):
            raise MR2XRayError(
                f'The columns "mr" and "{MR_COLUMN + ONLY_CONTRAST}" of {path} are one contrast; rename one of them.'
            )
        rows.fieldnames = columns
        for row in rows:
            place = f"{path}, line {rows.line_num}"
            if None in row or None in row.values():
                raise MR2XRayError(f"{place} has not the {len(columns)} cells of the first line; correct it.")
            cells = {column: cell.strip() for column, cell in row.items()}
            if any(cells.values()):
                yield place, _with_contrasts({column: cell for column, cell in cells.items() if cell})
    except csv.Error as error:
        raise MR2XRayError(f"{path}, line {rows.line_num}, is not CSV ({error}); correct it.") from None


def _with_contrasts(cells: dict[str, Any]) -> dict[str, Any]:
    """The cells of a line with the columns mr and mr_<contrast>, in their order, under "mr", as TOML has them."""
    entry: dict[str, Any] = {}
    for column, cell in cells.items():
        if column == "mr" or column.startswith(MR_COLUMN):
            contrast = ONLY_CONTRAST if column == "mr" else column.removeprefix(MR_COLUMN)
            entry.setdefault("mr", {})[contrast] = cell
        else:
            entry[column] = cell
    return entry


def _head(entry: Mapping[str, Any], place: str, folder: Path) -> CohortHead:
    """One head of its entries, each of them checked."""
    unknown = [key for key in entry if key not in KEYS]
    if unknown:
        raise MR2XRayError(
            f"{place} has an unknown entry {unknown[0]!r:.60}; the entries are {', '.join(KEYS)}."
        )
    for key in ("name", "mr", "ct"):
        if key not in entry:
            raise MR2XRayError(f'{place} lacks "{key}"; give it.')
    name = _word(entry["name"], "name", place)
    place = f'{place} ("{name}")'
    person = _checked_text(entry["person"], "person", place) if "person" in entry else name
    split = entry.get("split", split_of(person))
    if split not in SPLITS:
        raise MR2XRayError(f'{place}: "split" is {split!r:.60}; give one of {", ".join(SPLITS)}, or none.')
    transform = _path(entry["transform"], "transform", place, folder) if "transform" in entry else None
    return CohortHead(
        name,
        _contrasts(entry["mr"], place, folder),
        _path(entry["ct"], "ct", place, folder),
        transform,
        person,
        split,
        place,
    )


def _contrasts(value: Any, place: str, folder: Path) -> dict[str, Path]:
    named = value if isinstance(value, dict) else {ONLY_CONTRAST: value}
    if not 1 <= len(named) <= MOST_CONTRASTS:
        raise MR2XRayError(f'{place}: "mr" holds {len(named)} contrasts; give 1 to {MOST_CONTRASTS}.')
    return {
        _word(name, "a contrast", place): _path(file, "mr", place, folder) for name, file in named.items()
    }


def _path(value: Any, key: str, place: str, folder: Path) -> Path:
    """A path from the file's folder, or one from a home folder, as "~/p1.nii"; a name may begin so as "./~p1.nii"."""
    text = _checked_text(value, key, place)
    if not text.startswith("~"):
        return folder / text
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:
        raise MR2XRayError(
            f'{place}: "{key}" is "{text:.60}", but that home folder is not known; give the whole path, or write "./~" '
            'for a name that begins with "~".'
        ) from None


def _word(value: Any, key: str, place: str) -> str:
    """A name of a head or of a contrast."""
    text = _checked_text(value, key, place)
    if not can_name_a_head(text):
        raise MR2XRayError(
            f'{place}: "{text:.60}" cannot be the name of {key.replace("name", "a head")}; use letters, digits, ".", '
            '"_" and "-".'
        )
    return text


def _checked_text(value: Any, key: str, place: str) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_TEXT or not value.isprintable():
        raise MR2XRayError(
            f'{place}: "{key}" must be 1 to {LONGEST_TEXT} printable letters, not {value!r:.60}; correct it.'
        )
    return value
