"""Python packages that Slicer does not bring along: installed when first needed, if the user consents.

What is missing is read from the packages' metadata; nothing heavy is imported to find out.
"""

from __future__ import annotations

import importlib
import logging
from importlib.util import find_spec
from pathlib import Path
from subprocess import CalledProcessError

from slicer import packaging
from slicer.i18n import tr as _

from MR2XRayLib.errors import MR2XRayError

RESOURCES = Path(__file__).resolve().parent.parent / "Resources"
LIVE, WORKER = "requirements.txt", "requirements-worker.txt"


def ensure_live() -> None:
    """Make sure of what projecting in Slicer's own process needs; asks before it installs.

    Raises:
        MR2XRayError: if the user refuses, or the installation fails, as without a network.
    """
    _ensure(LIVE)


def ensure_worker() -> None:
    """Make sure of what the worker process needs besides torch; as `ensure_live`."""
    _ensure(LIVE, WORKER)


def ensure_torch() -> None:
    """Make sure of torch, by way of the extension "PyTorch", which picks the build for this computer.

    Raises as `ensure_live`, and if the extension is not installed.
    """
    if find_spec("torch") is not None:
        return
    try:
        import PyTorchUtils
    except ImportError:
        raise MR2XRayError(
            _(
                'PyTorch is missing; install the extension "PyTorch" in the Extensions Manager and restart Slicer.'
            )
        ) from None
    try:
        torch = PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True)
    except Exception as error:
        # The extension lets pip's, its own and torch's import errors through.
        raise _failed("PyTorch", error) from None
    if torch is None:
        raise _refused("PyTorch")


def missing(*files: str) -> list[str]:
    """The requirements of these files in `RESOURCES` that are not met, as pip writes them."""
    wanted = [one for file in files for one in packaging.load_requirements(RESOURCES / file)]
    return [str(one) for one in wanted if not packaging.pip_check(one)]


def _ensure(*files: str) -> None:
    absent = missing(*files)
    if not absent:
        return
    names = ", ".join(absent)
    try:
        packaging.pip_ensure(absent, requester="MR2XRay")
    except CalledProcessError as error:
        raise _failed(names, error) from None
    except RuntimeError as error:
        if "declined" in str(error):
            raise _refused(names) from None
        raise _failed(names, error) from None
    importlib.invalidate_caches()
    # While Slicer runs its tests nothing is installed, and nothing is raised.
    if missing(*files):
        raise _refused(names)


def _refused(what: str) -> MR2XRayError:
    return MR2XRayError(
        _("{what} is needed for this and was not installed; try again and consent.").format(what=what)
    )


def _failed(what: str, error: Exception) -> MR2XRayError:
    logging.warning("Installing %s failed: %s", what, error)
    return MR2XRayError(
        _(
            "{what} could not be installed; check that this computer is online and its disk not full, and try again "
            "(the log has the details)."
        ).format(what=what)
    )
