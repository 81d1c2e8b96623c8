"""What goes wrong in a registration is one sentence: never an identity, a crash, an orphan or a leftover file."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from misplaced_heads import Pair, misplaced_pair

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.progress import silent
from MR2XRayLib.registration import elastix, mr_to_ct, register
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

RAMP = Volume(np.arange(1000, dtype=np.float32).reshape(10, 10, 10), np.diag([2.0, 2, 2, 1]), name="a ramp")
MASK = Volume(np.ones((10, 10, 10), np.uint8), RAMP.affine)


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go in these tests, so that leftovers are seen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that puts other Python code in the place of the child process."""

    def replace(code: str) -> None:
        (tmp_path / "another_worker.py").write_text(f"import os, sys, time\n{code}\n", encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(elastix, "WORKER", "another_worker")

    return replace


def run(progress=silent) -> np.ndarray:
    return elastix.run_elastix(RAMP, MASK, RAMP, "rigid", progress)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.kill(os.getpid(), 9)", "stopped"),
        ("print('boom'); os.abort()", "boom"),
        ("sys.exit(3)", "exit code 3"),
        ("raise SystemExit('no memory left')", "no memory left"),
        ("print('Too many samples map outside moving image buffer: 1'); sys.exit(1)", "lost the overlap"),
        ("print('all is well')", "without a usable result"),
        ("print('Fixed to moving: garbage')", "without a usable result"),
        ("print('Fixed to moving: [[1, 2]]')", "without a usable result"),
        ("print('Fixed to moving: [[NaN, 0, 0, 0]' + 3 * ', [0, 0, 0, 1]' + ']')", "without a usable result"),
        ("os.write(1, bytes(range(256))); sys.exit(1)", "exit code 1"),
    ],
    ids=[
        "killed",
        "aborted",
        "code",
        "reason",
        "outside",
        "no result",
        "garbage",
        "2 numbers",
        "NaN",
        "bytes",
    ],
)
def test_a_child_that_fails_becomes_a_sentence(worker, temporary_folder: Path, code: str, words: str) -> None:
    worker(code)
    with pytest.raises(MR2XRayError, match=words) as caught:
        run()
    assert "\n" not in str(caught.value)
    assert not list(temporary_folder.iterdir())


def test_an_error_inside_elastix_is_told_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(elastix.PRESETS, "rigid", ("NoSuchTransform",))
    with pytest.raises(MR2XRayError, match="NoSuchTransform"):
        run()


def test_an_interpreter_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(elastix.PYTHON_VARIABLE, "no-such-python")
    with pytest.raises(MR2XRayError, match=r"no-such-python.*MR2XRAY_PYTHON"):
        run()


def test_a_full_temporary_folder_is_one_sentence_and_leaves_no_file(
    temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*arguments, **options) -> None:
        raise OSError("27000 requested and 4968 written")  # numpy's words, without an error number

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(MR2XRayError, match=r"Cannot write .*fixed\.npy \(the disk may be full\); .* TMPDIR"):
        run()
    assert not list(temporary_folder.iterdir())


def test_a_temporary_folder_that_is_gone_is_one_sentence(temporary_folder: Path) -> None:
    temporary_folder.rmdir()
    with pytest.raises(MR2XRayError, match=r"No temporary folder .*No such file or directory.* TMPDIR"):
        run()


def test_an_interrupted_call_leaves_no_child_and_no_file(
    worker, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[subprocess.Popen[str]] = []

    class Watched(subprocess.Popen):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **options)
            children.append(self)

    def interrupt(stage: str, fraction: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Watched)
    worker("print('Resolution: 0', flush=True); time.sleep(600)")
    with pytest.raises(KeyboardInterrupt):
        run(interrupt)
    assert [child.poll() is None for child in children] == [False]
    assert not list(temporary_folder.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal for a pipe that nobody reads")
def test_the_child_ends_when_its_parent_is_gone() -> None:
    code = (
        "from MR2XRayLib.ending import end_with_reader as e; e(); import time\n"
        "for second in range(600): print(second, flush=True); time.sleep(0.1)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=elastix._environment())
    assert child.stdout is not None
    child.stdout.close()
    assert child.wait(timeout=60) < 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the working folder of a process")
def test_a_child_that_is_orphaned_at_its_start_still_removes_the_volumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "job"
    monkeypatch.setattr(elastix, "run_child", lambda folder, *_: shutil.copytree(folder, job) and [])
    with pytest.raises(MR2XRayError, match="without a usable result"):
        run()
    assert len(list(job.glob("*.npy"))) == 3
    command = [sys.executable, "-c", elastix.LEAD, elastix.WORKER, str(job)]
    child = subprocess.Popen(command, cwd=job, stdout=subprocess.PIPE, env=elastix._environment())
    assert child.stdout is not None
    child.stdout.close()
    assert child.wait(timeout=120) < 0
    assert not job.exists()


def test_the_child_does_not_see_slicers_itk_factories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ITK_AUTOLOAD_PATH", "somewhere")
    assert "ITK_AUTOLOAD_PATH" not in elastix._environment()


def random_volume(name: str) -> Volume:
    """Noise that fills its volume: no head, no air."""
    voxels = np.random.default_rng(3).normal(100, 10, (40, 40, 40)).astype(np.float32)
    return Volume(voxels, np.diag([4.0, 4, 4, 1]), name=name)


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A coarse pair that lies registered already."""
    return misplaced_pair(Transform.identity(), 4.0, (4.0, 4.0, 4.0))


def test_volumes_that_cannot_be_registered_are_refused_by_name(pair: Pair) -> None:
    blank = Volume(np.zeros((20, 20, 20), np.float32), np.eye(4), name="an empty MR")
    with pytest.raises(MR2XRayError, match=r"an empty MR is blank"):
        register(pair.ct, blank)
    spoilt = pair.mr.voxels.copy()
    spoilt[3, 3, 3] = np.nan
    with pytest.raises(MR2XRayError, match=r"a spoilt MR holds NaN"):
        register(pair.ct, Volume(spoilt, pair.mr.affine, name="a spoilt MR"))
    with pytest.raises(MR2XRayError, match=r'no registration preset "elastic"'):
        register(pair.ct, pair.mr, "elastic")


def test_a_volume_without_the_head_fails_instead_of_giving_an_identity(pair: Pair) -> None:
    with pytest.raises(MR2XRayError, match="some noise"):
        register(pair.ct, random_volume("some noise"))


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.diag([1.5, 1.0, 1.0, 1.0]), "scales the head by 0.67 to 1.00"),
        (np.array([[1.0, 0, 0, 80], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "diverged"),
    ],
    ids=["absurd scale", "diverged"],
)
def test_a_wrong_answer_of_elastix_is_refused(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, matrix: np.ndarray, words: str
) -> None:
    monkeypatch.setattr(mr_to_ct, "automatic_start", lambda *arguments: Transform.identity())
    monkeypatch.setattr(mr_to_ct, "run_elastix", lambda *arguments: matrix)
    with pytest.raises(MR2XRayError, match=words):
        register(pair.ct, pair.mr, "affine")
