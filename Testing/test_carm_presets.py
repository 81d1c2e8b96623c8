"""C-arm presets: the shipped ones, a user's own, files of one and of several."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.carm_presets import carm_presets, file_of, load_carm, make_own_file, read_presets
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.resources import resource_folder

GOOD = {
    "source_to_isocentre_mm": 600,
    "source_to_detector_mm": 1000.5,
    "detector_mm": [300, 400],
    "pixels": [30, 40],
}


@pytest.fixture(autouse=True)
def no_presets_of_this_user(monkeypatch, tmp_path):
    """Whoever runs the tests may have presets; they must not be seen."""
    monkeypatch.delenv("MR2XRAY_CARMS", raising=False)
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / "config" / name)


def written(folder: Path, content: object, name: str = "carms.json") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return file


def test_shipped_default_is_the_default_c_arm():
    carm = load_carm("default")
    assert carm == CArm(name="default")
    assert type(carm.pixels[0]) is int


def test_every_shipped_preset_says_what_it_is_and_whence_and_reaches_some_view():
    for name, preset in read_presets().items():
        assert preset.carm.name == name
        assert preset.note.endswith(".")
        assert preset.source.endswith(".")
        assert preset.carm.isocentre_mm is None
        assert any(preset.reaches(Angulation(p, 0)) for p in (0, 90))


def test_own_file_is_made_once_and_its_preset_is_known():
    file = make_own_file()
    assert read_presets()["my C-arm"].carm.source_to_detector_mm == 1200
    file.write_text(file.read_text().replace("1200", "1300"))
    assert make_own_file() == file
    assert read_presets()["my C-arm"].carm.source_to_detector_mm == 1300


def test_limits_say_what_a_preset_reaches():
    angiography = read_presets()["angiography"]
    assert angiography.reaches(Angulation(105, 50))
    assert not angiography.reaches(Angulation(106, 0))
    assert not angiography.reaches(Angulation(0, -53))


def test_file_of_one_c_arm_is_named_by_itself_or_by_its_stem(tmp_path):
    carm = load_carm(str(written(tmp_path, GOOD, "mine.json")))
    assert carm == CArm(600.0, 1000.5, (300.0, 400.0), (30, 40), name="mine")
    assert load_carm(str(written(tmp_path, GOOD | {"name": "Lab 3"}))).name == "Lab 3"


def test_one_of_several_is_chosen_after_a_colon(tmp_path):
    file = written(tmp_path, {"a": GOOD, "b": GOOD | {"pixels": [7, 8]}})
    assert load_carm(f"{file}:b").pixels == (7, 8)
    with pytest.raises(MR2XRayError, match=r"several C-arms \(a, b\); choose one, as in .*carms\.json:a"):
        load_carm(str(file))
    with pytest.raises(MR2XRayError, match=r'no C-arm "c" in .*carms\.json; give one of a, b'):
        load_carm(f"{file}:c")


def test_only_one_of_a_file_of_several_needs_no_choice(tmp_path):
    assert load_carm(str(written(tmp_path, {"only": GOOD}))).name == "only"


def test_a_named_file_stands_alone(tmp_path):
    assert list(carm_presets(written(tmp_path, {"a": GOOD, "b": GOOD}))) == ["a", "b"]


def test_unknown_preset_lists_the_known():
    with pytest.raises(MR2XRayError, match=r'"nothing" among the presets; give one of default, mobile'):
        load_carm("nothing")


@pytest.mark.parametrize("by", ["environment", "configuration folder"])
def test_users_own_presets_go_over_the_shipped(tmp_path, monkeypatch, by):
    own = {"mobile": GOOD, "mine": GOOD}
    if by == "environment":
        monkeypatch.setenv("MR2XRAY_CARMS", str(written(tmp_path, own, "elsewhere.json")))
    else:
        written(tmp_path / "config" / "MR2XRay", own)
    presets = carm_presets()
    assert presets["mobile"].pixels == presets["mine"].pixels == (30, 40)
    assert presets["default"] == CArm(name="default")


def test_environment_naming_no_file_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("MR2XRAY_CARMS", str(tmp_path / "absent.json"))
    with pytest.raises(MR2XRayError, match=r"absent\.json does not exist"):
        load_carm("default")


def test_a_file_may_name_the_isocentre(tmp_path):
    file = written(tmp_path, GOOD | {"name": "Ünïque", "isocentre_mm": [1.5, -2, 3.0]})
    assert load_carm(str(file)) == CArm(
        600.0, 1000.5, (300.0, 400.0), (30, 40), (1.5, -2.0, 3.0), name="Ünïque"
    )


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("mobile", None),
        ("", None),
        ("my.json", Path("my.json")),
        (" a b/My.JSON:two ", Path("a b/My.JSON")),
    ],
)
def test_the_file_of_a_c_arm(text, file):
    assert file_of(text) == file


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pixel": [1, 2]}, 'does not know "pixel"'),
        ({"source_to_detector_mm": "far"}, '"source_to_detector_mm" must be a finite number'),
        ({"source_to_detector_mm": float("nan")}, "must be a finite number"),
        ({"source_to_detector_mm": 10**400}, "must be a finite number"),
        ({"source_to_detector_mm": True}, "must be a finite number"),
        ({"source_to_detector_mm": 500}, "beyond the isocentre"),
        ({"detector_mm": 400}, "a list of 2 finite numbers"),
        ({"detector_mm": [400, 400, 400]}, "a list of 2 finite numbers"),
        ({"pixels": [256.5, 256]}, "a list of 2 whole numbers"),
        ({"pixels": [0, 256]}, "positive"),
        ({"isocentre_mm": [0, 0]}, "a list of 3 finite numbers"),
        ({"primary_limits_deg": [90, -90]}, "in this order"),
        ({"note": 5}, '"note" must be text'),
    ],
)
def test_bad_entry_is_named_with_c_arm_and_file(tmp_path, change, sentence):
    file = written(tmp_path, {"good": GOOD, "bad": GOOD | change})
    with pytest.raises(MR2XRayError, match=sentence) as caught:
        read_presets(file)
    assert '"bad"' in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("key", list(GOOD))
def test_missing_entry_is_named(tmp_path, key):
    file = written(tmp_path, {k: v for k, v in GOOD.items() if k != key})
    with pytest.raises(MR2XRayError, match=f'lacks "{key}"'):
        load_carm(str(file))


@pytest.mark.parametrize("content", [[], {}, 5, None, "default"])
def test_file_without_c_arm_is_refused(tmp_path, content):
    with pytest.raises(MR2XRayError, match="holds no C-arm"):
        read_presets(written(tmp_path, content))


def test_shipped_file_is_one_that_a_user_can_copy_and_edit(tmp_path):
    shutil.copy(resource_folder("CArms") / "presets.json", tmp_path / "copy.json")
    assert read_presets(tmp_path / "copy.json") == read_presets()
