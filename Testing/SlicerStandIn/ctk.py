"""Slicer's module `ctk`: the widgets of the Common Toolkit that a panel needs, by the tables."""

from slicerstandin.modules_of_qt import ctk_module

__getattr__ = ctk_module
