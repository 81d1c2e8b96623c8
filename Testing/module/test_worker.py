"""The worker process against small programs that behave as a worker may: well, badly, and not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from MR2XRayGUI import worker as worker_module
from MR2XRayGUI.worker import Worker
from MR2XRayLib.errors import MR2XRayError

LEAD = """
import json, os, signal, subprocess, sys, threading, time
def say(**message):
    print(json.dumps(message), flush=True)
def end_with_stdin():
    def watch():
        while os.read(0, 4096):
            pass
        os._exit(130)
    threading.Thread(target=watch, daemon=True).start()
"""
LEAD_SESSION = "os.setsid(); say(pid=os.getpid())"


@dataclass
class Heard:
    """What a worker told, in order."""

    news: list[tuple[Any, ...]] = field(default_factory=list)

    def of(self, kind: str) -> list[Any]:
        """The news of one kind, without its name."""
        return [told[1] if len(told) == 2 else told[1:] for told in self.news if told[0] == kind]

    @property
    def ended(self) -> bool:
        """Whether `on_end` came."""
        return ("end",) in self.news


Make = Callable[[str], tuple[Worker, Heard]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a worker that runs a program instead of the command line."""

    def build(program: str) -> tuple[Worker, Heard]:
        script = tmp_path / "programme für Tests.py"
        script.write_text(LEAD + textwrap.dedent(program), encoding="utf-8")
        return listened([sys.executable, str(script)])

    return build


def listened(command: list[str] | None = None) -> tuple[Worker, Heard]:
    """A worker, and all that it tells."""
    heard = Heard()

    def note(kind: str) -> Callable[..., None]:
        return lambda *news: heard.news.append((kind, *news))

    worker = Worker(
        on_progress=note("progress"),
        on_done=note("done"),
        on_error=note("error"),
        on_warning=note("warning"),
        on_values=note("values"),
        on_end=note("end"),
        command=command,
    )
    return worker, heard


def test_progress_warnings_values_and_result_arrive_in_order_and_the_end_last(make: Make) -> None:
    worker, heard = make("""
        say(stage="reading", fraction=0.5)
        say(warning="A thick slice.")
        say(values={"loss": 0.25})
        say(stage="reading", fraction=1)
        say(result={"folder": "x"})
        """)
    worker.start(["run"])
    assert worker.running
    until(lambda: heard.ended)
    assert heard.news == [
        ("progress", "reading", 0.5),
        ("warning", "A thick slice."),
        ("values", {"loss": 0.25}),
        ("progress", "reading", 1.0),
        ("done", {"folder": "x"}),
        ("end",),
    ]
    assert not worker.running


def test_the_program_is_given_its_arguments_as_they_are_and_asked_for_json(
    make: Make, tmp_path: Path
) -> None:
    worker, heard = make("say(result={'arguments': sys.argv[1:]})")
    odd = str(tmp_path / "Köpfe und \"Schädel\" 'x' &.nii")
    worker.start(["run", "--mr", odd])
    until(lambda: heard.ended)
    assert heard.of("done") == [{"arguments": ["run", "--mr", odd, "--progress", "json", "--end-with-stdin"]}]


