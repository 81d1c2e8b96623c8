"""The forward projector beside its peers, in one run: time, ratio, error, memory, the machine's floor.

`make bench`, or `python Testing/benchmarks/projector.py --out FOLDER`; the peers are in ../projection/peers.py.
Every projector that is installed takes its turn view by view, round by round, and so does the reading of the volume
(the floor), so that whatever else the machine does falls on all alike. Times are medians over views and rounds; the
error is the relative RMS against exact line integrals, over all views.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "projection"))

import numpy as np
from bodies import OBLIQUE_VIEWS, STEEP_VIEWS, centred_affine, relative_rms, views
from peers import PEERS

from MR2XRayLib.carm import View
from MR2XRayLib.phantom import ellipsoid_phantom, gaussian_phantom
from MR2XRayLib.projection import Projector
from MR2XRayLib.volume import Volume

FIELD_MM = 307.2


@dataclass(frozen=True)
class Case:
    """A volume and a detector: voxels along i, j, k, their spacing, pixels a side."""

    size: tuple[int, int, int]
    spacing_mm: float
    side: int
    smooth: bool = False
    peers: bool = True
    steep: bool = False

    def views(self) -> list[View]:
        """Sixteen views of the origin, oblique or with the secondary angle from -90 to 90 degrees."""
        return views(self.side, FIELD_MM, STEEP_VIEWS if self.steep else OBLIQUE_VIEWS)

    def phantom(self) -> Any:
        """Gaussians fill the volume; the ellipsoids are a head in air."""
        return gaussian_phantom() if self.smooth else ellipsoid_phantom()


CASES = {
    "A": Case((256, 256, 256), 1.0, 256),
    "A, no empty space": Case((256, 256, 256), 1.0, 256, smooth=True),
    "A, steep": Case((256, 256, 256), 1.0, 256, steep=True),
    "A512": Case((256, 256, 256), 1.0, 512),
    "B512": Case((512, 512, 400), 0.48, 512),
}
SIZES = {
    f"{n}³ to {side}²": Case((n, n, n), 256 / n, side, peers=False)
    for n in (128, 256, 512)
    for side in (128, 256, 512, 1024)
}
FLOOR = "reading the volume once"
OURS = {
    "fast, int16": {"quality": "fast", "storage": "int16"},
    "accurate, int16": {"quality": "accurate", "storage": "int16"},
    "accurate, float32": {"quality": "accurate", "storage": "float32"},
    "fast, float32": {"quality": "fast", "storage": "float32"},
}


def main() -> None:
    """Run the cases, print a table for each, and write results.json and results.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", nargs="*", default=[], help="peers to leave out")
    parser.add_argument("--without-sizes", action="store_true", help="leave the table over sizes out")
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "memory": memory(), "cases": {}}
    say(f"{results['machine']}\n{results['memory']}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name, case in (CASES | ({} if options.without_sizes else SIZES)).items():
        results["cases"][name] = run(case, options.rounds, options.without)
        tell(name, results["cases"][name])
        (options.out / "projector.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    plot(results, options.out / "projector.png")


def run(case: Case, rounds: int, without: list[str]) -> dict[str, Any]:
    """Time and error of every projector on one case."""
    affine = centred_affine(case.size, (case.spacing_mm,) * 3, np.eye(3))
    volume = Volume(case.phantom().voxels(affine, case.size), affine, "1/mm")
    all_views = case.views()
    exact = case.phantom().line_integrals(all_views)
    projectors: dict[str, Callable[[View], np.ndarray]] = {
        name: Projector(volume, device="cpu", **how).pixels for name, how in OURS.items()
    }
    if case.peers:
        projectors["torch"] = Projector(volume, device="cpu", backend="torch").pixels
        for name, make in PEERS.items():
            peer = None if name in without else make(volume, all_views)
            if peer is not None:
                projectors[name] = peer
    projectors[FLOOR] = reader(volume)
    times: dict[str, list[float]] = {name: [] for name in projectors}
    errors: dict[str, list[float]] = {name: [] for name in projectors}
    for project in projectors.values():
        project(all_views[0])  # compiles and warms up
    for _ in range(rounds):
        for number, view in enumerate(all_views):
            for name, project in projectors.items():
                if is_slow(name) and number % 4:
                    continue
                begun = time.perf_counter()
                pixels = project(view)
                times[name].append(1e3 * (time.perf_counter() - begun))
                if name != FLOOR:
                    errors[name].append(relative_rms(pixels, exact[number]))
    floor = float(np.median(times.pop(FLOOR)))
    rows = {
        name: {"ms": float(np.median(ms)), "error": float(np.mean(errors[name]))}
        for name, ms in times.items()
    }
    return {"floor_ms_float32": floor, "projectors": rows}


def is_slow(name: str) -> bool:
    """Whether a projector takes so long that it is given only every fourth view."""
    return name in ("torch", "plastimatch exact, whole program", "nanodrr", "DiffDRR trilinear")


def reader(volume: Volume) -> Callable[[View], np.ndarray]:
    """A projector that only reads the volume's float32 voxels once, on all cores (torch's sum): the machine's floor."""
    import torch

    # A copy: pages of zeros that were never written to would all be one page, read from the cache.
    voxels = torch.from_numpy(volume.voxels.copy())
    return lambda view: voxels.sum()[None, None].numpy()


MEMORY_PROBE = """
import resource, time, numpy as np
from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.volume import Volume
from MR2XRayLib.projection import Projector
small = Volume(np.ones((4, 4, 4), np.float32), np.eye(4), "1/mm")
view = CArm(isocentre_mm=(0., 0., 0.)).view(Angulation(0))
begun = time.perf_counter()
Projector(small, device="cpu").pixels(view)
first = time.perf_counter() - begun
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
empty = peak()
voxels = np.empty((400, 512, 512), np.float32)
for k in range(400):
    voxels[k] = 0.02 + 1e-5 * k
projector = Projector(Volume(voxels, np.eye(4), "1/mm"), device="cpu")
print(first, (peak() - empty) / voxels.nbytes, projector.memory_bytes / (2 * voxels.size))
"""


def memory() -> dict[str, float]:
    """First call in a new process with a warm cache (s), and the memory of preparing 512 x 512 x 400 voxels."""
    for _ in range(2):  # the first run fills numba's cache
        done = subprocess.run(
            [sys.executable, "-c", MEMORY_PROBE], capture_output=True, text=True, check=True
        )
    first, peak, resident = (float(number) for number in done.stdout.split())
    return {"first_call_s": first, "peak_over_float32_size": peak, "resident_over_int16_size": resident}


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    from MR2XRayLib.projection.simd import LANES

    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "lanes": LANES,
        "python": sys.version.split()[0],
    }


def tell(name: str, result: dict[str, Any]) -> None:
    """One case as a table."""
    rows = result["projectors"]
    base = rows.get("RTK Joseph", {}).get("ms")
    say(f"\n{name}: reading the volume once takes {result['floor_ms_float32']:.2f} ms (float32)")
    for projector, row in sorted(rows.items(), key=lambda item: item[1]["ms"]):
        ratio = f"{base / row['ms']:7.1f} x RTK" if base else ""
        floor = f"{row['ms'] / result['floor_ms_float32']:7.2f} x floor"
        say(f"  {projector:<20}{row['ms']:10.2f} ms{ratio:>16}{floor:>16}   error {row['error']:.5f}")


def say(text: str) -> None:
    """To the terminal at once: the whole run takes minutes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def plot(results: dict[str, Any], path: Path) -> None:
    """Bars of the time of each projector on each case with peers, logarithmic."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cases = {name: results["cases"][name]["projectors"] for name in CASES}
    figure = Figure(figsize=(9, 2.2 * len(cases)), layout="constrained")
    for axes, (name, rows) in zip(figure.subplots(len(cases), 1), cases.items(), strict=True):
        ordered = sorted(rows.items(), key=lambda item: -item[1]["ms"])
        axes.barh([n for n, _ in ordered], [row["ms"] for _, row in ordered], color="tab:blue")
        axes.set(xscale="log", title=f"{name}: ms a projection", xlim=(0.5, None))
    FigureCanvasAgg(figure).print_png(str(path))


if __name__ == "__main__":
    main()
