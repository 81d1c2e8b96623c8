"""The checkpoint: everything that training needs to go on where it stopped, in one safetensors file.

Tensors are the network, its moving average, the optimiser's moments, what losses remember (the balance of VGG-19's
layers) and torch's random state; counters, settings and what else a training is known by are JSON in the file's
header, so that one file, replaced whole, can never hold a mixture of two states.
"""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path


@dataclass
class TrainingState:
    """What changes while training.

    Attributes:
        network: the network that is trained.
        average: its moving average, which is evaluated and shipped.
        optimiser: on the network's parameters.
        stage: number of the stage at work.
        step: steps done in that stage.
        minutes: time spent so far.
    """

    network: nn.Module
    average: nn.Module
    optimiser: Optimizer
    stage: int = 0
    step: int = 0
    minutes: float = 0.0


@dataclass(frozen=True)
class Identity:
    """What a training must have in common with its checkpoint to go on from it; all of it can be written as JSON.

    Attributes:
        settings: of the training.
        known_by: what else decides the result, by names that a sentence can hold: the data, the contrasts, ...
        max_minutes: the time limit, or infinity; another one may be given as long as the training is not finished.
    """

    settings: Mapping[str, Any]
    known_by: Mapping[str, Any] = field(default_factory=dict)
    max_minutes: float = math.inf


def save_checkpoint(
    path: Path, state: TrainingState, losses: Sequence[nn.Module], identity: Identity
) -> None:
    """Write the state, what the losses of the stages remember, and what identifies the training, whole or not at all.

    Raises:
        MR2XRayError: if it cannot be written; the former checkpoint is then as it was.
    """
    header = {
        "stage": state.stage,
        "step": state.step,
        "minutes": state.minutes,
        "settings": identity.settings,
        "known_by": identity.known_by,
        "max_minutes": identity.max_minutes,
    }
    with atomic_path(path) as temporary:
        temporary.touch()
        usual = temporary.stat().st_mode
        try:
            save_file(_tensors(state, losses), temporary, {"training": json.dumps(header)})
        except SafetensorError as error:
            # What a full disk is to safetensors; `atomic_path` makes a sentence of it.
            raise OSError(errno.EIO, str(error)) from None
        temporary.chmod(usual)  # safetensors writes files that nobody else may read


def load_checkpoint(
    path: Path, state: TrainingState, losses: Sequence[nn.Module], identity: Identity
) -> None:
    """Put a saved state into `state` and `losses`, which must be those of the same training.

    Raises:
        MR2XRayError: if the file is missing, damaged, of a training with other settings or known by other things, or
            of one that is finished within another time limit.
    """
    try:
        with safe_open(path, "pt") as file:
            header = json.loads(file.metadata()["training"])
            names = file.keys()
            # Copies: the optimiser keeps what it is given, and Windows replaces no file that memory is still mapped to.
            tensors = {name: file.get_tensor(name).clone() for name in names}
    except FileNotFoundError:
        raise MR2XRayError(f"There is no checkpoint {path} to go on from; start without --resume.") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        raise MR2XRayError(
            f"The checkpoint {path} is damaged; delete it and start without --resume."
        ) from None
    _check(path, header, identity, finished=header["stage"] == len(losses))
    try:
        state.network.load_state_dict(_part(tensors, "network."))
        state.average.load_state_dict(_part(tensors, "average."))
        for number, loss in enumerate(losses):
            loss.load_state_dict(_part(tensors, f"loss.{number}."), strict=False)
        _set_moments(state.optimiser, _part(tensors, "optimiser."))
        torch.set_rng_state(tensors["random"])
    except (KeyError, RuntimeError, ValueError, TypeError):
        raise MR2XRayError(
            f"The checkpoint {path} is of another network; give the architecture and width that it was made with."
        ) from None
    state.stage, state.step, state.minutes = header["stage"], header["step"], header["minutes"]


def _check(path: Path, header: Mapping[str, Any], identity: Identity, finished: bool) -> None:
    """Refuse the checkpoint of another training; those of earlier versions tell their settings only."""
    given = json.loads(json.dumps({"settings": identity.settings, **identity.known_by}))
    kept = {**given, "settings": header["settings"], **header.get("known_by", {})}
    others = [name for name, value in kept.items() if given.get(name) != value]
    if others:
        raise MR2XRayError(
            f"The checkpoint {path} belongs to a training with other {' and '.join(others)}; give those again, or "
            "another --out."
        )
    limit = header.get("max_minutes", identity.max_minutes)
    if finished and limit != identity.max_minutes:
        raise MR2XRayError(
            f"The training of the checkpoint {path} is finished; it ran with"
            f"{f' --minutes {limit:g}' if limit < math.inf else 'out --minutes'}. Repeat it so to evaluate and write "
            "what it made, or train that further with --start-from and another --out."
        )


def _tensors(state: TrainingState, losses: Sequence[nn.Module]) -> dict[str, Tensor]:
    moments = state.optimiser.state_dict()["state"]
    named = {
        **{f"network.{name}": value for name, value in state.network.state_dict().items()},
        **{f"average.{name}": value for name, value in state.average.state_dict().items()},
        **{
            f"loss.{n}.{name}": value
            for n, loss in enumerate(losses)
            for name, value in loss.state_dict().items()
        },
        **{f"optimiser.{n}.{key}": value for n, values in moments.items() for key, value in values.items()},
        "random": torch.get_rng_state(),
    }
    return {name: value.detach().cpu().contiguous() for name, value in named.items()}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _set_moments(optimiser: Optimizer, named: dict[str, Tensor]) -> None:
    """Give the optimiser its moments back; `named` maps "parameter number.key" to a tensor."""
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in named.items():
        number, key = name.split(".")
        moments.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
