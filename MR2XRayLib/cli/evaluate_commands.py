"""`mr2xray evaluate`: generators and baselines measured on heads, and a report."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from MR2XRayLib.cli.cohort_heads import cohort_group
from MR2XRayLib.cli.inputs import (
    DEFAULT_PRESET,
    check_device_and_energy,
    check_of_a_pair,
    check_registers,
    check_skip_bad,
    read_transform,
    warn_of_energy,
)
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import check_writable

if TYPE_CHECKING:
    from MR2XRayLib.evaluation import CaseGroup, Evaluation
    from MR2XRayLib.evaluation.calibration import Calibration
    from MR2XRayLib.evaluation.cohort_group import Side
    from MR2XRayLib.generators.card import ModelCard
    from MR2XRayLib.generators.store import TrainedGenerator
    from MR2XRayLib.uncertainty import UncertainSynthesizer

SIMULATED_VIEWS, PAIR_VIEWS = 4, 32


def evaluate(options: Namespace, reporter: Reporter) -> None:
    """Measure, write the report, and tell the main numbers."""
    _check(options)
    from MR2XRayLib.evaluation import evaluate, write_report
    from MR2XRayLib.evaluation.calibration_section import calibration_section
    from MR2XRayLib.evaluation.report import check_new
    from MR2XRayLib.evaluation.run import identities_of
    from MR2XRayLib.evaluation.sections import SECTIONS
    from MR2XRayLib.generators.store import load_generator

    check_new(options.out)
    check_writable(options.out)
    check_device_and_energy(options)
    if options.ct or options.cohort:
        warn_of_energy(options.energy, reporter)
    generators = [load_generator(name) for name in options.generator or [None]]
    names = [identity.name for identity in identities_of(generators)]
    for folder in [trained.folder for trained in generators if options.write_cards]:
        check_writable(folder)
    uncertain = _uncertain(names, generators, options.device) if options.uncertainty else {}
    groups = _groups(options, generators, reporter)
    if uncertain:
        groups = [group.kept() for group in groups]
    evaluation = evaluate(generators, groups, device=options.device, progress=reporter, warn=reporter.warn)
    # None was named where the default one was taken.
    given = options.generator or [trained.folder.name for trained in generators]
    calibrations = _calibrations(uncertain, groups, reporter)
    titles = {group.key: group.title for group in groups}
    told = {f"{name}, {titles[key]}": made for (name, key), made in calibrations.items()}
    sections = (*SECTIONS, calibration_section(told))
    write_report(evaluation, options.out, command_line(options, given), sections)
    if options.write_cards:
        _write_cards(generators, evaluation, calibrations)
    _tell(evaluation, options.out, reporter)


def _uncertain(
    names: Sequence[str], generators: Sequence[TrainedGenerator], device: str
) -> dict[str, UncertainSynthesizer]:
    """Those that have an uncertainty, by their names in the report.

    Raises:
        MR2XRayError: if none has, or the members of an uncertainty cannot be had.
    """
    from MR2XRayLib.uncertainty import UncertainSynthesizer

    found = {
        name: UncertainSynthesizer(trained, device)
        for name, trained in zip(names, generators, strict=True)
        if trained.card.has_uncertainty
    }
    if not found:
        raise MR2XRayError(
            f"There is no expected error of {', '.join(names)} that --uncertainty could judge; give one by mr2xray "
            "calibrate, or leave it out."
        )
    return found


def _calibrations(
    uncertain: Mapping[str, UncertainSynthesizer], groups: Sequence[CaseGroup], reporter: Reporter
) -> dict[tuple[str, str], Calibration]:
    """By generator's name and group's key, of the cases that `evaluate` has made."""
    from MR2XRayLib.evaluation.calibration import calibration_report

    if not uncertain:
        return {}
    made = {}
    for number, group in enumerate(groups):
        reporter("uncertainty", number / len(groups))
        for name, synthesizer in uncertain.items():
            made[name, group.key] = calibration_report(synthesizer, group.cases())
    reporter("uncertainty", 1.0)
    return made


def _write_cards(
    generators: Sequence[TrainedGenerator],
    evaluation: Evaluation,
    calibrations: Mapping[tuple[str, str], Calibration],
) -> None:
    """Put the numbers into the generators' cards, beside those of other groups; the weights stay as they are."""
    from functools import partial

    from MR2XRayLib.generators.store import rewrite_card

    for trained, identity in zip(generators, evaluation.generators, strict=True):
        made = {key: each.numbers() for (name, key), each in calibrations.items() if name == identity.name}
        measured = evaluation.card_metrics(identity.name)
        rewrite_card(trained, partial(_with_numbers, loaded=trained.card, metrics=measured, expected=made))


def _with_numbers(
    card: ModelCard,
    loaded: ModelCard,
    metrics: Mapping[str, Mapping[str, float]],
    expected: Mapping[str, Mapping[str, float]],
) -> ModelCard:
    """A card with metrics by group; and with what was expected of errors by group, if it still is what was loaded."""
    from dataclasses import replace

    card = replace(card, metrics={**card.metrics, **metrics})
    now, then = card.uncertainty, loaded.uncertainty
    if now is None or then is None or replace(now, metrics={}) != replace(then, metrics={}):
        return card
    for key, numbers in expected.items():
        now = now.measured_on(key, numbers)
    return replace(card, uncertainty=now)


