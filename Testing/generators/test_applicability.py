"""Warnings when projections are outside of what a generator was trained for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_generators import card_of

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.common_view import SHOWN
from MR2XRayLib.field_of_view import OUTSIDE, OUTSIDE_CT
from MR2XRayLib.generators.applicability import caveats, unlike_energy, unlike_reference
from MR2XRayLib.projection.projections import Projections


def warnings(value: float = 100.0, angles: tuple[float, float] = (0, 0), **carm: object) -> list[str]:
    """Of one view on a trained C-arm, except for `carm`."""
    arm = CArm(**{"pixels": (64, 64), "isocentre_mm": (0, 0, 0), **carm})  # type: ignore[arg-type]
    pixels = np.full((1, *arm.pixels), value, np.float32)
    return card_of().outside_training(Projections(pixels, (arm.view(Angulation(*angles)),), "mm"))


def test_projections_as_trained_give_no_warning() -> None:
    assert warnings() == []
    assert warnings(angles=(-90, 30)) == []
    assert warnings(value=300.0) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source_to_detector_mm": 1000.0}, "source-to-detector distance is 1000 mm"),
        ({"pixels": (256, 256)}, "0.98 mm wide at the isocentre"),
        ({"detector_mm": (200.0, 400.0), "pixels": (32, 64)}, "125 mm high"),
        ({"angles": (0, 45)}, "CRA 45°"),
        ({"value": 600.0}, "100.0% of the pixels lie far above"),
        ({"value": 0.0}, "blank"),
    ],
)
def test_what_is_outside_training_is_said_once(change: dict, words: str) -> None:
    sentences = warnings(**change)
    assert len(sentences) == 1
    assert words in sentences[0]


def reference(volume: object) -> Projections:
    """One blank view of a volume."""
    view = CArm(pixels=(8, 8), isocentre_mm=(0, 0, 0)).view(Angulation(0))
    return Projections(np.zeros((1, 8, 8), np.float32), (view,), "1", {"volume": volume})


def test_a_reference_of_the_generators_energy_gives_no_warning() -> None:
    for volume in ({"effective_energy_kev": 60.0}, {"effective_energy_kev": "?"}, {}, "a CT"):
        assert unlike_reference(reference(volume)) == []
    assert unlike_energy(60.0) == []


def test_a_reference_of_another_energy_is_told_with_what_it_does() -> None:
    # NIST's mass attenuation of water: .1707 at 100 keV, .2059 at 60 keV.
    (sentence,) = unlike_reference(reference({"effective_energy_kev": 100.0}))
    assert sentence == unlike_energy(100.0)[0]
    assert "is at 100 keV, where water attenuates 0.83 times what it does at 60 keV" in sentence


@pytest.mark.parametrize("shown", [0.8, "?", None, -1.0, float("nan")])
def test_a_ct_that_shows_most_of_the_mrs_head_gives_no_warning(shown: object) -> None:
    assert unlike_reference(reference({SHOWN: shown})) == []


def test_a_ct_that_lacks_much_of_the_mrs_head_is_told_with_what_that_does() -> None:
    volume = {"name": "ct.nii", SHOWN: 0.4}
    (cut,) = unlike_reference(reference({**volume, OUTSIDE: "set to air"}))
    assert cut.startswith(
        "The CT ct.nii shows only 40% of the head that the MR shows: images and numbers leave"
    )
    (whole,) = unlike_reference(reference(volume))
    assert "the numbers count the rest as the generator's error" in whole
    (nameless,) = unlike_reference(reference({SHOWN: 0.4}))
    assert nameless.startswith("The CT shows only 40%")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([{"volume": {OUTSIDE_CT: "set to air"}}], "images and numbers leave out"),
        ([{"volume": {}}], "the MR was not cut to it, so the numbers count the rest"),
        ("lost", "images and numbers leave out"),
    ],
)
def test_whether_the_mr_was_cut_too_is_read_from_the_image(inputs: object, words: str) -> None:
    part = reference({SHOWN: 0.4, OUTSIDE: "set to air"})
    (sentence,) = caveats(replace(part, provenance={"input": inputs}), part)
    assert words in sentence


def test_what_there_is_to_tell_of_an_image_is_told_in_one_place() -> None:
    blank = reference({"effective_energy_kev": 100.0})
    synthesized = replace(blank, provenance={"absent": ["t2", "pd"], "outside_training": ["Far off."]})
    expected = ("Synthesized without the MR contrast t2 and pd, which is absent.", "Far off.")
    assert caveats(synthesized) == expected
    assert caveats(synthesized, blank) == (*expected, *unlike_energy(100.0))


@pytest.mark.parametrize("entry", [5, "Far off.", None, {"a": 1}, [3]])
def test_provenance_that_is_not_ours_is_no_caveat(entry: object) -> None:
    foreign = replace(reference({}), provenance={"absent": entry, "outside_training": entry})
    assert caveats(foreign, foreign) == ()
