"""What the module offers on the Python console, on real MRML nodes; no Qt anywhere."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import slicer
from places import REPOSITORY
from tiny_generators import card_of, tiny

from MR2XRayLib.carm import CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.applicability import caveats
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.store import load_generator, save_generator
from MR2XRayLib.pipeline import run as run_library
from MR2XRayLib.registration import mean_error_mm
from MR2XRayLib.transform import Transform
from MR2XRayLib.views import resolve_views
from MR2XRayScene import console
from MR2XRayScene.stacks import projections_from_node
from MR2XRayScene.transforms import place_under
from MR2XRayScene.volumes import node_from_volume, world_matrix_lps

CARM = CArm(pixels=(64, 64))
VIEWS = "PA, LAO20/CRA10"


@pytest.fixture
def nodes(scene, pair):
    """MR and CT as nodes."""
    return node_from_volume(scene, pair.mr, "MR"), node_from_volume(scene, pair.ct, "CT")


@pytest.fixture
def aligned(scene, pair, nodes):
    """The same, the MR under its true transform."""
    place_under(scene, [nodes[0]], pair.truth, "truth")
    return nodes


def test_register_puts_the_mr_where_it_belongs(scene, pair, nodes) -> None:
    transform = console.register(scene, *nodes)
    assert mean_error_mm(Transform(world_matrix_lps(nodes[0])), pair.truth, pair.mr) < 2.0
    assert "good" in transform.GetAttribute("MR2XRay.Quality")


def test_run_gives_what_the_library_gives(scene, pair, aligned) -> None:
    made = console.run(scene, *aligned, VIEWS, registration=None, carm=CARM, device="cpu")
    expected = run_library(
        [pair.mr],
        pair.ct,
        load_generator(),
        lambda carm: resolve_views(VIEWS, carm),
        carm=CARM,
        transform=pair.truth,
        device="cpu",
    )
    for node, projections in (
        (made.mr, expected.mr[0]),
        (made.synthesized, expected.synthesized),
        (made.reference, expected.reference),
        (made.difference, expected.difference),
    ):
        np.testing.assert_allclose(projections_from_node(node).pixels, projections.pixels, atol=2e-3)
    assert made.metrics.GetNumberOfRows() == 3
    assert made.warnings == caveats(expected.synthesized, expected.reference)


def test_the_steps_give_what_run_gives(scene, aligned) -> None:
    mr, ct = aligned
    whole = console.run(scene, mr, ct, VIEWS, registration=None, carm=CARM, device="cpu", whole_ct=False)
    views = projections_from_node(whole.mr).views
    projected = console.project(scene, mr, views, "mr", device="cpu")
    synthesized = console.synthesize(scene, projected, device="cpu")
    table = console.compare(scene, synthesized, whole.reference)
    np.testing.assert_array_equal(
        projections_from_node(synthesized).pixels, projections_from_node(whole.synthesized).pixels
    )
    assert table.GetNumberOfRows() == whole.metrics.GetNumberOfRows()


@pytest.fixture
def layered(tmp_path) -> str:
    """The folder of a small generator that sees layers."""
    card = InputCard(("t1",), 300.0, layers=("signal", "dark", "deep"))
    generator = tiny("unet", in_channels=3)
    save_generator(tmp_path / "tiny", generator, card_of(in_channels=3, input=card))
    return str(tmp_path / "tiny")


def test_the_steps_give_a_generator_its_layers_from_a_saved_scene_too(
    scene, aligned, layered, reopened
) -> None:
    options = {"generator": layered, "device": "cpu"}
    whole = console.run(scene, *aligned, VIEWS, registration=None, carm=CARM, **options)
    expected = projections_from_node(whole.synthesized)
    views = projections_from_node(whole.mr).views
    projected = console.project(scene, aligned[0], views, "mr", device="cpu")
    made = console.synthesize(scene, projected, **options)
    np.testing.assert_array_equal(projections_from_node(made).pixels, expected.pixels)
    projected.SetName("saved MR projection")
    other = reopened(scene)
    again = console.synthesize(other, other.GetFirstNodeByName("saved MR projection"), **options)
    np.testing.assert_array_equal(projections_from_node(again).pixels, expected.pixels)


def test_without_a_ct_nothing_is_compared(scene, nodes) -> None:
    made = console.run(scene, nodes[0], views="PA", carm=CARM, device="cpu")
    assert made.reference is None
    assert made.metrics is None
    assert made.quality == ""


def test_every_result_tells_how_it_was_made(scene, aligned) -> None:
    made = console.run(scene, *aligned, "PA", registration=None, carm=CARM, device="cpu")
    provenance = projections_from_node(made.synthesized).provenance
    assert provenance["generator"]["sha256"]
    assert provenance["input"][0]["volume"]["name"] == "MR"


def test_a_failed_registration_leaves_the_scene_as_it_was(scene, pair, nodes) -> None:
    nodes[0].GetImageData().GetPointData().GetScalars().Fill(7)
    before = scene.GetNumberOfNodes()
    with pytest.raises(MR2XRayError, match="blank"):
        console.register(scene, *nodes)
    assert scene.GetNumberOfNodes() == before
    assert nodes[0].GetParentTransformNode() is None


def test_a_ct_given_as_mr_is_refused_with_a_sentence(scene, nodes) -> None:
    with pytest.raises(MR2XRayError, match=r"looks like|HU|CT"):
        console.run(scene, nodes[1], nodes[0], "PA", registration=None, carm=CARM, device="cpu")


def test_the_scene_side_needs_no_qt() -> None:
    code = (
        "import sys; sys.path.insert(0, 'MR2XRay')\n"
        "import MR2XRayScene.console\n"
        "assert not {'qt', 'ctk', 'PySide6', 'torch', 'numba', 'itk'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_slicers_own_numbers_of_slices_are_the_views(scene, aligned) -> None:
    made = console.run(scene, *aligned, VIEWS, registration=None, carm=CARM, device="cpu")
    assert made.mr.GetImageData().GetDimensions() == (64, 64, 2)
    assert isinstance(made.mr, slicer.vtkMRMLScalarVolumeNode)
