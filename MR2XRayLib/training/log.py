"""The log of a training: JSON lines always, TensorBoard where it is installed."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from MR2XRayLib.errors import MR2XRayError

LOG = "log.jsonl"
BOARD = "tensorboard"


class Log:
    """The means of what was added since the last line, as one line each.

    Args:
        folder: gets `log.jsonl`, and the folder `tensorboard` where that package is installed.
        every: steps between lines.
        fresh: start anew instead of appending.
        silent: keep nothing, as on all ranks but the first.

    Raises:
        MR2XRayError: if the folder cannot be made or written to.
    """

    def __init__(self, folder: Path, every: int, fresh: bool, silent: bool = False) -> None:
        self._path, self._every, self._silent = folder / LOG, every, silent
        self._values: dict[str, list[float]] = defaultdict(list)
        if silent:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if fresh:
                self._path.unlink(missing_ok=True)
            else:
                _end_with_a_line(self._path)
        except OSError as error:
            raise MR2XRayError(
                f"Cannot write into {folder} ({error.strerror}); choose another folder."
            ) from None
        self._board = _board(folder / BOARD)

    def add(self, **values: float) -> None:
        """Remember one step's numbers."""
        for name, value in values.items():
            self._values[name].append(value)

    def is_due(self, step: int) -> bool:
        """Whether a line is to be written after this step."""
        return step % self._every == 0

    def write(self, **counters: float) -> None:
        """Write one line: `counters`, and the means of what was added.

        Raises:
            MR2XRayError: if it cannot be written, as on a full disk.
        """
        means = {name: float(f"{sum(v) / len(v):.6g}") for name, v in self._values.items()}
        self._values.clear()
        if self._silent:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**counters, **means}) + "\n")
        except OSError as error:
            raise MR2XRayError(
                f"Cannot write {self._path} ({error.strerror}); free space, and go on with --resume."
            ) from None
        if self._board is not None:
            for name, value in {**counters, **means}.items():
                self._board.add_scalar(name, value, int(counters["step"]))
            self._board.flush()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a log, none where there is no such file; without those that a full disk left unreadable."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(json.JSONDecodeError):
            lines.append(json.loads(line))
    return lines


def _end_with_a_line(path: Path) -> None:
    """Cut off the half of a line with which a killed training or a full disk may have left the file."""
    if path.exists():
        with path.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


def _board(folder: Path) -> Any:
    """A TensorBoard writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
