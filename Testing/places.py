"""Where things lie, for tests."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
MODULE = REPOSITORY / "MR2XRay"
STAND_IN = REPOSITORY / "Testing" / "SlicerStandIn"
DESKTOP = REPOSITORY / "Testing" / "desktop"
