"""Registration of an MR volume to a CT volume of the same head: `register` and `quality`."""

from MR2XRayLib.registration.mr_to_ct import Registration, register
from MR2XRayLib.registration.quality import RegistrationQuality, mean_error_mm, quality

__all__ = ["Registration", "RegistrationQuality", "mean_error_mm", "quality", "register"]
