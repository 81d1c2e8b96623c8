"""What a person does in qMRMLNodeComboBox: choose, create, rename, edit, delete."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui

from .dialogs import CANCELLED, DIALOGS
from .node_list import COMMAND

Slot = QtCore.Slot


class NodeCommands:
    """The commands under the nodes, and the slots that they call."""

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
