"""The metrics as a table, a plot and a file, and where the results stand in the scene's tree."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace

import numpy as np
import pytest
import slicer
import vtk

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.metrics import Comparison, Metrics
from MR2XRayScene import results

NAMES = [field.name for field in fields(Metrics)]


def comparison(count: int = 3) -> Comparison:
    """Numbers of all kinds: the first view has an infinite PSNR, the second no head."""
    rng = np.random.default_rng(count)
    views = [Metrics(**dict(zip(NAMES, rng.random(len(NAMES)).tolist(), strict=True))) for _ in range(count)]
    views[0] = replace(views[0], mse=0.0, psnr=math.inf)
    views[1] = replace(views[1], masked_mae=math.nan, hp_corr=math.nan)
    labels = tuple(f"LAO {10 * n}°, CRA 0°" for n in range(count))
    return Comparison(tuple(views), Metrics.mean_of(tuple(views)), labels)


@pytest.fixture
def table(scene) -> slicer.vtkMRMLTableNode:
    return results.metrics_table(scene, comparison().to_json(), "MR2XRay metrics", provenance={"by": "test"})


def column(table, name) -> list:
    content = table.GetTable().GetColumnByName(name)
    return [content.GetValue(row) for row in range(content.GetNumberOfValues())]


def test_the_table_has_a_row_a_view_and_the_mean(table) -> None:
    expected = comparison()
    assert column(table, "view") == [*expected.labels, "mean"]
    assert column(table, "mae") == [*(view.mae for view in expected.views), expected.mean.mae]
    np.testing.assert_array_equal(column(table, "hp_corr")[1], np.nan)
    np.testing.assert_array_equal(column(table, "psnr")[0], np.nan)
    assert all(table.GetTable().GetColumnByName(name).GetDataType() == vtk.VTK_DOUBLE for name in NAMES)
    assert table.GetColumnTitle("hp_corr") == "High-pass correlation"
    assert table.GetAttribute("MR2XRay.Role") == "metrics"
    assert json.loads(table.GetAttribute("MR2XRay.Provenance")) == {"by": "test"}


def test_the_table_is_replaced_in_its_node_and_told_of_once(scene, table) -> None:
    told = []
    table.AddObserver("ModifiedEvent", lambda *_: told.append(1))
    assert results.metrics_table(scene, comparison(5).to_json(), "again", node=table) is table
    assert (table.GetNumberOfRows(), table.GetName(), len(told)) == (6, "again", 1)


def test_a_deleted_table_is_made_anew(scene, table) -> None:
    scene.RemoveNode(table)
    assert results.metrics_table(scene, comparison().to_json(), "again", node=table).GetScene() is scene


def test_the_csv_is_the_command_lines(table) -> None:
    assert results.csv_of(table) == comparison().to_csv()


def test_a_saved_table_keeps_its_numbers_and_gaps(scene, table, reopened) -> None:
    loaded = reopened(scene).GetFirstNodeByName("MR2XRay metrics")
    for name in NAMES:
        np.testing.assert_allclose(column(loaded, name), column(table, name), rtol=1e-5)
    assert column(loaded, "view") == column(table, "view")
    assert results.csv_of(loaded).count(",,") == results.csv_of(table).count(",,")


def test_the_plot_shows_a_metric_over_the_views_without_the_mean(scene, table) -> None:
    chart = results.metrics_plot(scene, table, "ssim")
    series = chart.GetNthPlotSeriesNode(0)
    assert series.GetTableNode() is table
    assert (series.GetYColumnName(), series.GetLabelColumnName()) == ("ssim", "view")
    assert (chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("View", "SSIM")
    # What Slicer's plot view makes of a scatter series.
    plot, bounds = vtk.vtkPlotLine(), [0.0] * 4
    plot.SetInputData(table.GetTable(), series.GetXColumnName(), series.GetYColumnName())
    plot.Update()
    plot.GetBounds(bounds)
    ssim = [view.ssim for view in comparison().views]
    np.testing.assert_allclose(bounds, (1, 3, min(ssim), max(ssim)))


def test_another_metric_goes_into_the_same_chart(scene, table, reopened) -> None:
    chart = results.metrics_plot(scene, table, "ssim")
    count = scene.GetNumberOfNodes()
    assert results.metrics_plot(scene, table, "masked_mae") is chart
    assert chart.GetYAxisTitle() == "Mean absolute error, inside the head"
    assert (chart.GetNumberOfPlotSeriesNodes(), scene.GetNumberOfNodes()) == (1, count)
    loaded = reopened(scene)
    again = results.metrics_plot(loaded, loaded.GetFirstNodeByName("MR2XRay metrics"), "mae")
    assert loaded.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
    assert again.GetNthPlotSeriesNode(0).GetYColumnName() == "mae"


@pytest.mark.parametrize("deleted", ["chart", "series"])
def test_what_was_deleted_of_the_plot_comes_back(scene, table, deleted) -> None:
    chart = results.metrics_plot(scene, table, "ssim")
    scene.RemoveNode(chart if deleted == "chart" else chart.GetNthPlotSeriesNode(0))
    again = results.metrics_plot(scene, table, "mae", chart=chart)
    assert again.GetScene() is scene
    assert again.GetNumberOfPlotSeriesNodes() == 1
    assert again.GetNthPlotSeriesNode(0).GetYColumnName() == "mae"


def test_what_cannot_be_plotted_or_written_is_refused_with_a_sentence(scene, table) -> None:
    with pytest.raises(MR2XRayError, match='no column "beauty"'):
        results.metrics_plot(scene, table, "beauty")
    scene.RemoveNode(table)
    for gone in (None, table):
        with pytest.raises(MR2XRayError, match="no metrics to plot"):
            results.metrics_plot(scene, gone, "mae")
    with pytest.raises(MR2XRayError, match="no metrics to export"):
        results.csv_of(None)
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 0


def test_results_go_into_one_folder_however_often(scene, table) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    gone = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    scene.RemoveNode(gone)
    for _ in range(2):
        results.put_into_folder(scene, [table, None, gone])
    item = results.folder(scene)
    assert hierarchy.GetItemName(item) == "MR2XRay"
    assert hierarchy.IsItemLevel(item, "Folder")
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(table)) == item
    assert hierarchy.GetNumberOfItemChildren(item) == 1
    assert hierarchy.GetNumberOfItemChildren(hierarchy.GetSceneItemID()) == 1


def test_the_folder_is_found_in_a_loaded_scene(scene, table, reopened) -> None:
    results.put_into_folder(scene, [table])
    loaded = reopened(scene)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(loaded)
    item = results.folder(loaded)
    assert (
        hierarchy.GetItemDataNode(hierarchy.GetItemByPositionUnderParent(item, 0)).GetName()
        == table.GetName()
    )
    assert hierarchy.GetNumberOfItemChildren(hierarchy.GetSceneItemID()) == 1


def test_every_metric_has_a_name_in_words() -> None:
    assert all(results.metric_in_words(name) != name for name in NAMES)
    assert results.metric_in_words("masked_psnr") == "PSNR (dB), inside the head"
