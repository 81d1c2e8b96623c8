"""Work on a thread: what is told, in which thread, and what is not told any more."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from waiting import until

from MR2XRayGUI.background import Background
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.progress import Progress


class Heard:
    """What a background told, with the threads it was told in."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.errors: list[str] = []
        self.progress: list[tuple[str, float]] = []
        self.threads: set[threading.Thread] = set()

    def take_result(self, result: Any) -> None:
        self.threads.add(threading.current_thread())
        self.done.append(result)

    def take_error(self, sentence: str) -> None:
        self.threads.add(threading.current_thread())
        self.errors.append(sentence)

    def take_progress(self, stage: str, fraction: float) -> None:
        self.threads.add(threading.current_thread())
        self.progress.append((stage, fraction))

    @property
    def ended(self) -> bool:
        return bool(self.done or self.errors)


def test_the_function_runs_elsewhere_and_its_result_comes_to_the_main_thread() -> None:
    heard = Heard()
    Background(lambda _progress: threading.current_thread(), heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    (worked_in,) = heard.done
    assert worked_in is not threading.main_thread()
    assert heard.threads == {threading.main_thread()}
    assert heard.errors == []


def test_nothing_is_told_before_the_event_loop_runs() -> None:
    heard, finished = Heard(), threading.Event()
    Background(lambda _progress: finished.set(), heard.take_result, heard.take_error)
    assert finished.wait(60)
    assert not heard.ended
    until(lambda: heard.ended)


def test_a_users_fault_is_its_sentence() -> None:
    heard = Heard()

    def fail(_progress: Progress) -> None:
        raise MR2XRayError("The CT is blank; choose another.")

    Background(fail, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert (heard.done, heard.errors) == ([], ["The CT is blank; choose another."])


def test_a_fault_of_ours_is_a_sentence_and_its_traceback_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = Heard()

    def fail(_progress: Progress) -> None:
        raise ZeroDivisionError("a slip")

    Background(fail, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert "a slip" in heard.errors[0]
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)
def test_too_little_memory_is_a_sentence(error: Exception) -> None:
    heard = Heard()

    def fail(_progress: Progress) -> None:
        raise error

    Background(fail, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert "memory" in heard.errors[0]


def test_progress_comes_to_the_main_thread_and_ends_with_the_newest() -> None:
    heard, go_on = Heard(), threading.Event()

    def work(progress: Progress) -> str:
        for n in range(1001):
            progress("counting", n / 1000)
        assert go_on.wait(60)
        return "counted"

    Background(work, heard.take_result, heard.take_error, heard.take_progress)
    until(lambda: ("counting", 1.0) in heard.progress)
    assert heard.progress == sorted(heard.progress)
    go_on.set()
    until(lambda: heard.ended)
    assert heard.done == ["counted"]
    assert heard.threads == {threading.main_thread()}


def test_the_result_of_abandoned_work_is_dropped() -> None:
    heard, later, go_on = Heard(), Heard(), threading.Event()
    abandoned = Background(lambda _progress: go_on.wait(60), heard.take_result, heard.take_error)
    abandoned.abandon()
    go_on.set()
    Background(lambda _progress: "following", later.take_result, later.take_error)
    until(lambda: later.ended)
    assert later.done == ["following"]
    assert not heard.ended


def test_work_after_other_work_begins_when_that_has_ended() -> None:
    heard, go_on = Heard(), threading.Event()
    steps: list[str] = []

    def slow(progress: Progress) -> None:
        assert go_on.wait(60)
        steps.append("first")
        progress("working", 0.5)

    first = Background(slow, heard.take_result, heard.take_error)
    first.abandon()
    never = Background(
        lambda _progress: steps.append("never"), heard.take_result, heard.take_error, after=first
    )
    never.abandon()
    last = Background(
        lambda _progress: steps.append("last"), heard.take_result, heard.take_error, after=never
    )
    end = time.monotonic() + 0.2
    until(lambda: time.monotonic() > end)
    assert not first.ended
    assert not never.ended
    assert steps == []
    go_on.set()
    until(lambda: heard.ended)
    assert steps == ["first", "last"]
    assert first.ended
    assert never.ended
    assert last.ended


def test_work_that_has_not_begun_is_dropped_with_all_other_work() -> None:
    heard, go_on = Heard(), threading.Event()

    def wait(progress: Progress) -> None:
        while not go_on.wait(0.01):
            progress("waiting", 0.5)

    first = Background(wait, heard.take_result, heard.take_error)
    second = Background(lambda _progress: None, heard.take_result, heard.take_error, after=first)
    Background.end_all()
    assert first.ended
    assert second.ended
    assert not heard.ended


def test_work_that_is_abandoned_by_who_hears_of_its_progress_tells_no_result() -> None:
    told: list[Any] = []
    finished = threading.Event()

    def work(progress: Progress) -> None:
        progress("x", 1.0)

    def give_up(_stage: str, _fraction: float) -> None:
        background.abandon()
        told.append("progress")

    def work_on(progress: Progress) -> None:
        work(progress)
        finished.set()

    background = Background(work_on, told.append, told.append, give_up)
    assert finished.wait(60)
    until(lambda: bool(told))
    heard = Heard()
    Background(lambda _progress: None, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert told == ["progress"]


def test_abandoned_work_ends_at_its_next_step() -> None:
    began, go_on = threading.Event(), threading.Event()
    steps: list[str] = []

    def work(progress: Progress) -> None:
        steps.append("first")
        began.set()
        assert go_on.wait(60)
        progress("working", 0.5)
        steps.append("second")

    heard = Heard()
    background = Background(work, heard.take_result, heard.take_error)
    assert began.wait(60)
    background.abandon()
    go_on.set()
    until(lambda: not working())
    assert steps == ["first"]
    assert not heard.ended


def test_all_work_has_ended_before_the_program_goes_on_to_end() -> None:
    go_on, ended = threading.Event(), threading.Event()

    def work(_progress: Progress) -> None:
        assert go_on.wait(60)
        ended.set()

    heard = Heard()
    Background(work, heard.take_result, heard.take_error)
    Background(work, heard.take_result, heard.take_error)
    threading.Timer(0.1, go_on.set).start()
    Background.end_all()
    assert ended.is_set()
    assert not working()
    until(lambda: True)
    assert not heard.ended


def test_python_waits_for_the_work_where_nobody_ends_it() -> None:
    program = """
import sys, time
from slicerstandin.program import application
application()
from MR2XRayGUI.background import Background

def work(progress):
    time.sleep(0.5)
    print("ended", flush=True)

Background(work, print, print)
"""
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.returncode) == ("ended\n", 0), done.stderr


class Ring:
    """Garbage that only the collector of cycles finds; tells in which thread it dies."""

    died_in: threading.Thread | None = None

    def __init__(self) -> None:
        self.ring = self

    def __del__(self) -> None:
        Ring.died_in = threading.current_thread()


def test_objects_of_the_main_thread_do_not_die_in_the_other(collector_at_work: None) -> None:
    Ring.died_in, heard = None, Heard()
    made = threading.Event()

    def work(_progress: Progress) -> None:
        assert made.wait(60)
        for _ in range(3):
            assert len([[] for _ in range(200_000)]) == 200_000

    Background(work, heard.take_result, heard.take_error)
    Ring()
    made.set()
    until(lambda: heard.ended)
    assert Ring.died_in is None
    assert gc.isenabled()
    gc.collect()
    assert Ring.died_in is threading.main_thread()


def test_a_collector_that_somebody_else_stopped_stays_stopped(collector_at_work: None) -> None:
    gc.disable()
    heard = Heard()
    Background(lambda _progress: None, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert not gc.isenabled()


def test_the_collector_does_not_at_once_go_through_all_that_the_work_made(collector_at_work: None) -> None:
    heard, made, seen = Heard(), [], []
    Background(lambda _progress: made.extend([] for _ in range(200_000)), heard.take_result, heard.take_error)

    def look(phase: str, _info: dict[str, int]) -> None:
        # Before a collection of the youngest.
        if phase == "start":
            seen.append(len(gc.get_objects(generation=0)))

    gc.callbacks.append(look)
    try:
        until(lambda: heard.ended)
        kept = [[] for _ in range(2_000)]
    finally:
        gc.callbacks.remove(look)
    assert gc.isenabled()
    assert len(kept) == 2_000
    assert seen
    assert max(seen) < 20_000


def test_nothing_is_kept_of_what_has_ended() -> None:
    class Volumes:
        pass

    volumes, heard = Volumes(), Heard()
    kept = weakref.ref(volumes)
    background = Background(lambda _progress, given=volumes: 1, heard.take_result, heard.take_error)
    del volumes
    until(lambda: heard.ended)
    assert kept() is None
    alive = weakref.ref(background)
    del background
    gc.collect()
    assert alive() is None


def test_a_fault_is_logged_in_the_main_thread() -> None:
    threads: list[threading.Thread | None] = []

    class Log(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            threads.append(threading.current_thread())

    log, heard = Log(), Heard()
    logging.getLogger().addHandler(log)
    try:
        Background(lambda _progress: 1 / 0, heard.take_result, heard.take_error)
        until(lambda: heard.ended)
    finally:
        logging.getLogger().removeHandler(log)
    assert threads == [threading.main_thread()]


@pytest.fixture
def collector_at_work() -> Iterator[None]:
    """The collector at work, and so again after the test."""
    gc.enable()
    yield
    gc.enable()


def working() -> bool:
    """Whether a thread of ours is at work."""
    return any(thread.name == "MR2XRay" for thread in threading.enumerate())
