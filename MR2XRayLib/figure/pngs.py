"""One grey PNG a view, and the window that all pictures of line integrals share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.files import atomic_path
from MR2XRayLib.projection.projections import Projections

if TYPE_CHECKING:
    from PIL.Image import Image

Window = tuple[float, float]
"""The pixel values shown black and white."""

QUANTITY = {
    "1": "line integral of attenuation (no unit)",
    "mm": "line integral of MR intensity (mm)",
    "raw mm": "line integral of voxel values (× mm)",
}
"""What a pixel of each unit of `Projections` is, in words."""


def grey_window(*projections: Projections) -> Window:
    """One window for all these projections: from 0 (raw values: their 0.1th percentile) to the 99.9th percentile."""
    values = np.concatenate([p.pixels.ravel() for p in projections])
    low, high = (float(value) for value in np.percentile(values, (0.1, 99.9)))
    low = low if projections[0].unit == "raw mm" else 0.0
    return low, high if high > low else low + 1.0


def page_names(name: str, views: Sequence[View]) -> list[str]:
    """A file name, without suffix, for each view: `synthesized_01_LAO30_CRA10`."""
    digits = max(2, len(str(len(views))))
    angles = [str(view.angulation).replace(", ", "_").replace(" ", "").replace("°", "") for view in views]
    return [f"{name}_{number:0{digits}d}_{words}" for number, words in enumerate(angles, start=1)]


def write_pngs(
    folder: Path,
    name: str,
    projections: Projections,
    window: Window | None = None,
    *,
    bits: int = 16,
    inverted: bool = False,
) -> tuple[Path, ...]:
    """Write each view as a grey PNG, such as `synthesized_01_LAO30_CRA10.png`.

    Grey 0 is the window's low end and the highest grey (65535, or 255) its high end; values beyond are clipped. The
    PNG's text fields say so (View, Quantity, Window, Value) and its resolution is the detector's. Pixels that are
    not square are interpolated linearly to squares of the smaller side.

    Args:
        folder: where to; it is made if need be.
        name: the first word of each file name.
        projections: what to write.
        window: values of black and white; `grey_window(projections)` by default.
        bits: 16, or 8 for programs that show nothing else.
        inverted: black for the window's high end: bone dark.

    Returns:
        The files, in the order of the views.
    """
    from PIL.PngImagePlugin import PngInfo

    low, high = window or grey_window(projections)
    meaning = (
        ("Quantity", QUANTITY[projections.unit]),
        ("Window", f"{low:.9g} {high:.9g}"),
        ("Value", f"{'high -' if inverted else 'low +'} grey / {2**bits - 1} * (high - low)"),
    )
    paths = []
    for page, pixels, view in zip(
        page_names(name, projections.views), projections.pixels, projections.views, strict=True
    ):
        path = Path(folder) / f"{page}.png"
        text = PngInfo()
        for key, value in (("View", view.label), *meaning):
            text.add_text(key, value)
        per_inch = 25.4 / min(view.pixel_pitch_mm)
        share = np.clip((_square(pixels, view) - low) / (high - low), 0, 1)
        with atomic_path(path) as temporary:
            _grey_image(1 - share if inverted else share, bits).save(
                temporary, pnginfo=text, dpi=(per_inch, per_inch)
            )
        paths.append(path)
    return tuple(paths)


def _square(pixels: np.ndarray, view: View) -> np.ndarray:
    """The pixels (rows, columns) of one view as squares."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels, np.float32))
    row_pitch, column_pitch = view.pixel_pitch_mm
    side = min(row_pitch, column_pitch)
    size = round(view.columns * column_pitch / side), round(view.rows * row_pitch / side)
    return np.asarray(image if size == image.size else image.resize(size, Image.Resampling.BILINEAR))


def _grey_image(share: np.ndarray, bits: int) -> Image:
    """A grey image of values 0 to 1."""
    from PIL import Image

    return Image.fromarray(np.rint(share * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16))