def test_the_process_works_in_the_folder_with_the_library_and_without_slicers_itk_factories(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITK_AUTOLOAD_PATH", "/slicer/ITKFactories")
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    folder = tmp_path / "Mappe mit Umlaut ü"
    folder.mkdir()
    worker, heard = make("""
        import tempfile, MR2XRayLib
        say(result={"cwd": os.getcwd(), "temp": tempfile.gettempdir(), "path": os.environ["PYTHONPATH"],
                    "itk": "ITK_AUTOLOAD_PATH" in os.environ, "utf8": sys.flags.utf8_mode})
        """)
    worker.start([], folder)
    until(lambda: heard.ended)
    (result,) = heard.of("done")
    assert result["cwd"] == result["temp"] == str(folder)
    assert result["path"].split(os.pathsep)[-1] == "/somewhere/else"
    assert (result["itk"], result["utf8"]) == (False, 1)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_lines_split_over_reads_are_whole_again(make: Make, pieces: int) -> None:
    text = json.dumps({"warning": "Fünf Schichten fehlen."}, ensure_ascii=False) + "\n"
    worker, heard = make(f"""
        data = {text!r}.encode() * 3
        step = max(len(data) // {pieces}, 1)
        for start in range(0, len(data), step):
            os.write(1, data[start:start + step])
            time.sleep(0.001)
        say(result={{}})
        """)
    worker.start([])
    until(lambda: heard.ended)
    assert heard.of("warning") == ["Fünf Schichten fehlen."] * 3


def test_garbage_is_logged_and_otherwise_passed_over(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    worker, heard = make("""
        for line in (b"hello", b'{"stage": 1, "fraction": 0.5}', b'{"stage": "x", "fraction": "half"}', b"[1, 2",
                     b'{"stage": "x", "fraction": NaN}', b"\\xff\\xfe\\x00", b"[" * 100000, b"null",
                     b'{"pid": 1}', b""):
            os.write(1, line + b"\\n")
        say(stage="x", fraction=7)
        os.write(1, b'{"result": {"a": 1}}')
        """)
    worker.start([])
    until(lambda: heard.ended)
    assert heard.news == [("progress", "x", 1.0), ("done", {"a": 1}), ("end",)]
    assert "hello" in caplog.text


def test_a_line_beyond_measure_is_dropped_and_the_next_one_counts(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LONGEST_LINE", 100_000)
    worker, heard = make("""
        print('{"warning": "' + "x" * 3_000_000 + '"}')
        say(warning="short")
        say(result={})
        """)
    worker.start([])
    until(lambda: heard.ended)
    assert heard.of("warning") == ["short"]
    assert heard.of("done") == [{}]


def test_much_output_on_both_channels_blocks_nothing(make: Make) -> None:
    worker, heard = make("""
        for n in range(2000):
            say(stage="many", fraction=n / 2000)
            print("chatter " * 50, file=sys.stderr)
        say(result={"views": list(range(100_000))})
        """)
    worker.start([])
    until(lambda: heard.ended)
    assert len(heard.of("progress")) == 2000
    assert len(heard.of("done")[0]["views"]) == 100_000


def test_a_told_error_is_the_sentence(make: Make) -> None:
    worker, heard = make("""
        say(result={})
        say(error="The CT is blank; choose another.")
        print("The CT is blank; choose another.", file=sys.stderr)
        sys.exit(2)
        """)
    worker.start([])
    until(lambda: heard.ended)
    assert heard.news == [("error", "The CT is blank; choose another."), ("end",)]


def test_an_exception_nobody_foresaw_is_told_by_its_last_line_and_logged(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    worker, heard = make("import no_such_package")
    worker.start([])
    until(lambda: heard.ended)
    (sentence,) = heard.of("error")
    assert "exit code 1" in sentence
    assert "No module named 'no_such_package'" in sentence
    assert "Traceback" in caplog.text


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_crash_is_told_with_its_signal(make: Make) -> None:
    worker, heard = make("os.kill(os.getpid(), signal.SIGSEGV)")
    worker.start([])
    until(lambda: heard.ended)
    assert "signal 11" in heard.of("error")[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_worker_killed_from_outside_leaves_no_children(make: Make) -> None:
    worker, heard = make(f"""
        {LEAD_SESSION}
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        say(values={{"pid": os.getpid(), "child": child.pid}})
        time.sleep(600)
        """)
    worker.start([])
    until(lambda: bool(heard.of("values")))
    told = heard.of("values")[0]
    os.kill(told["pid"], 9)
    until(lambda: heard.ended)
    assert "signal 9" in heard.of("error")[0]
    until(lambda: not alive(told["child"]))


def test_an_end_without_a_result_is_a_sentence(make: Make) -> None:
    worker, heard = make("say(stage='x', fraction=0)")
    worker.start([])
    until(lambda: heard.ended)
    assert "without a result" in heard.of("error")[0]


def test_a_python_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    worker, heard = listened([str(tmp_path / "nowhere" / "PythonSlicer")])
    worker.start(["run"])
    until(lambda: heard.ended)
    assert [kind for kind, *_ in heard.news] == ["error", "end"]
    assert "PythonSlicer" in heard.of("error")[0]
    assert not worker.running


def test_cancel_closes_the_input_on_which_the_worker_ends_itself(make: Make) -> None:
    worker, heard = make("""
        end_with_stdin()
        say(stage="x", fraction=0)
        time.sleep(600)
        """)
    worker.start([])
    until(lambda: bool(heard.of("progress")))
    worker.cancel()
    worker.cancel()
    until(lambda: heard.ended)
    assert heard.news[1:] == [("error", "Cancelled."), ("end",)]


@pytest.mark.skipif(os.name == "nt", reason="its processes have no sessions")
def test_a_cancelled_worker_that_does_not_end_is_killed_with_its_children(make: Make) -> None:
    worker, heard = make(f"""
        {LEAD_SESSION}
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        say(values={{"pid": os.getpid(), "child": child.pid}})
        time.sleep(600)
        """)
    worker.start([])
    until(lambda: bool(heard.of("values")))
    told = heard.of("values")[0]
    worker.cancel()
    assert worker.running
    until(lambda: heard.ended)
    assert heard.of("error") == ["Cancelled."]
    until(lambda: not alive(told["pid"]) and not alive(told["child"]))


@pytest.mark.skipif(os.name == "nt", reason="its processes have no sessions")
def test_behind_a_launcher_the_interpreter_itself_is_killed(make: Make, tmp_path: Path) -> None:
    """As PythonSlicer: Qt's child is a launcher, the worker is the child of that."""
    inner = tmp_path / "inner.py"
    inner.write_text(LEAD + LEAD_SESSION + "\nsay(values={'pid': os.getpid()})\ntime.sleep(600)\n")
    worker, heard = make(f"sys.exit(subprocess.call([sys.executable, {str(inner)!r}]))")
    worker.start([])
    until(lambda: bool(heard.of("values")))
    worker.cancel()
    until(lambda: heard.ended)
    interpreter = heard.of("values")[0]["pid"]
    until(lambda: not alive(interpreter))
    assert not alive(interpreter)


def test_an_abandoned_worker_tells_only_its_end_and_needs_nobody_to_hold_it(make: Make) -> None:
    worker, heard = make("""
        end_with_stdin()
        say(stage="x", fraction=0)
        time.sleep(600)
        """)
    worker.start([])
    until(lambda: bool(heard.of("progress")))
    worker.abandon()
    del worker
    until(lambda: heard.ended)
    assert heard.news[1:] == [("end",)]


def test_a_second_start_is_refused_and_the_first_goes_on(make: Make) -> None:
    worker, heard = make("say(result={'a': 1})")
    worker.start([])
    with pytest.raises(MR2XRayError, match="under way"):
        worker.start([])
    until(lambda: heard.ended)
    assert heard.of("done") == [{"a": 1}]


def test_the_next_work_may_be_started_as_the_last_one_ends(make: Make) -> None:
    second, heard_second = make("say(result={'n': len(sys.argv)})")
    ended = []

    def start_second(_result: dict[str, Any]) -> None:
        second.start(["next"])

    first = Worker(
        on_progress=lambda _stage, _fraction: None,
        on_done=start_second,
        on_error=ended.append,
        command=second._command,
    )
    first.start([])
    del first
    until(lambda: heard_second.ended)
    assert heard_second.of("done") == [{"n": 5}]
    assert ended == []


def test_a_listener_that_fails_does_not_keep_the_end_away(make: Make) -> None:
    ended = []

    def fail(_result: dict[str, Any]) -> None:
        raise ValueError("a fault in the panel")

    model, _heard = make("say(result={})")
    worker = Worker(
        on_progress=lambda _stage, _fraction: None,
        on_done=fail,
        on_error=ended.append,
        on_end=lambda: ended.append("end"),
        command=model._command,
    )
    worker.start([])
    until(lambda: bool(ended))
    assert ended == ["end"]


def test_the_command_line_itself_answers_through_the_lead(tmp_path: Path) -> None:
    worker, heard = listened()
    worker.start(["generators", "list"], tmp_path)
    until(lambda: heard.ended)
    assert [kind for kind, *_ in heard.news] == ["done", "end"], heard.news
    assert heard.of("done")[0]["generators"]


def test_the_command_lines_fault_arrives_as_its_sentence(tmp_path: Path) -> None:
    worker, heard = listened()
    worker.start(["compare", str(tmp_path / "a.nrrd"), str(tmp_path / "b.nrrd")], tmp_path)
    until(lambda: heard.ended)
    assert "a.nrrd does not exist" in heard.of("error")[0]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not yet waited for does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip()) and not found.stdout.startswith("Z")
