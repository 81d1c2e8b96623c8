"""The section Results: the table of the numbers, the plot, and exports of results of which a part was deleted."""

from __future__ import annotations

from typing import Any

import pytest
import qt
from PySide6 import QtCore, QtTest
from slicerstandin.instance import qt_object
from small_panel import message, take_results
from waiting import settle

from MR2XRayScene import export, results


@pytest.fixture
def program(program: Any) -> Any:
    """The program with two stored views."""
    take_results(program)
    settle(program)
    return program


def table(program: Any) -> Any:
    """The table, as Qt has it."""
    return qt_object(program.find("metricsTable"))


def test_what_is_selected_in_the_table_stays_selected(program) -> None:
    table(program).setCurrentIndex(table(program).model().index(1, 2))
    program.widget.panel.refresh()
    assert table(program).currentIndex().row() == 1


def test_the_table_follows_its_node_and_goes_with_it(program) -> None:
    parameters = program.logic.getParameterNode()
    take_results(program, (0.0, 30.0, 60.0))
    assert table(program).model().rowCount() == 4
    parameters.metrics = None
    assert table(program).model().rowCount() == 0
    take_results(program)
    assert table(program).model().rowCount() == 3


def test_nothing_can_be_typed_over_the_numbers(program) -> None:
    model = table(program).model()
    flags = [model.index(row, column).flags() for row in range(3) for column in range(model.columnCount())]
    assert not any(flag & QtCore.Qt.ItemFlag.ItemIsEditable for flag in flags)


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        pytest.param(QtCore.Qt.Key.Key_V, QtCore.Qt.KeyboardModifier.ControlModifier, id="Ctrl+V"),
        pytest.param(QtCore.Qt.Key.Key_Insert, QtCore.Qt.KeyboardModifier.ShiftModifier, id="Shift+Insert"),
    ],
)
def test_nothing_can_be_pasted_over_the_numbers(program, key, modifier) -> None:
    metrics = program.logic.getParameterNode().metrics
    before = results.csv_of(metrics)
    table(program).setCurrentIndex(table(program).model().index(0, 1))
    qt.QApplication.clipboard().setText("false\t0.123")
    QtTest.QTest.keyClick(table(program), key, modifier)
    assert results.csv_of(metrics) == before


def test_keys_other_than_pasting_reach_the_table(program) -> None:
    table(program).setCurrentIndex(table(program).model().index(0, 1))
    QtTest.QTest.keyClick(table(program), QtCore.Qt.Key.Key_Down)
    assert table(program).currentIndex().row() == 1


def test_a_plot_that_cannot_be_made_says_why(program) -> None:
    assert "Show the metric" in program.find("plotButton").toolTip
    program.logic.getParameterNode().metrics = None
    assert not program.find("plotButton").enabled
    assert "with a CT first" in program.find("plotButton").toolTip


def test_a_figure_without_the_mr_projections_is_a_sentence(program, tmp_path) -> None:
    parameters = program.logic.getParameterNode()
    program.scene.RemoveNode(parameters.allMr)
    program.find("exportFolderLineEdit").currentPath = str(tmp_path / "out")
    program.choose("exportComboBox", "Figure (PNG)")
    program.click("exportButton")
    assert message(program).startswith(
        'The figure shows "MR projection, all views" too, which is not in the scene'
    )
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", [kind for kind in export.KINDS if kind != "Figure (PNG)"])
def test_other_exports_do_without_the_mr_projections(program, tmp_path, kind) -> None:
    parameters = program.logic.getParameterNode()
    program.scene.RemoveNode(parameters.allMr)
    assert all(path.exists() for path in export.export(parameters, kind, tmp_path / "out"))
