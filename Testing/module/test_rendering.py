"""What the user sees: slice and 3D views drawn off-screen, compared with pictures that were looked at.

`MR2XRAY_WRITE_REFERENCES=1` writes the pictures anew; look at them before they are committed.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import slicer
from offscreen import Application, SliceView, ThreeDView
from PIL import Image

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import attenuation
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.projection import project
from MR2XRayLib.volume import Volume
from MR2XRayScene import colours, fusion, images, layout
from MR2XRayScene.attributes import nodes_of
from MR2XRayScene.carm_display import CArmDisplay
from MR2XRayScene.head_surface import show_skin, skin
from MR2XRayScene.volumes import node_from_volume

REFERENCES = Path(__file__).parent / "references"
TOLERANCE = 2.5
"""Grey levels of 255, in the mean over blocks of 10 x 10 pixels: other drivers smooth edges otherwise."""


@cache
def head() -> Volume:
    """The CT of the digital head."""
    return digital_head().ct(3.0)


def head_view(primary: float, secondary: float) -> View:
    """The default C-arm about the head."""
    return CArm().at(head_centre_mm(head())).view(Angulation(primary, secondary))


def beads(places_mm: np.ndarray, spacing_mm: float = 2.0) -> Volume:
    """Beads of one voxel and attenuation 1/mm at places within 100 mm of the origin, LPS."""
    matrix = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    matrix[:3, 3] = -100
    voxels = np.zeros((101, 101, 101), np.float32)
    for i, j, k in np.round((places_mm + 100) / spacing_mm).astype(int):
        voxels[k, j, i] = 1.0
    return Volume(voxels, matrix, "1/mm")


@pytest.fixture
def application() -> Application:
    """Slicer without its windows, in the module's layout."""
    made = Application()
    layout.enter_layout(made.scene)
    return made


def show_image(application: Application, pixels: np.ndarray, view: View, role: str = "synthesized") -> None:
    """Show an image in its slice view, in grey, as the module does."""
    node = images.make_image_node(application.scene, role)
    images.show(node, pixels, view, role, "1")
    colours.grey(node, colours.windows([node], shared=False)[0])
    layout.show_images(application.scene, {role: node})
    layout.follow(application.scene, view)


def slice_view(application: Application, tag: str, size: tuple[int, int] = (500, 400)) -> SliceView:
    """The view of a slice node of the present layout."""
    found = {node.GetLayoutName(): node for node in nodes_of(application.scene, "vtkMRMLSliceNode")}
    return SliceView(application, found[tag], size)


def three_d_view(application: Application) -> ThreeDView:
    """The layout's 3D view."""
    return ThreeDView(application, application.scene.GetFirstNodeByClass("vtkMRMLViewNode"))


def look_at_the_carm(view: ThreeDView) -> None:
    """From the patient's left and front, a little from above, so that C, head and image are all seen."""
    centre = head_centre_mm(head()) * (-1, -1, 1) + (0, -40, 150)
    view.look(np.add(centre, (-1620, 1480, 420)), centre, (0, 0, 1))


