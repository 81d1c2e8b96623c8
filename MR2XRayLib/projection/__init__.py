"""The forward projector: `project(volume, views)`; what computes it stays behind that one function."""

from MR2XRayLib.projection.project import project
from MR2XRayLib.projection.projections import Projections, Unit

__all__ = ["Projections", "Unit", "project"]
