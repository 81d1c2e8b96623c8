"""The digital head: MR and CT volumes of one analytic anatomy, and its exact line integrals."""

from MR2XRayLib.phantom.head import DigitalHead, digital_head
from MR2XRayLib.phantom.painting import Painting, ray_directions
from MR2XRayLib.phantom.shapes import Body, Ellipsoid, cylinder, ellipsoid, half_space
from MR2XRayLib.phantom.simple import Gaussian, GaussianSum, ellipsoid_phantom, gaussian_phantom
from MR2XRayLib.phantom.tissues import TISSUES, Quantity, Tissue

__all__ = [
    "TISSUES",
    "Body",
    "DigitalHead",
    "Ellipsoid",
    "Gaussian",
    "GaussianSum",
    "Painting",
    "Quantity",
    "Tissue",
    "cylinder",
    "digital_head",
    "ellipsoid",
    "ellipsoid_phantom",
    "gaussian_phantom",
    "half_space",
    "ray_directions",
]
