"""Who makes a training's pairs beside its steps: a thread, or processes of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread

import numpy as np

from MR2XRayLib.errors import MR2XRayError

PairsOfDraw = Callable[[int], np.ndarray]
"""From the number of a head draw to its pairs."""

Made = tuple[np.ndarray, float]
"""Pairs, and the seconds that making them took."""


class Makers:
    """A thread, or `workers` processes, that make the pairs of head draws.

    A thread shares the interpreter and the cores' libraries with the training, and keeps up with one that runs on two
    cores; a GPU is fed by processes, each with one thread for its arithmetic.

    Args:
        pairs_of_draw: what they do; with processes it must be picklable.
        workers: processes; none for a thread.
    """

    def __init__(self, pairs_of_draw: PairsOfDraw, workers: int) -> None:
        self._workers = workers
        self._pairs_of_draw = pairs_of_draw
        self._executor: Executor
        if workers:
            self._executor = ProcessPoolExecutor(workers, get_context("spawn"), _settle, (pairs_of_draw,))
        else:
            self._executor = ThreadPoolExecutor(1, "pairs")

    def make(self, draw: int) -> Future[Made]:
        """Have the pairs of a draw made; what is asked for first is made first."""
        if self._workers:
            with _held_back_interrupts():
                return self._executor.submit(_make, draw)
        return self._executor.submit(_timed, self._pairs_of_draw, draw)

    def close(self) -> None:
        """End them; what they have begun they finish."""
        self._executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _held_back_interrupts() -> Iterator[None]:
    """Processes that begin inside never see Ctrl-C, not even while they import; this one does, when it leaves."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def finished(future: Future[Made]) -> Made:
    """What a maker made, waited for.

    Raises:
        MR2XRayError: if a worker process was killed; and whatever making the pairs raised.
    """
    try:
        return future.result()
    except BrokenExecutor:
        raise MR2XRayError(
            "A process that made training pairs was ended from outside, perhaps for want of memory; go on from the "
            "last checkpoint with fewer workers."
        ) from None


def _timed(pairs_of_draw: PairsOfDraw, draw: int) -> Made:
    began = time.perf_counter()
    pairs = pairs_of_draw(draw)
    return pairs, time.perf_counter() - began


_in_this_process: list[PairsOfDraw] = []
"""What a worker process was started for; empty in every other process."""


def _settle(pairs_of_draw: PairsOfDraw) -> None:
    """At the start of a worker process: one thread for arithmetic, and an end when the training is gone."""
    # Ctrl-C reaches them too; they end with the training, and need not say so.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _in_this_process[:] = [pairs_of_draw]
    os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    import SimpleITK as sitk
    import torch

    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed training cannot tell its workers, which would wait for it for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(draw: int) -> Made:
    return _timed(_in_this_process[0], draw)
