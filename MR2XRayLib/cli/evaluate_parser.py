"""The words of `mr2xray evaluate`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from MR2XRayLib.cli import evaluate_commands
from MR2XRayLib.device import DEVICES


def add_evaluate(add: Callable[..., argparse.ArgumentParser], words: argparse._SubParsersAction) -> None:
    """Add the command; `add` is the parser's `_add`."""
    text = "a report on how good generators are: numbers with intervals, baselines, curves, pictures"
    parser = add(words, "evaluate", evaluate_commands.evaluate, text)
    parser.add_argument(
        "--generator",
        action="append",
        metavar="NAME|DIR",
        help="again for each; the default one if none is given",
    )
    _add_heads(parser.add_argument_group("heads to evaluate on, one or more of four"))
    parser.add_argument(
        "--views",
        type=int,
        metavar="N",
        help="of a case: 4 of simulated heads, 8 of a cohort's, 32 of a pair",
    )
    parser.add_argument(
        "--uncertainty", action="store_true", help="also whether generators' expected errors are right"
    )
    parser.add_argument("--pixels", type=int, default=256, metavar="N", help="rows and columns (256)")
    parser.add_argument(
        "--device", choices=DEVICES, default="auto", help="auto, the default, is a GPU where there is one"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the report's folder, a new one"
    )


def _add_heads(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--labels", type=Path, metavar="DIR", help="simulated heads on the BrainWeb label volumes held out"
    )
    group.add_argument(
        "--validation",
        action="store_true",
        help="the validation anatomy, or a cohort's validation heads, in place of those held out: to choose by",
    )
    group.add_argument(
        "--contrasts", nargs="+", metavar="NAME", help="see each simulated head in these together: T1 T2"
    )
    group.add_argument("--digital-head", action="store_true")
    group.add_argument(
        "--cohort", type=Path, metavar="FILE", help="the test heads among your own (see: mr2xray cohort)"
    )
    group.add_argument("--skip-bad", action="store_true", help="go on without heads that cannot be loaded")
    group.add_argument(
        "--write-cards", action="store_true", help="put the numbers into the generators' cards too"
    )
    group.add_argument("--mr", type=Path, action="append", help="an MR volume; again per contrast")
    group.add_argument("--ct", type=Path, help="its CT in HU")
    group.add_argument("--transform", type=Path, metavar="T", help="MR to CT, if known (.tfm, .h5)")
    group.add_argument(
        "--preset", choices=("rigid", "affine"), help="how to register, else; rigid by default"
    )
    group.add_argument(
        "--energy", type=float, default=60.0, metavar="KEV", help="effective energy, CT (60 keV)"
    )
    group.add_argument(
        "--paper-protocol", action="store_true", help="the pair's 200 test views of the paper's protocol"
    )
