"""The large libraries of torch, SimpleITK and numba, loaded before `import` needs them.

Loading them takes a third of a second from a warm disk cache, seconds from a cold one, and `import` keeps the
interpreter lock all the while, in whatever thread it runs: the panel would stand still.
"""

from __future__ import annotations

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

_loading = Lock()
"""Held while libraries are loaded.

The system lets one thread load at a time. Whoever else asks it for a library waits, and if that is `ctypes.CDLL` or
an `import`, the interpreter lock waits with it. Threads that are to load wait here instead.
"""


def load_ahead() -> None:
    """Load what importing SimpleITK, numba and torch will find loaded then; other threads get on meanwhile.

    `ctypes.CDLL` keeps the interpreter lock as `import` does, but a call of the system's `dlopen` lets go of it. The
    libraries of torch and their order are those of torch's own start; starting them up, none runs Python code. Only
    on Linux: on Windows torch loads its libraries by such a call itself. Where something is not as expected nothing
    is loaded, and the import tells what is wrong.

    No thread can be created while the system looks up a library's symbols, which takes 200 ms for torch's in a program
    of as many libraries as Slicer; looking up at the first call what is called halves that.
    """
    if sys.platform != "linux":
        return
    with _loading:
        files = [(file, os.RTLD_LOCAL) for file in _files("SimpleITK", "_SimpleITK*.so")]
        files += [(file, os.RTLD_LOCAL) for file in _files("llvmlite", "binding/libllvmlite.so")]
        files += [(file, os.RTLD_GLOBAL) for file in _files("torch", "lib/libtorch_global_deps.so")]
        files += [(file, os.RTLD_LOCAL) for file in _files("torch", "lib/libtorch.so")]
        load = ctypes.CDLL(None).dlopen
        load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        for file, mode in files:
            load(os.fsencode(file), os.RTLD_LAZY | mode)


def _files(package: str, pattern: str) -> list[Path]:
    """A package's files of a pattern; none if it is imported already, or absent."""
    spec = None if package in sys.modules else find_spec(package)
    return [] if spec is None or spec.origin is None else sorted(Path(spec.origin).parent.glob(pattern))
