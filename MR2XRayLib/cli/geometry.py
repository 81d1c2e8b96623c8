"""The C-arm and the views that `--carm` and `--views` ask for."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError

if TYPE_CHECKING:
    from MR2XRayLib.carm import CArm, View


def geometry_files(options: Namespace) -> list[Path | None]:
    """The files that `--views` and `--carm` name; words for views are a file's name that there is not."""
    from MR2XRayLib.carm_presets import file_of

    return [Path(options.views.strip()), file_of(options.carm or "")]


def carm_of(options: Namespace) -> CArm:
    """The C-arm asked for, or the default; it raises what `load_carm` raises."""
    from MR2XRayLib.carm import CArm
    from MR2XRayLib.carm_presets import load_carm

    return load_carm(options.carm) if options.carm else CArm()


def check_views(options: Namespace) -> None:
    """Say before the work, not after it, that there is no such C-arm or view; where the head is does not matter yet.

    Raises:
        MR2XRayError: as `load_carm` and `resolve_views`, or if there is a C-arm and no view that it would place.
    """
    import numpy as np

    from MR2XRayLib.views import are_placed, resolve_views

    resolve_views(options.views, carm_of(options).at(np.zeros(3)))
    if options.carm and not are_placed(options.views):
        raise MR2XRayError(
            f"The views of {options.views.strip()} bring their own geometry, and --carm {options.carm} would change "
            "nothing; leave one of them out."
        )


def views_of(options: Namespace, reporter: Reporter, carm: CArm) -> tuple[View, ...]:
    """The views asked for, with a warning for those that the C-arm cannot be driven to."""
    from MR2XRayLib.carm_presets import load_preset
    from MR2XRayLib.views import resolve_views

    views = resolve_views(options.views, carm)
    preset = load_preset(options.carm) if options.carm else None
    beyond = [str(view.angulation) for view in views if preset and not preset.reaches(view.angulation)]
    if beyond:
        reporter.warn(
            f'The C-arm "{carm.name}" cannot be driven to {"; ".join(beyond)}; projected all the same.'
        )
    return views
