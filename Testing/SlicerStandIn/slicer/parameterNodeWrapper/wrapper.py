"""The class decorator that gives a parameter node typed members and ties them to widgets."""

from __future__ import annotations

import typing
import weakref
from typing import Any

import qt
import slicer
import vtk

from .default import Default, extract_default
from .gui_connector import GuiConnector, createGuiConnector
from .parameterPack import ParameterInfo, check_member
from .serializer import createSerializer
from .util import as_union, split_name, splitAnnotations, unannotatedType

SlicerParameterNamePropertyName = "SlicerParameterName"


class Parameter:
    """One parameter in one node."""

    def __init__(self, info: ParameterInfo, node: Any, prefix: str) -> None:
        self.name, self.serializer, self.default = f"{prefix}{info.basename}", info.serializer, info.default
        self.node = node
        if not self.serializer.isIn(node, self.name):
            self.serializer.write(node, self.name, self.default.value)

    def read(self) -> Any:
        """The value; where it was taken out of the node, the default is written first."""
        if not self.serializer.isIn(self.node, self.name):
            self.serializer.write(self.node, self.name, self.default.value)
        return self.serializer.read(self.node, self.name)

    def write(self, value: Any) -> None:
        """Set the value."""
        self.serializer.write(self.node, self.name, value)


class CachedParameter(Parameter):
    """One that is read again only when the node has changed."""

    def __init__(self, info: ParameterInfo, node: Any, prefix: str) -> None:
        super().__init__(info, node, prefix)
        self._value = super().read()
        self._writing = False
        me = weakref.ref(self)
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: me() and me()._changed())

    def __del__(self) -> None:
        self.node.RemoveObserver(self._tag)

    def _changed(self) -> None:
        if not self._writing:
            self._value = super().read()

    def read(self) -> Any:
        return self._value

    def write(self, value: Any) -> None:
        self._writing = True
        try:
            with slicer.util.NodeModify(self.node):
                super().write(value)
                self._value = super().read()
        finally:
            self._writing = False


class WrapperMethods:
    """What every parameter node wrapper gets."""

    def __init__(self: Any, parameterNode: Any, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._parameterGUIs: dict[int, dict[str, GuiConnector]] = {}
        self._guiVtkObserverTags: dict[int, int] = {}
        self._nextParameterGUIsTag = 0
        self._updatingGUIFromParameterNode = False
        for name, info in self.allParameters.items():
            kind = CachedParameter if info.serializer.supportsCaching() else Parameter
            setattr(self, f"_{name}_impl", kind(info, parameterNode, prefix or ""))

    def default(self: Any, name: str) -> Default:
        """The default of a parameter."""
        check_name(self, name)
        return getattr(self, f"_{name}_impl").default

    def isCached(self: Any, name: str) -> bool:
        """Whether a parameter is read again only when the node has changed."""
        check_name(self, name)
        return isinstance(getattr(self, f"_{name}_impl"), CachedParameter)

    def getValue(self: Any, name: str) -> Any:
        """A value by its dotted name."""
        check_name(self, name)
        top, rest = split_name(name)
        value = getattr(self, f"_{top}_impl").read()
        return value if rest is None else value.getValue(rest)

    def setValue(self: Any, name: str, value: Any) -> None:
        """Set a value by its dotted name."""
        check_name(self, name)
        top, rest = split_name(name)
        if rest is None:
            getattr(self, f"_{top}_impl").write(value)
        else:
            getattr(self, f"_{top}_impl").read().setValue(rest, value)

    def connectGui(self: Any, gui: Any) -> int:
        """Tie every widget that has the property SlicerParameterName to the parameter of that name."""
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if is_widget else gui.__dict__.values()
        named = {widget.property(SlicerParameterNamePropertyName): widget for widget in widgets}
        return self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self: Any, mapping: dict[str, Any]) -> int:
        """Tie parameters to widgets or connectors; the tag is for `disconnectGui`."""
        for name in mapping:
            check_name(self, name)
        connectors = {
            name: end if isinstance(end, GuiConnector) else createGuiConnector(end, self.dataType(name))
            for name, end in mapping.items()
        }
        tag = self._nextParameterGUIsTag
        self._nextParameterGUIsTag += 1
        self._parameterGUIs[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.onChanged(self._from_gui(name, connector))
        self._guiVtkObserverTags[tag] = self.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda *_: self._to_gui()
        )
        return tag

    def disconnectGui(self: Any, tag: int) -> None:
        """Undo one `connectGui`."""
        for connector in self._parameterGUIs.pop(tag, {}).values():
            connector.onChanged(None)
        if tag in self._guiVtkObserverTags:
            self.RemoveObserver(self._guiVtkObserverTags.pop(tag))

    def _from_gui(self: Any, name: str, connector: GuiConnector) -> Any:
        def changed() -> None:
            with slicer.util.NodeModify(self):
                if not self._updatingGUIFromParameterNode:
                    self.setValue(name, connector.read())

        return changed

    def _to_gui(self: Any) -> None:
        if self._updatingGUIFromParameterNode:
            return
        self._updatingGUIFromParameterNode = True
        try:
            with slicer.util.NodeModify(self):
                for connectors in self._parameterGUIs.values():
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._updatingGUIFromParameterNode = False

    def StartModify(self: Any) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self: Any, before: int) -> int:
        return self.parameterNode.EndModify(before)

    def AddObserver(self: Any, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self: Any, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self: Any) -> None:
        self.parameterNode.Modified()


def check_name(wrapper: Any, name: str) -> None:
    """Raise ValueError where there is no such (dotted) parameter."""
    top, rest = split_name(name)
    if top not in wrapper.allParameters:
        raise ValueError(
            f"Cannot find a param with the given name: {top}; there are {list(wrapper.allParameters)}"
        )
    if rest is not None:
        check_member(unannotatedType(wrapper.allParameters[top].unalteredType), rest)


def typed_member(name: str) -> property:
    """The property that reads and writes one parameter."""
    return property(
        lambda self: getattr(self, f"_{name}_impl").read(),
        lambda self, value: getattr(self, f"_{name}_impl").write(value),
    )


def process(cls: type) -> type:
    """Make a class into a parameter node wrapper."""
    parameters = {}
    for name, annotated in typing.get_type_hints(cls, include_extras=True).items():
        kind, annotations = splitAnnotations(annotated)
        try:
            serializer, others = createSerializer(as_union(kind), annotations)
        except Exception as error:
            raise Exception(f"Unable to create serializer for {cls} member {name}") from error
        default, _ = extract_default(others)
        if hasattr(cls, name):
            default = Default(getattr(cls, name))
        parameters[name] = ParameterInfo(
            name, serializer, default or Default(serializer.default()), annotated
        )
        setattr(cls, name, typed_member(name))

    def data_type(name: str) -> Any:
        """The annotated type of a parameter by its dotted name."""
        top, rest = split_name(name)
        annotated = parameters[top].unalteredType
        return annotated if rest is None else unannotatedType(annotated).dataType(rest)

    additions = {name: value for name, value in vars(WrapperMethods).items() if callable(value)}
    additions |= {
        "allParameters": parameters,
        "_is_parameter_node_wrapper": True,
        "dataType": staticmethod(data_type),
    }
    for name, value in additions.items():
        if name != "__init__" and hasattr(cls, name):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        setattr(cls, name, value)
    return cls


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    """Whether something is a parameter node wrapper, or the class of one."""
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Class decorator: typed access to a parameter node."""
    return process if classtype is None else process(classtype)
