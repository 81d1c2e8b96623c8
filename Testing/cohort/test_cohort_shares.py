"""Tasks share a cohort without gap or overlap, whoever numbers them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from MR2XRayLib.cohort.shares import Share, share_of
from MR2XRayLib.errors import MR2XRayError


def slurm(number: int, first: int, count: int, step: int = 1) -> dict[str, str]:
    """What SLURM tells a task of an array."""
    numbers = {"ID": number, "MIN": first, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{key}": str(value) for key, value in numbers.items()}


@given(st.integers(0, 40), st.integers(1, 12), st.integers(0, 9), st.integers(1, 3), st.integers(1, 4))
def test_every_head_is_done_by_one_task(heads: int, tasks: int, first: int, step: int, ranks: int) -> None:
    items = list(range(heads))
    environments = [
        slurm(first + step * task, first, tasks, step) | {"RANK": str(rank), "WORLD_SIZE": str(ranks)}
        for task in range(tasks)
        for rank in range(ranks)
    ]
    done = [item for environment in environments for item in share_of(None, environment).of(items)]
    assert sorted(done) == items


def test_the_task_asked_for_goes_before_the_environment() -> None:
    environment = slurm(3, 1, 4) | {"RANK": "1", "WORLD_SIZE": "2"}
    assert share_of("2/5", environment) == Share(1, 5)
    assert share_of(None, {}) == Share(0, 1)
    assert share_of(None, {"RANK": "1", "WORLD_SIZE": "2"}) == Share(1, 2)
    assert share_of(None, slurm(3, 1, 4)) == Share(2, 4)


@given(st.sets(st.integers(0, 30), min_size=2, max_size=8))
def test_an_array_with_gaps_never_goes_unnoticed(numbers: set[int]) -> None:
    def noticed(number: int) -> bool:
        try:
            share_of(None, slurm(number, min(numbers), len(numbers)))
        except MR2XRayError:
            return True
        return False

    has_gap = max(numbers) - min(numbers) + 1 > len(numbers)
    assert any(map(noticed, numbers)) == has_gap


@pytest.mark.parametrize("task", ["0/4", "5/4", "1", "1/0", "a/b", "1/4/2", "-1/4", ""])
def test_a_task_of_another_form_is_refused(task: str) -> None:
    with pytest.raises(MR2XRayError, match="is not of the form I/N"):
        share_of(task, {})


@pytest.mark.parametrize(
    "environment",
    [
        {"SLURM_ARRAY_TASK_ID": "1"},
        slurm(1, 1, 4) | {"SLURM_ARRAY_TASK_COUNT": "four"},
        {"RANK": "2", "WORLD_SIZE": "2"},
        {"RANK": "x", "WORLD_SIZE": "2"},
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(MR2XRayError, match="--task I/N"):
        share_of(None, environment)
