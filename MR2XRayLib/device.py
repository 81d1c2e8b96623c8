"""Which processor the networks and the torch projector run on."""

from __future__ import annotations

from MR2XRayLib.errors import MR2XRayError

DEVICES = ("auto", "cpu", "cuda", "mps")


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
    try:
        import torch
    except ImportError:
        return {"cuda": False, "mps": False, "cpu": True}
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
