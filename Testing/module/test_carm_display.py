"""The C-arm's models stand where the view says, move without being made anew, and survive scenes."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayScene.carm_display import CArmDisplay
from MR2XRayScene.carm_shapes import ROLES

ISOCENTRE = np.array([5.0, -12.0, 40.0])
CARM = CArm(detector_mm=(300.0, 400.0), pixels=(120, 160)).at(ISOCENTRE)
PA = CARM.view(Angulation(0, 0))
OBLIQUE = CARM.view(Angulation(35, -20))


def points(node: slicer.vtkMRMLModelNode) -> np.ndarray:
    """The points of a model, LPS."""
    return vtk_to_numpy(node.GetPolyData().GetPoints().GetData()) * np.array([-1.0, -1.0, 1.0])


def edges(view: View) -> np.ndarray:
    """The corners of the detector's active area, LPS, (4, 3)."""
    ends = ((c, r) for c in (-0.5, view.columns - 0.5) for r in (-0.5, view.rows - 0.5))
    return np.array([view.corner_mm + c * view.column_step_mm + r * view.row_step_mm for c, r in ends])


def nearest(candidates: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The distance of each wanted point from its nearest candidate."""
    return np.linalg.norm(candidates[None] - wanted[:, None], axis=2).min(axis=1)


@pytest.fixture
def display(scene) -> CArmDisplay:
    """A C-arm that stands at an oblique view."""
    made = CArmDisplay(scene)
    made.update(OBLIQUE)
    return made


def test_the_beam_runs_from_the_source_to_the_detectors_corners(display) -> None:
    rays = points(display.nodes["rays"])
    np.testing.assert_allclose(rays[0], OBLIQUE.source_mm, atol=1e-3)
    assert nearest(rays, edges(OBLIQUE)).max() < 1e-3
    assert nearest(rays, edges(OBLIQUE).mean(axis=0)[None]).max() < 1e-3
    beam = points(display.nodes["beam"])
    assert nearest(beam, OBLIQUE.source_mm[None]).max() < 1e-3
    # The base lies 1 mm before the image, so that it does not flicker through it.
    assert nearest(beam, edges(OBLIQUE)).max() < 1.5


def test_every_point_of_the_beam_falls_on_the_detector(display) -> None:
    beam = points(display.nodes["beam"])
    beam = beam[np.linalg.norm(beam - OBLIQUE.source_mm, axis=1) > 1]
    column, row, w = OBLIQUE.matrix() @ np.c_[beam, np.ones(len(beam))].T
    assert set(np.round(column / w, 2)) == {-0.5, OBLIQUE.columns - 0.5}
    assert set(np.round(row / w, 2)) == {-0.5, OBLIQUE.rows - 0.5}


def test_the_detectors_frame_leaves_the_image_free(display) -> None:
    frame = points(display.nodes["detector"])
    column, row, w = OBLIQUE.matrix() @ np.c_[frame, np.ones(len(frame))].T
    on_detector = frame[np.isclose(w, 1)]
    assert len(on_detector) > 0
    inside = (abs(column / w - 79.5) < 79.9) & (abs(row / w - 59.5) < 59.9)
    assert not inside[np.isclose(w, 1)].any()
    assert (frame - edges(OBLIQUE).mean(axis=0)) @ OBLIQUE.normal == pytest.approx(
        np.clip((frame - edges(OBLIQUE).mean(axis=0)) @ OBLIQUE.normal, 0, 24.001), abs=1e-3
    )


def test_the_c_goes_round_the_head_from_source_to_detector(scene) -> None:
    display = CArmDisplay(scene)
    display.update(PA)
    arm = points(display.nodes["c-arm"])
    assert nearest(arm, PA.source_mm[None]).max() < 25
    top_edge = edges(PA)[edges(PA)[:, 2] > ISOCENTRE[2]].mean(axis=0)
    assert nearest(arm, top_edge[None]).max() < 40
    # Its back is at the head's end, and nothing of it comes near the isocentre or before the image.
    assert arm[:, 2].max() > ISOCENTRE[2] + 500
    assert arm[:, 2].min() > ISOCENTRE[2] - 25
    assert np.linalg.norm(arm - ISOCENTRE, axis=1).min() > 400


def test_the_housing_surrounds_the_focal_spot(display) -> None:
    offsets = points(display.nodes["source"]) - OBLIQUE.source_mm
    along = offsets @ OBLIQUE.normal
    assert along.min() < 0 < along.max()
    np.testing.assert_allclose((offsets - along[:, None] * OBLIQUE.normal).mean(axis=0), 0, atol=1.0)


def test_normals_turn_with_the_carm(scene) -> None:
    display = CArmDisplay(scene)
    found = {}
    for view in (PA, OBLIQUE):
        display.update(view)
        data = display.nodes["source"].GetPolyData().GetPointData().GetNormals()
        normals = vtk_to_numpy(data) * np.array([-1.0, -1.0, 1.0])
        found[view.angulation] = normals @ np.stack(view.angulation.axes(), axis=1)
    np.testing.assert_allclose(found[PA.angulation], found[OBLIQUE.angulation], atol=1e-5)
    assert abs(found[PA.angulation]).max() > 0.9


def test_turning_moves_the_models_in_place(scene, display) -> None:
    nodes, meshes = display.nodes, {role: node.GetPolyData() for role, node in display.nodes.items()}
    before = {role: points(node).copy() for role, node in nodes.items()}
    count = scene.GetNumberOfNodes()
    display.update(PA)
    assert scene.GetNumberOfNodes() == count
    for role, node in display.nodes.items():
        assert node is nodes[role]
        assert node.GetPolyData() is meshes[role]
        assert abs(points(node) - before[role]).max() > 50


def test_going_back_gives_the_same_points(display) -> None:
    before = {role: points(node).copy() for role, node in display.nodes.items()}
    display.update(CARM.view(Angulation(-120, 60)))
    display.update(OBLIQUE)
    for role, node in display.nodes.items():
        np.testing.assert_allclose(points(node), before[role], atol=1e-3)


def test_other_distances_give_another_beam(display) -> None:
    wide = CArm(600, 1000, (200.0, 200.0), (50, 50)).at(ISOCENTRE).view(Angulation(10, 10))
    display.update(wide)
    rays = points(display.nodes["rays"])
    np.testing.assert_allclose(rays[0], wide.source_mm, atol=1e-3)
    assert nearest(rays, edges(wide)).max() < 1e-3


def test_a_view_from_its_matrix_looks_the_same(scene, display) -> None:
    before = {role: points(node).copy() for role, node in display.nodes.items()}
    display.update(View.from_json(OBLIQUE.to_json()))
    for role, node in display.nodes.items():
        np.testing.assert_allclose(points(node), before[role], atol=0.01)


def test_models_are_neither_picked_nor_cut_by_slice_views(display) -> None:
    assert tuple(display.nodes) == ROLES
    for node in display.nodes.values():
        assert not node.GetSelectable()
        assert not node.GetDisplayNode().GetVisibility2D()


def test_the_carm_is_hidden_and_shown_as_one(display) -> None:
    display.visible = False
    assert not any(node.GetDisplayVisibility() for node in display.nodes.values())
    display.update(PA)
    assert not display.visible
    display.visible = True
    assert all(node.GetDisplayVisibility() for node in display.nodes.values())


def test_a_deleted_model_comes_back(scene, display) -> None:
    scene.RemoveNode(display.nodes["beam"])
    display.update(PA)
    assert nearest(points(display.nodes["beam"]), PA.source_mm[None]).max() < 1e-3


def test_remove_leaves_nothing(scene) -> None:
    before = scene.GetNumberOfNodes()
    display = CArmDisplay(scene)
    display.update(PA)
    display.remove()
    assert scene.GetNumberOfNodes() == before


def test_a_second_display_takes_up_the_models_of_the_first(scene, display) -> None:
    nodes = display.nodes
    other = CArmDisplay(scene)
    other.update(PA)
    assert other.nodes == nodes
    assert scene.GetNumberOfNodesByClass("vtkMRMLModelNode") == len(ROLES)


def test_after_a_saved_scene_the_models_are_taken_up_with_their_looks(scene, display, reopened) -> None:
    display.nodes["beam"].GetDisplayNode().SetColor(0, 1, 0)
    for node in display.nodes.values():
        node.AddDefaultStorageNode()
    loaded = reopened(scene)
    other = CArmDisplay(loaded)
    np.testing.assert_allclose(points(other.nodes["rays"])[0], OBLIQUE.source_mm, atol=1e-3)
    other.update(PA)
    assert loaded.GetNumberOfNodesByClass("vtkMRMLModelNode") == len(ROLES)
    assert other.nodes["beam"].GetDisplayNode().GetColor() == (0, 1, 0)
    np.testing.assert_allclose(points(other.nodes["rays"])[0], PA.source_mm, atol=1e-3)
