"""A worker that goes on when the test says so, and leaving the module meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORKER = """
import json, os, shutil, sys, threading, time
from pathlib import Path
def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(130)
threading.Thread(target=end_with_stdin, daemon=True).start()
folder, words = Path(sys.argv[1]), sys.argv[2:]
print(json.dumps({"stage": "working", "fraction": 0.5}), flush=True)
while not (folder / "go").exists():
    time.sleep(0.01)
if "--out" in words and (folder / "made").exists():
    out = Path(words[words.index("--out") + 1])
    (shutil.copytree if (folder / "made").is_dir() else shutil.copy)(folder / "made", out)
print((folder / "last.json").read_text(), flush=True)
"""
"""Waits until it may go on, then hands over what the test has made."""


class Worker:
    """What the worker of a test makes, and when."""

    def __init__(self, folder: Path) -> None:
        self.made = folder / "made"
        self._folder = folder
        folder.mkdir()
        self.says(result={})

    def says(self, **last: Any) -> None:
        """What it tells at its end."""
        (self._folder / "last.json").write_text(json.dumps(last))

    def go_on(self) -> None:
        """Let it end."""
        (self._folder / "go").touch()


def half_way(program: Any, button: str) -> None:
    """Press a button, wait until its work is half done, and leave the module."""
    program.click(button)
    program.wait_until(lambda: program.find("jobProgressBar").value == 50, 60)
    program.exit()


def arrangement(program: Any) -> int:
    return program.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement()


def end_away(program: Any, worker: Worker) -> None:
    """Let the work end while the user is in the other module."""
    worker.go_on()
    program.wait_until(lambda: not program.widget.panel.job.running, 60)
    program.process_events()
