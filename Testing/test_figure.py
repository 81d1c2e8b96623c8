"""The figure and the PNGs: what they say, what they show, and that they come out the same each time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from matplotlib.figure import Figure
from PIL import Image

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.figure import NOTE, draw_figure, grey_window, write_figure, write_pngs
from MR2XRayLib.metrics import compare
from MR2XRayLib.projection.projections import Projections

ANGLES = ((0.0, 0.0), (90.0, 0.0), (-45.0, 22.5))


def projections(
    unit: str = "1",
    scale: float = 4.0,
    angles: tuple[tuple[float, float], ...] = ANGLES,
    detector_mm: tuple[float, float] = (400, 400),
    pixels: tuple[int, int] = (64, 64),
) -> Projections:
    """An ellipsoid as wide as `scale`, a little different in each view."""
    carm = CArm(detector_mm=detector_mm, pixels=pixels, isocentre_mm=(0, 0, 0))
    views = tuple(carm.view(Angulation(*pair)) for pair in angles)
    y, x = np.mgrid[-1 : 1 : pixels[0] * 1j, -1 : 1 : pixels[1] * 1j]
    chord = np.sqrt(np.maximum(1 - (x / 0.6) ** 2 - (y / 0.8) ** 2, 0))
    pages = [scale * chord * (1 + 0.1 * np.cos(9 * x + number)) for number in range(len(angles))]
    return Projections(np.stack(pages).astype(np.float32), views, unit)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def an_mr() -> Projections:
    return projections("mm", 150)


@pytest.fixture(scope="module")
def a_synthesized() -> Projections:
    return projections(scale=3.8)


@pytest.fixture(scope="module")
def a_reference() -> Projections:
    return projections()


def words_of(figure: Figure) -> str:
    texts = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        labels = (axes.get_title(), axes.get_xlabel(), axes.get_ylabel())
        texts += [*labels, *(text.get_text() for text in axes.texts)]
    return "\n".join(texts)


def images_of(figure: Figure) -> list:
    return [image for axes in figure.axes for image in axes.images]


# The figure


def test_a_row_shows_mr_synthesized_reference_and_difference(
    an_mr: Projections, a_synthesized: Projections, a_reference: Projections
) -> None:
    figure = draw_figure(an_mr, a_synthesized, a_reference, compare(a_synthesized, a_reference))
    images = images_of(figure)
    assert len(images) == 12
    for row in range(3):
        mr, synthesized, reference, difference = images[4 * row : 4 * row + 4]
        np.testing.assert_array_equal(mr.get_array(), an_mr.pixels[row])
        np.testing.assert_array_equal(synthesized.get_array(), a_synthesized.pixels[row])
        np.testing.assert_array_equal(reference.get_array(), a_reference.pixels[row])
        np.testing.assert_array_equal(
            difference.get_array(), a_synthesized.pixels[row] - a_reference.pixels[row]
        )


def test_synthesized_and_reference_share_one_window_and_the_difference_is_centred_at_zero(
    an_mr: Projections, a_synthesized: Projections, a_reference: Projections
) -> None:
    images = images_of(draw_figure(an_mr, a_synthesized, a_reference))
    xray = {image.get_clim() for image in images[1::4] + images[2::4]}
    assert xray == {grey_window(a_synthesized, a_reference)}
    low, high = images[3].get_clim()
    assert low == -high < 0
    assert images[3].get_cmap().name == "RdBu_r"


def test_the_figure_says_what_is_shown(
    an_mr: Projections, a_synthesized: Projections, a_reference: Projections
) -> None:
    comparison = compare(a_synthesized, a_reference)
    words = words_of(draw_figure(an_mr, a_synthesized, a_reference, comparison))
    for view, metrics in zip(a_reference.views, comparison.views, strict=True):
        assert str(view.angulation) in words
        assert "\n".join(metrics.words()) in words
    assert comparison.mean.words()[1] in words
    assert "64 × 64 pixels of 6.25 × 6.25 mm" in words
    assert "line integral of MR intensity (mm)" in words
    assert "line integral of attenuation (no unit)" in words
    assert NOTE in words


def test_the_patients_sides_stand_at_the_edges_as_on_the_monitor(
    an_mr: Projections, a_synthesized: Projections
) -> None:
    figure = draw_figure(an_mr, a_synthesized)
    sides = [[text.get_text() for text in axes.texts] for axes in figure.axes if axes.texts]
    # Left, right, top. PA: the patient's left on the viewer's right. LAO 90°: the nose on the left.
    assert sides == [["R", "L", "H"], ["A", "P", "H"], ["RP", "LA", "H"]]


def test_without_a_reference_there_are_two_columns_and_no_metrics(
    an_mr: Projections, a_synthesized: Projections
) -> None:
    figure = draw_figure(an_mr, a_synthesized)
    assert len(images_of(figure)) == 6
    words = words_of(figure)
    assert "Reference" not in words
    assert "MAE" not in words
    assert NOTE in words


def test_of_many_views_twelve_are_shown_from_first_to_last_and_the_figure_says_so() -> None:
    angles = tuple((float(primary), 0.0) for primary in range(-90, 91, 5))
    mr, synthesized = projections("mm", 150, angles), projections(angles=angles)
    figure = draw_figure(mr, synthesized)
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert len(labels) == 12
    assert (labels[0], labels[-1]) == ("RAO 90°, CRA 0°", "LAO 90°, CRA 0°")
    assert "12 of 37 views, spread over their list" in words_of(figure)


def test_millimetres_are_equally_long_across_and_down_whatever_the_pixels() -> None:
    shape = {"detector_mm": (200, 400), "pixels": (50, 40)}
    figure = draw_figure(projections("mm", 150, **shape), projections(**shape))
    width, height = figure.get_size_inches()
    for axes in figure.axes[:6]:
        axes.apply_aspect()
        box = axes.get_position()
        assert box.width * width == pytest.approx(2 * box.height * height)


def test_the_same_input_gives_the_same_bytes_and_no_date(
    tmp_path: Path, an_mr: Projections, a_synthesized: Projections, a_reference: Projections
) -> None:
    content = (an_mr, a_synthesized, a_reference, compare(a_synthesized, a_reference))
    for name in ("one.png", "two.png"):
        write_figure(tmp_path / name, *content)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.info.keys() <= {"Software", "dpi"}
        assert image.info["Software"] == "MR2XRay"


def test_projections_that_do_not_belong_together_are_refused(
    tmp_path: Path, an_mr: Projections, a_synthesized: Projections
) -> None:
    with pytest.raises(MR2XRayError, match="differ in views"):
        write_figure(tmp_path / "figure.png", projections("mm", angles=ANGLES[:2]), a_synthesized)
    with pytest.raises(MR2XRayError, match=r"ends in \.png"):
        write_figure(tmp_path / "figure.jpg", an_mr, a_synthesized)
    assert list(tmp_path.iterdir()) == []


def test_drawing_leaves_pyplot_alone_and_importing_leaves_matplotlib_alone(
    tmp_path: Path,
) -> None:
    code = """
