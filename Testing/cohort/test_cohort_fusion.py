"""The fusion picture shows every plane the way round it says, and a misplaced MR as misplaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from MR2XRayLib.cohort.fusion import write_fusion
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

CENTRE = np.array([20.0, -30.0, 400.0])
SKY, GOLD = (0, 191, 255), (255, 215, 0)


def ball(marker: np.ndarray, outside: float, inside: float, marked: float) -> Volume:
    """A ball of 75 mm radius about CENTRE, and in it a smaller one beside the middle, in voxels of 4 mm."""
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = CENTRE - 126
    volume = Volume(np.full((64, 64, 64), outside, np.float32), affine)
    k, j, i = np.indices(volume.voxels.shape)
    offset = volume.to_world(np.stack([i, j, k], axis=-1)) - CENTRE
    volume.voxels[np.linalg.norm(offset, axis=-1) < 75] = inside
    volume.voxels[np.linalg.norm(offset - marker, axis=-1) < 18] = marked
    return volume


def panels(path: Path, contrasts: int) -> list[list[np.ndarray]]:
    """The pictures of the figure, row by row, as RGB integers; titles and names are cut off."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    rows = np.array_split(pixels[25:], 2 * contrasts)
    return [np.array_split(row[:, 30:], 3, axis=1) for row in rows]


def halves_with(panel: np.ndarray, colour: tuple[int, int, int]) -> set[str]:
    """On which sides of a picture's middle most of a colour lies."""
    down, right = np.nonzero(np.abs(panel - colour).max(axis=-1) < 60)
    middle_down, middle_right = np.array(panel.shape[:2]) / 2
    return {
        "left" if np.median(right) < middle_right else "right",
        "up" if np.median(down) < middle_down else "down",
    }


@pytest.mark.parametrize(
    ("towards", "axial", "coronal", "sagittal"),
    [
        ((40, 0, 0), {"right"}, {"right"}, set()),
        ((0, -40, 0), {"up"}, set(), {"left"}),
        ((0, 0, 40), set(), {"up"}, {"up"}),
    ],
    ids=["the patient's left", "anterior", "the head's top"],
)
def test_planes_lie_the_way_round_their_letters_say(
    tmp_path: Path, towards: tuple[float, ...], axial: set[str], coronal: set[str], sagittal: set[str]
) -> None:
    marker = np.array(towards, float)
    ct = replace(ball(marker, -1000, 40, 1200), unit="HU")
    mr = ball(marker, 0, 500, 0)
    write_fusion(tmp_path / "f.png", ct, {"t1": mr}, Transform.identity())
    _, outlines = panels(tmp_path / "f.png", 1)
    for panel, sides in zip(outlines, (axial, coronal, sagittal), strict=True):
        # Each plane goes through the middle: it misses a ball that lies off it.
        assert not sides or sides <= halves_with(panel, GOLD)


def test_outlines_leave_a_misplaced_mr(tmp_path: Path) -> None:
    def skin_over_air(shift_mm: float) -> float:
        """How much of the CT's skin lies where the MR is black on both sides of the line."""
        ct = replace(ball(np.zeros(3), -1000, 40, 1200), unit="HU")
        transform = Transform.rigid((0, 0, 0), (shift_mm, 0, 0))
        write_fusion(tmp_path / "f.png", ct, {"t1": ball(np.zeros(3), 0, 500, 0)}, transform)
        axial = panels(tmp_path / "f.png", 1)[1][0]
        on_line = np.argwhere(np.abs(axial - SKY).max(axis=-1) < 60)
        black = [(axial[r, c - 5] < 60).all() and (axial[r, c + 5] < 60).all() for r, c in on_line]
        return float(np.mean(black))

    assert skin_over_air(0.0) < 0.15
    assert skin_over_air(20.0) > 0.3


def test_every_contrast_has_its_rows_and_the_bytes_repeat(tmp_path: Path) -> None:
    ct = replace(ball(np.zeros(3), -1000, 40, 1200), unit="HU")
    mr = ball(np.zeros(3), 0, 500, 0)
    for name in ("one.png", "two.png"):
        write_fusion(tmp_path / name, ct, {"t1": mr, "t2": mr}, Transform.identity())
    write_fusion(tmp_path / "alone.png", ct, {"t1": mr}, Transform.identity())
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    both, alone = (Image.open(tmp_path / name).size for name in ("one.png", "alone.png"))
    assert both[0] == alone[0]
    assert both[1] == pytest.approx(2 * alone[1] - 25, abs=2)


def test_an_mr_that_lies_elsewhere_is_black_and_no_fault(tmp_path: Path) -> None:
    ct = replace(ball(np.zeros(3), -1000, 40, 1200), unit="HU")
    away = Transform.rigid((0, 0, 0), (900, 0, 0))
    write_fusion(tmp_path / "f.png", ct, {"t1": ball(np.zeros(3), 0, 500, 0)}, away)
    _, outlines = panels(tmp_path / "f.png", 1)
    greys = [panel[np.ptp(panel, axis=-1) == 0] for panel in outlines]
    assert all(np.median(grey) == 0 for grey in greys)
