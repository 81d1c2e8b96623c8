"""What the command line tells while it works: a bar on a terminal, or one JSON object a line."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any


class Reporter:
    """A `Progress` with three faces: "bar" (tqdm on a terminal, else silent), "json" and "none".

    With "json" every line of standard output is one object: {"stage", "fraction"}, {"values"} (numbers by name, such
    as a loss), {"warning"}, and at the end {"result"} or {"error"}.
    """

    def __init__(self, style: str) -> None:
        self._json = style == "json"
        self._bars = style == "bar" and sys.stderr.isatty()
        self._bar: Any = None
        self._stage = ""

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close_bar()

    def __call__(self, stage: str, fraction: float) -> None:
        """Tell that `fraction` (0 to 1) of `stage` is done."""
        if self._json:
            self._print({"stage": stage, "fraction": round(fraction, 4)})
        elif self._bars:
            self._advance(stage, fraction)

    def values(self, numbers: dict[str, float]) -> None:
        """Numbers on the way, such as a training's loss; a bar shows the loss beside it."""
        if self._json:
            self._print({"values": numbers})
        elif self._bar is not None and "loss" in numbers:
            self._bar.set_postfix_str(f"loss {numbers['loss']:.4g}")

    def say(self, text: str) -> None:
        """A line for the reader, on standard output; with "json" it is left to `result`."""
        self._close_bar()
        if not self._json:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        """A warning: on standard error, or as {"warning"}."""
        self._close_bar()
        if self._json:
            self._print({"warning": text})
        else:
            print(f"Warning: {text}", file=sys.stderr)

    def result(self, content: dict[str, Any]) -> None:
        """The outcome, for a program that reads along."""
        if self._json:
            self._print({"result": content})

    def fault(self, sentence: str) -> None:
        """Why the command ends without its result."""
        self._close_bar()
        if self._json:
            self._print({"error": sentence})
        print(sentence, file=sys.stderr)

    @staticmethod
    def _print(message: dict[str, Any]) -> None:
        print(json.dumps(message), flush=True)

    def _advance(self, stage: str, fraction: float) -> None:
        from tqdm import tqdm

        if stage != self._stage:
            self._close_bar()
            self._stage = stage
            self._bar = tqdm(
                total=100, desc=stage, unit="%", bar_format="{desc:<14}{bar} {n:3.0f} % {elapsed} {postfix}"
            )
        self._bar.update(100 * fraction - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""
