"""qMRMLNodeComboBox on a real scene. Behaviour as in Slicer's Libs/MRML/Widgets/qMRMLNodeComboBox.cxx."""

from __future__ import annotations

from typing import Any, ClassVar

import shiboken6
import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .ctk_edits import ctkComboBox
from .ctk_sliders import row
from .delegation import stored
from .dialogs import CANCELLED, DIALOGS
from .instance import implementation
from .scene_watch import SceneWatch

Property, Signal, Slot = QtCore.Property, QtCore.Signal, QtCore.Slot
NODE_ID = QtCore.Qt.ItemDataRole.UserRole + 1
COMMAND = QtCore.Qt.ItemDataRole.UserRole + 2


@implementation
class qMRMLNodeComboBox(QtWidgets.QWidget):
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
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "")

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
        self._switching = False
        self._watch = SceneWatch(self)
        self._model = QtGui.QStandardItemModel(self)
        self._box = ctkComboBox(self)
        self._box.setModel(self._model)
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
        self._switching = True
        self._rebuild()
        self._box.setCurrentIndex(-1)
        self._switching = False
        self._emit_current()
        wanted = before if had_nodes else self._requested
        if not wanted and not had_nodes and not self._none and self.nodeCount():
            wanted = self.nodeFromIndex(0).GetID()
        self.setCurrentNodeID(wanted)
        self._requested = ""
        self.setEnabled(scene is not None)

    def mrmlScene(self) -> Any:
        return self._scene

    def node_added(self, node: Any) -> None:
        """Called by the watch: a node came into the scene."""
        if not self._accepts(node):
            return
        before = self._box.currentIndex()
        self._model.insertRow(self._none + self.nodeCount(), self._item(node))
        if before < 0:
            self._switching = True
            self._box.setCurrentIndex(-1)
            self._switching = False
        self.nodeAdded.emit(node)

    def node_about_to_be_removed(self, node: Any) -> None:
        """Called by the watch: a node leaves. Where it was the current one, QComboBox moves on to another."""
        place = self._row_of(node.GetID())
        if place < 0:
            return
        self.nodeAboutToBeRemoved.emit(node)
        self._model.removeRow(place)
        if self.currentNode() is None:
            self.setCurrentNode(None)

    def node_modified(self, node: Any) -> None:
        """Called by the watch: perhaps renamed, perhaps no longer (or only now) to be shown."""
        place, accepted = self._row_of(node.GetID()), self._accepts(node)
        if place < 0 and accepted:
            self.node_added(node)
        elif place >= 0 and not accepted:
            self._model.removeRow(place)
            if self.currentNode() is None:
                self.setCurrentNode(None)
        elif place >= 0 and self._model.item(place).text() != node.GetName():
            self._model.item(place).setText(node.GetName())

    def scene_changed(self) -> None:
        """Called by the watch: the scene was closed or loaded, the list is made anew."""
        current = self._current_id()
        self._switching = True
        self._rebuild()
        self._box.setCurrentIndex(-1)
        self._switching = False
        self.setCurrentNodeID(current)
        if not self._current_id():
            self._emit_current()

    # The list

    def _accepts(self, node: Any) -> bool:
        """As `qMRMLSortFilterProxyModel::filterAcceptsNode`: label maps are volumes too unless children are hidden."""
        if node.GetHideFromEditors() and not self._show_hidden:
            return False
        for kind in self._types:
            if not node.IsA(kind) or (not self._show_children and node.GetClassName() != kind):
                continue
            if self._show_children and any(node.IsA(hidden) for hidden in self._hidden_types):
                return False
            name, value = self._attributes.get(kind, ("", None))
            found = node.GetAttribute(name) if name else ""
            return not name or (found is not None and (value is None or found == str(value)))
        return not self._types

    def _item(self, node: Any) -> QtGui.QStandardItem:
        item = QtGui.QStandardItem(node.GetName() or "")
        item.setData(node.GetID(), NODE_ID)
        return item

    def _rebuild(self) -> None:
        self._model.clear()
        if self._none:
            self._model.appendRow(QtGui.QStandardItem(self._none_text))
        if self._scene is not None:
            for index in range(self._scene.GetNumberOfNodes()):
                node = self._scene.GetNthNode(index)
                if self._accepts(node):
                    self._model.appendRow(self._item(node))
        self._append_commands()

    def _append_commands(self) -> None:
        """Separator and commands under the nodes."""
        for place in reversed(range(self._model.rowCount())):
            if self._model.item(place).data(COMMAND):
                self._model.removeRow(place)
        if self._scene is None:
            return
        label = self.nodeTypeLabel(self._types[0] if len(self._types) == 1 else "")
        texts = [(f"Rename current {label}", "RENAME")] * self._can["rename"]
        texts += [(f"Edit current {label}", "EDIT")] * self._can["edit"]
        if self._can["add"]:
            texts += [(f"Create new {self.nodeTypeLabel(kind)}", f"CREATE/{kind}") for kind in self._types]
        texts += [(f"Delete current {label}", "DELETE")] * self._can["remove"]
        texts += [(action.text(), f"ACTION/{place}") for place, action in enumerate(self._actions)]
        for text, command in [("", "SEPARATOR"), *texts] if texts else []:
            item = QtGui.QStandardItem(text)
            item.setData(command, COMMAND)
            self._model.appendRow(item)

    def _row_of(self, node_id: str) -> int:
        return next((place for place in range(self._model.rowCount()) if self._id_at(place) == node_id), -1)

    def _id_at(self, place: int) -> str | None:
        item = self._model.item(place) if place >= 0 else None
        return item.data(NODE_ID) if item is not None else None

    def _node_at(self, place: int) -> Any:
        node_id = self._id_at(place)
        return self._scene.GetNodeByID(node_id) if node_id and self._scene is not None else None

    def nodeCount(self) -> int:
        return sum(self._id_at(place) is not None for place in range(self._model.rowCount()))

    def nodeFromIndex(self, index: int) -> Any:
        return self._node_at(index + self._none)

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
        self._box.setCurrentIndex(place if place >= 0 else -1 + self._none)

    @Slot(int)
    def setCurrentNodeIndex(self, index: int) -> None:
        self._box.setCurrentIndex((index if index < self.nodeCount() else -1) + self._none)

    def _emit_current(self) -> None:
        if self._switching:
            return
        place, node = self._box.currentIndex(), self.currentNode()
        if node is None and place != (0 if self._none else -1):
            last = self.nodeFromIndex(self.nodeCount() - 1) if self.nodeCount() else None
            if last is not None:
                self.setCurrentNode(last)
                return
            if self._scene is not None and self._id_at(place) is None and place >= 0:
                return
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    # What the user does

    def _activated(self, place: int) -> None:
        item = self._model.item(place)
        command = item.data(COMMAND) if item is not None else None
        if command:
            self.run_command(command)
        elif self._node_at(place) is not None or (self._none and place == 0):
            self.nodeActivated.emit(self._node_at(place))

    def run_command(self, command: str) -> None:
        """Do what an entry under the nodes says."""
        verb, _, rest = command.partition("/")
        if verb == "CREATE":
            node = self.addNode(rest)
            if node is not None:
                self.setCurrentNode(node)
                self.nodeAddedByUserAction.emit(node)
        elif verb == "ACTION":
            self._actions[int(rest)].trigger()
        elif verb in ("DELETE", "RENAME", "EDIT"):
            {
                "DELETE": self.removeCurrentNode,
                "RENAME": self.renameCurrentNode,
                "EDIT": self.editCurrentNode,
            }[verb]()

    def addNode(self, kind: str = "") -> Any:
        """Make a node of one of the types, in the scene, with the attributes that the list asks for."""
        kind = kind or next(iter(self._types), "")
        if kind not in self._types or self._scene is None:
            return None
        node = self._scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        base = self._base_name or (node.GetName() or node.GetDefaultNodeNamePrefix())
        node.SetName(self._scene.GetUniqueNameByString(base))
        for name, value in self._attributes.values():
            node.SetAttribute(name, str(value if value is not None else ""))
        node = self._scene.AddNode(node)
        if self.property("selectNodeUponCreation"):
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    @Slot()
    def removeCurrentNode(self) -> None:
        self._scene.RemoveNode(self.currentNode())

    @Slot()
    def renameCurrentNode(self) -> None:
        """Ask for a name; a test answers with the kind `getText`."""
        node = self.currentNode()
        name = DIALOGS.ask("getText", "Rename New name:") if node is not None else CANCELLED
        if node is not None and name is not CANCELLED and name:
            node.SetName(name)
            self.currentNodeRenamed.emit(name)

    @Slot()
    def editCurrentNode(self) -> None:
        self.nodeAboutToBeEdited.emit(self.currentNode())

    def addMenuAction(self, action: QtGui.QAction) -> None:
        self._actions.append(action)
        self._append_commands()

    # What the list shows

    def addAttribute(self, kind: str, name: str, value: Any = None) -> None:
        self._attributes[kind] = (name, value)
        self._refilter()

    def removeAttribute(self, kind: str, name: str) -> None:
        self._attributes.pop(kind, None)
        self._refilter()

    def nodeTypeLabel(self, kind: str) -> str:
        label = self._labels.get(kind, "")
        if not label and self._scene is not None and kind:
            label = self._scene.GetTypeDisplayNameByClassName(kind)
        return label or "node"

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
        if self._scene is not None:
            before = self._current_id()
            self._switching = True
            self._rebuild()
            place = self._row_of(before) if before else -1
            self._box.setCurrentIndex(place if place >= 0 else -1 + self._none)
            self._switching = False
            if before and place < 0:
                self._emit_current()

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
