"""The one exception that this package raises on purpose, and how a lack of memory is known."""

from __future__ import annotations


class MR2XRayError(Exception):
    """A fault that the user can mend.

    The message is one plain sentence: what is wrong, with which file or value, and what to do. The command
    line prints it and exits with code 2; the Slicer module shows it in the panel.
    """


def lacks_memory(error: BaseException) -> bool:
    """Whether memory was too small: Python's own error, or what torch raises of a GPU's or the computer's."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )
