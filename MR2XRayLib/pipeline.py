"""The main job: two volumes in, a synthesized X-ray beside its reference out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from MR2XRayLib.carm import CArm, View
from MR2XRayLib.device import resolve_device
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import draft_folder, move_all, read_json, write_json, write_text
from MR2XRayLib.generators.channels import in_places
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import as_ct, as_mr, water_attenuation
from MR2XRayLib.live import Live, difference, first_present, uncertainty_of
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection import Projections
from MR2XRayLib.registration import RegistrationQuality, quality, register
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

if TYPE_CHECKING:
    from MR2XRayLib.generators.store import TrainedGenerator
    from MR2XRayLib.metrics import Comparison


TRANSFORM, ALIGNMENT = "transform.tfm", "transform.json"
METRICS, METRICS_TABLE, FIGURE, PICTURES = "metrics.json", "metrics.csv", "figure.png", "png"
XRAYS = ("synthesized", "reference", "difference", "deviation")
STACK = re.compile("|".join((r"mr\d*", *XRAYS)))
PICTURE = re.compile(r"(mr|synthesized|reference)_\d+_(LAO|RAO).*_(CRA|CAU).*\.png")
"""What a run calls its files."""


@dataclass(frozen=True)
class Alignment:
    """How the MR was brought to the CT, and how well it lies there.

    Attributes:
        transform: MR (moving) to CT (fixed), LPS mm.
        quality: None without a CT to compare with.
        origin: "registered (rigid)", "given", ...
    """

    transform: Transform
    quality: RegistrationQuality | None
    origin: str


@dataclass(frozen=True, eq=False)
class Result:
    """All that the main job makes.

    Attributes:
        alignment: MR to CT.
        mr: the projection of each MR contrast that is there; normalised intensity times mm.
        synthesized: line integrals guessed from `mr`.
        reference: line integrals of the CT; None without a CT.
        comparison: the numbers; None without a CT.
        deviation: the standard deviation that the error of `synthesized` is expected to have; None unless asked for.
    """

    alignment: Alignment
    mr: tuple[Projections, ...]
    synthesized: Projections
    reference: Projections | None
    comparison: Comparison | None
    deviation: Projections | None = None

    @property
    def difference(self) -> Projections | None:
        """Synthesized minus reference, line integrals; None without a CT."""
        return difference(self.synthesized, self.reference)


def run(
    mr: Sequence[Volume | None],
    ct: Volume | None,
    generator: TrainedGenerator,
    place_views: Callable[[CArm], tuple[View, ...]],
    *,
    carm: CArm | None = None,
    transform: Transform | None = None,
    preset: str = "rigid",
    energy_kev: float = 60.0,
    whole_ct: bool = False,
    uncertain: bool = False,
    device: str = "auto",
    progress: Progress = silent,
) -> Result:
    """Align, project, synthesize and compare.

    Args:
        mr: one volume a contrast, as scanned, in the order of the generator's card; all contrasts share the
            world frame of the first, which is the one that is registered. None is an absent contrast, as are those
            after the last, where the card says that contrasts are optional; the first is then the first that is there.
        ct: in HU; None to synthesize without a reference.
        generator: a trained generator.
        place_views: gives the views of a C-arm that has its isocentre.
        carm: its isocentre, where it has none, becomes the centre of the CT's head (of the MR's without CT).
        transform: MR to CT where it is known; else the volumes are registered with `preset`.
        energy_kev: the effective energy at which HU become attenuation.
        whole_ct: leave in the reference what an MR, and so a generator, cannot know: table, headrest, and what lies
            outside the MR's field of view.
        uncertain: make the standard deviation of the synthesized images too, which takes several syntheses.
        device: "auto", "cpu", "cuda" or "mps".
        progress: told of every stage.

    Raises:
        MR2XRayError: if a volume is not of its modality, the generator takes other contrasts, registration fails,
            views and volumes do not fit, or there is no such device, energy or uncertainty.
    """
    # What is cheap to know is told before minutes of work.
    resolve_device(device)
    water_attenuation(energy_kev)
    mr = [None if volume is None else as_mr(volume) for volume in mr]
    first = first_present(mr)
    in_places(mr, generator.card)
    uncertainty = uncertainty_of(generator, device) if uncertain else None
    ct = None if ct is None else as_ct(ct)
    alignment = align(first, ct, transform, preset, progress)
    views = place_views(centred(carm or CArm(), first, ct, alignment.transform))
    live = Live.prepare(
        mr,
        ct,
        generator,
        transform=alignment.transform,
        energy_kev=energy_kev,
        whole_ct=whole_ct,
        device=device,
        progress=progress,
    )
    if uncertainty is not None:
        live = replace(live, uncertainty=lambda: uncertainty)
    made = live.images(views, measured=True, uncertain=uncertain, progress=progress)
    assert made.synthesized is not None
    return Result(alignment, made.mr, made.synthesized, made.reference, made.comparison, made.deviation)


def align(
    mr: Volume, ct: Volume | None, transform: Transform | None, preset: str, progress: Progress
) -> Alignment:
    """The MR's alignment to the CT: the transform given, or a registration; identity only without a CT."""
    if ct is None:
        return Alignment(transform or Transform.identity(), None, "given" if transform else "no CT")
    if transform is not None:
        return Alignment(transform, quality(ct, mr, transform), "given")
    registration = register(ct, mr, preset, progress)
    return Alignment(registration.transform, registration.quality, f"registered ({preset})")


