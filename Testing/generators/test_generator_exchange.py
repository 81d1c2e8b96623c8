"""Generators come and go: what is sound arrives whole, what is not or could do harm leaves no trace."""

from __future__ import annotations

import json
import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_generators import card_of, tiny

from MR2XRayLib.cli import main
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.generators import shelf
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
from MR2XRayLib.generators.words import WARNING, card_words
from MR2XRayLib.resources import resource_folder


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of generators, which is not there yet; "shipped" is shipped."""
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(shelf, "resource_folder", lambda kind: tmp_path / "program")
    save_generator(tmp_path / "program" / "shipped", tiny("unet"), card_of("unet", name="shipped"))
    return tmp_path / "models"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A generator's folder elsewhere; its card calls it "tiny"."""
    save_generator(tmp_path / "elsewhere", tiny("unet"), card_of("unet"))
    return tmp_path / "elsewhere"


def zipped(
    path: Path, entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None
) -> Path:
    """A zip file of these entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(info)
            archive.writestr(info, content)
    return path


def contents(source: Path, folder: str = "tiny/") -> dict[str, bytes]:
    return {f"{folder}{file.name}": file.read_bytes() for file in sorted(source.iterdir())}


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


def is_link(info: zipfile.ZipInfo) -> None:
    info.external_attr = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"../model.json": b"{}"}, "leads out of it"),
        ({"tiny/../../x": b""}, "leads out of it"),
        ({"/etc/model.json": b"{}"}, "leads out of it"),
        ({"..\\evil": b""}, "leads out of it"),
        ({"C:\\evil": b""}, "leads out of it"),
        ({"tiny/weights.pt": b""}, "may run code"),
        ({"tiny/data.PKL": b""}, "may run code"),
        ({"other/model.json": b"{}"}, "more than one model.json"),
        ({f"tiny/{n}": b"" for n in range(2000)}, "2002 files"),
    ],
)
def test_a_zip_file_that_holds_more_than_a_generator_is_refused(
    models: Path, source: Path, tmp_path: Path, extra: dict[str, bytes], words: str
) -> None:
    path = zipped(tmp_path / "g.zip", {**contents(source), **extra})
    before = sha256_of(tmp_path)
    with pytest.raises(MR2XRayError, match=words):
        import_generator(path)
    assert sha256_of(tmp_path) == before
    assert not models.exists()


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_compression_that_unpack_without_bounds_are_refused(
    models: Path, source: Path, tmp_path: Path, how: int
) -> None:
    """Python unpacks a whole block of them at once: some kilobytes of zeros may be gigabytes."""

    def packed(info: zipfile.ZipInfo) -> None:
        info.compress_type = how

    with pytest.raises(MR2XRayError, match="uncommon compression"):
        import_generator(zipped(tmp_path / "g.zip", contents(source), packed))
    assert not models.exists()


def test_a_zip_file_whose_places_are_absurd_is_a_sentence(models: Path, source: Path, tmp_path: Path) -> None:
    """The directory of files is said to begin far beyond what a file can be long."""
    path = zipped(tmp_path / "g.zip", contents(source))
    with zipfile.ZipFile(path) as archive:
        entry = archive.infolist()[0]
    # A header of 64 bits in the directory's entry takes the place of the offset.
    content = bytearray(path.read_bytes())
    directory = content.find(b"PK\x01\x02")
    name = len(entry.filename.encode())
    extra = struct.pack("<HHQ", 1, 8, 2**63 + 5)
    content[directory + 30 : directory + 32] = struct.pack("<H", len(extra))
    content[directory + 42 : directory + 46] = b"\xff" * 4
    content[directory + 46 + name : directory + 46 + name] = extra
    end = content.rfind(b"PK\x05\x06")
    (size,) = struct.unpack("<I", content[end + 12 : end + 16])
    content[end + 12 : end + 16] = struct.pack("<I", size + len(extra))
    path.write_bytes(content)
    with pytest.raises(MR2XRayError, match="cannot be read as a zip file"):
        import_generator(path)
    assert not models.exists()


def test_links_are_refused(models: Path, source: Path, tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match="holds a link"):
        import_generator(zipped(tmp_path / "g.zip", contents(source), is_link))
    secret = source.parent / "secret"
    (source / "weights.safetensors").rename(secret)
    (source / "weights.safetensors").symlink_to(secret)
    with pytest.raises(MR2XRayError, match="is a link"):
        import_generator(source)
    assert not models.exists()


def test_a_bomb_is_not_unpacked_beyond_what_the_architecture_can_take(
    models: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest: list[int] = []
    rmtree = shutil.rmtree

    def measured(folder: Path, **options: bool) -> None:
        largest.extend(file.stat().st_size for file in folder.iterdir())
        rmtree(folder, **options)

    monkeypatch.setattr("MR2XRayLib.files.shutil.rmtree", measured)
    for file in ("weights.safetensors", "model.json"):
        bomb = zipped(tmp_path / "bomb.zip", {**contents(source), f"tiny/{file}": bytes(100 << 20)})
        assert bomb.stat().st_size < 1 << 20
        with pytest.raises(MR2XRayError, match="larger than"):
            import_generator(bomb)
    assert 1 << 20 < max(largest) < 4 << 20
    assert not models.exists()


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


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"\x80\x04pickled"])
def test_what_is_no_zip_file_is_a_sentence(models: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "g.zip").write_bytes(content)
    with pytest.raises(MR2XRayError, match="cannot be read as a zip file"):
        import_generator(tmp_path / "g.zip")
    with pytest.raises(MR2XRayError, match="does not exist"):
        import_generator(tmp_path / "nowhere.zip")


def test_a_zip_file_with_damaged_bytes_never_raises_anything_but_a_sentence(
    models: Path, source: Path, tmp_path: Path
) -> None:
    whole = zipped(tmp_path / "g.zip", contents(source)).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 8):
            damaged[place] ^= int(rng.integers(1, 256))
        (tmp_path / "g.zip").write_bytes(damaged)
        try:
            import_generator(tmp_path / "g.zip", replace_it=True)
        except MR2XRayError:
            refused += 1
    assert refused > 30


def test_a_zip_file_with_a_name_that_is_not_the_text_it_says_is_a_sentence(
    models: Path, source: Path, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "g.zip", {**contents(source), "ä": b"x"})
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xff"))
    with pytest.raises(MR2XRayError, match=r"cannot be read as a zip file"):
        import_generator(path)
    assert not models.exists()


def test_a_zip_file_that_may_not_be_read_is_a_sentence(
    models: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = zipped(tmp_path / "g.zip", contents(source)), Path.open

    def forbidden(self: Path, *arguments: Any, **options: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(MR2XRayError, match=r"g\.zip cannot be read \(Permission denied\); check"):
        import_generator(path)
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


# A card in words


def test_the_shipped_card_tells_all_that_a_reader_must_know() -> None:
    folder = next(path.parent for path in resource_folder("Models").glob("*/model.json"))
    card = ModelCard.read(folder)
    words = card_words(card)
    assert words[0] == WARNING
    assert "may hide" in WARNING
    assert "invent" in WARNING
    text = "\n".join(words)
    for fact in (card.name, str(card.data["kind"]), *card.limits, card.licence, card.weights_sha256):
        assert fact in text
    numbers = next(iter(card.metrics.values()))
    assert f"PSNR {numbers['masked_psnr']:.1f} dB" in text


def test_a_card_without_numbers_says_that_it_was_never_measured() -> None:
    text = "\n".join(card_words(card_of("unet")))
    assert "never measured" in text
    assert "does not say what" in text
    assert "Licence: not stated" in text


def test_a_strangers_card_cannot_flood_the_panel() -> None:
    card = replace(card_of("unet"), limits=("x" * 100_000,), data={"kind": ["a\nb"] * 9999})
    assert len("\n".join(card_words(card))) < 4000


def test_a_strangers_card_does_not_reach_the_terminal_raw() -> None:
    escape = "\x1b[2J" + "x" * 5000
    names = {"name": escape, "version": escape, "licence": escape, "limits": (escape,)}
    text = "\n".join(card_words(replace(card_of("unet"), **names)))
    assert text.replace("\n", "").isprintable()
    assert len(text) < 4000


# The command line


def test_the_actions_of_the_command_line(
    models: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str, code: int = 0) -> dict:
        assert main(["generators", *words, "--progress", "json"]) == code
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    assert said("import", str(source)) == {"result": {"name": "tiny"}}
    assert said("list") == {"result": {"generators": ["shipped", "tiny"], "own": ["tiny"]}}
    assert said("show", "tiny")["result"]["architecture"] == "unet"
    assert said("verify", "tiny")["result"]["sha256"] == ModelCard.read(source).weights_sha256
    assert said("export", "tiny", "--out", str(tmp_path / "t.zip"))["result"]["file"] == str(
        tmp_path / "t.zip"
    )
    assert "add --yes" in said("clear", code=2)["error"]
    assert said("remove", "tiny") == {"result": {"removed": ["tiny"]}}
    assert "no generator" in said("remove", "tiny", code=2)["error"]
    said("import", str(tmp_path / "t.zip"), "--name", "again")
    assert said("clear", "--yes") == {"result": {"removed": ["again"]}}


def test_clear_asks_first(
    models: Path, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import_generator(source)
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    for answer, left in (("", ["tiny"]), ("n", ["tiny"]), ("y", [])):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        assert main(["generators", "clear"]) == 0
        assert list(own_generators()) == left


def test_a_damaged_card_does_not_keep_the_others_from_being_listed(
    models: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_generator(source, name="whole")
    import_generator(source, name="damaged")
    (models / "damaged" / "model.json").write_text("{", encoding="utf-8")
    assert main(["generators"]) == 0
    told = capsys.readouterr()
    assert [line.split(":")[0] for line in told.out.splitlines()] == ["shipped", "whole (your own)"]
    assert "Warning: " in told.err
    assert str(models / "damaged" / "model.json") in told.err


def test_without_an_action_they_are_listed(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generators", "--progress", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["generators"] == ["shipped"]
    assert main(["generators", "--progress", "json", "list"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["own"] == []
