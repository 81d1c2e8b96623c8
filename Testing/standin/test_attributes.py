"""Setting and reading attributes as PythonQt does."""

from __future__ import annotations

import pytest
import qt
import slicer

pytestmark = pytest.mark.usefixtures("running")


def test_an_unknown_attribute_cannot_be_set_on_a_class_of_qt() -> None:
    with pytest.raises(AttributeError, match="creating new attributes"):
        qt.QPushButton().colour = "red"


def test_a_python_subclass_takes_new_attributes() -> None:
    class Panel(qt.QWidget):
        pass

    panel = Panel()
    panel.colour = "red"
    assert panel.colour == "red"


@pytest.mark.parametrize("name", ["x", "y", "width", "height"])
def test_geometry_is_read_only_on_a_python_subclass_too(name: str) -> None:
    class Panel(qt.QWidget):
        pass

    with pytest.raises(AttributeError, match="not writable"):
        setattr(Panel(), name, 3)


@pytest.mark.parametrize("name", ["parent", "layout", "children", "update", "show", "style", "event"])
def test_a_method_cannot_be_overwritten(name: str) -> None:
    class Panel(qt.QWidget):
        pass

    with pytest.raises(AttributeError, match="can not be overwritten"):
        setattr(Panel(), name, 3)


@pytest.mark.parametrize("name", ["pos", "size", "font", "cursor"])
def test_properties_with_a_type_are_checked(name: str) -> None:
    class Panel(qt.QWidget):
        pass

    with pytest.raises(AttributeError, match="does not accept"):
        setattr(Panel(), name, "text")


def test_name_and_enabled_set_the_property_silently_on_a_python_subclass() -> None:
    class Panel(qt.QWidget):
        pass

    panel = Panel()
    panel.name, panel.enabled = "panel", False
    assert (panel.objectName, panel.isEnabled()) == ("panel", False)


def test_name_is_object_name() -> None:
    button = qt.QPushButton()
    button.objectName = "go"
    assert button.name == "go"


def test_a_tool_tip_comes_back_as_a_paragraph() -> None:
    button = qt.QPushButton()
    button.toolTip = "x"
    assert button.toolTip == "<p>x</p>"
    button.setToolTip("<b>y</b>")
    assert button.toolTip == "<b>y</b>"


def test_a_dynamic_property_reads_as_an_attribute() -> None:
    button = qt.QPushButton()
    button.setProperty("SlicerParameterName", "live")
    assert button.SlicerParameterName == "live"
    assert button.property("SlicerParameterName") == "live"
    assert button.property("other") is None


def test_class_name_and_inheritance() -> None:
    button = qt.QPushButton()
    assert button.className() == "QPushButton"
    assert button.inherits("QWidget")
    assert not button.inherits("QLabel")


def test_isinstance_knows_no_inheritance() -> None:
    assert not isinstance(qt.QPushButton(), qt.QWidget)
    assert not isinstance(slicer.qMRMLWidget(), qt.QWidget)
    assert type(qt.QPushButton()) is qt.QPushButton


def test_find_children_finds_by_inheritance_and_gives_a_tuple() -> None:
    panel = qt.QWidget()
    button = qt.QPushButton("Go", panel)
    button.objectName = "go"
    assert panel.findChildren(qt.QWidget) == (button,)
    assert panel.findChild("QPushButton", "go") is button
    assert panel.findChild(qt.QLabel) is None
    assert slicer.util.findChildren(panel, name="go") == [button]
    with pytest.raises(RuntimeError):
        slicer.util.findChild(panel, "stop")


def test_a_widget_without_a_parent_dies_with_its_python_object() -> None:
    panel = qt.QWidget()
    label = qt.QLabel("x", panel)
    del panel
    with pytest.raises(ValueError, match="destroyed"):
        label.text  # noqa: B018


def test_event_filters_and_overridden_events_work() -> None:
    seen = []

    class Panel(qt.QWidget):
        def resizeEvent(self, event) -> None:
            seen.append(event.size().width())

    class Filter(qt.QObject):
        def eventFilter(self, watched, event) -> bool:
            seen.append(watched.className())
            return False

    panel, watched, keeper = Panel(), qt.QLabel(), Filter()
    watched.installEventFilter(keeper)
    watched.setEnabled(False)
    panel.resize(123, 45)
    panel.show()
    slicer.app.processEvents()
    assert 123 in seen
    assert "QLabel" in seen
