"""Torch's libraries are loaded before torch is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is loaded ahead")
def test_the_libraries_are_there_before_torch_is_and_torch_works_with_them() -> None:
    program = """
from pathlib import Path
from MR2XRayScene.torch_libraries import load_ahead

load_ahead()
print("torch" in sys.modules, "libtorch_cpu.so" in Path("/proc/self/maps").read_text())
import torch
print(float(torch.ones(3) @ torch.ones(3)))
"""
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split() == ["False", "True", "3.0"], done.stderr
