"""The stream of pairs: repeatable, complete, dealt out among shards, contrasts dropped as asked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from invented_pairs import invented_pairs
from places import REPOSITORY

from MR2XRayLib.carm import CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.mr_layers import MR_LAYERS
from MR2XRayLib.simulation.random_views import draw_view
from MR2XRayLib.training.pairs import ABSENT, PairSettings, PairStream
from MR2XRayLib.training.simulated import SimulatedPairs
from MR2XRayLib.volume import Volume

PAIRS = PairSettings(pixels=32, spacing=2, heads=2, views=4, passes=2)


def test_batches_follow_from_their_number_and_are_on_the_networks_scale(a_small_anatomy: Volume) -> None:
    stream = PairStream(SimulatedPairs([a_small_anatomy]), PAIRS, seed=1)
    batches = [stream.batch(number, 4) for number in range(6)]
    mr, xray = PairStream(SimulatedPairs([a_small_anatomy]), PAIRS, seed=1).batch(5, 4)
    assert torch.equal(mr, batches[5][0])
    assert torch.equal(xray, batches[5][1])
    for image in (mr, xray):
        assert image.shape == (4, 1, 32, 32)
        assert image.min() == pytest.approx(-1, abs=0.05)
        assert -0.5 < image.max() < 1.3


def served(stream: PairStream, numbers: range, size: int = 4) -> list[float]:
    """What tells the X-rays of some batches apart; mirroring keeps the sum."""
    batches = [stream.batch(number, size)[1] for number in numbers]
    return sorted(round(pair.sum().item(), 2) for batch in batches for pair in batch)


def test_one_pass_serves_every_pair_once_and_the_next_round_has_other_pairs() -> None:
    stream = PairStream(invented_pairs(), PAIRS, seed=1)
    first, second, other = (served(stream, numbers) for numbers in (range(2), range(2, 4), range(4, 6)))
    assert len(set(first)) == PAIRS.round_size
    assert first == second
    assert not set(first) & set(other)


def test_rounds_are_mixed_and_the_oldest_goes_when_the_next_one_comes() -> None:
    """Three of two heads each at hand: batches show all six, then without the first two and with two others."""
    settings = replace(PAIRS, window=3, passes=8)
    stream = PairStream(invented_pairs(), settings, seed=1)
    a_round = settings.passes * settings.round_size // 4
    for number in range(3):
        numbers = range(number * a_round, (number + 1) * a_round)
        heads = Counter(head for n in numbers for head in heads_in(stream.origin(n, 4)))
        assert set(heads) == set(range(2 * number, 2 * number + 6))
        # Eight passes over a round of eight pairs are 64 pairs of six heads.
        assert all(3 < count < 19 for count in heads.values())
    later = PairStream(invented_pairs(), settings, seed=1)
    assert torch.equal(later.batch(2 * a_round, 4)[1], stream.batch(2 * a_round, 4)[1])
    assert later.seconds_making > 0


def test_each_round_is_made_once_and_one_ahead() -> None:
    made: list[int] = []

    def counted(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        made.append(index)
        return invented_pairs()(settings, seed, index)

    stream = PairStream(counted, replace(PAIRS, heads=1, window=2, passes=1), seed=0)
    for number in range(4):
        stream.batch(number, 4)
    until(lambda: len(made) == 6, 10)
    assert made == list(range(6))


def heads_in(origin: str) -> list[int]:
    """The heads that `PairStream.origin` names."""
    return [int(word) for word in re.findall(r"of head (\d+)", origin)]


def test_shards_have_their_own_heads_and_together_all_of_them() -> None:
    whole = PairStream(invented_pairs(), replace(PAIRS, heads=6), seed=1)
    parts = [PairStream(invented_pairs(), PAIRS, 1, shard, 3) for shard in range(3)]
    assert sorted(pair for part in parts for pair in served(part, range(2))) == served(whole, range(6))


@pytest.mark.parametrize("mirrored", [True, False])
def test_only_mirrored_pairs_are_mirrored_and_mr_with_its_xray(mirrored: bool) -> None:
    def ramps(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        ramp = np.linspace(-1, 1, settings.pixels, dtype=np.float32)
        return np.broadcast_to(ramp, (settings.views, 2, settings.pixels, settings.pixels)).copy()

    mr, xray = PairStream(ramps, replace(PAIRS, mirrored=mirrored), seed=0).batch(0, 8)
    assert torch.equal(mr, xray)
    falling = (xray[:, 0, 0, 0] > 0).sum()
    assert (0 < falling < 8) if mirrored else falling == 0


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_pairs_is_left_with_one_contrast(share: float) -> None:
    settings = replace(PAIRS, heads=16, views=8, contrast_dropout=share, mirrored=False)
    mr, _ = PairStream(invented_pairs(3), settings, seed=0).batch(0, 128)
    absent = (mr == ABSENT).all(dim=(-1, -2)).sum(dim=1)
    assert set(absent.tolist()) <= {0, 2}
    assert (absent == 2).float().mean().item() == pytest.approx(share, abs=0.12 * (0 < share < 1))


@pytest.mark.parametrize("present", [(0,), (2,), (0, 2), (0, 1, 2)])
def test_the_contrast_that_a_pair_is_left_with_is_one_that_the_head_has(present: tuple[int, ...]) -> None:
    """Each of them as often; a pair without any would teach to invent an X-ray."""

    def of_some_contrasts(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        pairs = invented_pairs(6)(settings, seed, index)
        absent = [channel for channel in range(6) if channel // 2 not in present]
        pairs[:, absent] = ABSENT
        return pairs

    layers = ("signal", "head")
    settings = replace(PAIRS, heads=16, views=16, contrast_dropout=1.0, layers=layers, mirrored=False)
    mr, _ = PairStream(of_some_contrasts, settings, seed=0).batch(0, 256)
    there = (mr != ABSENT).any(dim=-1).any(dim=-1).unflatten(1, (3, 2)).all(dim=2)
    assert (there.sum(dim=1) == 1).all()
    share = there.float().mean(dim=0)
    for contrast in range(3):
        expected = 1 / len(present) if contrast in present else 0.0
        assert share[contrast].item() == pytest.approx(expected, abs=0.1 if 0 < expected < 1 else 0)


def test_a_contrast_is_left_with_all_its_layers() -> None:
    settings = replace(PAIRS, heads=16, views=8, contrast_dropout=1.0, layers=("signal", "head"))
    mr, _ = PairStream(invented_pairs(4), settings, seed=0).batch(0, 128)
    absent = (mr == ABSENT).all(dim=-1).all(dim=-1)
    assert {tuple(pair) for pair in absent.tolist()} == {
        (True, True, False, False),
        (False, False, True, True),
    }


def test_each_layer_of_a_simulated_head_is_a_channel(a_small_anatomy: Volume) -> None:
    settings = replace(PAIRS, layers=MR_LAYERS)
    alone = SimulatedPairs([a_small_anatomy])(PAIRS, 1, 0)
    layered = SimulatedPairs([a_small_anatomy])(settings, 1, 0)
    assert layered.shape == (4, len(MR_LAYERS) + 1, 32, 32)
    assert np.array_equal(layered[:, [0, -1]], alone)
    _, head, dark, dim, deep, _ = (layered[:, n] for n in range(6))
    for part in (dark, dim, deep):
        assert (part <= head + 0.02).all()  # to the overshoot of interpolation
    assert (deep <= dark + 0.02).all()
    assert not np.allclose(dark, dim, atol=0.01)


def test_simulated_pairs_lie_exactly_on_each_other(
    a_small_anatomy: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if there were no errors of registration, which is what a generator had to blur for."""
    drawn = SimulatedPairs([a_small_anatomy])(PAIRS, 1, 0)
    monkeypatch.setattr("MR2XRayLib.simulation.heads._draw_misregistration", lambda rng: np.eye(4))
    assert np.array_equal(SimulatedPairs([a_small_anatomy])(PAIRS, 1, 0), drawn)


