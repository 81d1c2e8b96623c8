"""Large libraries loaded ahead."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from threading import Thread
from types import SimpleNamespace

import pytest

from MR2XRayScene import libraries

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is loaded ahead")


@only_linux
def test_the_libraries_are_there_before_the_packages_are_and_these_work_with_them() -> None:
    program = """
NAMES = ("libtorch_cpu.so", "_SimpleITK", "libllvmlite.so")
from pathlib import Path
from MR2XRayScene.libraries import load_ahead

load_ahead()
maps = Path("/proc/self/maps").read_text()
print("torch" in sys.modules, "SimpleITK" in sys.modules, *(name in maps for name in NAMES))
import torch, SimpleITK, numba
print(float(torch.ones(3) @ torch.ones(3)), SimpleITK.Image(2, 3, SimpleITK.sitkUInt8).GetSize()[1])
"""
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split() == ["False", "False", "True", "True", "True", "3.0", "3"], done.stderr


@only_linux
def test_a_second_thread_asks_the_system_for_nothing_while_another_loads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def system(name: object) -> SimpleNamespace:
        asked.append(name)
        return SimpleNamespace(dlopen=lambda *_: None)

    monkeypatch.setattr(ctypes, "CDLL", system)
    second = Thread(target=libraries.load_ahead)
    with libraries._loading:
        second.start()
        second.join(0.2)
        assert second.is_alive()
        assert not asked
    second.join(10)
    assert asked == [None]
