"""A user's own heads: the file that lists them, their checks, and their registration head by head."""

from MR2XRayLib.cohort.heads import Cohort, CohortHead
from MR2XRayLib.cohort.reading import read_cohort

__all__ = ["Cohort", "CohortHead", "read_cohort"]
