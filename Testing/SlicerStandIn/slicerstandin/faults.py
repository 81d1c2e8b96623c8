"""What went wrong without stopping the program: a test looks here and fails."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True)
class Fault:
    """One thing that the real program would only have printed, or that a test had not foreseen.

    kind: 'exception', 'connection', 'dialog', 'ui file'.
    """

    kind: str
    text: str


class Faults(list[Fault]):
    """The faults since the last `clear()`."""

    def record(self, kind: str, text: str) -> None:
        """Remember a fault and print it, as the real program does."""
        self.append(Fault(kind, text))
        sys.stderr.write(f"[{kind}] {text}\n")

    def record_exception(self, error: BaseException) -> None:
        """Remember an exception that was raised where nobody could catch it."""
        self.record("exception", "".join(traceback.format_exception(error)))


FAULTS = Faults()


def exception_hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """As `sys.excepthook`: VTK observers and Qt's virtual functions end here when they raise."""
    FAULTS.record_exception(error)
