"""Registrations as transform nodes: they move what they should, can be taken away, and never pile up."""

from __future__ import annotations

import json

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.transform import Transform
from MR2XRayScene.transforms import (
    Whereabouts,
    lps_to_ras,
    map_lps_to_ras,
    place_under,
    quality_of,
    registration_of,
    take_away,
    transform_from_node,
    use_transform,
    world_matrix_lps,
)

FOUND = Transform.rigid((5, -10, 15), (12, -7, 30))
AGAIN = Transform.rigid((-1, 2, 0.5), (1, 0.5, -2))
SCANNER = Transform.rigid((0, 0, 90), (100, 0, 0))

numbers = st.floats(-200, 200)
rigid = st.builds(Transform.rigid, st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers))


def scan(scene, name="T1", under=None) -> slicer.vtkMRMLScalarVolumeNode:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveTransformNodeID(None if under is None else under.GetID())
    return node


def linear(scene, transform: Transform, name="scanner", under=None) -> slicer.vtkMRMLLinearTransformNode:
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(map_lps_to_ras(transform.matrix)))
    node.SetAndObserveTransformNodeID(None if under is None else under.GetID())
    return node


def warp(scene) -> slicer.vtkMRMLGridTransformNode:
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "warp")
    grid = slicer.vtkOrientedGridTransform()
    field = vtk.vtkImageData()
    field.SetDimensions(2, 2, 2)
    field.AllocateScalars(vtk.VTK_DOUBLE, 3)
    grid.SetDisplacementGridData(field)
    node.SetAndObserveTransformToParent(grid)
    return node


def transforms_in(scene) -> list[str]:
    count = scene.GetNumberOfNodesByClass("vtkMRMLTransformNode")
    return [scene.GetNthNodeByClass(n, "vtkMRMLTransformNode").GetName() for n in range(count)]


def test_left_and_posterior_are_negative_right_and_anterior() -> None:
    np.testing.assert_array_equal(lps_to_ras(np.array([10.0, 20, 30, 1])), [-10, -20, 30, 1])
    np.testing.assert_allclose(lps_to_ras(lps_to_ras(FOUND.matrix)), FOUND.matrix)
    np.testing.assert_allclose(
        map_lps_to_ras(FOUND.matrix) @ lps_to_ras(np.array([1.0, 2, 3, 1])),
        lps_to_ras(FOUND.matrix @ [1, 2, 3, 1]),
    )


def test_a_node_without_transforms_is_where_its_header_says(scene) -> None:
    np.testing.assert_array_equal(world_matrix_lps(scan(scene)), np.eye(4))


@given(found=rigid, again=rigid, above=st.none() | rigid)
@settings(max_examples=25, deadline=None)
def test_each_registration_moves_the_world_once(found, again, above) -> None:
    scene = slicer.vtkMRMLScene()
    node = scan(scene, under=None if above is None else linear(scene, above))
    world = world_matrix_lps(node)
    first = place_under(scene, [node], found, "first")
    np.testing.assert_allclose(world_matrix_lps(node), found.matrix @ world, atol=1e-9)
    second = place_under(scene, [node], again, "second")
    np.testing.assert_allclose(world_matrix_lps(node), again.matrix @ found.matrix @ world, atol=1e-9)
    assert first is second
    assert first.GetParentTransformNode() is None
    take_away([node])
    np.testing.assert_array_equal(world_matrix_lps(node), world)
    assert transforms_in(scene) == ([] if above is None else ["scanner"])


def test_a_registration_tells_what_it_is(scene) -> None:
    node = place_under(scene, [scan(scene)], FOUND, "T1 to CT", "good", {"nmi": 1.25})
    assert node.GetName() == "T1 to CT"
    assert node.GetAttribute("MR2XRay.Role") == "registration"
    assert node.GetAttribute("MR2XRay.Quality") == "good"
    assert json.loads(node.GetAttribute("MR2XRay.Provenance")) == {"nmi": 1.25}
    moved = scene.GetFirstNodeByName("T1")
    assert registration_of(moved) is node
    assert quality_of(moved) == "good"
    place_under(scene, [moved], AGAIN, "T1 to CT")
    assert quality_of(moved) == ""
    take_away([moved])
    assert registration_of(moved) is registration_of(None) is None
    assert quality_of(moved) == quality_of(None) == ""
    use_transform([moved], linear(scene, SCANNER))
    assert registration_of(moved) is None


def test_a_registration_moved_by_hand_says_that_its_quality_is_of_what_was_found(scene, reopened) -> None:
    node = place_under(scene, [scan(scene)], FOUND, "T1 to CT", "good")
    saved = reopened(scene).GetFirstNodeByName("T1")
    assert quality_of(saved) == "good"
    moved = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToParent(moved)
    moved.SetElement(0, 3, moved.GetElement(0, 3) + 0.5)
    node.SetMatrixTransformToParent(moved)
    words = quality_of(scene.GetFirstNodeByName("T1"))
    assert words == "good (as it was registered; its transform was changed since)"
    moved.SetElement(0, 3, moved.GetElement(0, 3) - 0.5)
    node.SetMatrixTransformToParent(moved)
    assert quality_of(scene.GetFirstNodeByName("T1")) == "good"


