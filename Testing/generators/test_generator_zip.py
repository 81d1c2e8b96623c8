"""Zip files that are damaged or could do harm: a sentence each, and no trace of them."""

from __future__ import annotations

import shutil
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zipped_generators import contents, zipped

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.generators.exchange import import_generator


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
