"""`Share`: which heads of a cohort are this task's, where several tasks or machines share the work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from MR2XRayLib.errors import MR2XRayError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Share:
    """One of `count` equal shares.

    Attributes:
        index: from 0.
        count: at least 1.
    """

    index: int = 0
    count: int = 1

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """Every `count`-th item, from the share's own on."""
        return items[self.index :: self.count]


def share_of(task: str | None, environment: Mapping[str, str]) -> Share:
    """The share that `--task I/N` names (I from 1); without it the one that the environment gives this process.

    A SLURM array task has SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT; a rank of torchrun has RANK and WORLD_SIZE.
    Where both are set, the ranks share their array task's share. Without either, all heads are this task's.

    Raises:
        MR2XRayError: if a number is missing or out of range, or the array is not an unbroken range.
    """
    if task is not None:
        return _named(task)
    array, rank = _array_task(environment), _rank(environment)
    return Share(array.index * rank.count + rank.index, array.count * rank.count)


def _named(task: str) -> Share:
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", task)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise MR2XRayError(f'The task "{task}" is not of the form I/N, such as 1/8 to 8/8; correct it.')
    return Share(int(found[1]) - 1, int(found[2]))


def _array_task(environment: Mapping[str, str]) -> Share:
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return Share()
    count = _number(environment, "SLURM_ARRAY_TASK_COUNT")
    offset = _number(environment, "SLURM_ARRAY_TASK_ID") - _number(environment, "SLURM_ARRAY_TASK_MIN")
    index, rest = divmod(offset, max(int(environment.get("SLURM_ARRAY_TASK_STEP") or 1), 1))
    # The numbers of N tasks that are no unbroken range hold one beyond it: the gap never goes unnoticed.
    if rest or not 0 <= index < count:
        raise MR2XRayError(
            "The SLURM array is not an unbroken range of tasks; submit one such as --array=1-8, or give --task I/N."
        )
    return Share(index, count)


def _rank(environment: Mapping[str, str]) -> Share:
    if "RANK" not in environment or "WORLD_SIZE" not in environment:
        return Share()
    rank, count = _number(environment, "RANK"), _number(environment, "WORLD_SIZE")
    if rank >= count:
        raise MR2XRayError(
            f"RANK is {rank} of WORLD_SIZE {count}; correct the environment, or give --task I/N."
        )
    return Share(rank, count)


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    if not re.fullmatch(r"\d{1,9}", text):
        raise MR2XRayError(
            f'The environment variable {name} is "{text:.60}", not a number; correct it, or give --task I/N.'
        )
    return int(text)
