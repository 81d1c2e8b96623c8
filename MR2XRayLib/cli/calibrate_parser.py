"""The options of `mr2xray calibrate`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from MR2XRayLib.cli.calibrate_command import calibrate
from MR2XRayLib.device import DEVICES
from MR2XRayLib.generators.uncertainty_card import AUGMENTATION, METHODS, SECOND_OPINION


def add_calibrate(add: Callable[..., argparse.ArgumentParser], words: argparse._SubParsersAction) -> None:
    """Add the command; `add` is the parser's own way of adding one."""
    parser = add(words, "calibrate", calibrate, "let a generator tell the expected error of its images")
    parser.add_argument("generator", metavar="NAME|DIR", help="its card gets the entry")
    heads = parser.add_mutually_exclusive_group(required=True)
    heads.add_argument("--labels", type=Path, metavar="DIR", help="simulated heads on BrainWeb label volumes")
    heads.add_argument(
        "--cohort",
        type=Path,
        metavar="FILE",
        help="the validation heads among your own (see: mr2xray cohort)",
    )
    parser.add_argument("--skip-bad", action="store_true", help="go on without heads that cannot be loaded")
    parser.add_argument(
        "--energy", type=float, default=60.0, metavar="KEV", help="effective energy, CT (60 keV)"
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        help=f"where members are from ({SECOND_OPINION} if it sees the layer attenuation, else {AUGMENTATION})",
    )
    parser.add_argument(
        "--members",
        type=int,
        default=8,
        help="images of augmentation or dropout that a deviation is made of (8)",
    )
    parser.add_argument(
        "--others",
        nargs="*",
        default=(),
        metavar="NAME",
        help="further generators of an ensemble, installed ones",
    )
    parser.add_argument(
        "--device", choices=DEVICES, default="auto", help="auto, the default, is a GPU where there is one"
    )
