"""`python -m MR2XRayLib.training`: makes the shipped generator from label volumes."""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

from MR2XRayLib.errors import MR2XRayError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and train; the exit code."""
    options = _parser().parse_args(arguments)
    # Two thread pools that wait by spinning halve each other; set before torch starts its own.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    from MR2XRayLib.training.recipe import make_generator

    torch.set_num_threads(options.threads)
    try:
        card = make_generator(
            options.labels,
            options.out,
            architecture=options.architecture,
            width=options.width,
            seed=options.seed,
            max_minutes=options.minutes,
            resume=options.resume,
        )
    except MR2XRayError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    numbers = card.metrics["held_out_heads"]
    sys.stdout.write(
        f"{options.out / card.name}: masked PSNR {numbers['masked_psnr']:.1f} dB "
        f"({numbers['masked_psnr_gain']:+.1f} dB over the linear map), "
        f"high-pass correlation {numbers['hp_corr']:.2f} on held-out heads\n"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m MR2XRayLib.training", description=__doc__)
    parser.add_argument("--labels", type=Path, required=True, help="folder of BrainWeb label volumes")
    parser.add_argument("--out", type=Path, required=True, help="folder for generator, log and checkpoint")
    parser.add_argument("--architecture", default="subpixel", help="subpixel, unet, resnet or crn")
    parser.add_argument("--width", default="compact", help="compact or paper")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of training at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
