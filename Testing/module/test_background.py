"""Work on a thread: what is told, in which thread, and what is not told any more."""

from __future__ import annotations

import threading
from typing import Any

import pytest
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
    background = Background(threading.current_thread, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    (worked_in,) = heard.done
    assert worked_in is not threading.main_thread()
    assert heard.threads == {threading.main_thread()}
    assert heard.errors == []
    del background


def test_nothing_is_told_before_the_event_loop_runs() -> None:
    heard, finished = Heard(), threading.Event()
    background = Background(finished.set, heard.take_result, heard.take_error)
    assert finished.wait(60)
    assert not heard.ended
    until(lambda: heard.ended)
    del background


def test_a_users_fault_is_its_sentence() -> None:
    heard = Heard()

    def fail() -> None:
        raise MR2XRayError("The CT is blank; choose another.")

    background = Background(fail, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert (heard.done, heard.errors) == ([], ["The CT is blank; choose another."])
    del background


def test_a_fault_of_ours_is_a_sentence_and_its_traceback_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = Heard()

    def fail() -> None:
        raise ZeroDivisionError("a slip")

    background = Background(fail, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert "a slip" in heard.errors[0]
    assert "Traceback" in caplog.text
    del background


def test_too_little_memory_is_a_sentence() -> None:
    heard = Heard()

    def fail() -> None:
        raise MemoryError

    background = Background(fail, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert "memory" in heard.errors[0]
    del background


def test_progress_comes_to_the_main_thread_and_ends_with_the_newest() -> None:
    heard, go_on = Heard(), threading.Event()

    def work(progress: Progress) -> str:
        for n in range(1001):
            progress("counting", n / 1000)
        assert go_on.wait(60)
        return "counted"

    background = Background(work, heard.take_result, heard.take_error, heard.take_progress)
    until(lambda: ("counting", 1.0) in heard.progress)
    assert heard.progress == sorted(heard.progress)
    go_on.set()
    until(lambda: heard.ended)
    assert heard.done == ["counted"]
    assert heard.threads == {threading.main_thread()}
    del background


def test_the_result_of_abandoned_work_is_dropped() -> None:
    heard, later, go_on = Heard(), Heard(), threading.Event()
    abandoned = Background(lambda: go_on.wait(60), heard.take_result, heard.take_error)
    abandoned.abandon()
    go_on.set()
    following = Background(lambda: "following", later.take_result, later.take_error)
    until(lambda: later.ended)
    assert later.done == ["following"]
    assert not heard.ended
    del following


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
    following = Background(lambda: None, heard.take_result, heard.take_error)
    until(lambda: heard.ended)
    assert told == ["progress"]
    del following
