"""What the commands of the main job do: read, call the library, write, tell.

The library is imported inside the commands, so that `mr2xray --help` answers at once.
"""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from MR2XRayLib.cli.geometry import carm_of, check_views, geometry_files, views_of
from MR2XRayLib.cli.inputs import (
    DEFAULT_PRESET,
    check_ct_options,
    check_file,
    check_of_a_pair,
    check_registers,
    check_spared,
    check_suffix,
    read_contrasts,
    read_transform,
)
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import check_writable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from MR2XRayLib.metrics import Comparison
    from MR2XRayLib.pipeline import Alignment, Result
    from MR2XRayLib.projection import Projections
    from MR2XRayLib.transform import Transform
    from MR2XRayLib.volume import Volume


def demo(options: Namespace, reporter: Reporter) -> None:
    """The digital head, its MR displaced by a known pose, end to end."""
    from MR2XRayLib.demo import demo_pair, write_pair
    from MR2XRayLib.registration import mean_error_mm

    _check_results(options, geometry_files(options), contrasts=1)
    check_views(options)
    reporter("digital head", 0.0)
    pair = demo_pair()
    reporter("digital head", 0.7)
    write_pair(pair, options.out)
    reporter("digital head", 1.0)
    result = _main_job(options, reporter, [pair.mr], pair.ct, None)
    error = mean_error_mm(result.alignment.transform, pair.truth, pair.mr)
    reporter.say(f"The registration misses the known truth by {error:.2f} mm in the mean over the head.")


def run(options: Namespace, reporter: Reporter) -> None:
    """The main job on the user's volumes."""
    from MR2XRayLib.volume_io import read_volume

    check_of_a_pair(options, "preset")
    check_registers(options, "preset")
    check_ct_options(options, has_ct=options.ct is not None)
    given = [path for path in options.mr if path is not None]
    inputs = [*given, options.ct, options.transform, *geometry_files(options)]
    _check_results(options, inputs, len(given))
    check_views(options)
    mr = read_contrasts(options.mr, read_volume)
    ct = None if options.ct is None else read_volume(options.ct)
    _main_job(options, reporter, mr, ct, read_transform(options.transform))


def _check_results(options: Namespace, inputs: Sequence[Path | None], contrasts: int) -> None:
    """Say before the work, not after it, why the results of so many MR contrasts cannot be written into the folder.

    Raises:
        MR2XRayError: if it is a file or may not be written into, or a result would replace one of the inputs.
    """
    from MR2XRayLib.pipeline import PICTURES, files_of_run

    for folder in (options.out, options.out / PICTURES):
        check_writable(folder)
    check_spared(inputs, files_of_run(options.out, contrasts))


def _main_job(
    options: Namespace,
    reporter: Reporter,
    mr: Sequence[Volume | None],
    ct: Volume | None,
    transform: Transform | None,
) -> Result:
    from MR2XRayLib import pipeline
    from MR2XRayLib.generators.store import load_generator

    result = pipeline.run(
        mr,
        ct,
        load_generator(options.generator),
        partial(views_of, options, reporter),
        carm=carm_of(options),
        transform=transform,
        preset=getattr(options, "preset", None) or DEFAULT_PRESET,
        energy_kev=getattr(options, "energy", 60.0),
        whole_ct=getattr(options, "whole_ct", False),
        uncertain=getattr(options, "uncertainty", False),
        device=options.device,
        progress=reporter,
    )
    pipeline.write_result(result, options.out, reporter)
    _tell_result(result, options.out, reporter)
    return result


def _tell_result(result: Result, folder: Path, reporter: Reporter) -> None:
    from MR2XRayLib.pipeline import alignment_to_json

    _warn(reporter, result.synthesized, result.reference)
    _tell_alignment(result.alignment, reporter)
    if result.comparison is not None:
        _tell_comparison(result.comparison, reporter)
    provenance = result.synthesized.provenance
    reporter.say(f"Synthesized on {provenance['device']}; see {folder / 'figure.png'}")
    reporter.result(
        {
            "folder": str(folder),
            "alignment": alignment_to_json(result.alignment),
            "metrics": None if result.comparison is None else result.comparison.to_json(),
        }
    )


def _tell_alignment(alignment: Alignment, reporter: Reporter) -> None:
    """The quality in words; a warning where it is not good."""
    if alignment.quality is None:
        return
    text = f"Alignment ({alignment.origin}): {alignment.quality.words}"
    if alignment.quality.verdict == "good":
        reporter.say(text)
    else:
        reporter.warn(f"{text}; look at the volumes on each other, and check the transform.")


def _warn(reporter: Reporter, synthesized: Projections, reference: Projections | None = None) -> None:
    """Tell why the images, or their numbers, deserve less trust than others."""
    from MR2XRayLib.generators.applicability import caveats

    for sentence in caveats(synthesized, reference):
        reporter.warn(sentence)


