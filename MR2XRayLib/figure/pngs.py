"""One 16-bit grey PNG a view, and the window that all pictures of line integrals share."""

from __future__ import annotations

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


def write_pngs(
    folder: Path, name: str, projections: Projections, window: Window | None = None
) -> tuple[Path, ...]:
    """Write each view as a 16-bit grey PNG, such as `synthesized_01_LAO30_CRA10.png`.

    Grey 0 is the window's low end and 65535 its high end; values beyond are clipped. The PNG's text fields say
    so (View, Quantity, Window, Value) and its resolution is the detector's. Pixels that are not square are
    interpolated linearly to squares of the smaller side.

    Args:
        folder: where to; it is made if need be.
        name: the first word of each file name.
        projections: what to write.
        window: values of black and white; `grey_window(projections)` by default.

    Returns:
        The files, in the order of the views.
    """
    from PIL.PngImagePlugin import PngInfo

    low, high = window or grey_window(projections)
    meaning = (
        ("Quantity", QUANTITY[projections.unit]),
        ("Window", f"{low:.9g} {high:.9g}"),
        ("Value", "low + grey / 65535 * (high - low)"),
    )
    digits = max(2, len(str(len(projections.views))))
    paths = []
    for number, (pixels, view) in enumerate(zip(projections.pixels, projections.views, strict=True), start=1):
        angles = str(view.angulation).replace(", ", "_").replace(" ", "").replace("°", "")
        path = Path(folder) / f"{name}_{number:0{digits}d}_{angles}.png"
        text = PngInfo()
        for key, value in (("View", str(view.angulation)), *meaning):
            text.add_text(key, value)
        per_inch = 25.4 / min(view.pixel_pitch_mm)
        with atomic_path(path) as temporary:
            _grey_image(pixels, view, low, high).save(temporary, pnginfo=text, dpi=(per_inch, per_inch))
        paths.append(path)
    return tuple(paths)


def _grey_image(pixels: np.ndarray, view: View, low: float, high: float) -> Image:
    """A 16-bit grey image of one view, its pixels square."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels, np.float32))
    row_pitch, column_pitch = view.pixel_pitch_mm
    side = min(row_pitch, column_pitch)
    size = round(view.columns * column_pitch / side), round(view.rows * row_pitch / side)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    share = np.clip((np.asarray(image) - low) / (high - low), 0, 1)
    return Image.fromarray(np.rint(share * 65535).astype(np.uint16))
