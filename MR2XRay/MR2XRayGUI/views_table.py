"""The list of kept views: by hand, by words, from and to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from MR2XRayLib.carm import DIGITS, View
from MR2XRayLib.views import resolve_views, write_views
from MR2XRayScene import geometry

if TYPE_CHECKING:
    from MR2XRayGUI.panel import Panel

FILES = "Views (*.csv *.json)"
NO_VIEWS = "[]"


class ViewsTable:
    """Shows and edits the parameter node's `viewsJson`."""

    def __init__(self, panel: Panel) -> None:
        self._panel, ui = panel, panel.ui
        self._shown = ""
        ui.viewsTable.setHorizontalHeaderLabels([_("Angles"), _("Primary"), _("Secondary")])
        header = ui.viewsTable.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        # The angles in words are the longest; they get what the numbers leave.
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        panel.connect(ui.keepViewButton, "clicked()", self._keep)
        panel.connect(ui.removeViewsButton, "clicked()", self._remove)
        panel.connect(ui.clearViewsButton, "clicked()", lambda: self._store([]))
        panel.connect(ui.addViewsButton, "clicked()", self._add)
        panel.connect(ui.viewsLineEdit, "returnPressed()", self._add)
        panel.connect(ui.importViewsButton, "clicked()", self._import)
        panel.connect(ui.exportViewsButton, "clicked()", self._export)
        panel.connect(ui.copyMatrixButton, "clicked()", self._copy_matrix)
        panel.connect(ui.viewsTable, "cellDoubleClicked(int,int)", self._turn_to)

    def refresh(self) -> None:
        """Show the views of the parameter node."""
        panel, ui, text = self._panel, self._panel.ui, self._panel.parameters.viewsJson
        if text != self._shown:
            self._shown = text
            # A list that cannot be read is told once, and shown as none.
            ui.viewsTable.setRowCount(0)
            panel.guarded(self._fill)()
        count = ui.viewsTable.rowCount
        ui.viewsGroup.title = _("Kept views ({n})").format(n=count)
        lack = "" if count else _("No view is kept yet; keep one first.")
        panel.offer(ui.removeViewsButton, _("Remove the selected views."), lack)
        panel.offer(ui.clearViewsButton, _("Remove all views."), "" if text != NO_VIEWS else lack)
        panel.offer(
            ui.exportViewsButton,
            _("Write the views as CSV (angles) or JSON (whole geometry, 3x4 matrices)."),
            lack,
        )

    def _fill(self) -> None:
        table, views = self._panel.ui.viewsTable, self._views()
        table.setRowCount(len(views))
        for row, view in enumerate(views):
            angles = view.angulation
            words = (view.label, f"{angles.primary:.{DIGITS}f}", f"{angles.secondary:.{DIGITS}f}")
            for column, word in enumerate(words):
                table.setItem(row, column, qt.QTableWidgetItem(word))

    def _views(self) -> list[View]:
        return list(geometry.views_from_json(self._panel.parameters.viewsJson))

    def _store(self, views: list[View]) -> None:
        self._panel.parameters.viewsJson = geometry.views_to_json(views)

    def _keep(self) -> None:
        self._store([*self._views(), self._panel.session.view(self._panel.parameters)])

    def _remove(self) -> None:
        rows = {index.row() for index in self._panel.ui.viewsTable.selectionModel().selectedRows()}
        self._store([view for row, view in enumerate(self._views()) if row not in rows])

    def _add(self) -> None:
        views = self._resolved(self._panel.ui.viewsLineEdit.text)
        self._store([*self._views(), *views])
        self._panel.ui.viewsLineEdit.text = ""

    def _resolved(self, text: str) -> tuple[View, ...]:
        parameters = self._panel.parameters
        # Faulty words are told first, before it matters whether the isocentre is known yet.
        resolve_views(text, geometry.carm_of(parameters.carm, (0, 0, 0)))
        return resolve_views(text, self._panel.session.carm(parameters))

    def _import(self) -> None:
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("Import views"), "", FILES)
        if path:
            views = self._resolved(path)
            self._store([*self._views(), *views])
            self._panel.say(_("{n} views read from {path}.").format(n=len(views), path=path))

    def _export(self) -> None:
        path = qt.QFileDialog.getSaveFileName(
            slicer.util.mainWindow(), _("Export views"), "views.json", FILES
        )
        if path:
            write_views(Path(path), tuple(self._views()))
            self._panel.say(_("Views written to {path}.").format(path=path))

    def _copy_matrix(self) -> None:
        matrix = self._panel.session.view(self._panel.parameters).matrix()
        qt.QApplication.clipboard().setText("\n".join(" ".join(f"{x:.9g}" for x in row) for row in matrix))
        self._panel.say(_("The 3x4 matrix (world LPS mm to column, row) is in the clipboard."))

    def _turn_to(self, row: int, _column: int) -> None:
        self._panel.session.turn(self._panel.parameters, self._views()[row].angulation)
