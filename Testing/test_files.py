"""Files are whole or absent; hashes tell contents apart."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import (
    atomic_path,
    check_writable,
    move_all,
    read_json,
    sha256_of,
    write_json,
    write_text,
)


def half_written(path: Path, interruption: BaseException) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise interruption


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    content = {"angle": 12.5, "names": ["Towne", "Größe"], "none": None}
    write_json(tmp_path / "new" / "folder" / "a.json", content)
    assert read_json(tmp_path / "new" / "folder" / "a.json", "view file") == content


def test_text_has_lf_line_ends_on_every_system(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "one\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\ntwo\n"


def test_the_temporary_path_keeps_a_double_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")
        temporary.write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_interrupted_write_leaves_the_earlier_file_alone(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "earlier")
    with pytest.raises(interruption):
        half_written(path, interruption())
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match=r"a\.txt.*No space left"):
        half_written(tmp_path / "a.txt", OSError(28, "No space left on device"))
    assert not list(tmp_path.iterdir())


def test_extra_files_of_a_writer_do_not_stay_behind(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.mhd") as temporary:
        temporary.write_text("header")
        temporary.with_suffix(".raw").write_text("voxels")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mhd"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match=r"a\.txt"), atomic_path(tmp_path / "a.txt"):
        pass


def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(MR2XRayError, match="choose another folder"):
        write_text(tmp_path / "taken" / "a.txt", "text")


def test_a_folder_in_the_place_of_the_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(MR2XRayError, match=r"a\.txt"):
        write_text(tmp_path / "a.txt", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("place", ["", "new", "new/and/below"])
def test_a_folder_that_may_be_written_into_is_not_made_by_asking(tmp_path: Path, place: str) -> None:
    check_writable(tmp_path / place)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["taken", "taken/below", "taken/and/below"])
def test_a_place_below_a_file_is_told_before_anything_is_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(MR2XRayError, match=r"taken is a file; give a folder"):
        check_writable(tmp_path / place)


@pytest.mark.parametrize("place", ["locked", "locked/below"])
def test_a_folder_that_may_not_be_written_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "locked").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked")
    with pytest.raises(MR2XRayError, match=r"Cannot write into .*locked \(no permission"):
        check_writable(tmp_path / place)


def tree(folder: Path, *files: str) -> Path:
    """A folder with files, each of which holds the folder's name."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(folder.name)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def test_a_draft_moves_to_its_place_and_leaves_other_files_there(tmp_path: Path) -> None:
    draft, folder = tree(tmp_path / "new", "a", "png/b"), tree(tmp_path / "old", "a", "png/c", "d")
    assert move_all(draft, folder) == {folder / "a", folder / "png/b"}
    assert contents(folder) == {"a": "new", "png/b": "new", "png/c": "old", "d": "old"}


@pytest.mark.parametrize(
    ("in_the_way", "words"),
    [("png", "png is in the way of a folder"), ("z/file", "z is in the way of a file")],
)
def test_nothing_of_a_draft_is_moved_where_something_is_in_the_way(
    tmp_path: Path, in_the_way: str, words: str
) -> None:
    draft, folder = tree(tmp_path / "new", "a", "png/b", "z"), tree(tmp_path / "old", "a", in_the_way)
    before = contents(folder)
    with pytest.raises(MR2XRayError, match=words):
        move_all(draft, folder)
    assert contents(folder) == before


def test_a_draft_that_cannot_be_moved_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_use(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")  # as on Windows for a file that a program holds

    draft = tree(tmp_path / "new", "a")
    monkeypatch.setattr(Path, "replace", in_use)
    with pytest.raises(MR2XRayError, match=r"Cannot write .*old.a \(Permission denied\); close what uses it"):
        move_all(draft, tmp_path / "old")


def test_nan_is_not_written_as_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"psnr": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe\x00", b"[" * 100_000, b"[1e999]", b"[-1e400]", b"9" * 5000],
    ids=["half", "binary", "nested without end", "infinite", "minus infinite", "too many digits"],
)
def test_unreadable_json_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(MR2XRayError, match=r"The model card .*card\.json is not readable JSON"):
        read_json(tmp_path / "card.json", "model card")


def test_missing_json_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match=r"The model card .* does not exist"):
        read_json(tmp_path / "card.json", "model card")


def test_the_hash_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_the_hash_of_a_folder_sees_contents_and_names_but_not_its_place(tmp_path: Path) -> None:
    def folder(name: str, files: dict[str, str]) -> str:
        for file, content in files.items():
            write_text(tmp_path / name / file, content)
        return sha256_of(tmp_path / name)

    assert folder("one", {"b": "2", "deep/a": "1"}) == folder("two", {"deep/a": "1", "b": "2"})
    different = [
        {"a": "bc"},
        {"ab": "c"},
        {"a": "b", "c": ""},
        {"a": "b", "d": ""},
        {"abc": ""},
        {"x/a": "bc"},
    ]
    assert len({folder(f"n{n}", files) for n, files in enumerate(different)}) == len(different)


def test_a_writer_that_runs_out_of_space_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match=r"Cannot write .*p\.nrrd \(the disk may be full\)"):
        half_written(tmp_path / "p.nrrd", RuntimeError("NrrdImageIO: fwrite wrote only 1 of 2"))
    assert not list(tmp_path.iterdir())