def centred(carm: CArm, mr: Volume, ct: Volume | None, transform: Transform) -> CArm:
    """The C-arm, its isocentre set to the centre of the head where it has none."""
    if carm.isocentre_mm is not None:
        return carm
    return carm.at(transform.apply(head_centre_mm(mr)) if ct is None else head_centre_mm(ct))


def write_result(result: Result, folder: Path, progress: Progress = silent) -> None:
    """Write transform, projections, metrics and pictures; all of them, or none.

    What an earlier run left in the folder and this one does not write goes: no file is of another run.

    Raises:
        MR2XRayError: if the folder cannot be written to, or something else lies where a result is to be.
    """
    folder = Path(folder)
    earlier = _earlier_run(folder)
    with draft_folder(folder) as draft:
        try:
            _write_all(result, draft, progress)
        except MR2XRayError as error:
            # The user asked for the folder, not for the draft in it.
            raise MR2XRayError(str(error).replace(str(draft), str(folder))) from None
        written = move_all(draft, folder)
    _remove(earlier - written)


def files_of_run(folder: Path, contrasts: int) -> set[Path]:
    """The files that a run of so many MR contrasts may write into a folder or clear out of it, bar new pictures."""
    stacks = [*map(_stack_of_contrast, range(contrasts)), *XRAYS]
    files = {file for name in stacks for file in Projections.files(folder / f"{name}.nrrd")}
    files |= {folder / name for name in (TRANSFORM, ALIGNMENT, METRICS, METRICS_TABLE, FIGURE)}
    return files | _earlier_run(folder)


def _earlier_run(folder: Path) -> set[Path]:
    """The files of an earlier run in a folder: by their names, and stacks only where the sidecar is of this program."""
    if not all((folder / name).is_file() for name in (ALIGNMENT, FIGURE)):
        return set()
    stacks = [path for path in folder.glob("*.json") if STACK.fullmatch(path.stem) and _is_sidecar(path)]
    files = [file for path in stacks for file in Projections.files(path.with_suffix(".nrrd"))]
    files += [folder / METRICS, folder / METRICS_TABLE]
    files += [path for path in folder.glob(f"{PICTURES}/*.png") if PICTURE.fullmatch(path.name)]
    return {path for path in files if path.is_file()}


def _is_sidecar(path: Path) -> bool:
    """Whether a JSON file is what stands beside projections: never take a user's volume for one of them."""
    try:
        content = read_json(path, "projection sidecar")
    except MR2XRayError:
        return False
    return isinstance(content, dict) and {"unit", "views", "provenance"} <= set(content)


def _remove(files: Iterable[Path]) -> None:
    for path in files:
        try:
            path.unlink()
        except OSError as error:
            raise MR2XRayError(
                f"{path} is of an earlier run and cannot be removed ({error.strerror}); remove it, or choose another "
                "folder."
            ) from None


def _write_all(result: Result, folder: Path, progress: Progress) -> None:
    from MR2XRayLib.figure import grey_window, write_figure, write_pngs

    alignment = result.alignment
    alignment.transform.write(folder / TRANSFORM)
    write_json(folder / ALIGNMENT, alignment_to_json(alignment))
    for number, contrast in enumerate(result.mr):
        contrast.write(folder / f"{_stack_of_contrast(number)}.nrrd")
    pages = {"synthesized": result.synthesized}
    if result.reference is not None and result.difference is not None:
        pages |= {"reference": result.reference, "difference": result.difference}
    if result.deviation is not None:
        pages |= {"deviation": result.deviation}
    for name, projections in pages.items():
        projections.write(folder / f"{name}.nrrd")
    progress("writing", 0.4)
    if result.comparison is not None:
        write_json(folder / METRICS, result.comparison.to_json())
        write_text(folder / METRICS_TABLE, result.comparison.to_csv())
    write_pngs(folder / PICTURES, "mr", result.mr[0])
    xrays = {name: pages[name] for name in ("synthesized", "reference") if name in pages}
    for name, projections in xrays.items():
        write_pngs(folder / PICTURES, name, projections, grey_window(*xrays.values()))
    progress("writing", 0.6)
    write_figure(
        folder / FIGURE,
        result.mr[0],
        result.synthesized,
        result.reference,
        result.comparison,
        result.deviation,
    )
    progress("writing", 1.0)


def _stack_of_contrast(number: int) -> str:
    """What the projections of a contrast are called, the first being number 0."""
    return "mr" if number == 0 else f"mr{number + 1}"


def alignment_to_json(alignment: Alignment) -> dict[str, object]:
    """The sidecar of transform.tfm: direction, origin and quality."""
    return {
        "direction": "matrix maps MR (moving) points to CT (fixed) points, LPS mm; "
        "transform.tfm holds the inverse, ITK's resampling convention",
        "matrix": alignment.transform.matrix.tolist(),
        "origin": alignment.origin,
        "quality": None if alignment.quality is None else alignment.quality.to_json(),
    }
