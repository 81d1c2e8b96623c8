"""Files to the worker and back: what lies where, what a file cannot hold, and the command line that reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.cli.parser import build_parser
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.header_checks import is_orthogonal
from MR2XRayLib.projection import Projections
from MR2XRayLib.transform import Transform, rotation_matrix
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import read_volume
from MR2XRayScene import exchange
from MR2XRayScene.prepared import Pair

QUALITY = {
    "verdict": "good",
    "mutual_information_before_nats": 0.05,
    "mutual_information_after_nats": 0.27,
    "mask_overlap_dice": 0.93,
    "head_in_view": 0.9,
    "moving_head_in_view": 1.0,
}


def box(
    angles_deg: tuple[float, float, float] = (0, 0, 0),
    spacing: tuple[float, float, float] = (1, 2, 3),
    name: str = "box",
) -> Volume:
    """A small oblique volume of distinct int16 voxels, left-handed for a negative spacing."""
    affine = np.eye(4)
    affine[:3, :3] = rotation_matrix(angles_deg) * spacing
    affine[:3, 3] = (-70.5, 33.25, 901.125)
    return Volume(np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6), affine, name=name)


def shear(amount: float = 0.12) -> np.ndarray:
    """An affine registration: turned, stretched and sheared, with a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix((5, -8, 3)) @ [[1.05, amount, 0], [0, 0.97, amount / 2], [0, 0, 1.01]]
    matrix[:3, 3] = (12, -30, 7)
    return matrix


def pair(*mr: Volume | None, ct: Volume | None = None, whole_ct: bool = False) -> Pair:
    return Pair(mr=mr, ct=ct, energy_kev=61.5, whole_ct=whole_ct)


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


@pytest.mark.parametrize(
    "volume",
    [box(), box((20, -35, 50)), box((10, 0, 0), (-0.9, 0.9, 5))],
    ids=["straight", "oblique", "left-handed"],
)
def test_volumes_arrive_as_they_lie_with_every_voxel(tmp_path: Path, volume: Volume) -> None:
    arguments = exchange.write_registration(tmp_path, pair(volume, ct=box((3, 2, 1))), "rigid")
    read = read_volume(Path(option(arguments, "--moving")))
    assert read.voxels.dtype == np.int16
    np.testing.assert_array_equal(read.voxels, volume.voxels)
    np.testing.assert_allclose(read.corners_mm(), volume.corners_mm(), atol=1e-3)
    np.testing.assert_allclose(Transform.read(tmp_path / exchange.PLACE).matrix, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_type_of_voxel_that_slicer_holds_is_carried(tmp_path: Path, dtype: type) -> None:
    volume = replace(box(), voxels=box().voxels.astype(dtype))
    arguments = exchange.write_registration(tmp_path, pair(volume, ct=box()), "rigid")
    np.testing.assert_array_equal(read_volume(Path(option(arguments, "--moving"))).voxels, volume.voxels)


def test_a_sheared_mr_arrives_by_way_of_its_place(tmp_path: Path) -> None:
    mr = box((20, -35, 50)).moved(shear())
    arguments = exchange.write_run(tmp_path, job(pair(mr)))
    read, place = (
        read_volume(Path(option(arguments, "--mr"))),
        Transform.read(Path(option(arguments, "--transform"))),
    )
    np.testing.assert_allclose(place.apply(read.corners_mm()), mr.corners_mm(), atol=1e-3)


def test_contrasts_moved_together_arrive_together(tmp_path: Path) -> None:
    contrasts = [box((20, -35, 50)).moved(shear()), box((0, 4, 9), (0.5, 0.5, 6)).moved(shear())]
    arguments = exchange.write_run(tmp_path, job(pair(*contrasts)))
    place = Transform.read(Path(option(arguments, "--transform")))
    paths = [word for before, word in pairwise(arguments) if before == "--mr"]
    assert len(paths) == 2
    for path, volume in zip(paths, contrasts, strict=True):
        np.testing.assert_allclose(
            place.apply(read_volume(Path(path)).corners_mm()), volume.corners_mm(), atol=1e-3
        )


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(0.3, 6)] * 3),
    st.tuples(*[st.floats(-0.2, 0.2)] * 3),
)
def test_without_the_common_stretch_axes_are_at_right_angles(
    angles: tuple[float, float, float],
    spacing: tuple[float, float, float],
    shears: tuple[float, float, float],
) -> None:
    matrix = np.eye(4)
    matrix[[0, 0, 1], [1, 2, 2]] = shears
    volume = box(angles, spacing).moved(matrix)
    stretch = exchange.common_stretch([volume])
    assert is_orthogonal(volume.moved(stretch.inverse().matrix).affine[:3, :3])
    np.testing.assert_allclose(stretch.matrix, stretch.matrix.T, atol=1e-9)


