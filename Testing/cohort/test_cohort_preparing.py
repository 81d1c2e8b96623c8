"""Preparing: a head is registered once, a fault stops no other head, and a kill leaves no half record."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from small_heads import TO_CT

from MR2XRayLib.cohort import preparing
from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.loading import Fault, sound_heads
from MR2XRayLib.cohort.preparing import prepare_heads
from MR2XRayLib.cohort.records import Outcome, Record, head_folder, read_record
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.progress import Progress
from MR2XRayLib.registration import Registration, mean_error_mm, quality
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import read_volume, write_volume

FILES = {"transform.tfm", "fusion.png", "record.json"}

pytestmark = pytest.mark.usefixtures("no_drawing")


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that take no time; real ones have tests of their own."""
    monkeypatch.setattr(preparing, "write_fusion", lambda path, *_: path.write_bytes(b"a picture"))


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A registration that knows the truth, and the presets that it was asked for."""
    asked: list[str] = []

    def register(fixed: Volume, moving: Volume, preset: str, progress: Progress) -> Registration:
        asked.append(preset)
        return Registration(TO_CT, quality(fixed, moving, TO_CT), preset, 0.0)

    monkeypatch.setattr(preparing, "register", register)
    return asked


def prepared(heads: tuple[CohortHead, ...], out: Path, preset: str = "rigid") -> list[Outcome]:
    return list(prepare_heads(heads, out, preset))


def unregistered(heads: tuple[CohortHead, ...]) -> tuple[CohortHead, ...]:
    return tuple(replace(head, transform=None) for head in heads)


def test_a_head_is_registered_once(
    heads: tuple[CohortHead, ...], tmp_path: Path, registered: list[str]
) -> None:
    mine = unregistered(heads)
    first = prepared(mine[:2], tmp_path / "out")
    again = prepared(mine, tmp_path / "out")
    assert registered == ["rigid"] * 3
    assert [outcome.resumed for outcome in first + again] == [False, False, True, True, False]
    assert [outcome.done for outcome in again[:2]] == [outcome.done for outcome in first]
    for outcome in again:
        folder = head_folder(tmp_path / "out", outcome.head.name)
        assert {path.name for path in folder.iterdir()} == FILES
        assert Transform.read(folder / "transform.tfm").matrix == pytest.approx(TO_CT.matrix, abs=1e-6)


def test_a_record_tells_how_well_every_contrast_lies(heads: tuple[CohortHead, ...], tmp_path: Path) -> None:
    done = prepared(heads[:1], tmp_path)[0].done
    assert isinstance(done, Record)
    assert done.alignment == "given"
    assert set(done.inputs) == {"ct", "mr_t1", "mr_t2", "transform"}
    assert list(done.quality) == ["t1", "t2"]
    assert all(found["words"].startswith("good: mutual information") for found in done.quality.values())
    assert done.doubtful == ()
    assert read_record(head_folder(tmp_path, "a")) == done


def change_the_mr(head: CohortHead, out: Path) -> None:
    mr = read_volume(head.mr["t1"])
    write_volume(replace(mr, voxels=mr.voxels * 2), head.mr["t1"])


def change_the_transform(head: CohortHead, out: Path) -> None:
    TO_CT.write(head_folder(out, head.name) / "transform.tfm")
    (head_folder(out, head.name) / "transform.tfm").write_text("#Insight Transform File V1.0\n")


def take_the_picture_away(head: CohortHead, out: Path) -> None:
    (head_folder(out, head.name) / "fusion.png").unlink()


def spoil_the_record(head: CohortHead, out: Path) -> None:
    (head_folder(out, head.name) / "record.json").write_text('{"inputs": 3}')


@pytest.mark.parametrize(
    "change", [change_the_mr, change_the_transform, take_the_picture_away, spoil_the_record]
)
def test_what_changed_is_done_again(
    heads: tuple[CohortHead, ...], tmp_path: Path, registered: list[str], change: object
) -> None:
    mine = unregistered(heads[2:])
    prepared(mine, tmp_path)
    change(mine[0], tmp_path)  # type: ignore[operator]
    assert not prepared(mine, tmp_path)[0].resumed
    assert prepared(mine, tmp_path)[0].resumed


def test_a_transform_that_was_mended_by_hand_stays(
    heads: tuple[CohortHead, ...], tmp_path: Path, registered: list[str]
) -> None:
    mine = unregistered(heads[2:])
    prepared(mine, tmp_path)
    folder = head_folder(tmp_path, mine[0].name)
    mended = Transform(TO_CT.matrix @ Transform.rigid((0, 0, 2), (1, 0, 0)).matrix)
    mended.write(folder / "transform.tfm")
    done = prepared(mine, tmp_path)[0]
    assert isinstance(done.done, Record)
    assert (done.resumed, done.done.how) == (False, "registered (rigid), changed by hand since")
    assert prepared(mine, tmp_path)[0].resumed
    (folder / "fusion.png").unlink()
    assert prepared(mine, tmp_path)[0].done == done.done
    assert Transform.read(folder / "transform.tfm").matrix == pytest.approx(mended.matrix, abs=1e-6)
    assert registered == ["rigid"]


def test_another_preset_is_done_again(
    heads: tuple[CohortHead, ...], tmp_path: Path, registered: list[str]
) -> None:
    mine = unregistered(heads[2:])
    prepared(mine, tmp_path)
    assert prepared(mine, tmp_path, "affine")[0].done.alignment == "registered (affine)"  # type: ignore[union-attr]
    assert registered == ["rigid", "affine"]


def test_a_fault_stops_no_other_head_and_is_tried_again(
    heads: tuple[CohortHead, ...], tmp_path: Path
) -> None:
    ct = heads[0].ct.read_bytes()
    heads[0].ct.write_bytes(ct[: len(ct) // 2])
    first, second, _ = prepared(heads, tmp_path)
    assert isinstance(first.done, Fault)
    assert "ct.nrrd is truncated" in first.done.reason
    assert isinstance(second.done, Record)
    assert {path.name for path in head_folder(tmp_path, "a").iterdir()} == {"fault.json"}
    heads[0].ct.write_bytes(ct)
    assert isinstance(prepared(heads[:1], tmp_path)[0].done, Record)
    assert {path.name for path in head_folder(tmp_path, "a").iterdir()} == FILES


def test_faults_of_an_earlier_run_go_before_the_first_head(
    heads: tuple[CohortHead, ...], tmp_path: Path
) -> None:
    for head in heads[:2]:
        head.ct.unlink()
    prepared(heads[:2], tmp_path)
    next(prepare_heads(heads[:2], tmp_path))
    assert (head_folder(tmp_path, "a") / "fault.json").is_file()
    assert not (head_folder(tmp_path, "b") / "fault.json").exists()


def test_a_fault_that_cannot_be_taken_away_is_a_sentence(
    heads: tuple[CohortHead, ...], tmp_path: Path
) -> None:
    (tmp_path / "heads").write_text("a file in the place of the folder")
    with pytest.raises(MR2XRayError, match=r"Cannot take away .*fault\.json"):
        prepared(heads, tmp_path)


def test_another_first_contrast_is_registered_in_its_place(
    heads: tuple[CohortHead, ...], tmp_path: Path, registered: list[str]
) -> None:
    mine = unregistered(heads[:1])
    prepared(mine, tmp_path)
    turned = replace(mine[0], mr=dict(reversed(mine[0].mr.items())))
    done = prepared((turned,), tmp_path)[0].done
    assert isinstance(done, Record)
    assert list(done.quality) == ["t2", "t1"]
    assert len(registered) == 2


def test_a_record_does_not_outlive_a_fault(heads: tuple[CohortHead, ...], tmp_path: Path) -> None:
    prepared(heads[:1], tmp_path)
    heads[0].mr["t1"].unlink()
    prepared(heads[:1], tmp_path)
    assert "record.json" not in {path.name for path in head_folder(tmp_path, "a").iterdir()}


def test_a_contrast_in_another_frame_is_refused(heads: tuple[CohortHead, ...], tmp_path: Path) -> None:
    t2 = read_volume(heads[0].mr["t2"])
    write_volume(t2.moved(Transform.rigid((0, 0, 0), (0, 0, 500)).matrix), heads[0].mr["t2"])
    done = prepared(heads[:1], tmp_path)[0].done
    assert isinstance(done, Fault)
    assert "does not lay t2 on the CT (failed" in done.reason
    assert "bring it into the frame of t1 first" in done.reason


def test_a_transform_that_does_not_fit_is_refused(heads: tuple[CohortHead, ...], tmp_path: Path) -> None:
    assert heads[2].transform is not None
    Transform.rigid((0, 0, 0), (0, 0, 500)).write(heads[2].transform)
    done = prepared(heads[2:], tmp_path)[0].done
    assert isinstance(done, Fault)
    assert "correct the transform" in done.reason


KILLED = """
import os, signal, sys
from pathlib import Path
from MR2XRayLib.cohort import read_cohort
from MR2XRayLib.cohort.preparing import prepare_heads

