"""MR2XRayLib: from an MR and a CT volume of one head to a synthesized X-ray projection beside its reference.

World coordinates are LPS millimetres everywhere in this package; angles are degrees in DICOM's signs. The
package knows neither Slicer nor Qt, and imports nothing heavy before it is needed.
"""

__version__ = "0.1.0"