def test_contrasts_that_were_sheared_differently_are_refused_with_a_sentence(tmp_path: Path) -> None:
    contrasts = box(name="T1").moved(shear()), box((1, 2, 3)).moved(shear(-0.1))
    with pytest.raises(MR2XRayError, match=r"T1 .*under one transform"):
        exchange.write_run(tmp_path, job(pair(*contrasts)))


def test_a_sheared_ct_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match=r"Head CT .*shears"):
        exchange.write_registration(tmp_path, pair(box(), ct=box(name="Head CT").moved(shear())), "rigid")


def test_names_of_volumes_do_not_become_names_of_files(tmp_path: Path) -> None:
    volumes = pair(box(name="../../etc/passwd"), ct=box((1, 2, 3), name="a/b:c"))
    exchange.write_registration(tmp_path, volumes, "rigid")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct.nii", "mr1.nii", "place.tfm"]


def test_the_registration_found_is_of_where_the_mr_lies_now(tmp_path: Path) -> None:
    """The worker sees the MR without its shear; what it finds is told for the MR with it."""
    mr, truth = box((20, -35, 50)).moved(shear()), Transform.rigid((1, 2, 3), (4, 5, 6))
    arguments = exchange.write_registration(tmp_path, pair(mr, ct=box()), "affine")
    read = read_volume(Path(option(arguments, "--moving")))
    place = Transform.read(tmp_path / exchange.PLACE)
    Transform(truth.matrix @ place.matrix).write(Path(option(arguments, "--out")))
    found = exchange.read_registration(tmp_path, {"quality": QUALITY})
    np.testing.assert_allclose(found.transform.matrix, truth.matrix, atol=1e-9)
    np.testing.assert_allclose(
        found.transform.apply(mr.corners_mm()), (truth.apply(place.apply(read.corners_mm()))), atol=1e-3
    )
    assert found.words.startswith("good: mutual information 0.05 before, 0.27 after")


@pytest.mark.parametrize("result", [{}, {"quality": None}, {"quality": {"verdict": "good"}}])
def test_a_garbled_registration_is_a_sentence(tmp_path: Path, result: dict[str, object]) -> None:
    exchange.write_registration(tmp_path, pair(box(), ct=box()), "rigid")
    Transform.identity().write(tmp_path / exchange.FOUND)
    with pytest.raises(MR2XRayError, match="register again"):
        exchange.read_registration(tmp_path, result)


def test_a_registration_that_left_no_transform_is_a_sentence(tmp_path: Path) -> None:
    exchange.write_registration(tmp_path, pair(box(), ct=box()), "rigid")
    with pytest.raises(MR2XRayError, match="does not exist"):
        exchange.read_registration(tmp_path, {"quality": QUALITY})


def views(count: int = 2) -> tuple:
    carm = CArm(pixels=(8, 6), isocentre_mm=(1, 2, 3))
    return tuple(carm.view(Angulation(20.0 * n, 5.0)) for n in range(count))


def job(volumes: Pair) -> exchange.RunJob:
    return exchange.RunJob(volumes, views(), Path("generator"), "cpu")


def finetune_job(volumes: Pair) -> exchange.FinetuneJob:
    return exchange.FinetuneJob(volumes, Path("generator"), "-x y", 2.5)


def test_the_command_line_understands_the_registration(tmp_path: Path) -> None:
    options = parsed(exchange.write_registration(tmp_path, pair(box(), ct=box((1, 2, 3))), "affine"))
    assert options["preset"] == "affine"
    assert options["fixed"].is_file()


def test_the_command_line_understands_the_main_job(tmp_path: Path) -> None:
    options = parsed(exchange.write_run(tmp_path, job(pair(box(), ct=box((1, 2, 3)), whole_ct=True))))
    assert (options["energy"], options["whole_ct"], options["device"]) == (61.5, True, "cpu")
    assert options["generator"] == "generator"
    written = json.loads(Path(options["views"]).read_text())["views"]
    assert [view["primary_angle_deg"] for view in written] == [0.0, 20.0]


