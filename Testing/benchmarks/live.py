"""Live use on slicer-core: from a slider's move to four updated images, and how long the panel stands still.

`make bench`, or `python Testing/benchmarks/live.py --generator NAME --out FOLDER`; without a name the default generator
and the one that sees the projection alone. The digital head at 1 mm, 256 x 256 pixels, the CPU. Everything but drawing
on a screen is measured: parameter node, projections, synthesis, numbers, image nodes, window and colours, C-arm. The
parts are timed in the same rounds. What a preview differs by is told in line integrals.
"""

from __future__ import annotations

import argparse
import json
import math
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
HAND_S = 0.1
"""Between choosing the MR and the CT: the CT comes while torch's libraries are being loaded."""
QUICK = "projection-only"
"""The shipped generator for quick live use."""


def main() -> None:
    """Measure, print, and write live.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--generator", help="its name in the store; the default one and the quick one without"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    names = ["", QUICK] if options.generator is None else [options.generator]
    with start() as program:
        program.load_module(TESTING.parent / "MR2XRay" / "MR2XRay.py")
        program.enter()
        still_ms = {"preparing, torch is loaded": load(program, names[0])}
        generators = []
        for name in names:
            program.logic.getParameterNode().generator = name
            standstill(program)
            generators.append(measured(program))
        program.widget.panel.preparation.again()
        still_ms["preparing again"] = standstill(program)
        program.logic.getParameterNode().generator = names[0]
        standstill(program)
        from MR2XRayScene.parameters import Fourth

        for fourth in Fourth:
            program.logic.getParameterNode().display.fourth = fourth
            program.widget.panel.live.now()
            still_ms[f"one update, with the {fourth.value.lower()}"] = standstill(program)
    content = {
        "machine": {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "processor": processor(),
            "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        },
        "moves": MOVES,
        "generators": generators,
        "longest_standstill_ms": {name: round(ms, 1) for name, ms in still_ms.items()},
    }
    for name, ms in still_ms.items():
        sys.stdout.write(f"longest standstill, {name}: {ms:.0f} ms\n")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "live.json").write_text(json.dumps(content, indent=2) + "\n")


def measured(program: Any) -> dict[str, Any]:
    """Measure the generator that is prepared, print, and give what is written of it."""
    live = program.logic.session.prepared.live
    quick, card = live.preview, live.synthesizer.trained.card
    parts, differences = measure(program)
    content: dict[str, Any] = {
        "generator": {"name": card.name, "version": card.version, "parameters": card.parameters},
        "precision_while_a_slider_moves": "float32" if quick is None else quick.precision,
        "median_ms": {name: round(float(np.median(times)), 2) for name, times in parts.items()},
        "longest_ms": {name: round(max(times), 2) for name, times in parts.items()},
        "preview_differs_by": differences,
    }
    sys.stdout.write(f"{card.name} {card.version}, {content['precision_while_a_slider_moves']}\n")
    for name, median in content["median_ms"].items():
        sys.stdout.write(f"{name:<40}{median:8.1f} ms (longest {content['longest_ms'][name]:.1f})\n")
    for name, number in differences.items():
        sys.stdout.write(f"the preview differs by, {name}: {number:.4f}\n")
    return content


def processor() -> str:
    """Its name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def load(program: Any, generator: str) -> float:
    """Put the digital head into the scene and choose it, as a hand would: the CT while the MR is being prepared.

    Returns:
        the longest standstill until both are prepared, ms.
    """
    from MR2XRayLib.demo import demo_pair
    from MR2XRayScene.transforms import place_under
    from MR2XRayScene.volumes import node_from_volume

    pair = demo_pair(1.0)
    parameters = program.logic.getParameterNode()
    parameters.generator = generator
    mr = node_from_volume(program.scene, pair.mr, "MR")
    place_under(program.scene, [mr], pair.truth, "truth")
    ct = node_from_volume(program.scene, pair.ct, "CT")
    parameters.mr = mr
    alone_ms = standstill(program, HAND_S)
    parameters.ct = ct
    return max(alone_ms, standstill(program))


def standstill(program: Any, seconds: float = math.inf) -> float:
    """Wait until nothing is under way, some seconds at most; the longest standstill of the event loop, ms."""
    longest, began = 0.0, time.perf_counter()
    before = began
    panel = program.widget.panel
    while (panel.preparation.busy or panel.live.busy) and before - began < seconds:
        program.process_events()
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
        time.sleep(0.001)
    return 1e3 * longest


def measure(program: Any) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Move the primary angle; time the update and its parts, ms, and how much previews differ from exact images."""
    session, parameters = program.logic.session, program.logic.getParameterNode()
    times: dict[str, list[float]] = defaultdict(list)
    differences: list[np.ndarray] = []

    def timed(name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        result = function(*arguments, **options)
        times[name].append(1e3 * (time.perf_counter() - began))
        return result

    for move in range(MOVES + WARM_UP):
        if move == WARM_UP:
            times.clear()
        began = time.perf_counter()
        parameters.carm.primaryDeg = -45.0 + 1.5 * move
        shown = session.update_images(parameters, preview=True)
        times["slider to four images"].append(1e3 * (time.perf_counter() - began))
        views, live = (session.view(parameters),), session.prepared.live
        mr = timed("  project the MR", live.mr[0].project, views)
        timed("  synthesize", (live.preview or live.synthesizer).synthesize, mr)
        timed("  project the CT", live.ct.project, views)
        timed("exact image, at a pause", session.make_exact, parameters)
        timed("numbers, at a pause", session.numbers)
        exact = live.exact(shown)
        differences.append(np.abs(shown.synthesized.pixels - exact.synthesized.pixels))
    of_all = np.stack(differences)
    return times, {
        "mean": round(float(of_all.mean()), 5),
        "99.9 %": round(float(np.quantile(of_all, 0.999)), 5),
        "most": round(float(of_all.max()), 5),
    }


if __name__ == "__main__":
    main()
