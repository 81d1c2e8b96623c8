"""qMRML widgets besides the node box: the panel's root, a checkable list of nodes, a table, placing points."""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .ctk_ranges import ctkRangeWidget
from .ctk_sliders import ctkDoubleSpinBox, ctkSliderWidget
from .delegation import stored
from .instance import implementation
from .node_combo_box import qMRMLNodeComboBox

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot


class WithScene:
    """A widget that is told the scene, and says so."""

    QT_SIGNATURES: ClassVar = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}
    _scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        return self._scene


@implementation
class qMRMLWidget(WithScene, QtWidgets.QWidget):
    """The root of a module's panel."""

    mrmlSceneChanged = Signal(object)


@implementation
class qSlicerWidget(WithScene, QtWidgets.QWidget):
    """The base of Slicer's own widgets."""

    mrmlSceneChanged = Signal(object)


@implementation
class qMRMLSliderWidget(ctkSliderWidget):
    """A slider with the scene's units, which are not imitated."""

    quantity = stored(str, "quantity", "")

    def setMRMLScene(self, scene: Any) -> None:
        self.setEnabled(scene is not None)


@implementation
class qMRMLSpinBox(ctkDoubleSpinBox):
    """A spin box with the scene's units, which are not imitated."""

    quantity = stored(str, "quantity", "")

    def setMRMLScene(self, scene: Any) -> None:
        self.setEnabled(scene is not None)


@implementation
class qMRMLRangeWidget(ctkRangeWidget):
    """A range with the scene's units, which are not imitated."""

    quantity = stored(str, "quantity", "")

    def setMRMLScene(self, scene: Any) -> None:
        self.setEnabled(scene is not None)


@implementation
class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Several nodes by check boxes."""

    checkedNodesChanged = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._checked: set[str] = set()
        self._allow("add", False)
        self._allow("remove", False)

    def _nodes(self, checked: bool) -> list[Any]:
        places = range(self._model.rowCount())
        ids = [self._id_at(place) for place in places if self._id_at(place) is not None]
        return [self._scene.GetNodeByID(node_id) for node_id in ids if (node_id in self._checked) == checked]

    def checkedNodes(self) -> list[Any]:
        return self._nodes(True)

    def uncheckedNodes(self) -> list[Any]:
        return self._nodes(False)

    def allChecked(self) -> bool:
        return not self._nodes(False)

    def noneChecked(self) -> bool:
        return not self._nodes(True)

    def checkState(self, node: Any) -> QtCore.Qt.CheckState:
        return (
            QtCore.Qt.CheckState.Checked if node.GetID() in self._checked else QtCore.Qt.CheckState.Unchecked
        )

    def setCheckState(self, node: Any, state: QtCore.Qt.CheckState) -> None:
        before = set(self._checked)
        (self._checked.add if state == QtCore.Qt.CheckState.Checked else self._checked.discard)(node.GetID())
        place = self._row_of(node.GetID())
        if place >= 0:
            self._model.item(place).setCheckState(state)
        if before != self._checked:
            self.checkedNodesChanged.emit()

    def check(self, node: Any) -> None:
        self.setCheckState(node, QtCore.Qt.CheckState.Checked)

    def uncheck(self, node: Any) -> None:
        self.setCheckState(node, QtCore.Qt.CheckState.Unchecked)

    def _item(self, node: Any) -> QtGui.QStandardItem:
        item = super()._item(node)
        item.setCheckable(True)
        item.setCheckState(self.checkState(node))
        return item


@implementation
class qMRMLTableView(WithScene, QtWidgets.QTableView):
    """A table node's cells, editable unless it is locked; what is typed over them goes nowhere.

    What is pasted goes into the node, locked or not, as in `qMRMLTableView::keyPressEvent`; it makes no new cells.
    """

    mrmlSceneChanged = Signal(object)
    selectionChanged = Signal()
    transposed = stored(bool, "transposed", False)
    firstRowLocked = stored(bool, "firstRowLocked", False)
    firstColumnLocked = stored(bool, "firstColumnLocked", False)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: Any = None
        self._tag = 0
        self.setModel(QtGui.QStandardItemModel(self))

    def setMRMLTableNode(self, node: Any) -> None:
        """Show a table node, or nothing."""
        if node is not None and not isinstance(node, slicer.vtkMRMLTableNode):
            raise TypeError(f"setMRMLTableNode takes a table node, not {node!r}")
        if self._table is not None:
            self._table.RemoveObserver(self._tag)
        self._table = node
        if node is not None:
            self._tag = node.AddObserver("ModifiedEvent", lambda *_: self._fill())
        self._fill()

    def mrmlTableNode(self) -> Any:
        return self._table

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        if event.matches(QtGui.QKeySequence.StandardKey.Paste):
            self.pasteSelection()
        else:
            super().keyPressEvent(event)

    def pasteSelection(self) -> None:
        """The clipboard's lines and tabs into the cells from the current one on."""
        if self._table is None:
            return
        top, left = max(0, self.currentIndex().row()), max(0, self.currentIndex().column())
        for row, line in enumerate(QtWidgets.QApplication.clipboard().text().splitlines(), top):
            for column, cell in enumerate(line.split("\t"), left):
                self._table.SetCellText(row, column, cell)

    def _fill(self) -> None:
        model = self.model()
        model.clear()
        if self._table is None:
            return
        columns = range(self._table.GetNumberOfColumns())
        model.setHorizontalHeaderLabels([self._table.GetColumnName(column) for column in columns])
        for place in range(self._table.GetNumberOfRows()):
            items = [QtGui.QStandardItem(self._table.GetCellText(place, column)) for column in columns]
            for item in items:
                item.setEditable(not self._table.GetLocked())
            model.appendRow(items)


