"""Results out of the scene into files, all of a kind or none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import write_text
from MR2XRayLib.projection import Projections
from MR2XRayScene import results, stacks
from MR2XRayScene.roles import DEVIATION, NAMES

if TYPE_CHECKING:
    from MR2XRayScene.parameters import MR2XRayParameterNode

Found = dict[str, Projections]
"""The projections of all views by role."""


def export(parameters: MR2XRayParameterNode, kind: str, folder: Path) -> list[Path]:
    """Write the results of all views.

    Args:
        parameters: whose stacks and table are written.
        kind: one of `KINDS`.
        folder: where to; it is made if need be.

    Returns:
        The files.

    Raises:
        MR2XRayError: if there is nothing to write, or the folder cannot be written to.
    """
    found = stacks.read_stacks(parameters)
    if "synthesized" not in found:
        raise MR2XRayError("There are no results to export yet; synthesize all kept views first.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MR2XRayError(f"Cannot write into {folder} ({error.strerror}); choose another folder.") from None
    if kind == METRICS:
        return _metrics(parameters, folder)
    return FORMATS[kind](found, folder)


def _nrrd(found: Found, folder: Path) -> list[Path]:
    for role, projections in found.items():
        projections.write(folder / f"{role}.nrrd")
    return [
        folder / f"{role}{suffix}"
        for role, projections in found.items()
        for suffix in (".nrrd", ".json", *(["-layers.nrrd"] if projections.layers else []))
    ]


def _png(found: Found, folder: Path, bits: int) -> list[Path]:
    from MR2XRayLib.figure import grey_window, write_pngs

    xrays = {role: found[role] for role in ("synthesized", "reference") if role in found}
    window = grey_window(*xrays.values())
    written = [*write_pngs(folder, "mr", found["mr"], bits=bits)] if "mr" in found else []
    for role, projections in xrays.items():
        written += write_pngs(folder, role, projections, window, bits=bits)
    return written


def _figure(found: Found, folder: Path) -> list[Path]:
    from MR2XRayLib.figure import write_figure
    from MR2XRayLib.metrics import compare

    if "mr" not in found:
        raise MR2XRayError(
            f'The figure shows "{NAMES["mr"]}, all views" too, which is not in the scene any more; synthesize all kept '
            "views again, or choose another export."
        )
    reference = found.get("reference")
    comparison = None if reference is None else compare(found["synthesized"], reference)
    images = found["mr"], found["synthesized"], reference
    write_figure(folder / "figure.png", *images, comparison, found.get(DEVIATION))
    return [folder / "figure.png"]


def _dicom(found: Found, folder: Path) -> list[Path]:
    from MR2XRayLib.dicom_export import write_dicom

    written: list[Path] = []
    for role in ("synthesized", "reference"):
        if role in found:
            written += write_dicom(folder / role, found[role])
    return written


def _metrics(parameters: MR2XRayParameterNode, folder: Path) -> list[Path]:
    if parameters.metrics is None:
        raise MR2XRayError("There are no metrics without a CT; choose another export.")
    write_text(folder / "metrics.csv", results.csv_of(parameters.metrics))
    return [folder / "metrics.csv"]


METRICS = "Metrics (CSV)"
FORMATS: dict[str, Callable[[Found, Path], list[Path]]] = {
    "Line integrals (NRRD)": _nrrd,
    "Pictures (PNG, 16 bit)": lambda found, folder: _png(found, folder, 16),
    "Pictures (PNG, 8 bit)": lambda found, folder: _png(found, folder, 8),
    "Figure (PNG)": _figure,
    "DICOM": _dicom,
}
KINDS = (*FORMATS, METRICS)
"""What `export` can write, in the words of the panel."""
