"""Live use on slicer-core: from a slider's move to four updated images, and how long the panel stands still.

`make bench`, or `python Testing/benchmarks/live.py --out FOLDER`. The digital head at 1 mm, 256 x 256 pixels, the
default generator, the CPU. Everything but drawing on a screen is measured: parameter node, projections, synthesis,
numbers, image nodes, window and colours, C-arm. The parts are timed in the same rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
TESTING = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTING / "SlicerStandIn"), str(TESTING.parent / "MR2XRay")]

import numpy as np
from slicerstandin import start

MOVES = 60
WARM_UP = 5


def main() -> None:
    """Measure, print, and write live.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    with start() as program:
        program.load_module(TESTING.parent / "MR2XRay" / "MR2XRay.py")
        program.enter()
        load(program)
        still_ms = {"first, torch is loaded": standstill(program)}
        program.widget.panel.preparation.again()
        still_ms["again"] = standstill(program)
        parts = measure(program)
    content = {
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "moves": MOVES,
        "median_ms": {name: round(float(np.median(times)), 2) for name, times in parts.items()},
        "longest_ms": {name: round(max(times), 2) for name, times in parts.items()},
        "longest_standstill_while_preparing_ms": {name: round(ms, 1) for name, ms in still_ms.items()},
    }
    for name, median in content["median_ms"].items():
        sys.stdout.write(f"{name:<40}{median:8.1f} ms (longest {content['longest_ms'][name]:.1f})\n")
    for name, ms in still_ms.items():
        sys.stdout.write(f"longest standstill while preparing, {name}: {ms:.0f} ms\n")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "live.json").write_text(json.dumps(content, indent=2) + "\n")


def load(program: Any) -> None:
    """Put the digital head into the scene."""
    from MR2XRayLib.demo import demo_pair
    from MR2XRayScene.transforms import place_under
    from MR2XRayScene.volumes import node_from_volume

    pair = demo_pair(1.0)
    parameters = program.logic.getParameterNode()
    mr = node_from_volume(program.scene, pair.mr, "MR")
    place_under(program.scene, [mr], pair.truth, "truth")
    parameters.ct = node_from_volume(program.scene, pair.ct, "CT")
    parameters.mr = mr


def standstill(program: Any) -> float:
    """Wait until the volumes are prepared; the longest standstill of the event loop meanwhile, ms."""
    longest, before = 0.0, time.perf_counter()
    while program.widget.panel.preparation.busy:
        program.process_events()
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
        time.sleep(0.001)
    return 1e3 * longest


def measure(program: Any) -> dict[str, list[float]]:
    """Move the primary angle, and time the update and its parts, ms."""
    session, parameters = program.logic.session, program.logic.getParameterNode()
    times: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        result = function(*arguments)
        times[name].append(1e3 * (time.perf_counter() - began))
        return result

    for move in range(MOVES + WARM_UP):
        if move == WARM_UP:
            times.clear()
        began = time.perf_counter()
        parameters.carm.primaryDeg = -45.0 + 1.5 * move
        session.update_images(parameters)
        times["slider to four images"].append(1e3 * (time.perf_counter() - began))
        views, live = (session.view(parameters),), session.prepared.live
        mr = timed("  project the MR", live.mr[0].project, views)
        timed("  synthesize", live.synthesizer.synthesize, mr)
        timed("  project the CT", live.ct.project, views)
        timed("numbers, at a pause", session.numbers)
    return times


if __name__ == "__main__":
    main()
