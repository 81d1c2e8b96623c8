"""Cone-beam line integrals on torch: the reference, the fallback and the differentiable path.

Joseph's method (P. M. Joseph, IEEE Trans. Med. Imaging 1982, doi:10.1109/TMI.1982.4307572), written as a batch
of 2D `grid_sample` calls: along the index axis that the rays cross fastest, a ray meets one point a slice,
which is interpolated bilinearly within the slice. In index coordinates, with source s, direction d and main
axis m, slice k is met at s + (k - s_m) q with the slopes q = d / d_m; the sum over the slices times the length
|A d / d_m| of one step in mm (A: index to mm) is the line integral. This holds for any affine index frame, so
nothing is ever resampled. Outside its voxels a volume is zero, reached linearly within half a voxel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from MR2XRayLib.carm import View
from MR2XRayLib.projection.content import Content
from MR2XRayLib.projection.geometry import main_axis, slices_in_front
from MR2XRayLib.volume import Volume

SAMPLES_PER_CHUNK = {"cpu": 1 << 20, "cuda": 1 << 26, "mps": 1 << 24}
"""Interpolated points held at once: on a CPU few enough to stay in its cache."""


@dataclass(frozen=True)
class IndexView:
    """A view in a volume's index coordinates (i, j, k); float64 tensors of shape (3,), gradients welcome."""

    source: Tensor
    corner: Tensor
    column_step: Tensor
    row_step: Tensor
    rows: int
    columns: int

    @classmethod
    def of(cls, view: View, affine: Tensor) -> IndexView:
        """`view` seen from the index frame of a volume with this 4x4 index-to-world `affine`."""
        inverse = torch.linalg.inv(affine[:3, :3])

        def steps(vector_mm: np.ndarray) -> Tensor:
            return inverse @ torch.as_tensor(vector_mm, dtype=affine.dtype, device=affine.device)

        offset = inverse @ affine[:3, 3]
        return cls(
            steps(view.source_mm) - offset,
            steps(view.corner_mm) - offset,
            steps(view.column_step_mm),
            steps(view.row_step_mm),
            view.rows,
            view.columns,
        )

    def main_axis(self) -> int:
        """The index axis along which slices are taken, see `geometry.main_axis`, which raises."""
        middle = self.directions(torch.tensor([(self.rows - 1) / 2]), torch.tensor([(self.columns - 1) / 2]))
        ends = self.directions(torch.tensor([0, self.rows - 1]), torch.tensor([0, self.columns - 1]))
        central, corners = (rays.detach().cpu().numpy().reshape(-1, 3).T for rays in (middle, ends))
        return main_axis(central[:, 0], corners)

    def directions(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Source to pixel, shape (len(rows), len(columns), 3)."""
        rows, columns = rows.to(self.corner), columns.to(self.corner)
        start = self.corner - self.source
        return start + rows[:, None, None] * self.row_step + columns[None, :, None] * self.column_step


def line_integrals(voxels: Tensor, affine: Tensor, view: View) -> Tensor:
    """Line integrals of one view: voxel value times mm, float32, shape (rows, columns).

    Differentiable with respect to `voxels` and `affine` (and so to a pose composed into it).

    Args:
        voxels: float32, shape (nk, nj, ni).
        affine: float64 4x4, index (i, j, k) to world LPS mm, on the CPU.
        view: the geometry, in the same world.

    Raises:
        MR2XRayError: if the beam is too wide for one main axis.
    """
    index_view = IndexView.of(view, affine)
    main = index_view.main_axis()
    return _integrate(_main_axis_first(voxels, main), affine, index_view, main)


def _main_axis_first(voxels: Tensor, main: int) -> Tensor:
    """Voxels as slices across index axis `main`: (n_main, ...), the two other axes in the order k, j, i."""
    return voxels.movedim(2 - main, 0).contiguous()


def _integrate(slices: Tensor, affine: Tensor, view: IndexView, main: int) -> Tensor:
    device = slices.device
    directions = view.directions(torch.arange(view.rows), torch.arange(view.columns))
    along = directions[..., main]
    column_axis, row_axis = (axis for axis in (0, 1, 2) if axis != main)
    slopes = directions[..., [column_axis, row_axis]] / along[..., None]
    step_mm = torch.linalg.vector_norm((directions / along[..., None]) @ affine[:3, :3].T, dim=-1)
    first, last = slices_in_front(view.source[main].item(), along[0, 0].item() > 0, len(slices))
    # grid_sample's coordinates run from -1 to 1 over the outer edges of the slice's voxels.
    size = torch.tensor([slices.shape[2], slices.shape[1]], dtype=affine.dtype)
    scale = (2 * slopes / size).float().to(device)
    start = ((2 * (view.source[[column_axis, row_axis]] - view.source[main] * slopes) + 1) / size - 1).float()
    total = _sum_of_slices(slices[first:last], start.to(device), scale, first)
    return total * step_mm.float().to(device)


def _sum_of_slices(slices: Tensor, start: Tensor, scale: Tensor, first: int) -> Tensor:
    """Sum over slices k of the bilinear samples at `start + k * scale`, (rows, columns, 2) each."""
    pixels = start.shape[:2]
    total = torch.zeros(pixels, device=slices.device)
    chunk = max(1, SAMPLES_PER_CHUNK[slices.device.type] // pixels.numel())
    for begin in range(0, len(slices), chunk):
        part = slices[begin : begin + chunk]
        k = torch.arange(first + begin, first + begin + len(part), device=slices.device, dtype=torch.float32)
        grid = torch.addcmul(start, k[:, None, None, None], scale)
        samples = torch.nn.functional.grid_sample(
            part[:, None], grid, padding_mode="zeros", align_corners=False
        )
        total = total + samples.sum(dim=(0, 1))
    return total


class TorchProjector:
    """A volume prepared for many views: cropped to its non-zero voxels, on its device, sliced along each axis.

    Args:
        volume: any unit; pixel values are voxel values times mm.
        device: a torch device in use ("cpu", "cuda", "mps").
    """

    def __init__(self, volume: Volume, device: str = "cpu") -> None:
        content = Content.of(volume)
        self._voxels = torch.as_tensor(np.ascontiguousarray(content.voxels, np.float32), device=device)
        self._affine = torch.tensor(content.affine)
        self._slices: dict[int, Tensor] = {}

    @property
    def memory_bytes(self) -> int:
        """Bytes of the voxels, once for each main axis that has been asked for."""
        return sum(slices.nbytes for slices in (self._voxels, *self._slices.values()))

    @torch.inference_mode()
    def __call__(self, view: View) -> np.ndarray:
        """Line integrals of one view, float32, shape (rows, columns)."""
        index_view = IndexView.of(view, self._affine)
        main = index_view.main_axis()
        if main not in self._slices:
            self._slices[main] = _main_axis_first(self._voxels, main)
        return _integrate(self._slices[main], self._affine, index_view, main).cpu().numpy()
