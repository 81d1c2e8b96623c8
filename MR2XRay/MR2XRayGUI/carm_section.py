"""The section *C-arm*: angles, presets, distances, isocentre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from MR2XRayGUI.dependencies import ensure_live
from MR2XRayGUI.views_table import ViewsTable
from MR2XRayLib.carm_presets import CArmPreset, make_own_file, read_presets
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.views import named_views
from MR2XRayScene import geometry
from MR2XRayScene.parameters import Isocentre

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel


class CArmSection:
    """Aims the C-arm; the sliders and boxes themselves are bound to the parameter node."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        ui.viewComboBox.addItem(_("Choose a view..."))
        for name, view in named_views().items():
            ui.viewComboBox.addItem(f"{name}: {view.angulation}", name)
        self._presets: dict[str, CArmPreset] = {}
        self.reload()
        panel.connect(ui.viewComboBox, "activated(int)", self._take_named_view)
        panel.connect(ui.presetComboBox, "activated(int)", self._take_preset)
        panel.connect(ui.editPresetsButton, "clicked()", self._edit_presets)
        panel.connect(ui.cameraButton, "clicked()", self._take_camera)
        panel.connect(ui.crosshairButton, "clicked()", self._take_crosshair)
        self._table = ViewsTable(panel)

    def reload(self) -> None:
        """Read again which C-arms there are; where their file is faulty, say so and keep those that were read."""
        try:
            self._presets = read_presets()
        except MR2XRayError as error:
            self._panel.fault(str(error))
            return
        box = self._panel.ui.presetComboBox
        box.clear()
        for index, (name, preset) in enumerate(self._presets.items()):
            box.addItem(name)
            box.setItemData(index, preset.note, qt.Qt.ToolTipRole)

    def refresh(self) -> None:
        """Say the angles in words, and what such a C-arm cannot do."""
        ui, carm = self._panel.ui, self._panel.parameters.carm
        angulation = geometry.angulation_of(carm)
        preset = self._presets.get(carm.preset)
        beyond = preset is not None and not preset.reaches(angulation)
        ui.angulationLabel.text = (
            _("{angles} (the C-arm {name} cannot be driven there)").format(
                angles=angulation, name=carm.preset
            )
            if beyond
            else str(angulation)
        )
        ui.presetComboBox.currentIndex = list(self._presets).index(carm.preset) if preset else -1
        ui.geometryNote.text = self._geometry_words()
        ui.isocentrePointSelector.enabled = carm.isocentre == Isocentre.POINT
        self._table.refresh()

    def _geometry_words(self) -> str:
        carm = self._panel.parameters.carm
        try:
            geometry.carm_of(carm, (0.0, 0.0, 0.0))
        except MR2XRayError as error:
            return str(error)
        magnification = carm.sourceToDetectorMm / carm.sourceToIsocentreMm
        return _("Magnification at the isocentre {m:.2f}; a pixel there is {pitch:.2f} mm wide.").format(
            m=magnification, pitch=carm.detectorWidthMm / carm.columns / magnification
        )

    def _take_named_view(self, index: int) -> None:
        name = self._panel.ui.viewComboBox.itemData(index)
        if name:
            self._panel.session.turn(self._panel.parameters, named_views()[name].angulation)

    def _take_preset(self, index: int) -> None:
        name = self._panel.ui.presetComboBox.itemText(index)
        try:
            geometry.preset_into(self._panel.parameters, self._presets[name])
        finally:
            # Where it is refused, the box still names the one before.
            self.refresh()

    def _edit_presets(self) -> None:
        self._panel.ensure(ensure_live)
        file = make_own_file()
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(file)))
        self._panel.say(
            _("Your own C-arms stand in {file}; reopen the module after a change.").format(file=file)
        )

    def _take_camera(self) -> None:
        view = slicer.app.layoutManager().threeDWidget(0).mrmlViewNode()
        camera = slicer.modules.cameras.logic().GetViewActiveCameraNode(view)
        self._panel.session.turn(self._panel.parameters, geometry.angulation_of_camera(camera))

    def _take_crosshair(self) -> None:
        carm, scene = self._panel.parameters.carm, self._panel.session.scene
        carm.isocentrePoint = geometry.point_at(
            scene, carm.isocentrePoint, geometry.crosshair_position(scene)
        )
        carm.isocentre = Isocentre.POINT