def _tell_comparison(comparison: Comparison, reporter: Reporter) -> None:
    from MR2XRayLib.metrics.comparison import in_digits

    keys = ("mae", "ssim", "psnr", "masked_psnr", "frc_mid", "hp_corr")
    labels = (*comparison.labels, "mean")
    width = max(map(len, labels))
    reporter.say(f"{'view':<{width}}" + "".join(f"{key:>12}" for key in keys))
    for label, view in zip(labels, (*comparison.views, comparison.mean), strict=True):
        reporter.say(f"{label:<{width}}" + "".join(f"{in_digits(getattr(view, key)):>12}" for key in keys))


def register(options: Namespace, reporter: Reporter) -> None:
    """MR to CT; writes the transform and a JSON sidecar with direction and quality."""
    from MR2XRayLib.files import write_json
    from MR2XRayLib.intensity import as_ct, as_mr
    from MR2XRayLib.pipeline import align, alignment_to_json
    from MR2XRayLib.volume_io import read_volume

    check_suffix(options.out, (".tfm", ".txt", ".h5"), "a transform")
    check_file(options.out)
    sidecar = options.out.with_suffix(".json")
    check_spared((options.fixed, options.moving), (options.out, sidecar))
    projections = options.out.with_suffix(".nrrd")
    if sidecar.exists() and projections.exists():
        raise MR2XRayError(f"{sidecar} belongs to {projections}; choose another name for the transform.")
    fixed, moving = as_ct(read_volume(options.fixed)), as_mr(read_volume(options.moving))
    alignment = align(moving, fixed, None, options.preset, reporter)
    alignment.transform.write(options.out)
    write_json(sidecar, alignment_to_json(alignment))
    _tell_alignment(alignment, reporter)
    reporter.say(f"Wrote {options.out}")
    reporter.result(alignment_to_json(alignment))


def synthesize(options: Namespace, reporter: Reporter) -> None:
    """X-ray projections from MR projections, and where it is asked for their standard deviation."""
    from MR2XRayLib.generators.store import load_generator
    from MR2XRayLib.projection import Projections
    from MR2XRayLib.synthesis import Synthesizer
    from MR2XRayLib.uncertainty import UncertainSynthesizer

    check_suffix(options.out, (".nrrd",), "projections")
    check_file(options.out)
    wanted = getattr(options, "deviation", None)
    if wanted is not None:
        check_suffix(wanted, (".nrrd",), "standard deviations")
        check_file(wanted)
        if wanted.resolve() == options.out.resolve():
            raise MR2XRayError(
                f"{wanted} cannot hold image and deviation: they are two files; give --deviation another name."
            )
    inputs = [file for path in options.projections if path for file in Projections.files(path)]
    results = [file for path in (options.out, wanted) if path for file in Projections.files(path)]
    check_spared(inputs, results)
    contrasts = read_contrasts(options.projections, Projections.read)
    generator = load_generator(options.generator)
    if wanted is None:
        synthesized = Synthesizer(generator, options.device).synthesize(*contrasts, progress=reporter)
    else:
        made = UncertainSynthesizer(generator, options.device).synthesize(*contrasts, progress=reporter)
        synthesized = made.synthesized
        made.deviation.write(wanted)
    synthesized.write(options.out)
    _warn(reporter, synthesized)
    reporter.say(
        f"Synthesized {len(synthesized.views)} views on {synthesized.provenance['device']}: {options.out}"
    )
    reporter.result({"file": str(options.out), "device": synthesized.provenance["device"]})


def compare(options: Namespace, reporter: Reporter) -> None:
    """Metrics of synthesized against reference projections."""
    from MR2XRayLib.files import write_json
    from MR2XRayLib.metrics import compare as compare_projections
    from MR2XRayLib.projection import Projections

    given = (options.synthesized, options.reference)
    results = [] if options.out is None else [options.out]
    for path in results:
        check_file(path)
    check_spared([file for path in given for file in Projections.files(path)], results)
    synthesized, reference = (Projections.read(path) for path in given)
    comparison = compare_projections(synthesized, reference)
    _warn(reporter, synthesized, reference)
    if _is_uncut(synthesized, reference):
        reporter.warn(
            f"The CT of {options.reference} was not cut to what the MR shows, so the numbers count what no generator "
            "can know as its error; project it again with --within and the MR."
        )
    if options.out is not None:
        write_json(options.out, comparison.to_json())
    _tell_comparison(comparison, reporter)
    reporter.result(comparison.to_json())


def _is_uncut(synthesized: Projections, reference: Projections) -> bool:
    """Whether by their provenance the one is made from an MR, and the other from a CT that shows more than any."""
    from MR2XRayLib.field_of_view import OUTSIDE

    volume = reference.provenance.get("volume")
    if "generator" not in synthesized.provenance or not isinstance(volume, dict):
        return False
    return "effective_energy_kev" in volume and OUTSIDE not in volume
