"""`mr2xray calibrate`: gives a generator the entry "uncertainty" of its card."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from MR2XRayLib.cli.cohort_heads import cohort_group
from MR2XRayLib.cli.inputs import check_device_and_energy, check_skip_bad, warn_of_energy
from MR2XRayLib.cli.reporter import Reporter

if TYPE_CHECKING:
    from MR2XRayLib.evaluation.cases import CaseGroup
    from MR2XRayLib.generators.store import TrainedGenerator


def calibrate(options: Namespace, reporter: Reporter) -> None:
    """Fit the generator's uncertainty on validation heads, simulated or a cohort's, and write it into its card."""
    from dataclasses import replace

    from MR2XRayLib.evaluation.calibration import calibrate as fit_uncertainty
    from MR2XRayLib.evaluation.cases import Case
    from MR2XRayLib.files import check_writable
    from MR2XRayLib.generators.store import load_generator, rewrite_card
    from MR2XRayLib.uncertainty.members import check_installed, members_by, usual_method

    check_device_and_energy(options)
    check_skip_bad(options)
    if options.cohort:
        warn_of_energy(options.energy, reporter)
    trained = load_generator(options.generator)
    check_writable(trained.folder)
    others = [load_generator(name) for name in options.others]
    check_installed(others)
    method = options.method or usual_method(trained.card)
    # Here for its errors alone, before heads are read and cases made.
    members_by(trained, method, options.members, others, options.device)
    groups, words = _heads(options, trained, reporter)
    heads = sum(group.count for group in groups)

    def told() -> Iterator[Case]:
        for number, case in enumerate(case for group in groups for case in group.cases()):
            reporter("calibrating", number / heads)
            yield case

    entry = fit_uncertainty(trained, told(), words, method, options.members, others, device=options.device)
    rewrite_card(trained, lambda card: replace(card, uncertainty=entry))
    reporter("calibrating", 1.0)
    reporter.say(
        f"Expected error of {trained.card.name}: √({entry.floor:g}² + ({entry.factor:g} · deviation of {entry.members} "
        f"members)² + ({entry.per_dim_mm:g} · mm in dim voxels)²), by {entry.method}; written into {trained.folder}"
    )
    reporter.result(asdict(entry))


def _heads(
    options: Namespace, trained: TrainedGenerator, reporter: Reporter
) -> tuple[Sequence[CaseGroup], str]:
    """What is calibrated on, and the same in words, for the card."""
    from MR2XRayLib.evaluation.cases import CaseSettings
    from MR2XRayLib.evaluation.cohort_group import VIEWS
    from MR2XRayLib.evaluation.for_cards import contrasts_for
    from MR2XRayLib.evaluation.groups import validation_heads

    pixels = trained.card.geometry.pixels[0]
    if options.cohort:
        group = cohort_group(options, "validate", [trained], reporter, pixels, baselines=False)
        return (
            group,
        ), f"the validation heads of {options.cohort.name}, {group.count} from {VIEWS} views each"
    settings = CaseSettings(pixels)
    groups = validation_heads(options.labels, settings, contrasts_for(trained))
    heads = sum(group.count for group in groups)
    return groups, f"{heads} simulated heads of the validation anatomy, {heads * settings.views} views"