class MarkupsWidget(WithScene, QtWidgets.QWidget):
    """What the two widgets that place points have in common: the node, and whether clicks place points."""

    mrmlSceneChanged = Signal(object)
    activeMarkupsPlaceModeChanged = Signal(bool)
    activeMarkupsFiducialPlaceModeChanged = Signal(bool)
    _node: Any = None

    def currentNode(self) -> Any:
        return self._node

    def setCurrentNode(self, node: Any) -> None:
        if node is not None and not isinstance(node, slicer.vtkMRMLNode):
            raise TypeError(f"setCurrentNode takes a node, not {node!r}")
        self._node = node


@implementation
class qSlicerMarkupsPlaceWidget(MarkupsWidget):
    """The button that begins to place points; a test places them itself."""

    buttonsVisible = stored(bool, "buttonsVisible", True)
    placeMultipleMarkups = stored(int, "placeMultipleMarkups", 0)
    deleteAllMarkupsOptionVisible = stored(bool, "deleteAllMarkupsOptionVisible", True)
    placeModeEnabled = Property(
        bool, lambda self: self._placing, lambda self, placing: self.setPlaceModeEnabled(placing)
    )
    _placing = False

    def currentMarkupsNode(self) -> Any:
        return self._node

    def setPlaceModeEnabled(self, placing: bool) -> None:
        if placing != self._placing:
            self._placing = placing
            self.activeMarkupsPlaceModeChanged.emit(placing)


@implementation
class qSlicerSimpleMarkupsWidget(MarkupsWidget):
    """A points node, its points in a table, and the button that places them; the table is not imitated."""

    markupsNodeChanged = Signal()
    nodeSelectorVisible = stored(bool, "nodeSelectorVisible", True)
    optionsVisible = stored(bool, "optionsVisible", True)
    enterPlaceModeOnNodeChange = stored(bool, "enterPlaceModeOnNodeChange", True)
    jumpToSliceEnabled = stored(bool, "jumpToSliceEnabled", False)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QVBoxLayout(self)
        self._selector = qMRMLNodeComboBox(self)
        self._selector.setProperty("nodeTypes", ["vtkMRMLMarkupsFiducialNode"])
        self._place = qSlicerMarkupsPlaceWidget(self)
        layout.addWidget(self._selector)
        layout.addWidget(self._place)
        self._selector.currentNodeChanged[object].connect(self._choose)

    def setMRMLScene(self, scene: Any) -> None:
        super().setMRMLScene(scene)
        self._selector.setMRMLScene(scene)

    def setCurrentNode(self, node: Any) -> None:
        self._selector.setCurrentNode(node)

    def _choose(self, node: Any) -> None:
        if node is not self._node:
            self._node = node
            self._place.setCurrentNode(node)
            self.markupsNodeChanged.emit()

    def markupsPlaceWidget(self) -> QtWidgets.QWidget:
        return self._place

    def markupsSelectorComboBox(self) -> QtWidgets.QWidget:
        return self._selector
