"""What C-arm and energy a generator was trained for, whether projections are of that kind, and what to tell if not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from MR2XRayLib.carm import CArm, View
from MR2XRayLib.common_view import SHOWN
from MR2XRayLib.field_of_view import OUTSIDE, OUTSIDE_CT
from MR2XRayLib.intensity import TRAINED_KEV, water_attenuation
from MR2XRayLib.projection.projections import Projections

DISTANCE_TOLERANCE = 0.10
PITCH_TOLERANCE = 0.25
FIELD_TOLERANCE = 0.35
ANGLE_TOLERANCE_DEG = 1.0
"""How far from its training a generator is used without a word: shares of the trained value, and degrees."""

MUCH_TOO_BRIGHT = 1.25
MOST_TOO_BRIGHT = 0.001
"""More than this share of pixels above this multiple of full scale is said."""

LEAST_SHOWN = 0.75
"""A CT that shows less of the MR's head than this is said: more is missing than a jaw."""

BLANK = 0.01
"""Share of full scale that at least one pixel reaches."""


@dataclass(frozen=True)
class TrainedGeometry:
    """The C-arm that the generator was trained for.

    Attributes:
        detector_mm, pixels: height and width, rows and columns.
        pixel_pitch_mm: distance of neighbouring pixels on the detector; one number, pixels are square.
        primary_deg, secondary_deg: lowest and highest angle (DICOM's signs).
    """

    source_to_isocentre_mm: float
    source_to_detector_mm: float
    detector_mm: tuple[float, float]
    pixels: tuple[int, int]
    pixel_pitch_mm: float
    primary_deg: tuple[float, float]
    secondary_deg: tuple[float, float]

    @classmethod
    def of(
        cls, carm: CArm, primary_deg: tuple[float, float], secondary_deg: tuple[float, float]
    ) -> TrainedGeometry:
        """A C-arm, and the angles between which it was turned."""
        return cls(
            carm.source_to_isocentre_mm,
            carm.source_to_detector_mm,
            carm.detector_mm,
            carm.pixels,
            carm.detector_mm[1] / carm.pixels[1],
            primary_deg,
            secondary_deg,
        )

    @property
    def pitch_at_isocentre_mm(self) -> float:
        """Pixel pitch divided by the magnification of the isocentre: the size of detail in the head."""
        return self.pixel_pitch_mm * self.source_to_isocentre_mm / self.source_to_detector_mm


def caveats(synthesized: Projections, reference: Projections | None = None) -> tuple[str, ...]:
    """Sentences on why a synthesized image, or its numbers beside a reference, deserve less trust; often none.

    Of MR contrasts that were absent, of input that is not what the generator was trained for, and of a reference at
    another energy or of less than the MR's head. All are read from the provenance; where that is lost, nothing is told.
    """
    absent = _texts(synthesized, "absent")
    return (
        *(
            [f"Synthesized without the MR contrast {' and '.join(absent)}, which is absent."]
            if absent
            else []
        ),
        *_texts(synthesized, "outside_training"),
        *([] if reference is None else unlike_reference(reference, _is_of_cut_mr(synthesized))),
    )


def _is_of_cut_mr(synthesized: Projections) -> bool:
    """Whether an image is made from an MR that was cut to a CT; also where nobody knows."""
    inputs = synthesized.provenance.get("input")
    if not isinstance(inputs, (list, tuple)):
        return True
    volumes = [given.get("volume") for given in inputs if isinstance(given, Mapping)]
    return all(OUTSIDE_CT in volume for volume in volumes if isinstance(volume, Mapping))


def _texts(projections: Projections, entry: str) -> tuple[str, ...]:
    """An entry of the provenance, which may come from a stranger's file: its texts, none where it is something else."""
    found = projections.provenance.get(entry)
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, (list, tuple)) else ()


def unlike_geometry(trained: TrainedGeometry, views: tuple[View, ...]) -> list[str]:
    """Sentences on what in the views is unlike the C-arm that a generator was trained for; often none.

    Such projections can be synthesized all the same: they are resampled to the generator's pixel pitch. These
    are warnings that the result deserves less trust, to be shown to the user and kept in the provenance.
    """
    return [*_distances(views, trained), *_pixels(views, trained), *_angles(views, trained)]


def unlike_values(full_scale_mm: float, pixels_mm: np.ndarray) -> list[str]:
    """A sentence if line integrals of MR (mm) are far above a generator's full scale, or all but blank."""
    share = float(np.mean(pixels_mm > MUCH_TOO_BRIGHT * full_scale_mm))
    if share > MOST_TOO_BRIGHT:
        return [
            f"{share:.1%} of the pixels lie far above the generator's full scale of {full_scale_mm:g} mm; "
            "check that the MR volume was normalised and shows one head."
        ]
    if not np.any(pixels_mm > BLANK * full_scale_mm):
        return ["The projections are all but blank; check that the head lies in the views."]
    return []


def unlike_reference(reference: Projections, is_of_cut_mr: bool = True) -> list[str]:
    """Sentences if a reference is of another energy than generators are trained at, or of a CT that lacks much of the
    MR's head, to which the MR was cut or not; none where nobody knows."""
    volume = reference.provenance.get("volume")
    if not isinstance(volume, Mapping):
        return []
    energy_kev = volume.get("effective_energy_kev")
    sentences = unlike_energy(energy_kev) if isinstance(energy_kev, (int, float)) else []
    return [*sentences, *lacking_head(volume, is_of_cut_mr)]


