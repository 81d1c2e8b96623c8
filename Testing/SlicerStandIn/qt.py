"""Slicer's module `qt`: the classes that PythonQt shows, by the tables, and nothing else."""

from slicerstandin.modules_of_qt import qt_module

__getattr__ = qt_module
