"""The words of `mr2xray train`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from MR2XRayLib.cli import train_command
from MR2XRayLib.device import DEVICES
from MR2XRayLib.resources import STORAGES


def add_train(add: Callable[..., argparse.ArgumentParser], words: argparse._SubParsersAction) -> None:
    """Add the command; `add` is the parser's `_add`."""
    parser = add(words, "train", train_command.train, "train a generator; torchrun starts it on several GPUs")
    _add_source(parser.add_argument_group("what it is trained on, one of three"))
    _add_network(parser.add_argument_group("what is trained"))
    _add_course(parser.add_argument_group("how"))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="generator, log, checkpoint")
    parser.add_argument(
        "--weights",
        choices=STORAGES,
        default="float32",
        help="how to write them (float32): int8 is a quarter",
    )
    parser.add_argument("--name", help="of the generator; by default of architecture, width and losses")


def add_train_estimator(
    add: Callable[..., argparse.ArgumentParser], words: argparse._SubParsersAction
) -> None:
    """Add the command; `add` is the parser's `_add`."""
    text = 'train the network behind the MR layer "attenuation"'
    parser = add(words, "train-estimator", train_command.train_estimator, text)
    parser.add_argument(
        "--labels", type=Path, required=True, metavar="DIR", help="simulated heads on BrainWeb label volumes"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="weights, card, log, checkpoint"
    )
    parser.add_argument("--steps", type=int, default=6000, metavar="N", help="6000 by default")
    parser.add_argument("--batch", type=int, default=2, metavar="N", help="blocks of 96 mm, 2 by default")
    parser.add_argument(
        "--start-from", type=Path, metavar="DIR", help="an estimator to go on from; else from nothing"
    )
    _add_time_and_place(parser)


def _add_source(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--labels", type=Path, metavar="DIR", help="simulated heads on BrainWeb label volumes")
    group.add_argument("--cohort", type=Path, metavar="FILE", help="your own heads (see: mr2xray cohort)")
    group.add_argument("--mr", type=Path, action="append", help="one head's MR; again per contrast")
    group.add_argument(
        "--ct", type=Path, help="its CT: 3000 views to train on, 200 to test on, as in the paper"
    )
    group.add_argument("--transform", type=Path, metavar="T", help="MR to CT, if known (.tfm, .h5)")
    group.add_argument("--registration", choices=("rigid", "affine"), help="else; rigid by default")
    group.add_argument(
        "--energy", type=float, default=60.0, metavar="KEV", help="effective energy, CT (60 keV)"
    )
    group.add_argument("--skip-bad", action="store_true", help="go on without heads that cannot be loaded")
    group.add_argument("--pixels", type=int, default=256, metavar="N", help="rows and columns (256)")
    group.add_argument(
        "--contrasts", nargs="+", default=(), metavar="NAME", help="of MR: T1 T2 with --labels"
    )
    group.add_argument(
        "--layers",
        nargs="+",
        default=(),
        metavar="NAME",
        help="of the MR: signal, head, dark, dim, deep (by default; of one head signal alone), attenuation",
    )


def _add_network(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--architecture", default="subpixel", help="subpixel (the default), unet, resnet or crn"
    )
    group.add_argument(
        "--width",
        default="compact",
        help="compact (the default) or paper; of subpixel narrow, compact or wide",
    )
    group.add_argument(
        "--start-from", metavar="NAME|DIR", help="a generator of the same kind; else from nothing"
    )
    group.add_argument(
        "--keep",
        nargs="+",
        default=(),
        metavar="LAYER",
        help="of --start-from, to leave as they are",
    )
    group.add_argument(
        "--loss",
        default="l1,gradient=10",
        help="of l1, l2, gradient, laplacian, perceptual, with weights (l1,gradient=10)",
    )
    group.add_argument("--vgg", type=Path, metavar="FILE", help="VGG-19's weights for a perceptual loss")


def _add_course(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--preset",
        choices=("sound", "paper"),
        default="sound",
        help="optimiser, rates, number of steps (sound)",
    )
    group.add_argument("--steps", type=int, metavar="N", help="in place of the preset's")
    group.add_argument("--batch", type=int, metavar="N", help="pairs, in place of the preset's")
    group.add_argument(
        "--shards", type=int, metavar="N", help="streams of pairs; as many as ranks by default"
    )
    group.add_argument("--threads", type=int, metavar="N", help="of torch")
    _add_time_and_place(group)


def _add_time_and_place(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--rate",
        type=float,
        default=1.0,
        metavar="X",
        help="times the preset's learning rates (1): less to go on",
    )
    group.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        metavar="N",
        help="of training at most; its evaluation follows",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of everything random (0)")
    group.add_argument("--heads", type=int, metavar="N", help="of a round: a GPU wants one a worker or more")
    group.add_argument("--views", type=int, metavar="N", help="of each head, or blocks of it")
    group.add_argument("--passes", type=int, metavar="N", help="times that each pair of a round is served")
    group.add_argument("--window", type=int, metavar="N", help="rounds whose pairs are served mixed")
    group.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that make pairs, for a GPU; with 0, the default, a thread, which suffices for one head",
    )
    group.add_argument(
        "--device", choices=DEVICES, default="cpu", help="to train on; cpu unless another is asked for"
    )
    group.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out, if any")
