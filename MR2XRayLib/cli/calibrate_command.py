"""`mr2xray calibrate`: gives a generator the entry "uncertainty" of its card."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict

from MR2XRayLib.cli.reporter import Reporter


def calibrate(options: Namespace, reporter: Reporter) -> None:
    """Fit the generator's uncertainty on simulated heads of the validation anatomy, and write it into its card."""
    from dataclasses import replace

    from MR2XRayLib.evaluation.calibration import calibrate as fit_uncertainty
    from MR2XRayLib.evaluation.cases import Case, CaseSettings
    from MR2XRayLib.evaluation.for_cards import contrasts_for
    from MR2XRayLib.evaluation.groups import validation_heads
    from MR2XRayLib.files import write_json
    from MR2XRayLib.generators.card import CARD
    from MR2XRayLib.generators.store import load_generator

    trained = load_generator(options.generator)
    settings = CaseSettings(pixels=trained.card.geometry.pixels[0])
    groups = validation_heads(options.labels, settings, contrasts_for(trained))
    heads = sum(group.count for group in groups)

    def told() -> Iterator[Case]:
        for number, case in enumerate(case for group in groups for case in group.cases()):
            reporter("calibrating", number / heads)
            yield case

    words = f"{heads} simulated heads of the validation anatomy, {heads * settings.views} views"
    others = [load_generator(name) for name in options.others]
    entry = fit_uncertainty(
        trained, told(), words, options.method, options.members, others, device=options.device
    )
    # The card alone: the entry holds for these very weights, whose file stays as it is.
    write_json(trained.folder / CARD, replace(trained.card, uncertainty=entry).to_json())
    reporter("calibrating", 1.0)
    reporter.say(
        f"Expected error of {trained.card.name}: √({entry.floor:g}² + ({entry.factor:g} · deviation of {entry.members} "
        f"members)²), by {entry.method}; written into {trained.folder}"
    )
    reporter.result(asdict(entry))
