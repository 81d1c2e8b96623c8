"""The scene as the real program has it at start: application logic, singletons, colours, layout, hierarchy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import slicer
import vtk

MODULE_LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Texts": "vtkSlicerTextsLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
}
HIERARCHY_KINDS = ("vtkMRMLStorableNode", "vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode")
SLICE_NAMES = ("Red", "Green", "Yellow")


@dataclass
class ProgramScene:
    """A scene with everything around it that a module finds."""

    node_scene: Any
    application_logic: Any
    layout_logic: Any
    module_logics: dict[str, Any]
    tags: list[int] = field(default_factory=list)

    def hierarchy(self) -> Any:
        """The subject hierarchy."""
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.node_scene)


def make_scene(home: str, *, without: tuple[str, ...] = ()) -> ProgramScene:
    """A new scene; `home` is Slicer's folder; the modules named in `without` (such as VolumeRendering) are absent."""
    scene = slicer.vtkMRMLScene()
    application_logic = slicer.vtkSlicerApplicationLogic()
    application_logic.SetHomeDirectory(home)
    application_logic.SetShareDirectory("share")
    application_logic.SetMRMLScene(scene)
    application_logic.SetSliceLogics(vtk.vtkCollection())
    application_logic.SetViewLogics(vtk.vtkCollection())
    logics = {}
    for module, name in MODULE_LOGICS.items():
        if module not in without and hasattr(slicer, name):
            logics[module] = getattr(slicer, name)()
            logics[module].SetMRMLApplicationLogic(application_logic)
            logics[module].SetMRMLScene(scene)
            application_logic.SetModuleLogic(module, logics[module])
    application_logic.SetColorLogic(logics["Colors"])
    layout_logic = slicer.vtkMRMLLayoutLogic()
    layout_logic.SetMRMLScene(scene)
    made = ProgramScene(scene, application_logic, layout_logic, logics)
    layout_logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView)
    add_crosshair(scene)
    add_file_managers(scene)
    made.hierarchy()
    made.tags.append(scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, list_in_hierarchy))
    return made


def add_crosshair(scene: Any) -> None:
    """The one crosshair node."""
    node = scene.CreateNodeByClass("vtkMRMLCrosshairNode")
    node.UnRegister(None)
    node.SetSingletonTag("default")
    node.SetName("Crosshair")
    scene.AddNode(node)


def add_file_managers(scene: Any) -> None:
    """What the scene needs to read and write packed scenes."""
    cache = slicer.vtkCacheManager()
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(manager)


@vtk.calldata_type(vtk.VTK_OBJECT)
def list_in_hierarchy(scene: Any, event: str, node: Any) -> None:
    """As qSlicerSubjectHierarchyPluginLogic does: a data node that is not hidden gets an item."""
    shown = not node.GetHideFromEditors() and any(node.IsA(kind) for kind in HIERARCHY_KINDS)
    if not shown or scene.IsImporting() or node.IsA("vtkMRMLColorNode"):
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
