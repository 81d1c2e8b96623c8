"""Projections into other forms: PNG and DICOM."""

from __future__ import annotations

from argparse import Namespace

from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.files import check_writable


def export_png(options: Namespace, reporter: Reporter) -> None:
    """A grey PNG a view."""
    from MR2XRayLib.figure import write_pngs
    from MR2XRayLib.projection import Projections

    check_writable(options.out)
    projections = Projections.read(options.projections)
    name = options.projections.stem
    files = write_pngs(options.out, name, projections, bits=options.bits, inverted=options.inverted)
    reporter.say(f"Wrote {len(files)} pictures to {options.out}")
    reporter.result({"files": [str(file) for file in files]})


def export_dicom(options: Namespace, reporter: Reporter) -> None:
    """A DICOM image a view."""
    from MR2XRayLib.dicom_export import Patient, write_dicom
    from MR2XRayLib.projection import Projections

    check_writable(options.out)
    projections = Projections.read(options.projections)
    patient = Patient(options.patient_name, options.patient_id)
    files = write_dicom(options.out, projections, kind=options.kind, patient=patient)
    reporter.say(f"Wrote {len(files)} DICOM images to {options.out}")
    reporter.result({"files": [str(file) for file in files]})
