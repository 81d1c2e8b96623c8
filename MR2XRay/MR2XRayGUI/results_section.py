"""The section *Results*: browse, numbers, plot, how images are shown, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from MR2XRayGUI.dependencies import ensure_worker
from MR2XRayScene import export, layout

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel

FOLDER_SETTING = "MR2XRay/ExportFolder"


class NoPaste(qt.QObject):
    """An event filter: the view of a table pastes without a look at the table's lock."""

    def eventFilter(self, _watched: Any, event: Any) -> bool:
        """Whether the event goes no further."""
        return event.type() == qt.QEvent.KeyPress and event.matches(qt.QKeySequence.Paste)


class ResultsSection:
    """Shows what the worker made of all kept views."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        self._how: object = None
        self._head: object = None
        self._no_paste = NoPaste()
        ui.metricsTable.installEventFilter(self._no_paste)
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
        ui.resultSlider.enabled = count > 0
        ui.resultLabel.text = f"{min(parameters.resultIndex, count - 1) + 1} / {count}" if count else ""
        lack = "" if count else _("Synthesize all kept views first.")
        panel.offer(ui.exportButton, _("Write the synthesized views into the folder."), lack)
        self._refresh_metrics()
        self._refresh_images()
        self._refresh_head()

    def _refresh_metrics(self) -> None:
        """The table and what is made of it."""
        ui, metrics = self._panel.ui, self._panel.parameters.metrics
        if ui.metricsTable.mrmlTableNode() is not metrics:
            # Set again, it would lose its widths and what is selected.
            ui.metricsTable.setMRMLTableNode(metrics)
        ui.metricsTable.visible = metrics is not None
        lack = "" if metrics is not None else _("Synthesize all kept views with a CT first.")
        self._panel.offer(ui.plotButton, _("Show the metric over the views in a plot view."), lack)

    def _refresh_images(self) -> None:
        """The images, if they are to be shown in another way than until now."""
        panel, display = self._panel, self._panel.parameters.display
        how = (display.quantity, display.inverted, display.sharedWindow, display.fourth)
        if how != self._how:
            self._how = how
            panel.guarded(panel.session.show_again)(panel.parameters)
            panel.images_shown()

    def _refresh_head(self) -> None:
        """The head in the 3D view, if another volume is chosen or it is to be shown in another way."""
        panel, volume = self._panel, self._panel.session.head_volume(self._panel.parameters)
        head = (panel.parameters.display.head, None if volume is None else volume.GetID())
        if head != self._head:
            self._head = head
            panel.guarded(panel.session.show_head)(panel.parameters)

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
