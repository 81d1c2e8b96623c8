"""The rows of qMRMLNodeComboBox: None, the nodes that it accepts, and the commands under them."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui

NODE_ID = QtCore.Qt.ItemDataRole.UserRole + 1
COMMAND = QtCore.Qt.ItemDataRole.UserRole + 2


class NodeList:
    """What stands in the box; the box itself keeps the scene, the filter and what is allowed."""

    _model: QtGui.QStandardItemModel
    _scene: Any
    _types: list[str]
    _hidden_types: list[str]
    _attributes: dict[str, tuple[str, Any]]
    _labels: dict[str, str]
    _actions: list[QtGui.QAction]
    _can: dict[str, bool]
    _none: bool
    _none_text: str
    _show_hidden: bool
    _show_children: bool

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

    def nodeTypeLabel(self, kind: str) -> str:
        label = self._labels.get(kind, "")
        if not label and self._scene is not None and kind:
            label = self._scene.GetTypeDisplayNameByClassName(kind)
        return label or "node"
