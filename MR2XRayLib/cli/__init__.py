"""The command line: arguments in `parser`, what each command does in `*commands`, progress in `reporter`."""

from __future__ import annotations

import logging
import os
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from io import TextIOWrapper

from MR2XRayLib.cli.parser import build_parser
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.ending import CANCELLED, end_with_stdin, leave_cancelled
from MR2XRayLib.errors import MR2XRayError, lacks_memory

FAULT = 2
CANCELLED_WORDS = "Cancelled; nothing half-written was left."
OUT_OF_MEMORY_WORDS = "There is not enough memory for this; use a smaller volume or batch, or fewer pixels."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 2 after a fault, which is told in one sentence; 130 after Ctrl-C, or where `--end-with-stdin` was given
        and standard input closed.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # Into a file or a pipe, Windows writes in a code page without √ and ∞.
        sys.stdout.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(_views_joined(sys.argv[1:] if arguments is None else arguments))
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.WARNING, format="%(message)s")
    try:
        with Reporter(options.progress) as reporter:
            return _run(options, reporter)
    except BrokenPipeError:
        # Nobody reads any more; what Python still holds for them must not become an error at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT


def _views_joined(arguments: Sequence[str]) -> list[str]:
    """The same with `--views -45/0` as one word: argparse would take what begins with a minus for an option."""
    joined: list[str] = []
    for word in arguments:
        if joined and joined[-1] == "--views" and re.match(r"-[.\d]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _run(options: Namespace, reporter: Reporter) -> int:
    try:
        if options.end_with_stdin:
            end_with_stdin(lambda: reporter.fault(CANCELLED_WORDS))
        options.command(options, reporter)
    except MR2XRayError as error:
        if options.debug:
            raise
        reporter.fault(str(error))
        return FAULT
    except (MemoryError, RuntimeError) as error:
        if options.debug or not lacks_memory(error):
            raise
        reporter.fault(OUT_OF_MEMORY_WORDS)
        return FAULT
    except BrokenPipeError:
        raise  # nobody reads what would be told of it
    except OSError as error:
        if options.debug:
            raise
        reporter.fault(_in_words(error))
        return FAULT
    except KeyboardInterrupt:
        reporter.fault(CANCELLED_WORDS)
        if options.end_with_stdin:
            leave_cancelled()
        return CANCELLED
    return 0


def _in_words(error: OSError) -> str:
    """One sentence for what the system refused and nothing nearer to it told of."""
    file = error.filename2 or error.filename
    what = f"{file} cannot be used" if file else "A file cannot be read or written"
    return f"{what} ({error.strerror or error}); check path, permissions and disk space."
