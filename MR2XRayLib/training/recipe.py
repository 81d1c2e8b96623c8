"""The recipe of the shipped generator: which heads, which stages, and from label volumes to a generator's folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from MR2XRayLib import __version__
from MR2XRayLib.carm import CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.build import build
from MR2XRayLib.generators.card import InputCard, ModelCard, TrainedGeometry
from MR2XRayLib.generators.store import TrainedGenerator, save_generator
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.training.evaluation import LinearMap, evaluate, projected_digital_head, projected_heads
from MR2XRayLib.training.heads import read_labels
from MR2XRayLib.training.loop import LOG, Stage, TrainingSettings, train
from MR2XRayLib.training.losses import WeightedSum
from MR2XRayLib.training.pairs import (
    MR_FULL_SCALE_MM,
    PRIMARY_DEG,
    SECONDARY_DEG,
    PairSettings,
    PairStream,
    of_simulated_heads,
)
from MR2XRayLib.volume import Volume

HELD_OUT = ("subject41", "subject46", "subject47", "subject48", "subject52", "subject53")
"""Anatomies that are evaluated on and never trained on."""

VALIDATION = "subject38"
"""The anatomy that the log's validation loss is taken on; not trained on either."""

EVALUATION_SEED = 20_000
EVALUATION_PAIRS = PairSettings(pixels=256, spacing=1, views=4)

STAGES = (
    Stage(
        PairSettings(pixels=256, spacing=1, heads=12, views=16, passes=4),
        batch=2,
        steps=30_000,
        share=1.0,
        loss={"l1": 1.0, "gradient": 10.0},
    ),
)
"""One stage at the resolution of use, with much weight on edges, which the error alone would leave blurred."""

OPTIONS: dict[str, dict[str, Any]] = {"unet": {"dropout": 0.0}}
"""By architecture: arguments of `build` beside the width's own. Dropout blurs a regression this small."""

LIMITS = (
    "Not a medical device: a synthesized image is a guess and must not be used for diagnosis or treatment.",
    "Trained on simulated heads alone; on real MR its numbers are not those of the card.",
    "The simulated heads end below the skull base: jaw, teeth and neck are unknown to it.",
    "Its bone is inferred from dark MR signal; implants, calcifications and fractures are not synthesized.",
)


def make_generator(
    labels: Path,
    out: Path,
    *,
    architecture: str = "subpixel",
    width: str = "compact",
    seed: int = 0,
    max_minutes: float = math.inf,
    resume: bool = False,
    stages: tuple[Stage, ...] = STAGES,
    progress: Progress = silent,
) -> ModelCard:
    """Train, evaluate and write a generator.

    Args:
        labels: folder of BrainWeb label volumes, `subjectNN_labels.nii.gz`.
        out: folder to write; it gets the generator's folder, the log and the checkpoint.
        architecture, width: what `build` makes.
        seed: of weights and training pairs.
        max_minutes: of training; see `train`.
        resume: go on from the checkpoint in `out`.
        stages: of the training.
        progress: told "train" and "evaluate" with the fraction done.

    Returns:
        the card as written, its metrics computed on `HELD_OUT`.

    Raises:
        MR2XRayError: if label volumes are missing, or the training fails.
    """
    training, validation, held_out = split(labels)
    options = OPTIONS.get(architecture, {})
    settings = TrainingSettings(stages, seed=seed)
    torch.manual_seed(seed)
    network = build(architecture, width, 1, **options)
    trained = train(
        network,
        of_simulated_heads(training),
        settings,
        out,
        max_minutes=max_minutes,
        resume=resume,
        validate=validator(validation, settings),
        progress=progress,
    )
    card = replace(
        _card(architecture, width, options, settings),
        training=training_entry(settings, max_minutes, out / LOG),
        data=_data(training),
    )
    progress("evaluate", 0.0)
    metrics = evaluate_generator(TrainedGenerator(trained, card, out), training, held_out)
    card = save_generator(out / card.name, trained, replace(card, metrics=metrics))
    progress("evaluate", 1.0)
    return card


