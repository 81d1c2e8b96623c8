"""Torch's libraries, loaded before `import torch` needs them.

Loading them takes a third of a second from a warm disk cache, seconds from a cold one, and `import` keeps the
interpreter lock all the while, in whatever thread it runs: the panel would stand still.
"""

from __future__ import annotations

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path


def load_ahead() -> None:
    """Load what `import torch` will find loaded then; other threads get on meanwhile.

    `ctypes.CDLL` keeps the interpreter lock as `import` does, but a call of the system's `dlopen` lets go of it. The
    libraries and their order are those of torch's own start; none of them holds Python code. Only on Linux: on
    Windows torch loads its libraries by such a call itself. Where something is not as expected nothing is loaded,
    and `import torch` tells what is wrong.
    """
    spec = find_spec("torch")
    if "torch" in sys.modules or spec is None or spec.origin is None or sys.platform != "linux":
        return
    load = ctypes.CDLL(None).dlopen
    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    folder = Path(spec.origin).parent / "lib"
    for name, mode in (("libtorch_global_deps.so", os.RTLD_GLOBAL), ("libtorch.so", os.RTLD_LOCAL)):
        load(os.fsencode(folder / name), os.RTLD_NOW | mode)
