"""The log of a training: JSON lines always, TensorBoard where it is installed."""

from __future__ import annotations

import json
from collections import defaultdict
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
    """

    def __init__(self, folder: Path, every: int, fresh: bool, silent: bool = False) -> None:
        self._path, self._every, self._silent = folder / LOG, every, silent
        self._values: dict[str, list[float]] = defaultdict(list)
        if silent:
            return
        folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            self._path.unlink(missing_ok=True)
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
                self._board.add_scalar(name, value, int(counters.get("steps", counters["step"])))
            self._board.flush()


def _board(folder: Path) -> Any:
    """A TensorBoard writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