def split(labels: Path) -> tuple[list[Volume], Volume, list[Volume]]:
    """Read the label volumes: those to train on, the one to validate on, and those held out.

    Raises:
        MR2XRayError: if the folder lacks one of the fixed anatomies or has none left to train on.
    """
    paths = {path.name.split("_")[0]: path for path in sorted(Path(labels).glob("*_labels.nii.gz"))}
    missing = [name for name in (*HELD_OUT, VALIDATION) if name not in paths]
    if missing or len(paths) <= len(HELD_OUT) + 1:
        raise MR2XRayError(
            f"{labels} lacks label volumes ({', '.join(missing) or 'to train on'}); give the folder of BrainWeb's "
            "subjectNN_labels.nii.gz."
        )
    training = [read_labels(path) for name, path in paths.items() if name not in (*HELD_OUT, VALIDATION)]
    return training, read_labels(paths[VALIDATION]), [read_labels(paths[name]) for name in HELD_OUT]


def validator(anatomy: Volume, settings: TrainingSettings) -> Any:
    """A function from a network to its loss on 16 fixed pairs of an anatomy that is not trained on."""
    pairs = replace(settings.stages[-1].pairs, heads=8, views=2)
    mr, xray = PairStream(of_simulated_heads([anatomy]), pairs, EVALUATION_SEED).batch(0, 16)
    loss = WeightedSum(settings.stages[-1].loss)

    @torch.no_grad()
    def validate(network: nn.Module) -> Mapping[str, float]:
        return {"validation_loss": loss(network(mr), xray)[0].item()}

    return validate


def evaluate_generator(
    trained: TrainedGenerator, training: list[Volume], held_out: list[Volume]
) -> dict[str, dict[str, float]]:
    """The card's metrics; the linear map is fitted on heads of the training anatomies.

    Anatomies held out are seen twice: with MR voxels of 1 mm that lie exactly on the CT, and as a clinic has them,
    with slices up to 5 mm thick and a registration that is off by about half a millimetre.
    """
    pairs = EVALUATION_PAIRS
    linear = LinearMap.fit(projected_heads(training[:2], EVALUATION_SEED + 1000, pairs))
    exact = projected_heads(held_out, EVALUATION_SEED, pairs, clinical=False)
    return {
        "held_out_heads": evaluate(trained, linear, exact),
        "held_out_heads_thick_slices": evaluate(
            trained, linear, projected_heads(held_out, EVALUATION_SEED, pairs)
        ),
        "digital_head": evaluate(trained, linear, projected_digital_head(EVALUATION_SEED, pairs)),
    }


def _data(training: list[Volume]) -> dict[str, Any]:
    return {
        "kind": "simulated heads on BrainWeb label anatomies, random contrast, texture, bias field, noise and pose",
        "source": "BrainWeb, Aubert-Broche et al. 2006 and Collins et al. 1998",
        "training": [anatomy.name for anatomy in training],
        "validation": VALIDATION,
        "held_out": list(HELD_OUT),
    }


def training_entry(settings: TrainingSettings, max_minutes: float, log: Path) -> dict[str, Any]:
    """A card's `training`: the settings, and how many steps of each stage the time allowed."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = {f"stage {line['stage'] + 1}": line["step"] for line in lines}
    limit = max_minutes if math.isfinite(max_minutes) else None
    library = f"MR2XRayLib {__version__}"
    return asdict(settings) | {
        "optimiser": "Muon, and Adam for biases, norms, the first and the last layer",
        "max_minutes": limit,
        "steps_done": steps,
        "library": library,
    }


def _card(architecture: str, width: str, options: dict[str, Any], settings: TrainingSettings) -> ModelCard:
    """The card without metrics."""
    return ModelCard(
        name=f"{architecture}-{width}-l1-gradient",
        version="1.0.0",
        architecture=architecture,
        width=width,
        in_channels=1,
        input=InputCard(("mr",), MR_FULL_SCALE_MM),
        geometry=_geometry(settings.stages[-1].pairs.pixels),
        options=options,
        loss={f"stage {n}": dict(stage.loss) for n, stage in enumerate(settings.stages, start=1)},
        licence="Apache-2.0",
        intended_use="Research on MR to X-ray projection synthesis, teaching and tests of the software.",
        limits=LIMITS,
    )


def _geometry(pixels: int) -> TrainedGeometry:
    """The middle of what `pairs.draw_view` draws: the C-arm's own defaults."""
    carm = CArm()
    return TrainedGeometry(
        carm.source_to_isocentre_mm,
        carm.source_to_detector_mm,
        carm.detector_mm,
        (pixels, pixels),
        carm.detector_mm[1] / pixels,
        PRIMARY_DEG,
        SECONDARY_DEG,
    )
