"""View lists, the standard views of the skull, and files of views."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.projection.projections import Projections
from MR2XRayLib.views import (
    DEFAULT_VIEWS,
    MAX_VIEWS,
    are_placed,
    named_views,
    parse_views,
    read_views,
    resolve_views,
    write_views,
)

CARM = CArm(pixels=(16, 24)).at(np.zeros(3))


def angles(spec: str) -> list[tuple[float, float]]:
    return [(a.primary, a.secondary) for a in parse_views(spec)]


def of_views(views: tuple[View, ...]) -> list[tuple[float, float]]:
    return [(v.angulation.primary, v.angulation.secondary) for v in views]


# Lists


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("PA", [(0, 0)]),
        ("pa, Ap ,LATL,latr", [(0, 0), (180, 0), (90, 0), (-90, 0)]),
        ("lat, left lateral, RIGHT LATERAL", [(90, 0), (90, 0), (-90, 0)]),
        ("Modified Waters, Schüller L", [(0, -35), (90, -25)]),
        ("LAO30/CRA10", [(30, 10)]),
        ("rao 45.5 / cau 15", [(-45.5, -15)]),
        ("RAO 45", [(-45, 0)]),
        ("CAU20", [(0, -20)]),
        ("CRA10/LAO30", [(30, 10)]),
        ("LAO30/-10", [(30, -10)]),
        ("-45/0, 30, +12.5/-3, .5/5.", [(-45, 0), (30, 0), (12.5, -3), (0.5, 5)]),
        ("LAO 30°/CRA 10°", [(30, 10)]),
        ("−45°/–10°", [(-45, -10)]),
        ("180/90, -180/-90", [(180, 90), (-180, -90)]),
    ],
)
def test_list_of_names_words_and_numbers(spec, expected):
    assert angles(spec) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("sweep -10..10 step 5", [(-10, 0), (-5, 0), (0, 0), (5, 0), (10, 0)]),
        ("SWEEP RAO10..LAO10 STEP 10 at CRA20", [(-10, 20), (0, 20), (10, 20)]),
        ("sweep 10..-10 step 10 at -5", [(10, -5), (0, -5), (-10, -5)]),
        ("sweep CAU20..CRA20 step 20 at LAO90", [(90, -20), (90, 0), (90, 20)]),
        ("sweep CRA0..CRA2 step 1 at 30", [(30, 0), (30, 1), (30, 2)]),
        ("sweep 0..10 step 4", [(0, 0), (4, 0), (8, 0)]),
        ("sweep 30..30 step 5", [(30, 0)]),
        ("sweep 0 .. .5 step .25", [(0, 0), (0.25, 0), (0.5, 0)]),
        ("sweep 0. ..5. step 5.", [(0, 0), (5, 0)]),
        ("sweep−5°..5°step5", [(-5, 0), (0, 0), (5, 0)]),
        ("PA, sweep 1..2 step 1, AP", [(0, 0), (1, 0), (2, 0), (180, 0)]),
    ],
)
def test_sweep_includes_its_ends_and_stands_in_a_list(spec, expected):
    assert angles(spec) == expected


@given(st.integers(1, 150), st.sampled_from([0.1, 0.3, 0.7, 0.05, 1 / 3]))
def test_sweep_reaches_its_end_in_spite_of_rounding(steps, step):
    found = angles(f"sweep 0..{steps * step:.12f} step {step:.12f}")
    assert len(found) == steps + 1
    assert found[-1][0] == pytest.approx(steps * step, abs=1e-6)


@given(st.integers(-1800, 1800), st.integers(-900, 900))
def test_printed_angles_are_read_back_with_a_slash_for_the_comma(primary, secondary):
    angulation = Angulation(primary / 10, secondary / 10)
    assert parse_views(str(angulation).replace(", ", "/")) == (angulation,)


def test_comma_parts_views_even_between_printed_angles():
    assert angles("LAO 30°, CRA 10°") == [(30, 0), (0, 10)]


def test_zero_is_never_negative():
    assert math.copysign(1, parse_views("RAO0/CAU0")[0].primary) == 1
    assert all(math.copysign(1, p) == 1 for p, _ in angles("sweep -1..0 step 1")[1:])


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("PA, SIDEWAYS", "SIDEWAYS"),
        ("PA,,AP", '""'),
        ("", '""'),
        ("LAO30/CRA10/5", "LAO30/CRA10/5"),
        ("LAO30/RAO10", "LAO30/RAO10"),
        ("CRA10/20", "CRA10/20"),
        ("LAO-30", "LAO-30"),
        ("1e1", "1e1"),
        ("nan", "nan"),
        ("30/", "30/"),
    ],
)
def test_part_that_is_not_understood_is_quoted_and_the_names_are_listed(spec, part):
    with pytest.raises(MR2XRayError, match="PA, AP, LATL") as caught:
        parse_views(spec)
    assert part in str(caught.value)


@pytest.mark.parametrize("spec", ["LAO181", "0/90.5", "CAU91", "sweep 170..190 step 5", "9" * 400])
def test_angle_out_of_range_is_refused(spec):
    with pytest.raises(MR2XRayError, match="out of range"):
        parse_views(spec)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("sweep 0..10 step 0", "must be positive"),
        ("sweep 10..0 step -5", "must be positive"),
        ("sweep 0..10", "not a sweep"),
        ("sweep 0..CRA10 step 1", "not a sweep"),
        ("sweep 0..10 step 1 at LAO5", "not a sweep"),
        ("sweep CRA0..CRA10 step 1 at CRA5", "not a sweep"),
        ("sweep a..b step c", "not a sweep"),
        ("sweep -90...90 step 30", 'write two, as in "sweep -90..90 step 5"'),
        ("sweep 0...45 step 15", "more than two dots"),
        ("sweep 0....5 step .1", "more than two dots"),
        ("sweep -180..180 step .01", "more than 2000"),
        (f"sweep 0..180 step .{'0' * 320}1", "more than 2000"),
        (f"sweep 0..{'9' * 400} step 1", "more than 2000"),
        (f"sweep {'9' * 400}..{'9' * 400} step 1", "more than 2000"),
    ],
)
def test_sweep_that_goes_nowhere_is_refused(spec, sentence):
    with pytest.raises(MR2XRayError, match=sentence):
        parse_views(spec)


def test_list_has_an_upper_limit():
    assert len(parse_views(", ".join(["PA"] * MAX_VIEWS))) == MAX_VIEWS
    with pytest.raises(MR2XRayError, match="between 1 and 2000"):
        parse_views(", ".join(["PA"] * (MAX_VIEWS + 1)))


# Names: each is checked against its definition in anatomy, not against its angles

LEFT, POSTERIOR, HEAD = np.eye(3)


def detector_side(name: str) -> np.ndarray:
    return named_views()[name].angulation.axes()[2]


@pytest.mark.parametrize(
    ("name", "side"),
    [("PA", -POSTERIOR), ("AP", POSTERIOR), ("LATL", LEFT), ("LATR", -LEFT), ("SMV", HEAD)],
)
def test_straight_views_have_the_detector_on_their_side(name, side):
    assert detector_side(name) == pytest.approx(side, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "degrees"),
    [("CALDWELL", -15), ("HAAS", 25), ("WATERS", -53), ("MODWATERS", -35), ("TOWNE", -30)],
)
def test_axial_views_tilt_the_beam_in_the_midsagittal_plane(name, degrees):
    left, posterior, head = detector_side(name)
    assert left == pytest.approx(0, abs=1e-12)
    assert (posterior > 0) == (name == "TOWNE")
    assert np.rad2deg(np.arcsin(head)) == pytest.approx(degrees)


@pytest.mark.parametrize(("name", "degrees"), [("PA", 90), ("WATERS", 37), ("MODWATERS", 55)])
def test_orbitomeatal_line_makes_the_angle_of_the_atlas_with_the_detector(name, degrees):
    assert np.rad2deg(np.arcsin(abs(detector_side(name) @ POSTERIOR))) == pytest.approx(degrees)


@pytest.mark.parametrize("view", ["SCHUELLER", "LAW", "STENVERS"])
def test_temporal_bone_views_are_mirror_images_named_by_the_detectors_side(view):
    left, right = detector_side(view + "L"), detector_side(view + "R")
    assert left[0] > 0
    assert right == pytest.approx(left * [-1, 1, 1])


def test_stenvers_view_looks_across_the_petrous_pyramid_of_its_side():
    # the left pyramid runs backwards and to the left at 45 degrees, a horizontal line here
    assert detector_side("STENVERSL") @ (LEFT + POSTERIOR) == pytest.approx(0, abs=1e-12)


def test_submentovertical_view_has_the_nose_at_the_top():
    _, row, _ = named_views()["SMV"].angulation.axes()
    assert row == pytest.approx(POSTERIOR, abs=1e-12)


def test_every_named_view_is_read_by_its_name_and_described_in_a_sentence():
    for name, view in named_views().items():
        assert view.name == name
        assert parse_views(name.lower()) == (view.angulation,)
        assert view.description.endswith(".")


def test_default_views_are_three():
    assert angles(DEFAULT_VIEWS) == [(0, 0), (90, 0), (45, 20)]


# Files


def test_csv_with_bom_spaces_and_aliases(tmp_path):
    file = tmp_path / "views.csv"
    file.write_text(
        "Primary_Angle_Deg, Secondary_Angle_Deg\r\n0, 0\r\n\r\n-45.5, 10\r\n", encoding="utf-8-sig"
    )
    views = read_views(file, CARM)
    assert of_views(views) == [(0, 0), (-45.5, 10)]
    assert (views[0].rows, views[0].columns) == (16, 24)


def test_csv_with_semicolons_may_have_decimal_commas(tmp_path):
    file = tmp_path / "views.csv"
    file.write_text("Primary;Secondary;Name\r\n7,25;-10;PA, nearly\r\n30.5;0;\r\n", encoding="utf-8-sig")
    views = read_views(file, CARM)
    assert of_views(views) == [(7.25, -10), (30.5, 0)]
    assert [view.name for view in views] == ["PA, nearly", ""]


def test_csv_needs_no_secondary(tmp_path):
    file = tmp_path / "views.CSV"
    file.write_text("primary\n30\n")
    assert of_views(read_views(file, CARM)) == [(30, 0)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("primary,secondary\n0,0\nx,1\n", "line 3: .*not a number"),
        ("primary,secondary\n0\n", "line 2: .*lacks an angle"),
        ("primary,secondary\n0,1,2\n", "line 2: .*a column without header"),
        ("primary,secundary\n0,1\n", "line 2: .*secundary"),
        ("secondary\n1\n", "line 2: .*lacks an angle"),
        ("primary\n200\n", "line 2: .*out of range"),
        ("primary\nnan\n", "line 2: .*out of range"),
        ("primary\n", "has 0 views"),
        ("", "has 0 views"),
        ("primary\n" + '"' + "x" * 200_000, "not readable CSV"),
    ],
)
def test_bad_csv_names_the_line(tmp_path, text, sentence):
    file = tmp_path / "views.csv"
    file.write_text(text)
    with pytest.raises(MR2XRayError, match=sentence) as caught:
        read_views(file, CARM)
    assert str(file) in str(caught.value)


def test_json_mixes_names_angles_and_matrices(tmp_path):
    other = CArm(600.0, 1000.0, pixels=(16, 24)).at(np.array([1.0, 2.0, 3.0])).view(Angulation(-20, 5))
    by_matrix = {
        "matrix": (-2 * other.matrix()).tolist(),
        "rows": 16,
        "columns": 24,
        "source_to_detector_mm": 1000,
        "isocentre_mm": [1, 2, 3],
    }
    file = tmp_path / "views.json"
    file.write_text(json.dumps(["TOWNE, 5", {"primary": 30, "secondary": -10}, {"primary": 7}, by_matrix]))
    views = read_views(file, CARM)
    assert of_views(views[:4]) == [(180, -30), (5, 0), (30, -10), (7, 0)]
    assert of_views(views[4:])[0] == pytest.approx((-20, 5))
    assert views[4].source_mm == pytest.approx(other.source_mm)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (["PA", "SIDEWAYS"], "view 2: .*SIDEWAYS"),
        ([{"primary": "x"}], "view 1: .*not a number"),
        ([{"primary": 0, "secundary": 1}], "view 1: .*secundary"),
        ([{"primary": 10**400}], "view 1: .*not a number"),
        ([{"primary": 270}], "view 1: .*out of range"),
        ([{"matrix": [[1, 0], [0, 1]], "rows": 1}], "view 1: .*columns"),
        (
            [CARM.view(Angulation(30, 10)).to_json() | {"primary_angle_deg": -30}],
            "view 1: .*say RAO 30°, CRA 10°, but its matrix looks from LAO 30°, CRA 10°",
        ),
        ([5], "view 1: 5 is not a view"),
        ([], "has 0 views"),
        ({"wiews": []}, "no list of views"),
        ("PA", "no list of views"),
    ],
)
def test_bad_json_names_the_entry(tmp_path, content, sentence):
    file = tmp_path / "views.json"
    file.write_text(json.dumps(content))
    with pytest.raises(MR2XRayError, match=sentence) as caught:
        read_views(file, CARM)
    assert str(file) in str(caught.value)


def test_views_of_different_pixels_are_refused(tmp_path):
    file = tmp_path / "views.json"
    write_views(file, (CARM.view(Angulation(0)), replace(CARM, pixels=(8, 8)).view(Angulation(5))))
    with pytest.raises(MR2XRayError, match="differ in their rows and columns"):
        read_views(file, CARM)


def test_sidecar_of_projections_gives_their_views_back(tmp_path):
    views = tuple(CARM.view(a) for a in parse_views("PA, SMV, LAO30/CAU10"))
    Projections(np.zeros((3, 16, 24), np.float32), views, "1").write(tmp_path / "p.nrrd")
    elsewhere = CArm(pixels=(5, 5)).at(np.full(3, 99.0))
    again = read_views(tmp_path / "p.json", elsewhere)
    assert of_views(again) == of_views(views)
    for one, other in zip(again, views, strict=True):
        assert one.matrix() == pytest.approx(other.matrix())


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_written_views_are_read_back(tmp_path, suffix):
    views = tuple(CARM.view(a) for a in parse_views("sweep -1..1 step .3 at CRA12.25, TOWNE"))
    file = tmp_path / f"views{suffix}"
    write_views(file, views)
    again = read_views(file, CARM)
    assert of_views(again) == of_views(views)
    assert again[-1].corner_mm == pytest.approx(views[-1].corner_mm)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_views_keep_their_names_from_a_list_or_a_file_to_another_file(tmp_path, suffix):
    (tmp_path / "given.json").write_text(
        json.dumps(["towne, 5", {"primary": 30, "name": "my, own"}, "Left lateral"])
    )
    views = resolve_views(str(tmp_path / "given.json"), CARM)
    names = ["TOWNE", "", "my, own", "LATL"]
    assert [view.name for view in views] == names
    assert [view.label for view in views[:2]] == ["TOWNE (LAO 180°, CAU 30°)", "LAO 5°, CRA 0°"]
    write_views(tmp_path / f"written{suffix}", views)
    assert [view.name for view in read_views(tmp_path / f"written{suffix}", CARM)] == names
    assert [view.name for view in resolve_views("TOWNE, LAT, 30", CARM)] == ["TOWNE", "LATL", ""]


def test_a_c_arm_places_views_unless_all_bring_a_matrix(tmp_path):
    file, matrix = tmp_path / "views.json", CARM.view(Angulation(30, 10)).to_json()
    for entries, placed in (([matrix], False), ([matrix, "PA"], True), (["PA"], True)):
        file.write_text(json.dumps({"views": entries}))
        assert are_placed(f" {file} ") == placed
    assert are_placed("PA")


def test_views_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(MR2XRayError, match=r"\.csv or \.json"):
        write_views(tmp_path / "views.txt", ())
    with pytest.raises(MR2XRayError, match=r"\.csv or \.json"):
        read_views(tmp_path / "views.txt", CARM)


def test_resolve_takes_a_file_by_its_ending_and_a_list_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "PA").write_text("a file that must not be mistaken for the view")
    (tmp_path / "views.csv").write_text("primary\n30\n")
    assert of_views(resolve_views("PA, LAO10", CARM)) == [(0, 0), (10, 0)]
    assert of_views(resolve_views(" views.csv ", CARM)) == [(30, 0)]
    assert of_views(resolve_views("PA", CARM)) == [(0, 0)]


@pytest.mark.parametrize("name", ["absent.csv", "absent.json"])
def test_missing_file_is_named(name):
    with pytest.raises(MR2XRayError, match=rf"{name} does not exist"):
        resolve_views(name, CARM)


def test_views_need_a_placed_c_arm():
    with pytest.raises(MR2XRayError, match="no isocentre"):
        resolve_views("PA", CArm())
