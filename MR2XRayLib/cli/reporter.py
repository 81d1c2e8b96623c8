"""What the command line tells while it works: a bar on a terminal, or one JSON object a line."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any


class Reporter:
    """A `Progress` with three faces: "bar" (tqdm on a terminal, else silent), "json" and "none".

    With "json" every line of standard output is one object: {"stage", "fraction"}, {"result"} or {"error"}.
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
            print(json.dumps({"stage": stage, "fraction": round(fraction, 4)}), flush=True)
        elif self._bars:
            self._advance(stage, fraction)

    def say(self, text: str) -> None:
        """A line for the reader, on standard output; with "json" it is left to `result`."""
        self._close_bar()
        if not self._json:
            print(text)

    def warn(self, text: str) -> None:
        """A warning: on standard error, or as {"warning"}."""
        self._close_bar()
        if self._json:
            print(json.dumps({"warning": text}), flush=True)
        else:
            print(f"Warning: {text}", file=sys.stderr)

    def result(self, content: dict[str, Any]) -> None:
        """The outcome, for a program that reads along."""
        if self._json:
            print(json.dumps({"result": content}), flush=True)

    def fault(self, sentence: str) -> None:
        """Why the command ends without its result."""
        self._close_bar()
        if self._json:
            print(json.dumps({"error": sentence}), flush=True)
        print(sentence, file=sys.stderr)

    def _advance(self, stage: str, fraction: float) -> None:
        from tqdm import tqdm

        if stage != self._stage:
            self._close_bar()
            self._stage = stage
            self._bar = tqdm(
                total=100, desc=stage, unit="%", bar_format="{desc:<14}{bar} {n:3.0f} % {elapsed}"
            )
        self._bar.update(100 * fraction - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""
