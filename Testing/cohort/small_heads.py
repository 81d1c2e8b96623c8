"""Where the MR of the tests' heads truly belongs."""

from __future__ import annotations

from MR2XRayLib.transform import Transform

TO_CT = Transform.rigid((3.0, -2.0, 5.0), (10.0, -20.0, 30.0))
"""MR to CT, LPS mm."""