def test_processes_serve_what_a_thread_serves(a_small_anatomy: Volume) -> None:
    pairs = SimulatedPairs([a_small_anatomy])
    thread, processes = (PairStream(pairs, PAIRS, seed=3, workers=workers) for workers in (0, 2))
    try:
        for number in range(3):
            for one, other in zip(thread.batch(number, 4), processes.batch(number, 4), strict=True):
                assert torch.equal(one, other)
        assert processes.seconds_making > 0
    finally:
        processes.close()


@dataclass(frozen=True)
class Settled:
    """Pairs that say whether their process minds Ctrl-C, and with how many threads it resamples."""

    def __call__(self, settings: PairSettings, seed: int, index: int) -> np.ndarray:
        minds = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
        return np.full((settings.views, 2, 1, 1), 100 * minds + threads, np.float32)


def test_a_worker_process_leaves_ctrl_c_to_the_training_and_has_one_thread() -> None:
    stream = PairStream(Settled(), PAIRS, seed=0, workers=1)
    try:
        assert stream.batch(0, 2)[0].unique().tolist() == [1]
    finally:
        stream.close()


@dataclass(frozen=True)
class Killed:
    """Pairs whose maker is ended from outside, as by a system that is out of memory."""

    def __call__(self, settings: PairSettings, seed: int, index: int) -> np.ndarray:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal on this system")
