"""The half of Slicer's Python that the package slicer-core lacks, strict: see ../README.md."""

__all__ = ["Program", "start"]


def __getattr__(name: str) -> object:
    """`Program` and `start`, imported at first use: the modules of ../slicer import from this package too."""
    if name in __all__:
        try:
            from . import program
        except AttributeError as error:  # it would read as if this package had no such name
            raise ImportError(str(error)) from error
        return getattr(program, name)
    raise AttributeError(name)
