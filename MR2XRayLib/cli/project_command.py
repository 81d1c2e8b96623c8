"""`mr2xray project`: forward projections of one volume."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from MR2XRayLib.cli.geometry import carm_of, check_views, geometry_files, views_of
from MR2XRayLib.cli.inputs import check_ct_options, check_file, check_spared, check_suffix, read_transform
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError

if TYPE_CHECKING:
    import numpy as np

    from MR2XRayLib.carm import View
    from MR2XRayLib.common_view import CommonView
    from MR2XRayLib.projection import Projections
    from MR2XRayLib.transform import Transform
    from MR2XRayLib.volume import Volume


def project(options: Namespace, reporter: Reporter) -> None:
    """Forward projections of one volume; of an MR with its layers, which generators may ask for."""
    from MR2XRayLib.projection import Projections
    from MR2XRayLib.transform import Transform
    from MR2XRayLib.volume_io import read_volume

    check_suffix(options.out, (".nrrd",), "projections")
    check_file(options.out)
    check_ct_options(options, has_ct=options.modality == "ct")
    _check_within(options)
    inputs = (options.volume, options.within, options.transform, *geometry_files(options))
    check_spared(inputs, Projections.files(options.out))
    check_views(options)
    transform = read_transform(options.transform) or Transform.identity()
    projections = MODALITIES[options.modality](options, read_volume(options.volume), transform, reporter)
    projections.write(options.out)
    views = len(projections.views)
    reporter.say(f"Wrote {views} projections to {options.out}")
    reporter.result({"file": str(options.out), "views": views})


def _check_within(options: Namespace) -> None:
    """Say before the work, not after it, that there is nothing to cut.

    Raises:
        MR2XRayError: if --within is given with neither CT nor MR, or with --whole-ct.
    """
    if options.within is None:
        return
    if options.modality == "raw":
        raise MR2XRayError(
            f"--within {options.within} cuts a CT or an MR; give it with --as ct or --as mr, or leave it out."
        )
    if options.whole_ct:
        raise MR2XRayError(
            f"--within {options.within} cuts the CT that --whole-ct leaves whole; leave one of them out."
        )


def _of_ct(options: Namespace, ct: Volume, transform: Transform, reporter: Reporter) -> Projections:
    """Line integrals of attenuation: of the CT's head, of that what the MR named by --within shows, or of it all."""
    from MR2XRayLib.head import head_centre_mm, head_only
    from MR2XRayLib.intensity import as_ct, as_mr, attenuation, normalise_mr
    from MR2XRayLib.projection import project as forward_project
    from MR2XRayLib.transform import Transform
    from MR2XRayLib.volume_io import read_volume

    ct = as_ct(ct)
    centre_mm = head_centre_mm(ct)
    if options.within is not None:
        mr = as_mr(read_volume(options.within))
        ct = _common_view(ct, mr, normalise_mr(mr), transform).ct
        transform = Transform.identity()
    elif not options.whole_ct:
        ct = head_only(ct)
    views = _views(options, reporter, transform.apply(centre_mm))
    made = attenuation(ct, options.energy)
    return forward_project(made, views, transform, device=options.device, progress=reporter)


def _of_mr(options: Namespace, mr: Volume, transform: Transform, reporter: Reporter) -> Projections:
    """Line integrals of a normalised MR and its layers: all that it shows, or as far as the CT of --within does."""
    from MR2XRayLib.head import head_centre_mm
    from MR2XRayLib.intensity import as_ct, as_mr, normalise_mr
    from MR2XRayLib.mr_layers import layers_at_hand, project_mr
    from MR2XRayLib.volume_io import read_volume

    mr, within = as_mr(mr), None
    normalised = normalise_mr(mr)
    if options.within is not None:
        within = _common_view(as_ct(read_volume(options.within)), mr, normalised, transform).frame
    views = _views(options, reporter, transform.apply(head_centre_mm(mr)))
    return project_mr(
        normalised,
        views,
        transform,
        layers_at_hand(),
        within=within,
        device=options.device,
        progress=reporter,
    )


def _raw(options: Namespace, volume: Volume, transform: Transform, reporter: Reporter) -> Projections:
    """Line integrals of what the voxels say."""
    from MR2XRayLib.projection import project as forward_project

    views = _views(options, reporter, transform.apply(volume.centre_mm))
    return forward_project(volume, views, transform, device=options.device, progress=reporter)


MODALITIES = {"ct": _of_ct, "mr": _of_mr, "raw": _raw}
"""What is done for each word of --as."""


def _common_view(ct: Volume, mr: Volume, normalised: Volume, transform: Transform) -> CommonView:
    """What a CT and an MR, as scanned and normalised, both show; the transform is MR to CT."""
    from MR2XRayLib.common_view import CommonView
    from MR2XRayLib.field_of_view import frame

    return CommonView.of(ct, normalised.moved(transform.matrix), frame(mr).moved(transform.matrix))


def _views(options: Namespace, reporter: Reporter, centre_mm: np.ndarray) -> tuple[View, ...]:
    """The views asked for, around the centre of the volume where the C-arm brings no isocentre."""
    carm = carm_of(options)
    return views_of(options, reporter, carm if carm.isocentre_mm is not None else carm.at(centre_mm))
