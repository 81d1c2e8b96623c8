"""The main job as a library function: what it decides, and that it writes all or nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from places import REPOSITORY

from MR2XRayLib import pipeline
from MR2XRayLib.carm import CArm
from MR2XRayLib.demo import DemoPair, demo_pair, write_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.store import load_generator
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import as_ct, attenuation
from MR2XRayLib.projection import project
from MR2XRayLib.transform import Transform
from MR2XRayLib.views import resolve_views
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume

CARM = CArm(pixels=(64, 64))


@pytest.fixture(scope="module")
def pair() -> DemoPair:
    """The digital head at 4 mm."""
    return demo_pair(spacing_mm=4.0)


@pytest.fixture(scope="module")
def result(pair: DemoPair) -> pipeline.Result:
    """The main job on it, with the true transform."""
    place = partial(resolve_views, "PA, RAO20/CAU10")
    return pipeline.run(
        [pair.mr], pair.ct, load_generator(), place, carm=CARM, transform=pair.truth, device="cpu"
    )


def test_the_isocentre_is_the_centre_of_the_cts_head(pair: DemoPair, result: pipeline.Result) -> None:
    np.testing.assert_allclose(result.reference.views[0].isocentre_mm, head_centre_mm(pair.ct))


def test_without_a_ct_the_isocentre_is_the_centre_of_the_mrs_head(pair: DemoPair) -> None:
    place = partial(resolve_views, "PA")
    alone = pipeline.run([pair.mr], None, load_generator(), place, carm=CARM, device="cpu")
    assert alone.reference is None
    assert alone.comparison is None
    np.testing.assert_allclose(alone.synthesized.views[0].isocentre_mm, head_centre_mm(pair.mr))


def test_an_isocentre_that_is_given_stays(pair: DemoPair) -> None:
    chosen = CARM.at(np.array([1.0, 2.0, 3.0]))
    assert pipeline.centred(chosen, pair.mr, pair.ct, Transform.identity()) is chosen


def test_the_table_is_left_out_of_the_reference_unless_the_whole_ct_is_wanted(
    pair: DemoPair, result: pipeline.Result
) -> None:
    voxels = pair.ct.voxels.copy()
    voxels[:, -3, :] = 200.0
    with_table = type(pair.ct)(voxels, pair.ct.affine, "HU", "CT on a table")
    arguments = [pair.mr], with_table, load_generator(), lambda carm: result.reference.views
    without, kept = (
        pipeline.run(*arguments, transform=pair.truth, device="cpu", whole_ct=keep).reference
        for keep in (False, True)
    )
    whole = project(attenuation(as_ct(with_table)), result.reference.views, device="cpu")
    np.testing.assert_array_equal(kept.pixels, whole.pixels)
    assert (
        np.abs(without.pixels - result.reference.pixels).mean()
        < 0.2 * np.abs(kept.pixels - without.pixels).mean()
    )


def test_the_reference_ends_where_the_mr_does_also_when_that_is_padded_onto_the_cts_height(
    pair: DemoPair, result: pipeline.Result
) -> None:
    short, emptied = pair.mr.voxels[25:], pair.mr.voxels.copy()
    emptied[:25] = 0
    step = np.eye(4)
    step[2, 3] = 25
    ended, padded = (
        pipeline.run([mr], pair.ct, load_generator(), views, transform=pair.truth, device="cpu").reference
        for views in [lambda carm: result.reference.views]
        for mr in (
            replace(pair.mr, voxels=short, affine=pair.mr.affine @ step),
            replace(pair.mr, voxels=emptied),
        )
    )
    np.testing.assert_array_equal(padded.pixels, ended.pixels)
    assert np.abs(padded.pixels - result.reference.pixels).max() > 1


def test_nothing_is_written_when_one_of_the_files_cannot_be(
    result: pipeline.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*arguments: object) -> None:
        raise MR2XRayError("Cannot write figure.png (No space left on device); free space.")

    monkeypatch.setattr("MR2XRayLib.figure.write_figure", full_disk)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(MR2XRayError, match="No space left"):
        pipeline.write_result(result, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("png", "png is in the way of a folder"), ("reference.json/a", "in the way of a file")],
)
def test_nothing_is_written_where_something_else_lies_in_the_way(
    result: pipeline.Result, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(MR2XRayError, match=words):
        pipeline.write_result(result, tmp_path)
    assert files_in(tmp_path) == {name}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_files_of_a_run_are_those_that_it_writes(result: pipeline.Result, tmp_path: Path) -> None:
    layered = replace(result.mr[0], layers={"head": result.mr[0].pixels})
    all_of_it = replace(result, mr=(layered,) * 3, deviation=result.synthesized)
    pipeline.write_result(all_of_it, tmp_path / "used")
    expected = {path.name for path in pipeline.files_of_run(tmp_path / "new", contrasts=3)}
    written = {name for name in files_in(tmp_path / "used") if not name.startswith("png/")}
    never = {f"{name}-layers.nrrd" for name in pipeline.XRAYS}
    assert written == expected - never


def test_the_files_of_a_run_are_also_those_that_an_earlier_one_left(
    result: pipeline.Result, tmp_path: Path
) -> None:
    pipeline.write_result(replace(result, mr=result.mr * 2), tmp_path)
    assert {tmp_path / "mr2.nrrd", tmp_path / "mr2.json"} <= pipeline.files_of_run(tmp_path, contrasts=1)


def test_a_used_folder_holds_the_new_run_alone_and_what_is_not_of_a_run(
    result: pipeline.Result, tmp_path: Path
) -> None:
    used, fresh = tmp_path / "used", tmp_path / "fresh"
    first = replace(result, mr=result.mr * 2, deviation=replace(result.synthesized, provenance={}))
    pipeline.write_result(first, used)
    own = ("notes.txt", "mr3.nrrd", "mr4.nrrd", "mr4.json", "png/mine.png", "deviation.txt")
    for name in own:
        (used / name).write_text("{}", encoding="utf-8")
    mr, synthesized = (
        replace(each, pixels=each.pixels[:1], views=each.views[:1], layers={})
        for each in (result.mr[0], result.synthesized)
    )
    second = pipeline.Result(result.alignment, (mr,), synthesized, None, None)
    for folder in (used, fresh):
        pipeline.write_result(second, folder)
    assert files_in(used) == files_in(fresh) | set(own)


def test_what_no_run_wrote_is_left_in_its_folder(result: pipeline.Result, tmp_path: Path) -> None:
    assert result.reference is not None
    result.alignment.transform.write(tmp_path / "transform.tfm")
    result.reference.write(tmp_path / "reference.nrrd")
    for name in ("transform.json", "metrics.json"):
        (tmp_path / name).write_text("of register and compare", encoding="utf-8")
    pipeline.write_result(replace(result, reference=None, comparison=None), tmp_path)
    assert {"reference.nrrd", "reference.json", "metrics.json"} <= files_in(tmp_path)


def test_a_demo_replaces_the_pair_of_an_earlier_one(pair: DemoPair, tmp_path: Path) -> None:
    for _ in range(2):
        write_pair(pair, tmp_path)
        assert files_in(tmp_path) == {"mr.nii.gz", "ct.nii.gz"}
    rounded = replace(pair.mr, voxels=pair.mr.voxels * np.float32(1 + 1e-6))
    write_volume(rounded, tmp_path / "mr.nii.gz")
    write_pair(pair, tmp_path)


@pytest.mark.parametrize("name", ["mr.nii.gz", "ct.nii.gz"])
@pytest.mark.parametrize("kind", ["another grid", "another place", "worked on", "no image"])
def test_a_demo_leaves_a_users_volume_of_its_pairs_name(
    pair: DemoPair, tmp_path: Path, name: str, kind: str
) -> None:
    write_pair(pair, tmp_path)
    volume = pair.mr if name.startswith("mr") else pair.ct
    if kind == "no image":
        (tmp_path / name).write_bytes(b"mine")
    else:
        write_volume(of_a_user(volume, kind), tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(MR2XRayError, match=rf"{name} is not the demo's"):
        write_pair(pair, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def of_a_user(volume: Volume, kind: str) -> Volume:
    """A volume much like the demo's that nobody would want to lose."""
    voxels, affine = volume.voxels.copy(), volume.affine.copy()
    if kind == "another grid":
        voxels = voxels[1:]
    elif kind == "another place":
        affine[2, 3] += 1
    else:
        voxels[20:25, 20:25, 20:25] += 100
    return replace(volume, voxels=voxels, affine=affine)


def test_no_mr_is_an_error() -> None:
    with pytest.raises(MR2XRayError, match="No MR volume"):
        pipeline.run([], None, load_generator(), partial(resolve_views, "PA"))


def test_the_snippet_in_the_readme_runs(
    pair: DemoPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_volume(pair.mr, Path("mr.nii.gz"))
    write_volume(pair.ct, Path("ct.nii.gz"))
    snippets = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    (snippet,) = (snippet for snippet in snippets if "MR2XRayLib.pipeline" in snippet)
    exec(compile(snippet, "README.md", "exec"), {})
    assert Path("results/figure.png").is_file()
