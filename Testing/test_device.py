"""Which processor is used, and what is said when one is not there."""

from __future__ import annotations

import pytest
import torch

from MR2XRayLib.device import resolve_device
from MR2XRayLib.errors import MR2XRayError


def test_auto_takes_the_fastest_there_is() -> None:
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert resolve_device("auto") == expected
    assert resolve_device("cpu") == "cpu"


def test_an_unknown_device_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(MR2XRayError, match="auto, cpu, cuda, mps"):
        resolve_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is an NVIDIA GPU here")
def test_a_device_that_is_not_here_is_an_error() -> None:
    with pytest.raises(MR2XRayError, match='"cuda" is not available'):
        resolve_device("cuda")