import sys
import MR2XRayLib.figure
assert not {"matplotlib", "PIL", "SimpleITK"} & sys.modules.keys()
import numpy as np
from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.projection.projections import Projections
view = CArm(isocentre_mm=(0, 0, 0), pixels=(16, 16)).view(Angulation(0))
page = Projections(np.ones((1, 16, 16), np.float32), (view,), "1")
MR2XRayLib.figure.write_figure(sys.argv[1], page, page)
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "figure.png")], check=True)


# The PNGs


def test_pngs_hold_the_line_integrals_to_half_a_grey_step(tmp_path: Path, a_reference: Projections) -> None:
    paths = write_pngs(tmp_path / "new", "reference", a_reference, window=(0.0, 5.0))
    assert len(paths) == 3
    for path, pixels in zip(paths, a_reference.pixels, strict=True):
        image = sitk.ReadImage(str(path))
        assert image.GetPixelID() == sitk.sitkUInt16
        restored = sitk.GetArrayFromImage(image) / 65535 * 5.0
        np.testing.assert_allclose(restored, pixels, atol=0.51 * 5 / 65535)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("inverted", [False, True])
def test_bits_and_inversion_stand_in_the_text_and_lead_back_to_the_values(
    tmp_path: Path, a_reference: Projections, bits: int, inverted: bool
) -> None:
    (path, *_) = write_pngs(
        tmp_path, "reference", a_reference, window=(0.0, 5.0), bits=bits, inverted=inverted
    )
    with Image.open(path) as image:
        assert image.mode == {8: "L", 16: "I;16"}[bits]
        low, high = (float(word) for word in image.info["Window"].split())
        formula, grey = image.info["Value"], np.asarray(image).astype(float)
    restored = eval(formula, {"low": low, "high": high, "grey": grey})
    np.testing.assert_allclose(restored, a_reference.pixels[0], atol=0.51 * 5 / (2**bits - 1))
    assert (grey[0, 0] > 0) == inverted


