"""Windows and colours, as MRML's display nodes draw them."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayScene import colours
from MR2XRayScene.images import make_image_node, show


def view_of(rows: int, columns: int) -> View:
    return CArm(pixels=(rows, columns), isocentre_mm=(0, 0, 0)).view(Angulation(0, 0))


@pytest.fixture
def scene() -> slicer.vtkMRMLScene:
    """A scene with Slicer's own colours."""
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkMRMLColorLogic()
    logic.SetMRMLScene(scene)
    yield scene
    logic.SetMRMLScene(None)


def image(scene, values, unit="1", role="synthesized") -> slicer.vtkMRMLScalarVolumeNode:
    node = make_image_node(scene, role)
    show(node, np.array([values], np.float32), view_of(1, len(values)), role, unit)
    return node


def drawn(node) -> np.ndarray:
    """RGB of each pixel, 0 to 255, as the slice views get it."""
    producer = node.GetDisplayNode().GetOutputImageDataConnection().GetProducer()
    producer.Update()
    return vtk_to_numpy(producer.GetOutputDataObject(0).GetPointData().GetScalars())[:, :3].astype(int)


def test_grey_runs_from_black_to_white_over_the_window(scene) -> None:
    node = image(scene, [-1, 0, 2, 4, 9])
    colours.grey(node, (0, 4))
    np.testing.assert_allclose(drawn(node), np.repeat([[0], [0], [127], [255], [255]], 3, axis=1), atol=1)


def test_inverted_grey_runs_from_white_to_black(scene) -> None:
    node = image(scene, [0, 2, 4])
    colours.grey(node, (0, 4), inverted=True)
    np.testing.assert_allclose(drawn(node), np.repeat([[255], [128], [0]], 3, axis=1), atol=1)
    colours.grey(node, (0, 4), inverted=False)
    np.testing.assert_allclose(drawn(node)[:, 0], [0, 127, 255], atol=1)


def test_a_difference_is_blue_where_too_low_white_at_0_and_red_where_too_high(scene) -> None:
    node = image(scene, [-2, -1, 0, 1, 2], role="difference")
    colours.difference(scene, node, 2.0)
    low, _, zero, _, high = drawn(node)
    np.testing.assert_array_equal(zero, (255, 255, 255))
    np.testing.assert_allclose(low, (5, 113, 176), atol=1)
    np.testing.assert_allclose(high, (202, 0, 32), atol=1)


def test_the_window_of_a_difference_is_symmetric(scene) -> None:
    node = image(scene, [-3, 0, 1], role="difference")
    colours.difference(scene, node)
    display = node.GetDisplayNode()
    assert display.GetWindowLevelMin() == -display.GetWindowLevelMax()
    assert display.GetWindowLevelMax() == pytest.approx(3, rel=0.01)


def test_no_difference_is_white(scene) -> None:
    node = image(scene, [0, 0, 0], role="difference")
    colours.difference(scene, node)
    np.testing.assert_array_equal(drawn(node), 255)


def test_the_colours_are_made_once_and_found_in_a_loaded_scene(scene, reopened) -> None:
    node = image(scene, [-2, 0, 2], role="difference")
    colours.difference(scene, node, 2.0)
    assert colours.difference_colours(scene) is colours.difference_colours(scene)
    loaded = reopened(scene)
    count = loaded.GetNumberOfNodesByClass("vtkMRMLColorTableNode")
    found = colours.difference_colours(loaded)
    assert loaded.GetNumberOfNodesByClass("vtkMRMLColorTableNode") == count
    again = loaded.GetFirstNodeByName("Difference")
    assert again.GetDisplayNode().GetColorNode() is found
    np.testing.assert_array_equal(drawn(again), drawn(node))


def test_colours_that_were_lost_are_filled_again(scene) -> None:
    node = colours.difference_colours(scene)
    node.SetNumberOfColors(3)
    assert colours.difference_colours(scene) is node
    assert node.GetNumberOfColors() == 255


def test_a_shared_window_holds_both_images_and_windows_by_image_each_its_own(scene) -> None:
    faint, bright = image(scene, [0.5, 1, 2]), image(scene, [0, 3, 8])
    shared = colours.windows([faint, bright], shared=True)
    assert shared[0] == shared[1]
    assert shared[0] == (0.0, pytest.approx(8, rel=0.01))
    own = colours.windows([faint, bright], shared=False)
    assert own[0] == (0.0, pytest.approx(2, rel=0.01))
    assert own[1] == (0.0, pytest.approx(8, rel=0.01))
    assert colours.windows([], shared=True) == []


def test_the_window_of_raw_values_need_not_begin_at_0(scene) -> None:
    assert colours.windows([image(scene, [-500, 0, 100], "raw mm")], shared=False)[0][0] == pytest.approx(
        -500, 0.01
    )


@pytest.mark.parametrize("values", [[0, 0, 0], [-1, -1, -1]])
def test_a_blank_image_has_a_window_of_some_width(scene, values) -> None:
    low, high = colours.windows([image(scene, values)], shared=False)[0]
    assert high > low


def test_the_window_of_a_large_image_is_that_of_all_its_pixels(scene) -> None:
    pixels = np.random.default_rng(0).gamma(2.0, size=(512, 512)).astype(np.float32)
    node = make_image_node(scene, "mr")
    show(node, pixels, view_of(512, 512), "mr", "mm")
    _, high = colours.windows([node], shared=False)[0]
    assert high == pytest.approx(np.percentile(pixels, 99.9), rel=0.1)


def test_an_image_that_is_still_empty_can_be_shown(scene) -> None:
    node = make_image_node(scene, "reference")
    colours.grey(node, colours.windows([node], shared=True)[0])
    colours.difference(scene, node)
    assert node.GetDisplayNode().GetWindow() == 2


def test_a_deleted_display_node_comes_back(scene) -> None:
    node = image(scene, [0, 1, 2])
    scene.RemoveNode(node.GetDisplayNode())
    colours.grey(node, (0, 2))
    np.testing.assert_allclose(drawn(node)[:, 0], [0, 127, 255], atol=1)


def test_half_of_the_rays_pass_a_half_value_layer() -> None:
    np.testing.assert_allclose(colours.as_intensity(np.array([0, np.log(2), np.log(4)])), [1, 0.5, 0.25])
    assert colours.as_intensity(np.ones(2, np.float32)).dtype == np.float32
