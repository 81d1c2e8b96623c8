"""The words of `mr2xray cohort`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from MR2XRayLib.cli import cohort_commands


def add_cohort(add: Callable[..., argparse.ArgumentParser], words: argparse._SubParsersAction) -> None:
    """Add the command and its actions; `add` is the parser's own way to add one."""
    text = "your own heads, listed in a TOML or CSV file: check them, register them"
    parser = add(words, "cohort", cohort_commands.check, text)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    checking = add(actions, "check", cohort_commands.check, "read every head, a line each", nested=True)
    preparing = add(
        actions,
        "prepare",
        cohort_commands.prepare,
        "register every head, once, and write a page of pictures to judge by and the cohort for training",
        nested=True,
    )
    for action in (checking, preparing):
        action.add_argument("file", type=Path, metavar="FILE", help="the cohort, .toml or .csv")
        action.add_argument("--skip-bad", action="store_true", help="go on without heads that fail")
    preparing.add_argument("--out", type=Path, required=True, metavar="DIR")
    preparing.add_argument(
        "--preset", choices=("rigid", "affine"), default="rigid", help="how to register (rigid)"
    )
    preparing.add_argument(
        "--task",
        metavar="I/N",
        help="do the I-th of N equal shares; by default that of the SLURM array task or the rank of torchrun",
    )
