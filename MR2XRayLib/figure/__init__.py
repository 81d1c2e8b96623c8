"""What is looked at: `write_figure` for one figure of all views, `write_pngs` for a grey PNG of each.

Projections are shown as line integrals, bone bright, in one window for all views and for synthesized and
reference alike. No pyplot: nothing here touches a caller's own figures. The same input gives the same bytes.
"""

from MR2XRayLib.figure.pngs import grey_window, page_names, write_pngs
from MR2XRayLib.figure.sheet import NOTE, draw_figure, write_figure
from MR2XRayLib.figure.sides import patient_side

__all__ = ["NOTE", "draw_figure", "grey_window", "page_names", "patient_side", "write_figure", "write_pngs"]
