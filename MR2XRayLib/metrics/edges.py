"""Whether a thin structure's edges are as steep in an image as in the reference, where it can be seen by itself."""

from __future__ import annotations

import numpy as np


def edge_share(structure: np.ndarray, reference: np.ndarray) -> float:
    """How much of a structure's edges an image shows, as a share of what the reference shows.

    Σ ∇s·∇t / Σ ∇t·∇t: the least-squares strength of ∇t in ∇s. 1 for edges as steep as the reference's, 0 for none;
    a blur lowers it, and so does a structure in the wrong place.

    Args:
        structure: the image minus the same image of an object without the structure, shape (rows, columns).
        reference: the same of the reference, of the same shape and on the same scale.

    Returns:
        NaN where the reference shows no edges of the structure.
    """
    found, wanted = (np.gradient(np.asarray(pixels, float)) for pixels in (structure, reference))
    whole = sum(float((other**2).sum()) for other in wanted)
    shown = sum(float((one * other).sum()) for one, other in zip(found, wanted, strict=True))
    return shown / whole if whole > 0 else float("nan")
