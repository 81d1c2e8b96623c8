"""Work in steps, for who has other things to do between them: a user interface on the same thread."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Made = TypeVar("Made")

Steps = Generator[None, None, Made]
"""Work that pauses at each `yield`, and returns what it made."""


def exhausted(steps: Steps[Made]) -> Made:
    """What is made at the end of the steps, all taken at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Made = end.value
            return made
