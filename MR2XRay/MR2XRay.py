"""MR2XRay in 3D Slicer: the four classes that Slicer looks for. What they do stands in MR2XRayScene and MR2XRayGUI."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

# Slicer puts the folder of this file on the path. There the installed library lies; in a checkout it lies one up.
_CHECKOUT = Path(__file__).resolve().parent.parent
if (_CHECKOUT / "MR2XRayLib").is_dir() and str(_CHECKOUT) not in sys.path:
    sys.path.append(str(_CHECKOUT))

from MR2XRayLib.transform import Transform
from MR2XRayScene import console, layout
from MR2XRayScene.parameters import MR2XRayParameterNode
from MR2XRayScene.session import Session


class MR2XRay(ScriptedLoadableModule):
    """The module's entry in Slicer."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        parent.title = "MR2XRay"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        parent.dependencies = []
        parent.contributors = ["The MR2XRay developers"]
        parent.helpText = _(
            "Registers an MR and a CT volume of one head, projects both through a virtual C-arm, and shows an X-ray "
            "projection synthesized from the MR projection beside the reference, with their difference and numbers. "
            "A synthesized image is a guess; it is not for diagnosis or treatment."
        )
        parent.acknowledgementText = _(
            "Reproduces Stimpel et al., MR to X-Ray Projection Image Synthesis (arXiv 1710.07498). "
            "Registration by elastix; the shipped generators were trained on BrainWeb anatomies."
        )
        # A scene that was saved in our layout may be opened before the panel is made.
        slicer.app.connect("startupCompleted()", _register_layout)


def _register_layout() -> None:
    """Make our layouts known to Slicer."""
    layout.register_layout(slicer.mrmlScene)


class MR2XRayWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The life cycle of the panel; `MR2XRayGUI.panel.Panel` is what works."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: MR2XRayLogic | None = None
        self.panel: Any = None
        self._parameters: MR2XRayParameterNode | None = None
        self._gui_tag: Any = None

    def setup(self) -> None:
        """Called when the user opens the module for the first time."""
        from MR2XRayGUI.panel import Panel

        ScriptedLoadableModuleWidget.setup(self)
        # Where the module came after the program had started.
        _register_layout()
        widget = slicer.util.loadUI(self.resourcePath("UI/MR2XRay.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = MR2XRayLogic()
        self.panel = Panel(self.ui, self.logic.session)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the program ends or the module is reloaded."""
        self.setParameterNode(None)
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()

    def enter(self) -> None:
        """Called each time the user opens this module."""
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self) -> None:
        """Called each time the user opens a different module: the user's own layout comes back.

        The parameter node is kept, and with it the work under way; the boxes of a panel that nobody sees let go of it.
        """
        self.panel.exit()
        self._disconnect()

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Called just before the scene is closed."""
        self.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        """Called just after the scene is closed: the slice views are as new."""
        layout.claim_views(slicer.mrmlScene)
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneStartImport(self, caller: Any, event: Any) -> None:
        """Called just before a scene is loaded: half-loaded nodes must not be shown, nor boxes change them."""
        self.setParameterNode(None)

    def onSceneEndImport(self, caller: Any, event: Any) -> None:
        """Called just after a scene was loaded: its parameter node has its node references only now."""
        layout.claim_views(slicer.mrmlScene)
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Make sure that there is a parameter node and that it is observed."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameters: MR2XRayParameterNode | None) -> None:
        """Bind the panel to this parameter node; another one, or None, ends the work for the present one."""
        self._disconnect()
        node = None if parameters is None else parameters.parameterNode
        if self._parameters is not None and self._parameters.parameterNode is not node:
            self.panel.detach()
        self._parameters = parameters
        if parameters is not None:
            self._gui_tag = parameters.connectGui(self.ui)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._on_modified)
            self.panel.attach(parameters)

    def _disconnect(self) -> None:
        """Let the panel's boxes and the parameter node not follow each other any more."""
        if self._gui_tag is not None:
            self._parameters.disconnectGui(self._gui_tag)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._on_modified)
            self._gui_tag = None

    def _on_modified(self, caller: Any = None, event: Any = None) -> None:
        self.panel.refresh()


