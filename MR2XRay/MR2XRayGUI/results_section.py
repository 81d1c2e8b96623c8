"""The section *Results*: browse, numbers, plot, how images are shown, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from MR2XRayGUI.dependencies import ensure_worker
from MR2XRayScene import export, layout

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel

FOLDER_SETTING = "MR2XRay/ExportFolder"


class ResultsSection:
    """Shows what the worker made of all kept views."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        self._how: object = None
        ui.exportComboBox.addItems(list(export.KINDS))
        ui.exportFolderLineEdit.currentPath = slicer.util.settingsValue(FOLDER_SETTING, "")
        panel.connect(ui.resultSlider, "valueChanged(int)", self._browse)
        panel.connect(ui.plotButton, "clicked()", self._plot)
        panel.connect(ui.layoutButton, "clicked()", panel.show_layout)
        panel.connect(ui.fitButton, "clicked()", lambda: layout.fit(panel.session.scene))
        panel.connect(ui.exportButton, "clicked()", self._export)

    def refresh(self) -> None:
        """Show the results of the parameter node."""
        panel, ui, parameters = self._panel, self._panel.ui, self._panel.parameters
        count = panel.session.result_count(parameters)
        ui.resultSlider.blockSignals(True)
        ui.resultSlider.maximum = max(0, count - 1)
        ui.resultSlider.value = parameters.resultIndex
        ui.resultSlider.blockSignals(False)
        ui.resultSlider.enabled = ui.exportButton.enabled = count > 0
        ui.resultLabel.text = f"{min(parameters.resultIndex, count - 1) + 1} / {count}" if count else ""
        ui.exportButton.toolTip = (
            _("Write the synthesized views into the folder.")
            if count
            else _("Synthesize all kept views first.")
        )
        ui.metricsTable.setMRMLTableNode(parameters.metrics)
        ui.metricsTable.visible = ui.plotButton.enabled = parameters.metrics is not None
        display = parameters.display
        how = (display.quantity, display.inverted, display.sharedWindow, display.fourth, display.head)
        if how != self._how:
            self._how = how
            panel.guarded(panel.session.show_again)(parameters)
            panel.images_shown()

    def _browse(self, index: int) -> None:
        self._panel.parameters.resultIndex = index
        self._panel.show_result()

    def _plot(self) -> None:
        self._panel.session.plot(self._panel.parameters)

    def _export(self) -> None:
        self._panel.ensure(ensure_worker)
        ui, parameters = self._panel.ui, self._panel.parameters
        folder = ui.exportFolderLineEdit.currentPath
        if not folder:
            self._panel.fault(_("No folder is chosen; choose where to export to."))
            return
        qt.QSettings().setValue(FOLDER_SETTING, folder)
        written = export.export(parameters, ui.exportComboBox.currentText, Path(folder))
        sentence = (
            _("One file written to {folder}.") if len(written) == 1 else _("{n} files written to {folder}.")
        )
        self._panel.say(sentence.format(n=len(written), folder=folder))