replace, left = os.replace, int(sys.argv[3])  # transform, picture, record
def replace_or_die(*arguments):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*arguments)
os.replace = replace_or_die
list(prepare_heads(read_cohort(Path(sys.argv[1])).heads, Path(sys.argv[2])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_a_kill_leaves_no_half_record_and_no_litter_once_resumed(
    heads: tuple[CohortHead, ...], tmp_path: Path
) -> None:
    listed, out = tmp_path / "data" / "cohort.csv", tmp_path / "out"
    listed.write_text("name,mr,ct,transform\nc,c/t1.nrrd,c/ct.nrrd,c/truth.tfm\n")
    command = [sys.executable, "-c", KILLED, str(listed), str(out), "3"]
    assert subprocess.run(command, check=False).returncode == -9
    left = {path.name for path in head_folder(out, "c").iterdir()}
    assert "record.json" not in left
    assert any(name.startswith(".writing-") for name in left)
    (outcome,) = prepared(heads[2:], out)
    assert isinstance(outcome.done, Record)
    assert not outcome.resumed
    assert {path.name for path in head_folder(out, "c").iterdir()} == FILES


def test_a_real_registration_finds_the_truth(heads: tuple[CohortHead, ...], tmp_path: Path) -> None:
    pair = demo_pair(spacing_mm=6.0)
    write_volume(pair.mr, heads[2].mr["t1"])
    write_volume(pair.ct, heads[2].ct)
    prepared(unregistered(heads[2:]), tmp_path)
    found = Transform.read(head_folder(tmp_path, "c") / "transform.tfm")
    # As they lie, the volumes are 44 mm apart.
    assert mean_error_mm(found, pair.truth, pair.mr) < 3


def test_heads_that_do_not_load_are_all_named_or_skipped(heads: tuple[CohortHead, ...]) -> None:
    heads[0].ct.unlink()
    heads[2].mr["t1"].write_bytes(heads[2].ct.read_bytes())
    with pytest.raises(MR2XRayError) as caught:
        sound_heads(heads)
    assert str(caught.value).startswith('2 of 3 heads cannot be used: "a" (The volume ')
    assert '"c" (t1.nrrd looks like CT' in str(caught.value)
    assert "--skip-bad" in str(caught.value)
    sound, faults = sound_heads(heads, skip_bad=True)
    assert [head.name for head in sound] == ["b"]
    assert [fault.head for fault in faults] == ["a", "c"]
    with pytest.raises(MR2XRayError, match="none is left"):
        sound_heads(heads[:1], skip_bad=True)


def test_heads_that_cannot_be_projected_are_told_before_their_turn_comes(
    heads: tuple[CohortHead, ...],
) -> None:
    unregistered_b = replace(heads[1], transform=None)
    with pytest.raises(MR2XRayError) as caught:
        sound_heads((heads[0], unregistered_b, heads[2]), ("t2",))
    assert str(caught.value).startswith(
        '2 of 3 heads cannot be used: "b" (cohort.toml, head ("b") has no tran'
    )
    assert '"c" (cohort.toml, head ("c") has none of the MR contrasts t2' in str(caught.value)
    sound, faults = sound_heads((heads[0], unregistered_b, heads[2]), ("t2",), skip_bad=True)
    assert [head.name for head in sound] == ["a"]
    assert [fault.head for fault in faults] == ["b", "c"]
    assert [head.name for head in sound_heads(heads)[0]] == ["a", "b", "c"]
