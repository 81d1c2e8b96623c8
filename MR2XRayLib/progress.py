"""How long work tells that it is alive."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""`progress(stage, fraction)`: what is being done, in a word or two, and how much of it is done, 0 to 1."""


def silent(stage: str, fraction: float) -> None:
    """The progress of a caller who does not ask for any."""