def test_a_killed_worker_process_is_a_sentence() -> None:
    with pytest.raises(MR2XRayError, match="ended from outside"):
        PairStream(Killed(), PAIRS, seed=0, workers=1).batch(0, 2)


ORPHANS = """
import sys
from pathlib import Path
from test_training_pairs import PAIRS, Waiting
from MR2XRayLib.training.pairs import PairStream
if __name__ == "__main__":
    PairStream(Waiting(sys.argv[1]), PAIRS, seed=0, workers=1).batch(0, 2)
"""


@dataclass(frozen=True)
class Waiting:
    """Pairs that are never done; writes the number of its process into a file."""

    file: str

    def __call__(self, settings: PairSettings, seed: int, index: int) -> np.ndarray:
        Path(self.file + ".draft").write_text(str(os.getpid()))
        os.replace(self.file + ".draft", self.file)
        time.sleep(600)
        raise AssertionError


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal on this system")
def test_workers_end_when_their_training_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "worker"
    (tmp_path / "training.py").write_text(ORPHANS)
    path = os.pathsep.join(map(str, (Path(__file__).parent, REPOSITORY / "Testing", REPOSITORY)))
    command = [sys.executable, str(tmp_path / "training.py"), str(file)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as training:
        until(file.exists, 60)
        training.kill()
    worker = int(file.read_text())
    until(lambda: not is_alive(worker), 10)
    assert not is_alive(worker)


def until(happened: Callable[[], bool], seconds: float) -> None:
    """Wait for something to become true, for so long at most."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    """Whether a process runs; one that ended and was not collected does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize("window", [1, 3])
def test_the_origin_of_a_batch_names_the_heads_it_shows(window: int) -> None:
    stream = PairStream(invented_pairs(), replace(PAIRS, window=window), seed=5, shard=1, shards=2)
    _, xray = stream.batch(2, 2)
    words = stream.origin(2, 2).removesuffix(" (seed 5)").split(", ")
    for image, place in zip(xray, words, strict=True):
        view, head = (int(word) for word in place.removeprefix("view ").split(" of head "))
        shown = torch.from_numpy(invented_pairs()(PAIRS, 5, head)[view, -1])
        assert torch.equal(image[0], shown) or torch.equal(image[0], shown.flip(-1))


def test_a_fault_in_making_pairs_reaches_the_training() -> None:
    def broken(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        raise MemoryError

    with pytest.raises(MemoryError):
        PairStream(broken, PAIRS, seed=0).batch(0, 2)


def test_making_and_waiting_are_counted() -> None:
    stream = PairStream(invented_pairs(), PAIRS, seed=0)
    stream.batch(0, 4)
    assert stream.seconds_making > 0
    assert stream.seconds_waiting > 0


def test_views_are_of_the_default_detector_near_the_centre() -> None:
    for seed in range(50):
        view = draw_view(np.random.default_rng(seed), np.array([10.0, 20.0, 30.0]), CArm(pixels=(64, 64)))
        assert np.abs(view.isocentre_mm - [10, 20, 30]).max() <= 15
        assert view.rows == view.columns == 64
        assert 1100 <= view.source_to_detector_mm <= 1250
        assert abs(view.angulation.secondary) <= 45