def test_the_main_job_without_a_ct_has_none(tmp_path: Path) -> None:
    options = parsed(exchange.write_run(tmp_path, replace(job(pair(box(), whole_ct=True)), generator=None)))
    assert (options["ct"], options["generator"], options["whole_ct"]) == (None, None, False)


def test_the_command_line_understands_the_fine_tuning(tmp_path: Path) -> None:
    options = parsed(exchange.write_finetune(tmp_path, finetune_job(pair(box(), ct=box((1, 2, 3))))))
    assert (options["minutes"], options["name"], options["energy"]) == (2.5, "-x y", 61.5)


def test_an_absent_contrast_is_told_by_its_word_where_it_stands(tmp_path: Path) -> None:
    volumes = pair(None, box().moved(shear()), None, box((1, 2, 3)).moved(shear()), ct=box())
    for arguments in (
        exchange.write_run(tmp_path, job(volumes)),
        exchange.write_finetune(tmp_path, finetune_job(volumes)),
    ):
        first, second, third, fourth = parsed(arguments)["mr"]
        assert (first, third) == (None, None)
        for path, volume in ((second, volumes.mr[1]), (fourth, volumes.mr[3])):
            place = Transform.read(Path(option(arguments, "--transform")))
            np.testing.assert_allclose(
                place.apply(read_volume(path).corners_mm()), volume.corners_mm(), atol=1e-3
            )


def test_the_first_contrast_that_is_there_is_registered(tmp_path: Path) -> None:
    mr = box((20, -35, 50))
    arguments = exchange.write_registration(tmp_path, pair(None, mr, box((9, 9, 9)), ct=box()), "rigid")
    read = read_volume(Path(option(arguments, "--moving")))
    np.testing.assert_allclose(read.corners_mm(), mr.corners_mm(), atol=1e-3)


def test_contrasts_that_are_all_absent_are_a_sentence(tmp_path: Path) -> None:
    for write in (
        lambda: exchange.write_run(tmp_path, job(pair(None, None))),
        lambda: exchange.write_registration(tmp_path, pair(None, ct=box()), "rigid"),
    ):
        with pytest.raises(MR2XRayError, match="No MR volume"):
            write()


def parsed(arguments: list[str]) -> dict[str, object]:
    """What the command line makes of the arguments, with what the worker adds to them."""
    return vars(build_parser().parse_args([*arguments, "--progress", "json", "--end-with-stdin"]))


def test_no_views_and_no_ct_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match="view"):
        exchange.write_run(tmp_path, replace(job(pair(box())), views=()))
    with pytest.raises(MR2XRayError, match="CT"):
        exchange.write_registration(tmp_path, pair(box()), "rigid")
    with pytest.raises(MR2XRayError, match="CT"):
        exchange.write_finetune(tmp_path, finetune_job(pair(box())))


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    occupied = tmp_path / "folder"
    occupied.write_text("a file stands where the folder should be")
    with pytest.raises(MR2XRayError, match="choose another folder"):
        exchange.write_registration(occupied, pair(box(), ct=box()), "rigid")


def result_files(folder: Path, *roles: str) -> None:
    for number, role in enumerate(roles):
        pixels = np.full((2, 8, 6), number, np.float32)
        Projections(pixels, views(), "mm" if role == "mr" else "1").write(folder / "results" / f"{role}.nrrd")


def test_results_are_read_by_role(tmp_path: Path) -> None:
    exchange.write_run(tmp_path, job(pair(box(), ct=box())))
    result_files(tmp_path, "mr", "synthesized", "reference", "difference")
    (tmp_path / "results" / "metrics.json").write_text('{"views": [], "mean": {}}')
    result = exchange.read_run(tmp_path)
    assert {role: made.pixels[0, 0, 0] for role, made in result.projections.items()} == {
        "mr": 0,
        "synthesized": 1,
        "reference": 2,
        "difference": 3,
    }
    assert result.metrics == {"views": [], "mean": {}}


def test_results_without_a_ct_have_no_reference(tmp_path: Path) -> None:
    exchange.write_run(tmp_path, job(pair(box())))
    result_files(tmp_path, "mr", "synthesized")
    result = exchange.read_run(tmp_path)
    assert list(result.projections) == ["mr", "synthesized"]
    assert result.metrics is None


def test_a_missing_result_is_a_sentence(tmp_path: Path) -> None:
    exchange.write_run(tmp_path, job(pair(box(), ct=box())))
    with pytest.raises(MR2XRayError, match="does not exist"):
        exchange.read_run(tmp_path)
