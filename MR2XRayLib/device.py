"""Which processor the networks and the torch projector run on."""

from __future__ import annotations

from MR2XRayLib.errors import MR2XRayError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str = "auto") -> str:
    """The torch device in use for `name`: "auto" takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        MR2XRayError: if `name` is unknown or that device is not available here.
    """
    if name == "cpu":
        return name
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if name not in available:
        raise MR2XRayError(f'There is no device "{name}"; choose one of {", ".join(DEVICES)}.')
    if not available[name]:
        raise MR2XRayError(f'The device "{name}" is not available on this machine; use --device cpu or auto.')
    return name