def command_line(options: Namespace, generators: Sequence[str]) -> str:
    """The command that repeats an evaluation.

    What was given stands as it was given, but absolute paths are cut to their last names: no machine is named.

    Args:
        options: of the command.
        generators: names or folders.
    """
    words = ["mr2xray", "evaluate"]
    for name in generators:
        words += ["--generator", _machine_independent(name)]
    for option in ("labels", "cohort", "mr", "ct", "transform", "contrasts", "views"):
        value = getattr(options, option)
        if value is None:
            continue
        if option == "contrasts":
            words += ["--contrasts", *value]
        else:
            for one in value if isinstance(value, list) else [value]:
                words += [f"--{option}", _machine_independent(one)]
    words += [
        f"--{flag}"
        for flag in ("validation", "digital-head", "skip-bad", "paper-protocol", "uncertainty", "write-cards")
        if _flag(options, flag)
    ]
    if options.ct and not options.transform:
        words += ["--preset", options.preset or DEFAULT_PRESET]
    if options.ct or options.cohort:
        words += ["--energy", f"{options.energy:g}"]
    return shlex.join([*words, "--pixels", str(options.pixels), "--out", _machine_independent(options.out)])


def _flag(options: Namespace, flag: str) -> bool:
    return bool(getattr(options, flag.replace("-", "_")))


def _machine_independent(value: object) -> str:
    """A number, a name or a relative path as it is, and the last name of an absolute path."""
    path = Path(str(value))
    return path.name if path.is_absolute() else str(value)


def _check(options: Namespace) -> None:
    """Say before the work, not after it, what does not go together."""
    if not (options.labels or options.digital_head or options.cohort or options.mr or options.ct):
        raise MR2XRayError(
            "There are no heads to evaluate on; give --labels, --digital-head, --cohort, or --mr and --ct of a pair."
        )
    if bool(options.mr) != bool(options.ct):
        raise MR2XRayError("A pair needs both volumes; give --mr and --ct.")
    if options.paper_protocol and not options.ct:
        raise MR2XRayError("The paper's protocol is of one pair; give --mr and --ct.")
    others = options.labels or options.digital_head or options.cohort
    if options.paper_protocol and options.views is not None and not others:
        raise MR2XRayError(
            "The paper's protocol has no other views: its 200 test views are fixed; leave --views out."
        )
    if options.validation and not (options.labels or options.cohort):
        raise MR2XRayError("--validation is of simulated heads or a cohort's; give --labels or --cohort.")
    check_of_a_pair(options, "transform", "preset")
    check_registers(options, "preset")
    check_skip_bad(options)
    if options.contrasts and not options.labels:
        raise MR2XRayError("--contrasts is of simulated heads; give --labels.")
    if options.views is not None and options.views < 1:
        raise MR2XRayError(f"A case cannot have {options.views} views; give 1 or more.")
    from MR2XRayLib.metrics.similarity import LEAST_PIXELS

    if options.pixels < LEAST_PIXELS:
        raise MR2XRayError(f"{options.pixels} pixels are too few to compare; give {LEAST_PIXELS} or more.")


def _groups(
    options: Namespace, generators: Sequence[TrainedGenerator], reporter: Reporter
) -> list[CaseGroup]:
    from MR2XRayLib.evaluation import CaseSettings, digital_heads, unseen_simulated_heads, validation_heads

    settings = CaseSettings(options.pixels, views=options.views or SIMULATED_VIEWS)
    groups: list[CaseGroup] = []
    if options.labels:
        heads = validation_heads if options.validation else unseen_simulated_heads
        contrasts = {"contrasts": [tuple(options.contrasts)]} if options.contrasts else {}
        groups += heads(options.labels, settings, **contrasts)
    if options.digital_head:
        baselines = groups[0].baselines if groups and not options.contrasts else None
        groups.append(digital_heads(settings, baselines))
    if options.cohort:
        side: Side = "validate" if options.validation else "test"
        groups.append(cohort_group(options, side, generators, reporter, options.pixels, options.views))
    if options.ct:
        groups.append(_pair_group(options, generators, reporter))
    return groups


def _pair_group(options: Namespace, generators: Sequence[TrainedGenerator], reporter: Reporter) -> CaseGroup:
    from MR2XRayLib.evaluation import CaseSettings, registered, views_of_pair
    from MR2XRayLib.generators.applicability import lacking_head
    from MR2XRayLib.registered_pair import RegisteredPair
    from MR2XRayLib.volume_io import read_volume

    for trained in generators:
        known = trained.card.input.contrasts
        if 1 < len(known) != len(options.mr):
            raise MR2XRayError(
                f'The generator "{trained.card.name}" takes the MR contrasts {", ".join(known)}; give --mr for each, '
                "in this order."
            )
    pair = RegisteredPair.of(
        [read_volume(path) for path in options.mr],
        read_volume(options.ct),
        read_transform(options.transform),
        options.preset or DEFAULT_PRESET,
        options.energy,
        reporter,
    )
    for sentence in lacking_head({"name": pair.ct.name, **pair.ct.provenance}):
        reporter.warn(sentence)
    name = options.ct.name.split(".")[0]
    if not options.paper_protocol:
        return registered(pair, name, CaseSettings(options.pixels, views=options.views or PAIR_VIEWS))
    from MR2XRayLib.training.paper_protocol import PaperProtocol

    protocol = PaperProtocol(pair, options.pixels)
    return views_of_pair(pair, name, protocol.test_views, protocol.training_views)


def _tell(evaluation: Evaluation, out: Path, reporter: Reporter) -> None:
    for group in evaluation.groups:
        for method in group.methods:
            hp_corr, frc_mid, psnr = (
                method.estimate(name).mean for name in ("hp_corr", "frc_mid", "masked_psnr")
            )
            reporter.say(
                f"{group.title}, {method.name}: high-pass correlation {hp_corr:.3f}, FRC mid band {frc_mid:.3f}, PSNR "
                f"inside the head {psnr:.1f} dB"
            )
    reporter.say(f"Wrote the report to {out / 'report.md'}")
    reporter.result({"folder": str(out), **evaluation.to_json()})
