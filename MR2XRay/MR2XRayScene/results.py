"""Numbers and order in the scene: the metrics table, a plot over the views, and the results' folder."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

import slicer
import vtk

from MR2XRayLib.errors import MR2XRayError
from MR2XRayScene.attributes import ROLE, describe, find, nodes_of

FOLDER = "MR2XRay"
NUMBER, VIEW = "number", "view"
"""The columns beside the metrics: a view's number from 1, NaN for the mean, and its angulation in words."""

METRICS_PLOT = "metrics plot"
"""The role of the chart and of its series."""

_WORDS = {
    "mae": "Mean absolute error",
    "rmse": "Root mean square error",
    "mse": "Mean square error",
    "ssim": "SSIM",
    "psnr": "PSNR (dB)",
    "frc_mid": "Fourier ring correlation, mid band",
    "hp_corr": "High-pass correlation",
}


def metric_in_words(metric: str) -> str:
    """What an axis or a list calls a metric of `MR2XRayLib.metrics.Metrics`."""
    plain = metric.removeprefix("masked_")
    return _WORDS.get(plain, plain) + (", inside the head" if plain != metric else "")


def metrics_table(
    scene: slicer.vtkMRMLScene,
    comparison_json: Mapping[str, Any],
    name: str,
    node: slicer.vtkMRMLTableNode | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> slicer.vtkMRMLTableNode:
    """A table with a row a view and one for the mean; an undefined number is NaN.

    Args:
        scene: gets the table.
        comparison_json: what `MR2XRayLib.metrics.Comparison.to_json` gives.
        name: of the node.
        node: a table to replace; a new one is made without it, or where it has left the scene.
        provenance: how the numbers were made; JSON-compatible.
    """
    if node is None or node.GetScene() is not scene:
        node = scene.AddNewNodeByClass("vtkMRMLTableNode")
    views, mean = comparison_json["views"], comparison_json["mean"]
    rows = [*views, {VIEW: "mean", **mean}]
    table = vtk.vtkTable()
    table.AddColumn(_numbers(NUMBER, [*range(1, len(views) + 1), None]))
    table.AddColumn(_texts(VIEW, [row[VIEW] for row in rows]))
    for metric in mean:
        table.AddColumn(_numbers(metric, [row[metric] for row in rows]))
    with slicer.util.NodeModify(node):
        node.SetName(name)
        node.SetAndObserveTable(table)
        node.SetUseColumnTitleAsColumnHeader(True)
        for column in (NUMBER, *mean):
            # What an empty or unreadable cell of a saved table becomes; MRML's own default is 0.
            node.SetColumnProperty(column, "nullValue", "nan")
            node.SetColumnTitle(column, metric_in_words(column) if column in mean else column)
        # What is shown and exported are the numbers that were made, not what is typed over them.
        node.SetLocked(True)
        describe(node, role="metrics", provenance=provenance)
    return node


def metrics_plot(
    scene: slicer.vtkMRMLScene,
    table: slicer.vtkMRMLTableNode | None,
    metric: str,
    chart: slicer.vtkMRMLPlotChartNode | None = None,
) -> slicer.vtkMRMLPlotChartNode:
    """A chart of one metric over the numbers of the views; without a chart the scene's own is used again.

    Points, no line: neighbours in a list of views need not be neighbours in space. The mean has no number, so
    it is not drawn.

    Raises:
        MR2XRayError: if there is no table, or the metric is not one of its columns.
    """
    if table is None or table.GetScene() is not scene:
        raise MR2XRayError("There are no metrics to plot yet; synthesize all kept views with a CT first.")
    if table.GetColumnIndex(metric) < 0:
        raise MR2XRayError(f'{table.GetName()} has no column "{metric}"; choose one of its metrics.')
    if chart is None or chart.GetScene() is not scene:
        chart = find(scene, "vtkMRMLPlotChartNode", METRICS_PLOT)
    chart = chart or scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "Metrics over the views")
    series = chart.GetNthPlotSeriesNode(0) or scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode")
    _fill_series(series, table, metric)
    with slicer.util.NodeModify(chart):
        describe(chart, role=METRICS_PLOT)
        if not chart.HasPlotSeriesNodeID(series.GetID()):
            chart.AddAndObservePlotSeriesNodeID(series.GetID())
        chart.SetTitle("")
        chart.SetLegendVisibility(False)
        chart.SetXAxisTitle("View")
        chart.SetYAxisTitle(metric_in_words(metric))
    return chart


def remove_metrics(table: slicer.vtkMRMLTableNode) -> None:
    """Take a table out of its scene, with the plot that `metrics_plot` made of it."""
    scene = table.GetScene()
    for chart in nodes_of(scene, "vtkMRMLPlotChartNode"):
        series = chart.GetNthPlotSeriesNode(0)
        ours = chart.GetAttribute(ROLE) == METRICS_PLOT
        if ours and series is not None and series.GetTableNode() is table:
            scene.RemoveNode(chart)
            scene.RemoveNode(series)
    scene.RemoveNode(table)


def csv_of(table: slicer.vtkMRMLTableNode | None) -> str:
    """The table as the command line writes it: `view` and the metrics, an empty cell where one is undefined.

    Raises:
        MR2XRayError: if there is no table.
    """
    if table is None:
        raise MR2XRayError("There are no metrics to export yet; synthesize all kept views with a CT first.")
    content = table.GetTable()
    columns = [content.GetColumn(n) for n in range(content.GetNumberOfColumns())]
    columns = [column for column in columns if column.GetName() != NUMBER]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.GetName() for column in columns])
    for row in range(content.GetNumberOfRows()):
        values = [column.GetValue(row) for column in columns]
        writer.writerow(["" if isinstance(v, float) and math.isnan(v) else v for v in values])
    return text.getvalue()


def folder(scene: slicer.vtkMRMLScene, name: str = FOLDER) -> int:
    """The subject hierarchy's item of a folder at the top of the scene; it is made where it is missing."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemChildWithName(hierarchy.GetSceneItemID(), name)
    if item == hierarchy.GetInvalidItemID():
        item = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), name)
    return item


def put_into_folder(
    scene: slicer.vtkMRMLScene, nodes: Iterable[slicer.vtkMRMLNode | None], name: str = FOLDER
) -> None:
    """Put nodes into a folder of the subject hierarchy; None and nodes that have left the scene are passed over."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = folder(scene, name)
    for node in nodes:
        if node is not None and node.GetScene() is scene:
            hierarchy.CreateItem(item, node)


def _numbers(name: str, values: Iterable[float | None]) -> vtk.vtkDoubleArray:
    column = vtk.vtkDoubleArray()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(math.nan if value is None else value)
    return column


def _texts(name: str, values: Iterable[str]) -> vtk.vtkStringArray:
    column = vtk.vtkStringArray()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    return column


def _fill_series(series: slicer.vtkMRMLPlotSeriesNode, table: slicer.vtkMRMLTableNode, metric: str) -> None:
    with slicer.util.NodeModify(series):
        describe(series, role=METRICS_PLOT)
        series.SetName(metric_in_words(metric))
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleNone)
        series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle)
        series.SetXColumnName(NUMBER)
        series.SetYColumnName(metric)
        series.SetLabelColumnName(VIEW)