def test_a_registration_is_told_of_once(scene) -> None:
    node = scan(scene)
    registration = place_under(scene, [node], FOUND, "registration")
    told = []
    registration.AddObserver("ModifiedEvent", lambda *_: told.append("modified"))
    place_under(scene, [node], AGAIN, "another name", "good", {})
    assert told == ["modified"]


def test_contrasts_move_together_and_a_later_one_joins(scene) -> None:
    scanner = linear(scene, SCANNER)
    t1, t2 = scan(scene, "T1", scanner), scan(scene, "T2", scanner)
    first = place_under(scene, [t1, t2], FOUND, "registration")
    flair = scan(scene, "FLAIR", scanner)
    second = place_under(scene, [t1, t2, flair], AGAIN, "registration")
    assert first is second
    for node in (t1, t2, flair):
        expected = AGAIN.matrix @ FOUND.matrix @ SCANNER.matrix
        np.testing.assert_allclose(world_matrix_lps(node), expected, atol=1e-9)
    take_away([t1, t2, flair])
    assert {node.GetParentTransformNode() for node in (t1, t2, flair)} == {scanner}
    assert transforms_in(scene) == ["scanner"]


def test_taking_one_away_leaves_the_others_registered(scene) -> None:
    t1, t2 = scan(scene, "T1"), scan(scene, "T2")
    registration = place_under(scene, [t1, t2], FOUND, "registration")
    take_away([t1])
    assert t1.GetParentTransformNode() is None
    assert t2.GetParentTransformNode() is registration


def test_what_else_is_under_a_registration_does_not_move_with_the_next(scene) -> None:
    t1, drawing = scan(scene, "T1"), scan(scene, "drawing")
    first = place_under(scene, [t1], FOUND, "first")
    drawing.SetAndObserveTransformNodeID(first.GetID())
    place_under(scene, [t1], AGAIN, "second")
    np.testing.assert_allclose(world_matrix_lps(drawing), FOUND.matrix, atol=1e-12)
    np.testing.assert_allclose(world_matrix_lps(t1), AGAIN.matrix @ FOUND.matrix, atol=1e-9)
    take_away([t1, drawing])
    assert transforms_in(scene) == []


def test_a_registration_that_was_moved_itself_stays_where_it_was_put(scene) -> None:
    node = scan(scene)
    registration = place_under(scene, [node], FOUND, "registration")
    room = linear(scene, SCANNER, "room")
    registration.SetAndObserveTransformNodeID(room.GetID())
    place_under(scene, [node], AGAIN, "registration")
    np.testing.assert_allclose(
        world_matrix_lps(node), AGAIN.matrix @ SCANNER.matrix @ FOUND.matrix, atol=1e-9
    )
    assert registration.GetParentTransformNode() is room


def test_volumes_of_different_frames_are_refused_and_nothing_changes(scene) -> None:
    t1, t2 = scan(scene, "T1", linear(scene, SCANNER)), scan(scene, "T2")
    with pytest.raises(MR2XRayError, match="T2 and T1 are under different transforms"):
        place_under(scene, [t1, t2], FOUND, "registration")
    assert t2.GetParentTransformNode() is None
    assert transforms_in(scene) == ["scanner"]


@pytest.mark.parametrize("nodes", [[], [None], ["deleted"]])
def test_a_volume_that_is_gone_is_refused_with_a_sentence(scene, nodes) -> None:
    gone = scan(scene)
    scene.RemoveNode(gone)
    with pytest.raises(MR2XRayError, match="choose"):
        place_under(scene, [gone if node == "deleted" else node for node in nodes], FOUND, "registration")
    assert transforms_in(scene) == []
    take_away([gone])


def test_a_warp_above_is_refused_and_nothing_changes(scene) -> None:
    node = scan(scene, under=warp(scene))
    with pytest.raises(MR2XRayError, match="non-linear transform warp"):
        place_under(scene, [node], FOUND, "registration")
    assert transforms_in(scene) == ["warp"]


def test_deleting_transforms_by_hand_is_survived(scene) -> None:
    scanner = linear(scene, SCANNER)
    node = scan(scene, under=scanner)
    registration = place_under(scene, [node], FOUND, "registration")
    scene.RemoveNode(scanner)
    np.testing.assert_allclose(world_matrix_lps(node), FOUND.matrix @ SCANNER.matrix, atol=1e-9)
    take_away([node])
    assert node.GetParentTransformNode() is None
    registration = place_under(scene, [node], FOUND, "registration")
    scene.RemoveNode(registration)
    place_under(scene, [node], AGAIN, "registration")
    np.testing.assert_allclose(world_matrix_lps(node), AGAIN.matrix, atol=1e-9)


