"""Which generators are at hand, by name: those shipped, and the user's own. Needs no torch."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import CARD
from MR2XRayLib.resources import WEIGHTS, resource_folder
from MR2XRayLib.user_folders import existing, user_data_folder

RECOMMENDED = "recommended"
MODELS_VARIABLE = "MR2XRAY_MODELS"


def user_models_folder() -> Path:
    """Where the user's own generators lie; the environment variable MR2XRAY_MODELS says another place.

    Raises:
        MR2XRayError: if the place is not known, for want of platformdirs.
    """
    named = os.environ.get(MODELS_VARIABLE)
    return Path(named).expanduser() if named else existing(user_data_folder()) / "Models"


def can_be_a_name(name: str) -> bool:
    """Whether a generator may be called so: letters, digits, ".", "_" and "-", a letter or digit first."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name) is not None


def own_generators() -> dict[str, Path]:
    """Name and folder of each generator of the user, in the order of their names; none where nobody could keep any."""
    if not os.environ.get(MODELS_VARIABLE) and user_data_folder() is None:
        return {}
    return _generators_in(user_models_folder())


def shipped_generators() -> dict[str, Path]:
    """Name and folder of each generator that came with the program, in the order of their names."""
    return _generators_in(resource_folder("Models"))


def available_generators() -> dict[str, Path]:
    """Name and folder of each generator at hand: those shipped and the user's, whose names go first."""
    return dict(sorted({**shipped_generators(), **own_generators()}.items()))


def default_generator_name() -> str:
    """The generator named "recommended", or else the first.

    Raises:
        MR2XRayError: if there is none.
    """
    available = available_generators()
    if not available:
        raise MR2XRayError(
            f"No generator is installed; train one or put its folder into {user_models_folder()}."
        )
    return RECOMMENDED if RECOMMENDED in available else next(iter(available))


def find_generator(name_or_folder: str | Path | None = None) -> Path:
    """The folder of a generator; a known name goes first, and a name never becomes a path.

    None is the default one, see `default_generator_name`.

    Raises:
        MR2XRayError: if it is neither a known name nor a folder.
    """
    wanted = default_generator_name() if name_or_folder is None else name_or_folder
    available = available_generators()
    if str(wanted) in available:
        return available[str(wanted)]
    folder = Path(wanted)
    if str(wanted) and what_is(folder) == "folder":
        return folder
    if what_is(folder) == "file":
        raise MR2XRayError(f"{folder} is a file; give the folder that holds {CARD} and {WEIGHTS}.")
    known = ", ".join(available) or "none"
    raise MR2XRayError(
        f'There is no generator "{wanted!s:.100}"; give one of those installed ({known}) or a folder.'
    )


def what_is(path: Path) -> Literal["folder", "file", "nothing"]:
    """What lies at a path; nothing where nobody may look, or where its name is longer than the disk's can be."""
    try:
        return "folder" if path.is_dir() else "file" if path.is_file() else "nothing"
    except OSError:
        return "nothing"


def _generators_in(folder: Path) -> dict[str, Path]:
    cards = sorted(folder.glob(f"*/{CARD}"))
    return {card.parent.name: card.parent for card in cards if can_be_a_name(card.parent.name)}
