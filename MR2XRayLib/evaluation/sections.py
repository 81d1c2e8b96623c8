"""The sections of a report: each writes its pictures into the folder and gives its lines of Markdown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from MR2XRayLib.evaluation.markdown import number, table, title_of, with_interval
from MR2XRayLib.evaluation.paper import CITATION, TABLE_I
from MR2XRayLib.evaluation.plots import draw_angles, draw_curves, draw_strips
from MR2XRayLib.evaluation.results import MEAN_IMAGE, METRICS, Evaluation, GroupResult

Section = Callable[[Evaluation, Path], list[str]]
"""`section(evaluation, folder)`: Markdown lines, empty for nothing to say; pictures go into the folder."""

SHOWN = ("mae", "rmse", "mse", "ssim", "psnr")
MASKED = tuple(f"masked_{metric}" for metric in SHOWN)
STRUCTURE = ("frc_mid", "hp_corr")
BYTES_OF_STRIPS = 500_000
"""All strips together take about this at most, so that a report can be committed."""


def generators(evaluation: Evaluation, folder: Path) -> list[str]:
    """Which generators, and which weights."""
    rows = [
        (
            each.name,
            each.version,
            f"{each.architecture}, {each.width}",
            " + ".join(each.losses) or "–",
            f"{each.parameters:,}",
            f"`{each.sha256 or 'not saved'}`",
        )
        for each in evaluation.generators
    ]
    head = ("generator", "version", "network", "losses", "parameters", "SHA-256 of the weights")
    return ["## Generators", "", *table(head, rows)]


def summary(evaluation: Evaluation, folder: Path) -> list[str]:
    """The numbers that order pictures as the eye does, of all groups side by side."""
    lines = ["## Summary", "", "Means inside the head; their intervals stand below.", ""]
    for group in evaluation.groups:
        rows = []
        for method in group.methods:
            gain = method.gain_over(group.linear_map, "masked_psnr").mean
            means = [
                number(method.estimate(metric).mean, metric)
                for metric in ("masked_psnr", "masked_ssim", *STRUCTURE)
            ]
            rows.append((method.name, *means, "" if method.is_baseline else number(gain, "psnr")))
        head = (group.title, *(title_of(metric) for metric in ("masked_psnr", "masked_ssim", *STRUCTURE)))
        lines += table((*head, "gain over linear map (dB)"), rows)
    return lines


def groups(evaluation: Evaluation, folder: Path) -> list[str]:
    """Every group: tables with intervals, heads, curves, angles, strips."""
    strips = sum(bool(method.strips) for group in evaluation.groups for method in group.methods)
    most_bytes = BYTES_OF_STRIPS // max(strips, 1)
    lines = []
    for group in evaluation.groups:
        lines += [f"## {group.title}", "", *_words(group), *_means(group)]
        if group.paper:
            lines += _beside_the_paper(evaluation, group)
        lines += [*_heads(group), *_plots(group, folder), *_strips(group, folder, most_bytes)]
    return lines


def _words(group: GroupResult) -> list[str]:
    counts = group.counts
    over = (
        f"Intervals: Student's t over the {counts['heads']} heads."
        if counts["heads"] > 1
        else "Intervals: Student's t over views of one head; they say nothing of other heads."
    )
    shows_mean_image = any(method.name == MEAN_IMAGE for method in group.methods)
    left_out = "" if shows_mean_image else " There is no mean image: the cases' views share no geometry."
    return [
        f"{group.words} {_count(counts['heads'], 'head')}, {_count(counts['cases'], 'case')}, "
        f"{_count(counts['views'], 'view')}; the head covers {100 * group.coverage:.0f} % of the pixels. {over} "
        f"Baselines fitted on {group.baselines}.{left_out}",
        "",
        *(line for sentence in group.caveats for line in (f"**{sentence}**", "")),
    ]


def _count(number_of: int, noun: str) -> str:
    return f"{number_of} {noun}{'' if number_of == 1 else 's'}"


def _means(group: GroupResult) -> list[str]:
    lines = ["Means with 95 % confidence intervals:", ""]
    for metrics in (SHOWN, MASKED):
        rows = [
            (method.name, *(with_interval(method.estimate(metric), metric) for metric in metrics))
            for method in group.methods
        ]
        lines += table(
            ("whole image" if metrics is SHOWN else "inside the head", *map(title_of, SHOWN)), rows
        )
    rows = []
    for method in group.methods:
        cells = [with_interval(method.estimate(metric), metric) for metric in STRUCTURE]
        gain = method.gain_over(group.linear_map, "masked_psnr")
        told = "" if method.is_baseline else with_interval(gain, "psnr")
        rows.append((method.name, *cells, f"{method.curves.mid_band_power_ratio:.2f}", told))
    head = ("structure", *map(title_of, STRUCTURE), "power in the mid band / reference's")
    return [*lines, *table((*head, "head PSNR over the linear map's (dB)"), rows), *_ring(group)]


def _ring(group: GroupResult) -> list[str]:
    """What is left of the thin ring, where the heads have one."""
    shares = {method.name: method.ring_edges for method in group.methods}
    rows = [(name, with_interval(share, "hp_corr")) for name, share in shares.items() if share is not None]
    return table(("edges of the thin ring", "share of the reference's"), rows) if rows else []


def _beside_the_paper(evaluation: Evaluation, group: GroupResult) -> list[str]:
    rows, placed = [], set()
    for row in TABLE_I:
        theirs = [number(getattr(row, metric), "ssim") for metric in ("mae", "ssim", "psnr")]
        alike = [generator.name for generator in evaluation.generators if row.is_like(generator)]
        for name in alike or [""]:
            rows.append((f"{row.architecture}, {row.loss}", *theirs, name or "–", *_ours(group, name)))
            placed.add(name)
    rest = [method.name for method in group.methods if method.name not in placed]
    rows += [("–", "–", "–", "–", name, *_ours(group, name)) for name in rest]
    head = ("network, loss", *(f"{m}, paper" for m in ("MAE", "SSIM", "PSNR")), "ours")
    return [
        f"Beside the paper ({CITATION}). Ours are other data, at another scale and of another head: the numbers show "
        "that the protocol was followed and how far it goes, not which implementation is better.",
        "",
        *table((*head, *(f"{m}, ours" for m in ("MAE", "SSIM", "PSNR"))), rows),
    ]


def _ours(group: GroupResult, name: str) -> list[str]:
    if not name:
        return ["–"] * 3
    return [number(group.method(name).estimate(metric).mean, "ssim") for metric in ("mae", "ssim", "psnr")]


def _heads(group: GroupResult) -> list[str]:
    """Each head's means, folded away, for each method."""
    if group.counts["heads"] < 2:
        return []
    rows = [
        (method.name, head, *(number(getattr(method.of_head(head), metric), metric) for metric in METRICS))
        for method in group.methods
        for head in method.heads
    ]
    folded = ["<details><summary>Each head</summary>", ""]
    return [*folded, *table(("method", "head", *map(title_of, METRICS)), rows), "</details>", ""]


def _plots(group: GroupResult, folder: Path) -> list[str]:
    curves, angles = f"{group.key}_frequencies.png", f"{group.key}_angles.png"
    draw_curves(folder / curves, group)
    draw_angles(folder / angles, group)
    return [
        f"![Fourier ring correlation and power by frequency, {group.title}]({curves})",
        "",
        f"![Numbers by angle, {group.title}]({angles})",
        "",
    ]


def _strips(group: GroupResult, folder: Path, most_bytes: int) -> list[str]:
    lines = []
    for place, method in enumerate(group.methods, start=1):
        if method.strips:
            name = f"{group.key}_strips_{place}.jpg"
            draw_strips(folder / name, method.strips, most_bytes)
            words = "best, median and worst view by high-pass correlation"
            lines += [f"{method.name}, {words}:", "", f"![{method.name}, {words}, {group.title}]({name})", ""]
    return lines


SECTIONS: tuple[Section, ...] = (generators, summary, groups)
"""What a report holds, in order."""
