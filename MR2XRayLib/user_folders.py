"""Where the user's own files lie: C-arms and generators.

platformdirs knows the folders of each system. In Slicer it is installed only when it is first needed; until then a
user has nothing of their own, and what is shipped works without it.
"""

from __future__ import annotations

from pathlib import Path

from MR2XRayLib.errors import MR2XRayError

NAME = "MR2XRay"


def user_config_folder() -> Path | None:
    """The folder of the user's settings; None without platformdirs."""
    try:
        from platformdirs import user_config_path
    except ImportError:
        return None
    return user_config_path(NAME)


def user_data_folder() -> Path | None:
    """The folder of the user's data; None without platformdirs."""
    try:
        from platformdirs import user_data_path
    except ImportError:
        return None
    return user_data_path(NAME, appauthor=False)


def existing(folder: Path | None) -> Path:
    """The folder, where something is to be written into it.

    Raises:
        MR2XRayError: if it is not known.
    """
    if folder is None:
        raise MR2XRayError("The package platformdirs is not installed; install it to keep files of your own.")
    return folder
