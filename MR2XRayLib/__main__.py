"""`python -m MR2XRayLib` and the console script `mr2xray`."""

from __future__ import annotations

import sys

from MR2XRayLib.cli import main

if __name__ == "__main__":
    sys.exit(main())
