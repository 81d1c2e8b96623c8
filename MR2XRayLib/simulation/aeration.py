"""Air where label anatomies have bone for want of signal: paranasal sinuses and mastoid cells.

BrainWeb's labels come from MR, in which air and cortical bone are equally dark: frontal, ethmoid, sphenoid and
maxillary sinuses and the mastoid cells are labelled "skull" in most of its anatomies, as blocks of up to 20 mm. No
bone of the face is that thick without marrow, which has signal and a label of its own; so such a block is air behind
a thin wall, or cells of air between walls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from MR2XRayLib.simulation.ellipsoids import Box
from MR2XRayLib.simulation.landmarks import Landmarks
from MR2XRayLib.simulation.morphology import dilated
from MR2XRayLib.simulation.noise import smooth_noise
from MR2XRayLib.simulation.tissues import CAVITY, SKULL
from MR2XRayLib.volume import Volume

VAULT_MM, THICKEST = 95.0, 99
"""The vault is what lies this high above the volume's lower end; its bone's depth is this percentile there."""

MUCOSA = (1, 6)
"""What fills a sinus that is not aired: fluid, swollen mucosa."""

AIRED = 0.93
"""How often a sinus is."""


@dataclass(frozen=True)
class Region:
    """Where blocks of "skull" are air, on either side of the midline.

    Attributes:
        height_mm: lowest and highest, above the volume's lower end.
        behind_mm: behind the face.
        beside_mm: from the midline.
        depth_mm: how deep below its surface bone must be somewhere to be a block.
        cell_mm: grain of the walls between cells.
        walls: fewest and most of these, as the magnitude of a noise of unit variance up to which a voxel is wall.
        wall_mm: bone that lies no deeper stays: the outermost voxel, where voxels are of 1 mm; between the eyes bone is
            thinner than any voxel, and nothing stays but the walls between cells.
        beyond_vault: a block is also deeper than the bone of the vault, which some anatomies have thick and without
            marrow; not asked of the small cells between the eyes.
    """

    height_mm: tuple[float, float]
    behind_mm: tuple[float, float]
    beside_mm: tuple[float, float]
    depth_mm: float
    cell_mm: float
    walls: tuple[float, float]
    wall_mm: float = 0.5
    beyond_vault: bool = True


REGIONS = {
    "frontal": Region((25, 90), (-30, 18), (0, 42), 2.1, 14, (0.0, 0.12)),
    "ethmoid": Region((20, 46), (20, 62), (0, 17), 0.0, 6, (0.1, 0.5), wall_mm=0.0, beyond_vault=False),
    "nose, sphenoid": Region((8, 58), (12, 97), (0, 22), 1.2, 8, (0.0, 0.2), beyond_vault=False),
    "maxillary": Region((0, 34), (12, 62), (12, 46), 2.1, 30, (0.0, 0.0)),
    "mastoid": Region((0, 60), (70, 142), (34, 82), 2.1, 5, (0.15, 1.0)),
}


def aerated(labels: Volume, rng: np.random.Generator) -> Volume:
    """The label volume, k up and j to the face, with the label `CAVITY` where its blocks of "skull" are air."""
    marks = Landmarks.of(labels)
    voxels, depth = labels.voxels.copy(), _depth_mm(labels.voxels == SKULL, marks.spacing_mm)
    vault = depth[int(VAULT_MM / marks.spacing_mm[0]) :]
    vault_mm = float(np.percentile(vault[vault > 0], THICKEST)) if (vault > 0).any() else 0.0
    for region in REGIONS.values():
        block_mm = max(region.depth_mm, vault_mm) if region.beyond_vault else region.depth_mm
        for side in (-1, 1):
            filling = CAVITY if rng.random() < AIRED else int(rng.choice(MUCOSA))
            box = _box(region, side, marks, voxels.shape)
            voxels[box][_hollow(depth[box], block_mm, region, marks.spacing_mm, rng)] = filling
    return replace(labels, voxels=voxels)


def _depth_mm(bone: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Distance of each voxel of bone to its surface, float32 (nk, nj, ni); 0 or less outside."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(bone.astype(np.uint8))
    image.SetSpacing([float(mm) for mm in spacing_mm[::-1]])
    inside = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=True, squaredDistance=False, useImageSpacing=True
    )
    # The distance is to the centre of the outermost voxel of bone; its face lies half a voxel further out.
    return sitk.GetArrayFromImage(inside) + np.float32(spacing_mm.min() / 2)


def _hollow(
    depth: np.ndarray, block_mm: float, region: Region, spacing_mm: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Which voxels of a region are inside blocks, bone deeper than `block_mm` somewhere, but no wall; bool."""
    walls, cells = rng.uniform(*region.walls), np.random.default_rng(rng.integers(2**63))
    if depth.size == 0:
        return np.zeros(depth.shape, bool)
    reach = [int(np.ceil((block_mm - region.wall_mm) / mm)) for mm in spacing_mm]
    block = dilated(depth > block_mm, reach) & (depth > region.wall_mm)
    noise = smooth_noise(depth.shape, region.cell_mm / spacing_mm.mean(), cells).numpy()
    hollow: np.ndarray = block & (np.abs(noise) >= walls)
    return hollow


def _box(region: Region, side: int, marks: Landmarks, shape: tuple[int, ...]) -> Box:
    """The voxels of a region on one side (-1, 1), empty if the volume ends before it."""
    corners = [
        marks.index(height, marks.front_mm - behind, side * beside)
        for height, behind, beside in zip(region.height_mm, region.behind_mm, region.beside_mm, strict=True)
    ]
    low, high = np.minimum(*corners), np.maximum(*corners)
    low, high = (np.clip(np.rint(ends), 0, shape).astype(int) for ends in (low, high))
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))
