"""slicer.app.coreIOManager(): reads and writes nodes through their storage nodes."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore

from .instance import implementation

READERS = {
    "VolumeFile": ("vtkMRMLScalarVolumeNode", (".nrrd", ".nii.gz", ".nii", ".mha", ".nhdr")),
    "TransformFile": ("vtkMRMLTransformNode", (".tfm", ".h5", ".txt")),
    "TableFile": ("vtkMRMLTableNode", (".csv", ".tsv")),
    "MarkupsFile": ("vtkMRMLMarkupsFiducialNode", (".mrk.json",)),
    "ModelFile": ("vtkMRMLModelNode", (".vtp", ".stl", ".ply", ".vtk")),
    "SceneFile": ("", (".mrml", ".mrb")),
}


@implementation
class qSlicerCoreIOManager(QtCore.QObject):
    """Reading and writing for `slicer.util.loadVolume`, `saveNode` and their like."""

    scene: Any = None
    volumes_logic: Any = None

    def fileType(self, path: str) -> str:
        return next((kind for kind, (_, ends) in READERS.items() if path.lower().endswith(ends)), "NoFile")

    def fileWriterFileType(self, node: Any) -> str:
        classes = {kind: name for kind, (name, _) in READERS.items() if name}
        return next((kind for kind, name in classes.items() if node.IsA(name)), "NoFile")

    def loadNodes(self, kind: str, properties: dict[str, Any], loaded: Any, messages: Any = None) -> bool:
        """Read a file into the scene; what was read goes into `loaded`."""
        path = properties["fileName"]
        if kind == "SceneFile":
            return bool(self._load_scene(path))
        if kind == "VolumeFile":
            labels = int(properties.get("labelmap", 0))
            node = self.volumes_logic.AddArchetypeVolume(path, properties.get("name"), labels)
            if node is not None and properties.get("show", True):
                self._select(node)
        else:
            node = self._read(READERS[kind][0], path, properties.get("name"))
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None

    def _select(self, volume: Any) -> None:
        """Show a volume in the slice views, as qSlicerVolumesReader does."""
        application_logic = self.volumes_logic.GetMRMLApplicationLogic()
        selection = application_logic.GetSelectionNode()
        if volume.IsA("vtkMRMLLabelMapVolumeNode"):
            selection.SetActiveLabelVolumeID(volume.GetID())
        else:
            selection.SetActiveVolumeID(volume.GetID())
        application_logic.PropagateVolumeSelection()

    def _load_scene(self, path: str) -> int:
        if path.endswith(".mrb"):
            return self.scene.ReadFromMRB(path, True)
        self.scene.SetURL(path)
        return self.scene.Import()

    def _read(self, class_name: str, path: str, name: str | None) -> Any:
        node = self.scene.AddNewNodeByClass(class_name)
        node.AddDefaultStorageNode(path)
        if not node.GetStorageNode().ReadData(node):
            self.scene.RemoveNode(node)
            return None
        if name:
            node.SetName(name)
        return node

    def saveNodes(self, kind: str, properties: dict[str, Any], messages: Any = None) -> bool:
        """Write a node, or the scene."""
        path = properties["fileName"]
        if kind == "SceneFile":
            self.scene.SetURL(path)
            return bool(self.scene.WriteToMRB(path) if path.endswith(".mrb") else self.scene.Commit())
        node = self.scene.GetNodeByID(properties["nodeID"])
        node.AddDefaultStorageNode(path)
        return bool(node.GetStorageNode().WriteData(node))
