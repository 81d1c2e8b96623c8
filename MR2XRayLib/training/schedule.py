"""How far a training is, by steps or by time, and the learning rate that follows from it."""

from __future__ import annotations

import math
import time

from MR2XRayLib.training.checkpoint import TrainingState
from MR2XRayLib.training.settings import TrainingSettings


def fraction_of_stage(settings: TrainingSettings, state: TrainingState, max_minutes: float) -> float:
    """How far the stage at work is, 0 to 1: by its steps or by the time limit, whichever is further."""
    before = sum(stage.share for stage in settings.stages[: state.stage])
    stage = settings.stages[state.stage]
    whole = sum(stage.share for stage in settings.stages)
    by_time = (state.minutes / max_minutes * whole - before) / stage.share
    return min(1.0, max(state.step / stage.steps, by_time, 0.0))


def fraction_done(settings: TrainingSettings, state: TrainingState, max_minutes: float) -> float:
    """How far the training is, 0 to 1."""
    if state.stage == len(settings.stages):
        return 1.0
    before = sum(stage.share for stage in settings.stages[: state.stage])
    whole = sum(stage.share for stage in settings.stages)
    share = settings.stages[state.stage].share
    return (before + share * fraction_of_stage(settings, state, max_minutes)) / whole


def learning_rate(settings: TrainingSettings, state: TrainingState, max_minutes: float) -> float:
    """As a share of its highest: linear warm-up, then constant or half a cosine to zero."""
    warm = 1.0 if state.stage else min(1.0, (state.step + 1) / max(1, settings.warm_up))
    if settings.schedule == "constant":
        return warm
    return warm * (0.5 + 0.5 * math.cos(math.pi * fraction_done(settings, state, max_minutes)))


class Clock:
    """Minutes of training, those before a resume included."""

    def __init__(self, minutes_before: float) -> None:
        self._start = time.monotonic() - 60 * minutes_before

    def minutes(self) -> float:
        """Minutes so far."""
        return (time.monotonic() - self._start) / 60
