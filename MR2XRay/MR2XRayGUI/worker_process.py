"""How the worker process is started, and how nothing of it is left.

In Slicer the interpreter `PythonSlicer` is a launcher that starts the real one as its child. What Qt can kill is the
launcher alone, so the real interpreter leads a session of its own and tells its number first. Its standard input is
this process's end of a pipe: when that closes, by Cancel or because Slicer is gone, the command line ends itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import qt

import MR2XRayLib

_LEAD = (
    "import json, os, runpy, sys;"
    # By a variable of its own: a launcher may set PYTHONPATH anew.
    "sys.path.insert(0, os.environ['MR2XRAY_LIBRARY']);"
    # Slicer's launcher sets it anew; these are factories for Slicer's own ITK, which crash the itk wheels.
    "os.environ.pop('ITK_AUTOLOAD_PATH', None);"
    "hasattr(os, 'setsid') and os.getpgrp() != os.getpid() and os.setsid();"
    "print(json.dumps({'pid': os.getpid()}), flush=True);"
    "runpy.run_module('MR2XRayLib', run_name='__main__', alter_sys=True)"
)
"""What the interpreter runs: like `-m MR2XRayLib`, in a session of its own. No double quotes, for Windows' sake."""


def worker_command() -> list[str]:
    """The command line in Slicer's Python, or in this one where there is no Slicer."""
    return [shutil.which("PythonSlicer") or sys.executable, "-c", _LEAD]


def environment(folder: Path | None) -> qt.QProcessEnvironment:
    """Slicer's own environment, with the library importable and everything temporary inside `folder`."""
    variables = qt.QProcessEnvironment.systemEnvironment()
    variables.remove("ITK_AUTOLOAD_PATH")
    variables.insert("MR2XRAY_LIBRARY", str(Path(MR2XRayLib.__file__).resolve().parent.parent))
    variables.insert("PYTHONUNBUFFERED", "1")
    variables.insert("PYTHONUTF8", "1")
    if folder is not None:
        for name in ("TMPDIR", "TEMP", "TMP"):
            variables.insert(name, str(folder))
    return variables


def kill_session(leader: int | None) -> None:
    """Kill every process of the session that a worker leads; where that one is gone already, its orphans.

    On Windows, which has no sessions, `kill_process` does it all.
    """
    if leader is not None and hasattr(os, "killpg"):
        # Where nobody is left, macOS says so by refusing.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def kill_process(process: Any) -> None:
    """Kill what Qt started (a `QProcess`), on Windows with all its descendants."""
    if os.name == "nt":
        words = ["taskkill", "/T", "/F", "/PID", str(process.processId())]
        subprocess.Popen(words, creationflags=0x08000000)  # CREATE_NO_WINDOW
    else:
        process.kill()
