"""A program that holds the command line's standard input ends it by closing that: soon, whole, children and all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pair_files import write_pair

pytestmark = pytest.mark.skipif(os.name == "nt", reason="asks a POSIX session which of its processes live")
CANCELLED = {"error": "Cancelled; nothing half-written was left."}


@dataclass
class Worker:
    """A process in a session of its own, with pipes, and the folder for its temporary files."""

    process: subprocess.Popen[str]
    temporary: Path

    def read_until(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Read its JSON lines up to the first that is wanted."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if wanted(json.loads(line)):
                return
        pytest.fail("the worker ended before it came that far")

    def close_stdin(self) -> list[dict[str, Any]]:
        """Cancel; what it still says until its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        said = [json.loads(line) for line in self.process.stdout]
        self.process.wait(timeout=30)
        return said

    def is_gone(self) -> bool:
        """Whether no process of its session is left, within a while."""
        for _ in range(100):
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.1)
        return False


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the digital head as two scanners see it, and where its MR lies."""
    folder = tmp_path_factory.mktemp("case")
    write_pair(folder, 4.0)
    carm = {"source_to_isocentre_mm": 750, "source_to_detector_mm": 1200, "detector_mm": [400, 400]}
    (folder / "carm.json").write_text(json.dumps({**carm, "pixels": [128, 128]}))
    return folder


@pytest.fixture
def start(tmp_path: Path):
    """A function that starts Python with a pipe as standard input; what still runs at the end is killed."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    started: list[Worker] = []

    def begin(*arguments: str) -> Worker:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        started.append(Worker(process, temporary))
        return started[-1]

    yield begin
    for worker in started:
        if not worker.is_gone():
            os.killpg(worker.process.pid, signal.SIGKILL)
        for pipe in (worker.process.stdin, worker.process.stdout, worker.process.stderr):
            assert pipe is not None
            pipe.close()


def run_arguments(case: Path, out: Path, *more: str) -> list[str]:
    """The main job as the panel starts it."""
    files = {"mr": "mr.nrrd", "ct": "ct.nrrd", "carm": "carm.json"}
    places = [word for option, file in files.items() for word in (f"--{option}", str(case / file))]
    words = ["--out", str(out), "--device", "cpu", *more]
    return ["-m", "MR2XRayLib", "run", *places, *words, "--progress", "json", "--end-with-stdin"]


def has_begun(stage: str) -> Callable[[dict[str, Any]], bool]:
    return lambda line: line.get("stage") == stage and line["fraction"] > 0


def test_cancelled_amid_the_registration_it_ends_with_its_child_and_leaves_nothing(
    case: Path, start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start(*run_arguments(case, tmp_path / "out", "--preset", "affine"))
    worker.read_until(has_begun("registering"))
    assert worker.close_stdin()[-1] == CANCELLED
    assert worker.process.returncode == 130
    assert worker.is_gone()
    assert not list(worker.temporary.iterdir())
    assert not (tmp_path / "out").exists()


def test_cancelled_amid_the_synthesis_it_leaves_no_result(
    case: Path, start: Callable[..., Worker], tmp_path: Path
) -> None:
    known = ["--transform", str(case / "truth.tfm"), "--views", "sweep -90..90 step 1"]
    worker = start(*run_arguments(case, tmp_path / "out", *known))
    worker.read_until(has_begun("synthesizing"))
    assert worker.close_stdin()[-1] == CANCELLED
    assert worker.process.returncode == 130
    assert worker.is_gone()
    assert not list(worker.temporary.iterdir())
    assert not (tmp_path / "out").exists()


def test_killed_amid_the_registration_it_takes_its_child_along_and_leaves_no_volume(
    case: Path, start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start(*run_arguments(case, tmp_path / "out", "--preset", "affine"))
    worker.read_until(has_begun("registering"))
    worker.process.kill()
    worker.process.wait(timeout=30)
    assert worker.is_gone()
    assert not list(worker.temporary.iterdir())


def test_with_its_stdin_open_it_ends_by_itself_with_its_result(
    case: Path, start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start("-m", "MR2XRayLib", "generators", "list", "--progress", "json", "--end-with-stdin")
    worker.read_until(lambda line: "result" in line)
    assert worker.process.wait(timeout=30) == 0


STUBBORN = """
import ctypes, sys
from MR2XRayLib.ending import end_with_stdin
from MR2XRayLib.files import atomic_path
from pathlib import Path
end_with_stdin(lambda: print('"last words"', flush=True))
wait, told = ctypes.CDLL(None).sleep, False
with atomic_path(Path(sys.argv[1])) as draft:
    draft.write_text("half")
    while True:  # compiled code that no KeyboardInterrupt gets into
        try:
            if not told:  # only here, where a KeyboardInterrupt is caught from the very first
                told = True
                print('{"stage": "stuck", "fraction": 1}', flush=True)
            while wait(600) == 0:
                pass
        except KeyboardInterrupt:
            pass
"""


def test_compiled_code_that_does_not_come_back_is_cut_short_and_undone(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start("-c", STUBBORN, str(tmp_path / "new" / "file"))
    worker.read_until(has_begun("stuck"))
    assert list((tmp_path / "new").iterdir())
    assert worker.close_stdin() == ["last words"]
    assert worker.process.returncode == 130
    assert not (tmp_path / "new").exists()


def test_a_reader_that_goes_away_is_no_traceback(start: Callable[..., Worker]) -> None:
    worker = start("-m", "MR2XRayLib", "generators", "list", "--progress", "json")
    assert worker.process.stdout is not None
    assert worker.process.stderr is not None
    worker.process.stdout.close()
    assert worker.process.stderr.read() == ""
    assert worker.process.wait(timeout=30) == 2
