"""`mr2xray finetune`: a generator trained further on one registered head."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

from MR2XRayLib.cli.inputs import DEFAULT_PRESET, check_registers, check_seed, read_contrasts, read_transform
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError

TOLD = ("step", "loss", "l1", "gradient")
"""What of a line of the training's log is told."""


def finetune(options: Namespace, reporter: Reporter) -> None:
    """Fine-tune on the user's volumes; the losses are told on the way."""
    from MR2XRayLib.files import check_writable, draft_folder
    from MR2XRayLib.generators.shelf import can_be_a_name, shipped_generators, user_models_folder
    from MR2XRayLib.generators.store import load_generator
    from MR2XRayLib.training.finetune import fine_tune
    from MR2XRayLib.training.log import LOG
    from MR2XRayLib.volume_io import read_volume

    check_registers(options, "preset")
    check_seed(options.seed)
    name = options.out.name if options.name is None else options.name
    if not can_be_a_name(name):
        raise MR2XRayError(
            f'A generator cannot be called "{name}"; use letters, digits, ".", "_" and "-", a letter first.'
        )
    out = options.out or user_models_folder() / name
    if out.exists() or name in shipped_generators():
        raise MR2XRayError(f'There is a generator "{name}" already; choose another name.')
    check_writable(out.parent)
    trained = load_generator(options.generator)
    mr, ct = read_contrasts(options.mr, read_volume), read_volume(options.ct)
    with draft_folder(out.parent) as draft:
        card = fine_tune(
            trained,
            mr,
            ct,
            draft / name,
            minutes=options.minutes,
            transform=read_transform(options.transform),
            preset=options.preset or DEFAULT_PRESET,
            energy_kev=options.energy,
            seed=options.seed,
            progress=_Losses(draft / name / LOG, reporter),
        )
        (draft / name).replace(out)
    before, after = (
        card.metrics[f"seen_head_{when}"].get("hp_corr", math.nan) for when in ("before", "after")
    )
    reporter.say(
        f"Wrote {name} to {out}; correlation of fine detail on unseen views of this head: {before:.2f} before, "
        f"{after:.2f} after."
    )
    reporter.result({"name": name, "folder": str(out), "metrics": card.metrics})


class _Losses:
    """A `Progress` that also tells the newest line of a training's log."""

    def __init__(self, log: Path, reporter: Reporter) -> None:
        self._log, self._reporter = log, reporter
        self._told = b""

    def __call__(self, stage: str, fraction: float) -> None:
        """Tell the progress, and the losses if there are new ones."""
        self._reporter(stage, fraction)
        with suppress(OSError):  # no log before the first step
            whole_lines = self._log.read_bytes().split(b"\n")[:-1]
            if whole_lines and whole_lines[-1] != self._told:
                self._told = whole_lines[-1]
                numbers = json.loads(self._told)
                self._reporter.values({key: numbers[key] for key in TOLD if key in numbers})