def test_a_loaded_scene_can_still_take_its_registration_away(scene, reopened) -> None:
    place_under(scene, [scan(scene, under=linear(scene, SCANNER))], FOUND, "T1 to CT", "good")
    loaded = reopened(scene)
    node = loaded.GetFirstNodeByName("T1")
    np.testing.assert_allclose(world_matrix_lps(node), FOUND.matrix @ SCANNER.matrix, atol=1e-9)
    assert node.GetParentTransformNode().GetAttribute("MR2XRay.Quality") == "good"
    before = loaded.GetNumberOfNodesByClass("vtkMRMLStorageNode")
    take_away([node])
    assert transforms_in(loaded) == ["scanner"]
    np.testing.assert_allclose(world_matrix_lps(node), SCANNER.matrix, atol=1e-9)
    assert loaded.GetNumberOfNodesByClass("vtkMRMLStorageNode") == before - 1


def voxels(depth: int) -> vtk.vtkImageData:
    image = vtk.vtkImageData()
    image.SetDimensions(2, 2, depth)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    return image


@pytest.fixture
def placed(scene) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume under a transform."""
    node = scan(scene, under=linear(scene, SCANNER))
    node.SetAndObserveImageData(voxels(2))
    node.SetSpacing(2, 3, 4)
    return node


def put_under(node) -> None:
    node.SetAndObserveTransformNodeID(
        linear(node.GetScene(), FOUND, under=node.GetParentTransformNode()).GetID()
    )


def nest(node) -> None:
    node.GetParentTransformNode().SetAndObserveTransformNodeID(linear(node.GetScene(), FOUND).GetID())


def harden(node) -> None:
    nest(node)
    assert node.HardenTransform()


def change_header(node) -> None:
    ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(ras)
    before = slicer.util.arrayFromVTKMatrix(ras)
    world = map_lps_to_ras(world_matrix_lps(node))
    moved = np.linalg.inv(world) @ map_lps_to_ras(FOUND.matrix) @ world @ before
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(moved))


@pytest.mark.parametrize("move", [nest, harden, change_header])
def test_how_a_volume_was_moved_is_told_whatever_moved_it(placed, move) -> None:
    before = Whereabouts(placed)
    np.testing.assert_allclose(before.moved(), np.eye(4), atol=1e-12)
    move(placed)
    np.testing.assert_allclose(before.moved(), FOUND.matrix, atol=1e-9)


def test_what_is_put_deeper_is_moved_as_the_world_sees_it(placed) -> None:
    before = Whereabouts(placed)
    put_under(placed)
    expected = SCANNER.matrix @ FOUND.matrix @ np.linalg.inv(SCANNER.matrix)
    np.testing.assert_allclose(before.moved(), expected, atol=1e-9)


def test_a_volume_that_is_gone_was_not_moved(scene, placed) -> None:
    before = Whereabouts(placed)
    scene.RemoveNode(placed)
    np.testing.assert_array_equal(before.moved(), np.eye(4))


def test_of_other_voxels_nothing_can_be_told(placed) -> None:
    before = Whereabouts(placed)
    placed.SetAndObserveImageData(voxels(3))
    with pytest.raises(MR2XRayError, match="T1 was changed while the registration ran"):
        before.moved()


def test_a_transform_node_maps_to_the_world(scene) -> None:
    node = linear(scene, FOUND, under=linear(scene, SCANNER))
    np.testing.assert_allclose(transform_from_node(node).matrix, SCANNER.matrix @ FOUND.matrix, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda scene: None, "No transform is chosen"),
        (scan, "No transform is chosen"),
        (warp, "warp is not linear"),
        (lambda scene: linear(scene, FOUND, under=warp(scene)), "non-linear transform warp"),
    ],
)
def test_what_is_no_linear_transform_is_refused(scene, make, says) -> None:
    node = scan(scene)
    with pytest.raises(MR2XRayError, match=says):
        use_transform([node], make(scene))
    assert node.GetParentTransformNode() is None


def test_a_given_transform_takes_the_place_of_a_registration(scene) -> None:
    nodes = [scan(scene, "T1"), scan(scene, "T2")]
    place_under(scene, nodes, FOUND, "registration")
    given_one = linear(scene, SCANNER, "given")
    use_transform(nodes, given_one)
    assert transforms_in(scene) == ["given"]
    for node in nodes:
        np.testing.assert_allclose(world_matrix_lps(node), SCANNER.matrix, atol=1e-12)


def test_a_registration_itself_can_be_the_given_transform(scene) -> None:
    t1, t2 = scan(scene, "T1"), scan(scene, "T2")
    registration = place_under(scene, [t1], FOUND, "registration")
    use_transform([t1, t2], registration)
    assert t1.GetParentTransformNode() is t2.GetParentTransformNode() is registration