class MR2XRayLogic(ScriptedLoadableModuleLogic):
    """The module from Python, without the panel. Errors are `MR2XRayLib.errors.MR2XRayError`, one sentence each.

    Attributes:
        session: what the panel does in the scene, by the parameter node.
    """

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(slicer.mrmlScene)

    def getParameterNode(self) -> MR2XRayParameterNode:
        """The typed parameter node of this module."""
        return MR2XRayParameterNode(super().getParameterNode())

    def register(
        self, mrNode: slicer.vtkMRMLScalarVolumeNode, ctNode: slicer.vtkMRMLScalarVolumeNode, **options: Any
    ) -> slicer.vtkMRMLLinearTransformNode:
        """Register the MR to the CT and put it under the transform found; see `MR2XRayScene.console.register`."""
        return console.register(self.session.scene, mrNode, ctNode, **options)

    def project(
        self, volumeNode: slicer.vtkMRMLScalarVolumeNode, views: console.Views = "PA", **options: Any
    ) -> slicer.vtkMRMLScalarVolumeNode:
        """Forward projections of one volume; see `MR2XRayScene.console.project`."""
        return console.project(self.session.scene, volumeNode, views, **options)

    def synthesize(
        self, *mrProjectionNodes: slicer.vtkMRMLScalarVolumeNode, **options: Any
    ) -> slicer.vtkMRMLScalarVolumeNode:
        """X-ray projections guessed from MR projections; see `MR2XRayScene.console.synthesize`."""
        return console.synthesize(self.session.scene, *mrProjectionNodes, **options)

    def compare(
        self,
        synthesizedNode: slicer.vtkMRMLScalarVolumeNode,
        referenceNode: slicer.vtkMRMLScalarVolumeNode,
    ) -> slicer.vtkMRMLTableNode:
        """The numbers of synthesized against reference projections; see `MR2XRayScene.console.compare`."""
        return console.compare(self.session.scene, synthesizedNode, referenceNode)

    def run(
        self,
        mrNodes: slicer.vtkMRMLScalarVolumeNode | list[slicer.vtkMRMLScalarVolumeNode],
        ctNode: slicer.vtkMRMLScalarVolumeNode | None = None,
        views: console.Views = "PA",
        **options: Any,
    ) -> console.RunNodes:
        """The main job: register, project, synthesize, compare; see `MR2XRayScene.console.run`."""
        return console.run(self.session.scene, mrNodes, ctNode, views, **options)


class MR2XRayTest(ScriptedLoadableModuleTest):
    """A run inside Slicer's desktop program (Reload and Test); the project's own tests need no desktop."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run all of it."""
        self.setUp()
        self.test_main_job_on_the_digital_head()

    def test_main_job_on_the_digital_head(self) -> None:
        """Register, project, synthesize and compare on the digital head; the registration finds the known truth."""
        from MR2XRayLib.demo import demo_pair
        from MR2XRayLib.registration import mean_error_mm
        from MR2XRayScene.volumes import node_from_volume, world_matrix_lps

        self.delayDisplay("Making the digital head")
        pair = demo_pair(3.0)
        mr = node_from_volume(slicer.mrmlScene, pair.mr, "Digital head MR")
        ct = node_from_volume(slicer.mrmlScene, pair.ct, "Digital head CT")
        self.delayDisplay("Running the main job")
        nodes = MR2XRayLogic().run(mr, ct, "PA, LATL")
        found = Transform(world_matrix_lps(mr))
        self.assertLess(mean_error_mm(found, pair.truth, pair.mr), 1.5)
        self.assertEqual(nodes.synthesized.GetImageData().GetDimensions()[2], 2)
        self.assertEqual(nodes.metrics.GetNumberOfRows(), 3)
        self.delayDisplay("Test passed")
