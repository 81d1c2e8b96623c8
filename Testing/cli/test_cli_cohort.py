"""`mr2xray cohort`: a line a head, faults in one sentence, and tasks that share a cohort."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pair_files import write_pair

from MR2XRayLib.cli import main
from MR2XRayLib.cohort import preparing, read_cohort


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort of three heads; the MR of the third is missing."""
    folder = tmp_path_factory.mktemp("cohort")
    write_pair(folder, 10.0)
    rows = [
        f"{name},{mr}.nrrd,ct.nrrd,truth.tfm,train" for name, mr in (("a", "mr"), ("b", "mr"), ("c", "no"))
    ]
    for name, lines in (("good.csv", rows[:2]), ("bad.csv", rows)):
        (folder / name).write_text("\n".join(["name,mr,ct,transform,split", *lines]) + "\n")
    return folder


@pytest.fixture(autouse=True)
def one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No task of SLURM or torchrun, and pictures that take no time."""
    for variable in ("SLURM_ARRAY_TASK_ID", "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(preparing, "write_fusion", lambda path, *_: path.write_bytes(b"a picture"))


def test_check_tells_of_every_head(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cohort", "check", str(folder / "bad.csv")]) == 2
    told = capsys.readouterr()
    assert [line.split(" (train): MR ")[0] for line in told.out.splitlines()[:2]] == ["a", "b"]
    assert told.out.splitlines()[0].endswith(", a transform")
    assert "3 to train, 0 to validate, 0 to test" in told.out
    assert 'No head is there to validate; give some heads split = "validate"' in told.err
    assert told.err.splitlines()[-1].startswith('1 of 3 heads cannot be used: "c" (The volume ')


def test_check_goes_on_without_bad_heads_where_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cohort", "check", str(folder / "bad.csv"), "--skip-bad", "--progress", "json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert result["heads"] == 3
    assert list(result["faults"]) == ["c"]


def test_heads_that_check_leaves_out_are_on_no_side_of_the_split(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cohort", "check", str(folder / "bad.csv"), "--skip-bad"]) == 0
    assert "2 to train, 0 to validate, 0 to test" in capsys.readouterr().out


def test_a_cohort_without_a_good_head_is_told_of_its_heads(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "none.csv").write_text("name,mr,ct,split\nc,no.nrrd,ct.nrrd,train\n")
    assert main(["cohort", "check", str(folder / "none.csv"), "--skip-bad"]) == 2
    assert '1 of 1 heads cannot be used: "c" (The volume ' in capsys.readouterr().err


def test_tasks_share_a_cohort_and_the_last_one_writes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["cohort", "prepare", str(folder / "good.csv"), "--out", str(tmp_path)]
    assert main([*call, "--task", "2/2"]) == 0
    told = capsys.readouterr().out
    assert "Share 2 of 2: 1 of 2 heads" in told
    assert "b, MR (given): good: mutual information" in told
    assert "still to be done" in told
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(call) == 0
    assert f"Train with {tmp_path / 'cohort.toml'}" in capsys.readouterr().out
    assert [head.name for head in read_cohort(tmp_path / "cohort.toml").heads] == ["a", "b"]
    assert (tmp_path / "index.html").is_file()
    monkeypatch.delenv("RANK")
    assert main(call) == 0
    assert capsys.readouterr().out.count("(given, done before)") == 2


def test_prepare_does_every_head_and_names_the_bad_ones(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["cohort", "prepare", str(folder / "bad.csv"), "--out", str(tmp_path)]
    assert main(call) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith('1 of 3 heads cannot be used: "c" (')
    assert (tmp_path / "index.html").is_file()
    assert not (tmp_path / "cohort.toml").exists()
    assert main([*call, "--skip-bad"]) == 0
    assert "Warning: c: The volume" in capsys.readouterr().err
    assert [head.name for head in read_cohort(tmp_path / "cohort.toml").heads] == ["a", "b"]


def test_a_task_that_ends_first_tells_no_fault_that_was_mended(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed, out = tmp_path / "cohort.csv", tmp_path / "out"
    rows = [
        f"{name},{mr},{folder}/ct.nrrd,{folder}/truth.tfm,train\n"
        for name, mr in (("a", folder / "mr.nrrd"), ("b", "late.nrrd"))
    ]
    listed.write_text("".join(["name,mr,ct,transform,split\n", *rows]))
    call = ["cohort", "prepare", str(listed), "--out", str(out)]
    assert main([*call, "--skip-bad"]) == 0
    shutil.copy(folder / "mr.nrrd", tmp_path / "late.nrrd")
    capsys.readouterr()
    assert main([*call, "--task", "1/2"]) == 0
    assert "Other heads are still to be done" in capsys.readouterr().out
    assert main([*call, "--task", "2/2"]) == 0
    assert [head.name for head in read_cohort(out / "cohort.toml").heads] == ["a", "b"]


@pytest.mark.parametrize("task", ["0/2", "half"])
def test_a_task_of_another_form_is_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    call = ["cohort", "prepare", str(folder / "good.csv"), "--out", str(tmp_path), "--task", task]
    assert main(call) == 2
    assert "is not of the form I/N" in capsys.readouterr().err


def test_a_given_transform_is_not_replaced_by_the_one_that_is_prepared(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "heads" / "a" / "transform.tfm"
    given.parent.mkdir(parents=True)
    given.write_bytes((folder / "truth.tfm").read_bytes())
    before = given.read_bytes()
    volumes = [str(folder / name) for name in ("mr.nrrd", "ct.nrrd")]
    (tmp_path / "c.csv").write_text(f"name,mr,ct,transform\na,{volumes[0]},{volumes[1]},{given}\n")
    assert main(["cohort", "prepare", str(tmp_path / "c.csv"), "--out", str(tmp_path)]) == 2
    assert "would replace the input" in capsys.readouterr().err
    assert given.read_bytes() == before


def test_a_cohort_file_is_not_replaced_by_the_one_that_is_prepared(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cohort.toml"
    file.write_text('[[head]]\nname = "a"\nmr = "mr.nrrd"\nct = "ct.nrrd"\n')
    before = file.read_bytes()
    assert main(["cohort", "prepare", str(file), "--out", str(tmp_path)]) == 2
    assert "would replace the input" in capsys.readouterr().err
    assert file.read_bytes() == before
