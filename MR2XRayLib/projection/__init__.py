"""The forward projector: `project(volume, views)`; what computes it stays behind that one function."""

from MR2XRayLib.projection.project import project
from MR2XRayLib.projection.projections import Projections, Unit
from MR2XRayLib.projection.projector import Projector

__all__ = ["Projections", "Projector", "Unit", "project"]
