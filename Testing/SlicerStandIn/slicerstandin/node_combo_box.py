"""qMRMLNodeComboBox on a real scene. Behaviour as in Slicer's Libs/MRML/Widgets/qMRMLNodeComboBox.cxx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import shiboken6
import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .ctk_edits import ctkComboBox
from .ctk_sliders import row
from .delegation import stored
from .instance import implementation
from .node_commands import NodeCommands
from .node_list import NodeList
from .scene_watch import SceneWatch

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot


@implementation
class qMRMLNodeComboBox(NodeCommands, NodeList, QtWidgets.QWidget):
    """A choice among the scene's nodes of some types."""

    currentNodeChanged = Signal((object,), (bool,))
    currentNodeIDChanged = Signal(str)
    currentNodeRenamed = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAddedByUserAction = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    nodeAboutToBeEdited = Signal(object)
    QT_SIGNATURES: ClassVar = {
        f"{name}(vtkMRMLNode*)": f"{name}(PyObject)"
        for name in ("currentNodeChanged", "nodeActivated", "nodeAdded", "nodeAddedByUser", "nodeAddedByUserAction",
                     "nodeAboutToBeRemoved", "nodeAboutToBeEdited")
    }  # fmt: skip

    currentNodeID = Property(
        str, lambda self: self._current_id(), lambda self, node_id: self.setCurrentNodeID(node_id)
    )
    nodeTypes = Property(
        "QStringList", lambda self: list(self._types), lambda self, types: self._set_types(types)
    )
    hideChildNodeTypes = Property(
        "QStringList",
        lambda self: list(self._hidden_types),
        lambda self, types: self._filter("_hidden_types", types),
    )
    showHidden = Property(
        bool, lambda self: self._show_hidden, lambda self, show: self._filter("_show_hidden", show)
    )
    showChildNodeTypes = Property(
        bool, lambda self: self._show_children, lambda self, show: self._filter("_show_children", show)
    )
    noneEnabled = Property(bool, lambda self: self._none, lambda self, enabled: self._set_none(enabled))
    noneDisplay = Property(str, lambda self: self._none_text, lambda self, text: self._set_none_text(text))
    addEnabled = Property(bool, lambda self: self._can["add"], lambda self, can: self._allow("add", can))
    removeEnabled = Property(
        bool, lambda self: self._can["remove"], lambda self, can: self._allow("remove", can)
    )
    editEnabled = Property(bool, lambda self: self._can["edit"], lambda self, can: self._allow("edit", can))
    renameEnabled = Property(
        bool, lambda self: self._can["rename"], lambda self, can: self._allow("rename", can)
    )
    baseName = Property(
        str, lambda self: self._base_name, lambda self, name: self.__dict__.update(_base_name=name)
    )
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "Singleton")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._types: list[str] = []
        self._hidden_types: list[str] = []
        self._attributes: dict[str, tuple[str, Any]] = {}
        self._labels: dict[str, str] = {}
        self._show_hidden, self._show_children = False, True
        self._none, self._none_text, self._base_name = False, "None", ""
        self._can = {"add": True, "remove": True, "edit": False, "rename": False}
        self._actions: list[QtGui.QAction] = []
        self._scene: Any = None
        self._requested = ""
        self._switching, self._said_count = False, 0
        self._watch = SceneWatch(self)
        self._model = QtGui.QStandardItemModel(self)
        self._box = ctkComboBox(self)
        self._box.setModel(self._model)
        self._box.view()  # made at once, so that its inner children are there, as in the real one
        row(self, self._box)
        self.setEnabled(False)
        self._box.currentTextChanged.connect(self._emit_current)
        self._box.activated.connect(self._activated)

    # The scene

    @Slot(object)
    def setMRMLScene(self, scene: Any) -> None:
        """Observe a scene; None disables the box."""
        if scene is self._scene:
            return
        before, had_nodes = self._current_id(), self.nodeCount() > 0
        self._watch.scene(scene)
        self._scene = scene
        self._quietly(self._rebuild)
        wanted = before if had_nodes else self._requested
        if not wanted and not had_nodes and not self._none and self.nodeCount():
            wanted = self.nodeFromIndex(0).GetID()
        self._requested = ""
        if scene is not None and self._row_of(wanted) < 0:
            for _ in range(1 + self._none * (4 if self._model.rowCount() > 1 + self.nodeCount() else 1)):
                self._emit_current()  # so often the real one was seen to say None
        self.setCurrentNodeID(wanted)
        self.setEnabled(scene is not None)

    def _quietly(self, change: Callable[[], None]) -> None:
        """Change the list without a word, and deselect."""
        self._switching = True
        change()
        self._box.setCurrentIndex(self._no_row())
        self._switching = False

    def _no_row(self) -> int:
        """The row that means no node: that of None, or no row at all."""
        return -1 + self._none

    def _said(self, change: Callable[[], None]) -> None:
        """Change something, and say the current node if that did not."""
        before = self._said_count
        change()
        if self._said_count == before:
            self._emit_current()

    def mrmlScene(self) -> Any:
        return self._scene

    def node_added(self, node: Any) -> None:
        """Called by the watch: a node came into the scene. Only a box that was quite empty selects it."""
        if not self._accepts(node):
            return
        before, was_empty = self._box.currentIndex(), self._model.rowCount() == 0
        self._model.insertRow(self._none + self.nodeCount(), self._item(node))
        if before < 0 and not was_empty:
            self._quietly(lambda: None)
        self.nodeAdded.emit(node)

    def node_about_to_be_removed(self, node: Any) -> None:
        """Called by the watch: a node leaves. Where it was the current one, QComboBox moves on to another."""
        if self._row_of(node.GetID()) >= 0:
            self.nodeAboutToBeRemoved.emit(node)
            self._remove_row(self._row_of(node.GetID()))

    def _remove_row(self, place: int) -> None:
        had_current, before = self.currentNode() is not None, self._said_count
        self._model.removeRow(place)
        if had_current and self.currentNode() is None and self._said_count == before:
            self._quietly(lambda: None)
            self._emit_current()

    def node_modified(self, node: Any) -> None:
        """Called by the watch: perhaps renamed; where attributes are asked for, perhaps no longer to be shown.

        A node that becomes hidden stays, as was seen in the real program.
        """
        place, accepted = self._row_of(node.GetID()), self._accepts(node) or not self._attributes
        if place < 0 and accepted and self._attributes:
            selected = self._box.currentIndex()
            self.node_added(node)
            if selected < 0:
                self._quietly(lambda: None)
        elif place >= 0 and not accepted:
            self._remove_row(place)
        elif place >= 0 and self._model.item(place).text() != node.GetName():
            self._model.item(place).setText(node.GetName())

    def scene_changed(self) -> None:
        """Called by the watch: the scene was closed or loaded, the list is made anew."""
        current = self._current_id()
        self._quietly(self._rebuild)
        self._said(lambda: self.setCurrentNodeID(current))

    # The current node

    def currentNode(self) -> Any:
        return self._node_at(self._box.currentIndex())

    def _current_id(self) -> str:
        node = self.currentNode()
        return node.GetID() if node is not None else ""

    def currentNodeId(self) -> str:
        return self._current_id()

    def setCurrentNode(self, node: Any) -> None:
        """Select a node; one that is not in the list deselects silently.

        Raises:
            TypeError: an ID instead of a node, as was seen in the real program.
        """
        if node is not None and not isinstance(node, slicer.vtkMRMLNode):
            raise TypeError(f"setCurrentNode takes a node, not {node!r}")
        self.setCurrentNodeID(node.GetID() or "" if node is not None else "")

    @Slot(str)
    def setCurrentNodeID(self, node_id: str) -> None:
        if self._scene is None:
            self._requested = node_id
        place = self._row_of(node_id) if node_id else -1
        place = place if place >= 0 else self._no_row()
        if place != self._box.currentIndex():
            self._said(lambda: self._box.setCurrentIndex(place))

    @Slot(int)
    def setCurrentNodeIndex(self, index: int) -> None:
        self._box.setCurrentIndex((index if index < self.nodeCount() else -1) + self._none)

    def _emit_current(self) -> None:
        """Say the current node; where the row is none of a node, select the last node first."""
        if self._switching:
            return
        place, node = self._box.currentIndex(), self.currentNode()
        if node is None and place != self._no_row():
            if self.nodeCount():
                self.setCurrentNode(self.nodeFromIndex(self.nodeCount() - 1))
            return
        self._said_count += 1
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    # What the list shows

    def addAttribute(self, kind: str, name: str, value: Any = None) -> None:
        self._attributes[kind] = (name, value)
        self._refilter()

    def removeAttribute(self, kind: str, name: str) -> None:
        self._attributes.pop(kind, None)
        self._refilter()

    def setNodeTypeLabel(self, label: str, kind: str) -> None:
        self._labels[kind] = label
        self._append_commands()

    def _set_types(self, types: list[str]) -> None:
        self._types = [kind for kind in types if kind]
        self._refilter()

    def _filter(self, name: str, value: Any) -> None:
        setattr(self, name, value)
        self._refilter()

    def _refilter(self) -> None:
        """Make the list anew; a current node that is no longer in it is left, one that is stays."""
        if self._scene is None:
            return
        before = self._current_id()
        self._quietly(self._rebuild)
        if before and self._row_of(before) < 0:
            self._emit_current()
            if self.nodeCount() == self._model.rowCount() > 0:
                self.setCurrentNode(self.nodeFromIndex(0))
        self._switching = True
        if self._row_of(before) >= 0:
            self._box.setCurrentIndex(self._row_of(before))
        self._switching = False

    def _set_none(self, enabled: bool) -> None:
        if enabled != self._none:
            before = self._current_id()
            self._none = enabled
            self._switching = True
            self._rebuild()
            self._box.setCurrentIndex(self._row_of(before) if before else -1 + enabled)
            self._switching = False

    def _set_none_text(self, text: str) -> None:
        self._none_text = text
        if self._none:
            self._model.item(0).setText(text)

    def _allow(self, what: str, can: bool) -> None:
        self._can[what] = can
        current = self._box.currentIndex()
        self._append_commands()
        self._box.setCurrentIndex(current)

    def is_alive(self) -> bool:
        """Whether the widget still exists; the watch asks before it calls."""
        return shiboken6.isValid(self)