def blocks(picture: np.ndarray) -> np.ndarray:
    """Means over blocks of 10 x 10 pixels."""
    rows, columns, _ = picture.shape
    return picture.reshape(rows // 10, 10, columns // 10, 10, 3).mean(axis=(1, 3))


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """How different two pictures are, in grey levels."""
    return float(np.abs(blocks(first) - blocks(second)).mean())


def assert_looks_as_before(picture: np.ndarray, name: str) -> None:
    """Compare with the committed picture."""
    path = REFERENCES / name
    if os.environ.get("MR2XRAY_WRITE_REFERENCES"):
        Image.fromarray(picture).quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    with Image.open(path) as reference:
        assert apart(picture, np.array(reference.convert("RGB"))) < TOLERANCE


def carm_picture(application: Application, view: View) -> np.ndarray:
    """The 3D view with head, C-arm, and the head's projection on the detector."""
    show_skin(application.scene, skin(head()))
    CArmDisplay(application.scene).update(view)
    show_image(application, project(attenuation(head()), [view]).pixels[0], view)
    projection = slice_view(application, layout.TAGS["synthesized"])
    layout.fit(application.scene)
    layout.image_in_3d(application.scene, "synthesized")
    projection.picture()
    shown = three_d_view(application)
    look_at_the_carm(shown)
    return shown.picture()


def test_the_carm_stands_about_the_head_with_the_image_on_its_detector(application) -> None:
    assert_looks_as_before(carm_picture(application, head_view(0, 0)), "carm.png")


def test_a_carm_turned_by_30_degrees_is_seen_to_be_turned(application) -> None:
    picture = carm_picture(application, head_view(30, 0))
    with Image.open(REFERENCES / "carm.png") as reference:
        assert apart(picture, np.array(reference.convert("RGB"))) > 2 * TOLERANCE


def test_the_slice_view_shows_the_projection(application) -> None:
    view = head_view(90, 0)
    show_image(application, project(attenuation(head()), [view]).pixels[0], view)
    shown = slice_view(application, layout.TAGS["synthesized"])
    layout.fit(application.scene)
    picture = shown.picture()
    assert_looks_as_before(picture, "lateral.png")
    assert apart(picture, picture[:, ::-1]) > 2 * TOLERANCE


def test_the_fusion_shows_grey_ct_under_warm_mr(application) -> None:
    scene = application.scene
    ct, mr = (
        node_from_volume(scene, head(), "CT"),
        node_from_volume(scene, digital_head().mr(spacing_mm=4.0), "MR"),
    )
    ct.GetDisplayNode().AutoWindowLevelOff()
    ct.GetDisplayNode().SetWindowLevelMinMax(-200, 1200)
    fusion.show_fusion(scene, mr, ct, 0.5, head_centre_mm(head()))
    shown = slice_view(application, "Red")
    fusion.show_fusion(scene, mr, ct, 0.5, head_centre_mm(head()))
    picture = shown.picture()
    assert_looks_as_before(picture, "fusion.png")
    fusion.set_opacity(scene, 0.0)
    red, _, blue = shown.picture().astype(int).transpose(2, 0, 1)
    assert abs(red - blue).max() <= 1
    red, _, blue = picture.astype(int).transpose(2, 0, 1)
    assert (red - blue > 40).mean() > 0.05


LETTER_F = np.array([(0, 4), (0, 3), (0, 2), (0, 1), (0, 0), (1, 4), (2, 4), (1, 2)])
"""Beads of a letter F as it is read: to the right, and up."""


@pytest.mark.parametrize(
    ("angles", "right"),
    [((0, 0), (1, 0, 0)), ((180, 0), (-1, 0, 0)), ((90, 0), (0, 1, 0)), ((-90, 0), (0, -1, 0))],
    ids=["PA", "AP", "left lateral", "right lateral"],
)
def test_a_letter_f_can_be_read(application, angles, right) -> None:
    """Written on the patient as one sees who stands at the detector and looks at the patient; `right` is LPS."""
    places = 20 * (LETTER_F - (1, 2)) @ np.array([right, (0, 0, 1)])
    view = CArm(pixels=(128, 128)).at(np.zeros(3)).view(Angulation(*angles))
    show_image(application, project(beads(places), [view]).pixels[0], view)
    shown = slice_view(application, layout.TAGS["synthesized"], (400, 400))
    layout.fit(application.scene)
    rows, columns = np.nonzero(shown.picture()[:, :, 0] > 60)
    # The letter's box on the screen, divided as the letter is.
    x = np.round(2 * (columns - columns.min()) / np.ptp(columns)).astype(int)
    y = np.round(4 * (rows.max() - rows) / np.ptp(rows)).astype(int)
    assert set(zip(x.tolist(), y.tolist(), strict=True)) == set(map(tuple, LETTER_F.tolist()))


@pytest.mark.parametrize("zoomed", [False, True])
def test_beads_are_shown_where_the_projection_matrix_puts_them(application, zoomed) -> None:
    places = np.array([[60.0, -40, 20], [-50, 60, -60], [10, 30, 70], [-70, -70, 10], [0, 0, 0]])
    view = CArm(pixels=(256, 200), detector_mm=(420.0, 330.0)).at(np.array([3.0, -8, 11]))
    view = view.view(Angulation(33, -21))
    show_image(application, project(beads(places), [view]).pixels[0], view)
    shown = slice_view(application, layout.TAGS["synthesized"])
    node = shown.logic.GetSliceNode()
    layout.fit(application.scene)
    if zoomed:
        node.SetFieldOfView(*(0.8 * np.array(node.GetFieldOfView()[:2])), 1.0)
        node.SetXYZOrigin(15.0, -10.0, 0.0)
    picture = shown.picture()[:, :, 0].astype(float)
    to_screen = np.linalg.inv(slicer.util.arrayFromVTKMatrix(node.GetXYToRAS()))
    for column, row, w in (view.matrix() @ np.c_[places, np.ones(len(places))].T).T:
        pixel = view.corner_mm + column / w * view.column_step_mm + row / w * view.row_step_mm
        x, y, _, _ = to_screen @ [*(pixel * (-1, -1, 1)), 1]
        centre = np.array([399 - y, x])
        np.testing.assert_allclose(_blob(picture, centre), centre, atol=1.5)


def _blob(picture: np.ndarray, near: np.ndarray) -> np.ndarray:
    """The centre of brightness within 12 pixels of a place: row, column."""
    rows, columns = np.indices(picture.shape)
    weights = picture * (np.hypot(rows - near[0], columns - near[1]) < 12)
    assert weights.max() > 50
    return np.array([(weights * rows).sum(), (weights * columns).sum()]) / weights.sum()


@pytest.mark.parametrize("beyond", [True, False])
def test_the_image_in_space_is_upright_and_read_from_beyond_the_detector(application, beyond) -> None:
    view = CArm(pixels=(100, 100)).at(np.zeros(3)).view(Angulation(20, 10))
    pixels = np.full((100, 100), 0.2)
    pixels[:50, :50] = 1.0  # the upper left quarter is bright
    show_image(application, pixels, view)
    projection = slice_view(application, layout.TAGS["synthesized"])
    layout.fit(application.scene)
    layout.image_in_3d(application.scene, "synthesized")
    projection.picture()
    shown = three_d_view(application)
    flip = np.array([-1.0, -1.0, 1.0])
    middle = view.corner_mm + 49.5 * (view.column_step_mm + view.row_step_mm)
    eye = middle + (1200 if beyond else -1200) * view.normal
    shown.look(eye * flip, middle * flip, -view.row_step_mm * flip)
    picture = shown.picture()[:, :, 0]
    quarters = {
        (up, left): picture[150 if up else 220 :, 200 if left else 270 :][:30, :30].mean()
        for up in (True, False)
        for left in (True, False)
    }
    assert max(quarters, key=quarters.get) == (True, beyond)
    assert sorted(quarters.values())[-1] > 150 > 100 > sorted(quarters.values())[-2]