def lacking_head(ct: Mapping[str, Any], is_of_cut_mr: bool = True) -> list[str]:
    """A sentence if a CT lacks much of the head that the MR beside it shows; none where nobody knows.

    Args:
        ct: its provenance, see `common_view`, with its "name".
        is_of_cut_mr: the MR was cut to the CT in turn, where the CT was cut to the MR.
    """
    shown = ct.get(SHOWN)
    if not isinstance(shown, (int, float)) or not 0 <= shown < LEAST_SHOWN:
        return []
    which = f"The CT {ct.get('name', '')}".rstrip()
    lack = f"{which} shows only {shown:.0%} of the head that the MR shows"
    if OUTSIDE in ct and not is_of_cut_mr:
        return [
            f"{lack}, and the MR was not cut to it, so the numbers count the rest as the generator's error; check how "
            "the MR lies on it, or project the MR again within the CT."
        ]
    if OUTSIDE in ct:
        return [
            f"{lack}: images and numbers leave out what lies outside the CT; check how the MR lies on it, or choose a "
            "CT of the whole head."
        ]
    return [
        f"{lack}, and the numbers count the rest as the generator's error; do without the whole CT (--whole-ct), or "
        "choose a CT of the whole head."
    ]


def unlike_energy(energy_kev: float) -> list[str]:
    """A sentence if references are of another effective energy than `TRAINED_KEV`.

    Raises:
        MR2XRayError: if the energy is outside the table.
    """
    if energy_kev == TRAINED_KEV:
        return []
    ratio = water_attenuation(energy_kev) / water_attenuation(TRAINED_KEV)
    return [
        f"The reference is at {energy_kev:g} keV, where water attenuates {ratio:.2f} times what it does at "
        f"{TRAINED_KEV:g} keV; unless the generator was trained at {energy_kev:g} keV, the numbers count that "
        "difference as its error."
    ]


def pitch_at_isocentre_mm(view: View) -> np.ndarray:
    """Distance of neighbouring rows and columns divided by the magnification of the isocentre, shape (2,)."""
    return np.array(view.pixel_pitch_mm) * view.source_to_isocentre_mm / view.source_to_detector_mm


def _farthest(values: list[float], trained: float, tolerance: float) -> float | None:
    """The value with the largest ratio to the trained one, if that ratio is beyond 1 ± tolerance."""
    value = max(values, key=lambda value: abs(np.log(value / trained)))
    return value if abs(np.log(value / trained)) > np.log1p(tolerance) else None


def _distances(views: tuple[View, ...], trained: TrainedGeometry) -> Iterator[str]:
    for what in ("source_to_isocentre_mm", "source_to_detector_mm"):
        value = _farthest([getattr(v, what) for v in views], getattr(trained, what), DISTANCE_TOLERANCE)
        if value is not None:
            words = what.removesuffix("_mm").replace("_", "-")
            yield (
                f"The {words} distance is {value:.0f} mm; the generator was trained at {getattr(trained, what):.0f} mm."
            )


def _pixels(views: tuple[View, ...], trained: TrainedGeometry) -> Iterator[str]:
    pitches = np.stack([pitch_at_isocentre_mm(view) for view in views])
    pitch = _farthest(pitches.ravel().tolist(), trained.pitch_at_isocentre_mm, PITCH_TOLERANCE)
    if pitch is not None:
        effect = "finer detail is lost" if pitch < trained.pitch_at_isocentre_mm else "detail is missing"
        yield (
            f"A pixel is {pitch:.2f} mm wide at the isocentre; the generator was trained at "
            f"{trained.pitch_at_isocentre_mm:.2f} mm, to which the projections are resampled: {effect}."
        )
    fields = pitches * [[view.rows, view.columns] for view in views]
    magnification = trained.source_to_detector_mm / trained.source_to_isocentre_mm
    for axis, word in enumerate(("high", "wide")):
        trained_field = trained.detector_mm[axis] / magnification
        extent = _farthest(fields[:, axis].tolist(), trained_field, FIELD_TOLERANCE)
        if extent is not None:
            yield (
                f"The field of view is {extent:.0f} mm {word} at the isocentre; the generator was trained at "
                f"{trained_field:.0f} mm."
            )


def _angles(views: tuple[View, ...], trained: TrainedGeometry) -> Iterator[str]:
    def outside(view: View) -> bool:
        angles = zip(
            (view.angulation.primary, view.angulation.secondary),
            (trained.primary_deg, trained.secondary_deg),
            strict=True,
        )
        return any(
            not low - ANGLE_TOLERANCE_DEG <= angle <= high + ANGLE_TOLERANCE_DEG
            for angle, (low, high) in angles
        )

    beyond = [str(view.angulation) for view in views if outside(view)]
    if beyond:
        more = f" and {len(beyond) - 3} more" if len(beyond) > 3 else ""
        (left, right), (feet, head) = trained.primary_deg, trained.secondary_deg
        yield (
            f"The generator was trained at primary angles {left:g} to {right:g}° and secondary angles {feet:g} to "
            f"{head:g}°; outside lie {'; '.join(beyond[:3])}{more}."
        )
