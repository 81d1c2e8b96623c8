"""The one exception that this package raises on purpose."""


class MR2XRayError(Exception):
    """A fault that the user can mend.

    The message is one plain sentence: what is wrong, with which file or value, and what to do. The command
    line prints it and exits with code 2; the Slicer module shows it in the panel.
    """
