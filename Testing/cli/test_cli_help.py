"""`mr2xray COMMAND --help` tells what is taken where an option is not given."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator

from MR2XRayLib.cli.parser import build_parser

NOTHING = (None, False, (), "", math.inf, argparse.SUPPRESS)
"""Defaults that need no word: as if there were no such option."""


def defaults(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, str]]:
    """Of each option that has one: the words to give it by, its default, its help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from defaults(command)
        elif action.option_strings and not any(action.default is nothing for nothing in NOTHING):
            default = f"{action.default:g}" if isinstance(action.default, float) else str(action.default)
            yield f"{parser.prog} {action.option_strings[0]}", default, action.help or ""


def test_the_help_of_an_option_tells_its_default() -> None:
    told = list(defaults(build_parser()))
    assert len(told) > 40
    assert [(option, default) for option, default, words in told if default not in words] == []
