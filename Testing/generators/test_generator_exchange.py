"""Generators come and go: what is sound arrives whole, what is not or could do harm leaves no trace."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
import torch
from tiny_generators import card_of, tiny
from zipped_generators import contents, zipped

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.exchange import (
    clear_generators,
    export_generator,
    import_generator,
    remove_generator,
    verify_generator,
)
from MR2XRayLib.generators.shelf import available_generators, own_generators
from MR2XRayLib.generators.store import load_generator, save_generator


def test_a_folder_is_imported_under_its_own_name(models: Path, source: Path) -> None:
    assert import_generator(source) == "tiny"
    assert sorted(path.name for path in models.iterdir()) == ["tiny"]
    assert sha256_of(models / "tiny") == sha256_of(source)
    load_generator("tiny")


@pytest.mark.parametrize("folder", ["tiny/", "", "deep/er/"])
def test_a_zip_file_is_imported_wherever_the_two_files_lie_in_it(
    models: Path, source: Path, tmp_path: Path, folder: str
) -> None:
    more = {"__MACOSX/model.json": b"junk", f"{folder}notes.txt": b"mine"}
    assert import_generator(zipped(tmp_path / "g.zip", {**contents(source, folder), **more})) == "tiny"
    assert sorted(path.name for path in (models / "tiny").iterdir()) == ["model.json", "weights.safetensors"]


def test_what_is_exported_is_imported_as_it_was(models: Path, source: Path, tmp_path: Path) -> None:
    import_generator(source)
    for name in ("one.zip", "two.zip"):
        export_generator("tiny", tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        sums = dict(reversed(line.split()) for line in archive.read("tiny/SHA256SUMS").decode().splitlines())
    assert sums == {file: sha256_of(source / file) for file in ("model.json", "weights.safetensors")}
    remove_generator("tiny")
    import_generator(tmp_path / "one.zip")
    assert sha256_of(models / "tiny") == sha256_of(source)


def test_a_generator_of_the_folder_that_one_is_in_is_exported_and_imported(
    models: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source)
    export_generator(".", tmp_path / "g.zip")
    assert import_generator(tmp_path / "g.zip") == "tiny"


def test_another_name_goes_into_the_card(models: Path, source: Path) -> None:
    assert import_generator(source, name="mine") == "mine"
    assert load_generator("mine").card.name == "mine"
    assert ModelCard.read(source).name == "tiny"


def test_a_card_with_half_a_character_does_not_arrive_under_another_name(models: Path, source: Path) -> None:
    card = json.loads((source / "model.json").read_text())
    (source / "model.json").write_text(json.dumps({**card, "training": {"by": "\ud800"}}))
    with pytest.raises(MR2XRayError, match="holds what cannot be written"):
        import_generator(source, name="mine")
    assert not (models / "mine").exists()


def test_a_name_that_is_taken_is_kept_unless_it_is_to_be_replaced(models: Path, source: Path) -> None:
    import_generator(source)
    save_generator(source, tiny("unet"), card_of("unet", version="2"))
    with pytest.raises(MR2XRayError, match='"tiny" already'):
        import_generator(source)
    assert load_generator("tiny").card.version == "1"
    import_generator(source, replace_it=True)
    assert load_generator("tiny").card.version == "2"
    assert sorted(path.name for path in models.iterdir()) == ["tiny"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", ".hidden", "a b", "C:x", "x" * 200, "ä"])
def test_a_name_that_could_be_a_path_is_refused(models: Path, source: Path, name: str) -> None:
    with pytest.raises(MR2XRayError, match="cannot be called"):
        import_generator(source, name=name)
    assert not models.exists()


def test_the_shipped_generator_is_neither_replaced_nor_removed(models: Path, source: Path) -> None:
    with pytest.raises(MR2XRayError, match="came with the program"):
        import_generator(source, name="shipped", replace_it=True)
    with pytest.raises(MR2XRayError, match="came with the program"):
        remove_generator("shipped")
    assert list(available_generators()) == ["shipped"]


def test_what_does_not_verify_does_not_arrive(models: Path, source: Path, tmp_path: Path) -> None:
    weights = source / "weights.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    for path in (source, zipped(tmp_path / "g.zip", contents(source))):
        with pytest.raises(MR2XRayError, match="SHA-256 differs") as caught:
            import_generator(path)
        assert str(path) in str(caught.value)
    weights.unlink()
    (source / "weights.pt").write_bytes(b"")
    with pytest.raises(MR2XRayError, match="never opened"):
        import_generator(source)
    assert not models.exists()


def test_a_place_with_a_name_too_long_for_the_disk_is_a_sentence(models: Path) -> None:
    for call in (import_generator, verify_generator):
        with pytest.raises(MR2XRayError, match=r"does not exist|There is no generator") as caught:
            call(Path("x" * 300))
        assert len(str(caught.value)) < 400


def test_a_failing_disk_leaves_the_earlier_generator(
    models: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_generator(source)
    before = sha256_of(models)
    moved = os.replace

    def full(old: Path, new: Path) -> None:
        if Path(new) == models / "tiny" and Path(old).name == "fresh":
            raise OSError(28, "No space left on device")
        moved(old, new)

    monkeypatch.setattr("MR2XRayLib.generators.exchange.os.replace", full)
    with pytest.raises(MR2XRayError, match="No space left"):
        import_generator(source, replace_it=True)
    monkeypatch.undo()
    assert sha256_of(models) == before


def test_removing_takes_ones_own_and_nothing_else(models: Path, source: Path) -> None:
    import_generator(source)
    (models / "linked").symlink_to(source, target_is_directory=True)
    remove_generator("linked")
    assert (source / "model.json").is_file()
    with pytest.raises(MR2XRayError, match=r'no generator "\.\./elsewhere" of your own'):
        remove_generator("../elsewhere")
    import_generator(source, name="second")
    (models / "notes").mkdir()
    assert clear_generators() == ["second", "tiny"]
    assert own_generators() == {}
    assert [path.name for path in models.iterdir()] == ["notes"]


def test_verifying_finds_what_is_not_finite(models: Path, source: Path) -> None:
    assert verify_generator("shipped").name == "shipped"
    generator = tiny("unet")
    torch.nn.init.constant_(generator.last.bias, torch.inf)
    save_generator(source, generator, card_of("unet"))
    with pytest.raises(MR2XRayError, match="do not fit"):
        verify_generator(source)
