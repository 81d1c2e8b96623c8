"""Which processor is used, and what is said when one is not there."""

from __future__ import annotations

import os
import subprocess
import sys

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


@pytest.mark.parametrize(
    "statement",
    [
        "from MR2XRayLib.generators.store import load_generator",
        "from MR2XRayLib.device import resolve_device; resolve_device('auto')",
        "from MR2XRayLib.projection.numba_projector import load_kernel; load_kernel()",
    ],
)
def test_idle_threads_are_told_to_sleep_before_torch_or_numba_is_loaded(statement: str) -> None:
    # Both read the variable as they are loaded: a stand-in in their place tells what they would have read.
    code = f"""
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "numba"):
            print(os.environ.get("OMP_WAIT_POLICY"), flush=True)
            sys.meta_path.remove(self)
sys.meta_path.insert(0, Watch())
{statement}
"""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["passive"], done.stderr
