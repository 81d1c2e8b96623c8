"""What the module keeps in the MRML scene: imports slicer and vtk, never Qt."""
