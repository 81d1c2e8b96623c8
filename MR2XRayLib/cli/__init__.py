"""The command line: arguments in `parser`, what each command does in `commands`, progress in `reporter`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from MR2XRayLib.cli.parser import build_parser
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError

FAULT, CANCELLED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 2 after a fault, which is told in one sentence; 130 after Ctrl-C.
    """
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.WARNING, format="%(message)s")
    with Reporter(options.progress) as reporter:
        try:
            options.command(options, reporter)
        except MR2XRayError as error:
            if options.debug:
                raise
            reporter.fault(str(error))
            return FAULT
        except MemoryError:
            if options.debug:
                raise
            reporter.fault("There is not enough memory for this; use a smaller volume or fewer pixels.")
            return FAULT
        except KeyboardInterrupt:
            reporter.fault("Cancelled; nothing half-written was left.")
            return CANCELLED
        except BrokenPipeError:
            sys.stderr.close()
            return FAULT
    return 0