def test_png_names_carry_index_and_angulation(tmp_path: Path, a_reference: Projections) -> None:
    paths = write_pngs(tmp_path, "reference", a_reference)
    names = ["reference_01_LAO0_CRA0.png", "reference_02_LAO90_CRA0.png", "reference_03_RAO45_CRA22.5.png"]
    assert [path.name for path in paths] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_png_says_what_its_grey_means(tmp_path: Path, an_mr: Projections) -> None:
    (path, *_) = write_pngs(tmp_path, "mr", an_mr)
    with Image.open(path) as image:
        text = image.info
    low, high = (float(word) for word in text["Window"].split())
    assert (low, high) == pytest.approx(grey_window(an_mr))
    assert (text["View"], text["Quantity"]) == ("LAO 0°, CRA 0°", "line integral of MR intensity (mm)")
    assert text["Value"] == "low + grey / 65535 * (high - low)"
    assert text["dpi"] == pytest.approx((25.4 / 6.25,) * 2, abs=0.02)


def test_values_beyond_the_window_are_clipped_not_wrapped(tmp_path: Path, a_reference: Projections) -> None:
    (path, *_) = write_pngs(tmp_path, "reference", a_reference, window=(1.0, 2.0))
    with Image.open(path) as image:
        grey = np.asarray(image)
    assert (grey[a_reference.pixels[0] <= 1] == 0).all()
    assert (grey[a_reference.pixels[0] >= 2] == 65535).all()


def test_pngs_of_oblong_pixels_are_interpolated_to_squares(tmp_path: Path) -> None:
    oblong = projections(detector_mm=(200, 400), pixels=(50, 40))  # 4 mm down, 10 mm across
    (path, *_) = write_pngs(tmp_path, "reference", oblong, window=(0.0, 5.0))
    with Image.open(path) as image:
        assert image.size == (100, 50)
        restored = np.asarray(image) / 65535 * 5.0
    assert restored.mean() == pytest.approx(oblong.pixels[0].mean(), rel=0.01)


def test_the_window_starts_at_air_and_is_not_stretched_by_a_few_bright_pixels(
    a_reference: Projections,
) -> None:
    pixels = a_reference.pixels.copy()
    pixels[0, 30, 30] = 1000.0
    low, high = grey_window(Projections(pixels, a_reference.views, "1"))
    assert low == 0
    assert high == pytest.approx(a_reference.pixels.max(), rel=0.05)
    raw = Projections(a_reference.pixels - 500, a_reference.views, "raw mm")
    assert grey_window(raw)[0] == pytest.approx(-500)


def test_blank_projections_still_become_pictures(tmp_path: Path, a_reference: Projections) -> None:
    blank = Projections(np.zeros_like(a_reference.pixels), a_reference.views, "1")
    (path, *_) = write_pngs(tmp_path, "blank", blank)
    with Image.open(path) as image:
        assert np.asarray(image).max() == 0
    write_figure(tmp_path / "figure.png", blank, blank, blank, compare(blank, blank))
    assert (tmp_path / "figure.png").is_file()


def test_a_row_of_the_figure_and_the_text_of_a_png_have_the_name_of_their_view(tmp_path: Path) -> None:
    pages = projections("mm", 150)
    named = replace(pages, views=(replace(pages.views[0], name="My $x$ view"), *pages.views[1:]))
    figure = draw_figure(named, projections())
    assert "My $x$ view (LAO 0°, CRA 0°)" in words_of(figure)
    write_figure(tmp_path / "figure.png", named, projections())
    path = write_pngs(tmp_path, "mr", named)[0]
    with Image.open(path) as image:
        assert image.info["View"] == "My $x$ view (LAO 0°, CRA 0°)"
