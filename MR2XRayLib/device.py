"""Which processor the networks and the torch projector run on."""

from __future__ import annotations

import os

from MR2XRayLib.errors import MR2XRayError

DEVICES = ("auto", "cpu", "cuda", "mps")


def wait_passively() -> None:
    """Let idle threads of OpenMP sleep instead of spinning, unless OMP_WAIT_POLICY says otherwise.

    torch and numba each have a pool of threads, which would take the cores from each other. OpenMP reads this once,
    when torch or numba is loaded, so it has to come before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def resolve_device(name: str = "auto") -> str:
    """The torch device in use for `name`: "auto" takes CUDA, then Apple's MPS, then the CPU.

    Without torch there is the CPU alone.

    Raises:
        MR2XRayError: if `name` is unknown or that device is not available here.
    """
    if name == "cpu":
        return name
    available = _available()
    if name == "auto":
        return next(device for device, is_there in available.items() if is_there)
    if name not in available:
        raise MR2XRayError(f'There is no device "{name}"; choose one of {", ".join(DEVICES)}.')
    if not available[name]:
        raise MR2XRayError(f'The device "{name}" is not available on this machine; use --device cpu or auto.')
    return name


def _available() -> dict[str, bool]:
    """Each device, the preferred first, and whether it is there."""
    wait_passively()
    try:
        import torch
    except ImportError:
        return {"cuda": False, "mps": False, "cpu": True}
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
