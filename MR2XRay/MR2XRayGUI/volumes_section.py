"""The section *Volumes*: MR, further contrasts, CT, sample data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from MR2XRayLib.errors import MR2XRayError
from MR2XRayScene import fusion, layout
from MR2XRayScene.volumes import node_from_volume

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel
    from MR2XRayLib.demo import DemoPair


class VolumesSection:
    """Chooses the volumes, and says at once what is wrong with them."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        panel.connect(ui.digitalHeadButton, "clicked()", self._load_digital_head)
        panel.connect(ui.sampleDataButton, "clicked()", self._load_sample_data)
        panel.connect(ui.moreMrSelector, "checkedNodesChanged()", self._take_more_mr)

    def refresh(self) -> None:
        """Show what the parameter node and the volumes say."""
        panel, ui = self._panel, self._panel.ui
        more = {node.GetID() for node in panel.parameters.moreMr if node is not None}
        ui.moreMrSelector.blockSignals(True)
        for index in range(ui.moreMrSelector.nodeCount()):
            node = ui.moreMrSelector.nodeFromIndex(index)
            wanted = qt.Qt.Checked if node.GetID() in more else qt.Qt.Unchecked
            if ui.moreMrSelector.checkState(node) != wanted:
                ui.moreMrSelector.setCheckState(node, wanted)
        ui.moreMrSelector.blockSignals(False)
        ui.volumesNote.text = panel.preparation.words
        ui.volumesNote.visible = bool(panel.preparation.words)

    def _take_more_mr(self) -> None:
        self._panel.parameters.moreMr = list(self._panel.ui.moreMrSelector.checkedNodes())

    def _load_digital_head(self) -> None:
        """The demo's pair, made on a thread: it takes some seconds and needs no network."""
        from MR2XRayGUI.background import Background
        from MR2XRayLib.demo import demo_pair

        panel = self._panel
        panel.say(_("Making the digital head..."))
        panel.ui.digitalHeadButton.enabled = False

        def take(pair: DemoPair) -> None:
            scene, parameters = panel.session.scene, panel.parameters
            parameters.ct = node_from_volume(scene, pair.ct, _("Digital head CT"))
            parameters.mr = node_from_volume(scene, pair.mr, _("Digital head MR"))
            panel.say(_("The digital head is loaded; its MR lies elsewhere than its CT: register them."))
            panel.when_here(partial(_show_in_slices, parameters.ct))

        def done(pair: DemoPair) -> None:
            panel.ui.digitalHeadButton.enabled = True
            panel.telling(take)(pair)

        def failed(sentence: str) -> None:
            panel.ui.digitalHeadButton.enabled = True
            panel.fault(sentence)

        Background(lambda _progress: demo_pair(), done, failed)

    def _load_sample_data(self) -> None:
        """Slicer's own CT-MR Brain; a download of some megabytes, checked by its checksums."""
        import SampleData

        panel = self._panel
        panel.say(_("Downloading the sample data CT-MR Brain..."))
        slicer.app.processEvents()
        ct, t1, _t2 = _all_three(SampleData.downloadSamples("CTMRBrain"))
        panel.parameters.mr, panel.parameters.ct = t1, ct
        panel.say(_("CT-MR Brain is loaded; register the MR to the CT."))


def _all_three(
    loaded: Sequence[slicer.vtkMRMLScalarVolumeNode | None],
) -> Sequence[slicer.vtkMRMLScalarVolumeNode]:
    """The volumes of the sample data. Slicer leaves out what could not be downloaded; then the others go again.

    Raises:
        MR2XRayError: if not all of them are there.
    """
    nodes = [node for node in loaded if node is not None]
    if len(nodes) == 3:
        return nodes
    for node in nodes:
        node.GetScene().RemoveNode(node)
    raise MR2XRayError(
        _("CT-MR Brain could not be downloaded; check the network and try again, or press Digital head.")
    )


def _show_in_slices(ct: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show a CT in Slicer's three slice views; `slicer.util.setSliceViewerLayers` would take ours as well."""
    scene = ct.GetScene()
    if scene is None:
        # It was removed while the user was in another module.
        return
    for tag in fusion.TAGS:
        composite = layout.composite_node(scene, tag)
        composite.SetBackgroundVolumeID(ct.GetID())
        composite.SetForegroundVolumeID(None)
        logic = slicer.app.applicationLogic().GetSliceLogicByLayoutName(tag)
        if logic is not None:
            logic.FitSliceToBackground()
