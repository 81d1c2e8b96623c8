"""Volumes come back as they were written; what is written is whole or absent."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from volume_files import noise

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import WRITTEN_SUFFIXES, read_volume, write_volume


def oblique_affine(mirror: int = 1) -> np.ndarray:
    rotation = np.reshape(sitk.Euler3DTransform((0, 0, 0), 0.3, -0.5, 0.8).GetMatrix(), (3, 3))
    affine = np.eye(4)
    affine[:3, :3] = rotation * (0.7, 1.1 * mirror, 5.0)
    affine[:3, 3] = (-100.25, 33.5, 170.75)
    return affine


@pytest.mark.parametrize("suffix", WRITTEN_SUFFIXES)
@pytest.mark.parametrize("mirror", [1, -1], ids=["right-handed", "left-handed"])
def test_voxels_and_an_oblique_affine_survive_the_file(tmp_path: Path, suffix: str, mirror: int) -> None:
    volume = Volume(noise(), oblique_affine(mirror))
    write_volume(volume, tmp_path / f"head{suffix}")
    read = read_volume(tmp_path / f"head{suffix}")
    assert (read.voxels == volume.voxels).all()
    assert read.corners_mm() == pytest.approx(volume.corners_mm(), abs=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == [f"head{suffix}"]


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        *[(kept, kept) for kept in ("uint8", "int16", "uint16", "int32", "float32")],
        *[(wide, "float32") for wide in ("float64", "int64", "uint64")],
    ],
)
def test_small_types_are_kept_and_wide_ones_become_float32(tmp_path: Path, stored: str, kept: str) -> None:
    voxels = (noise() % 200).astype(stored)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "head.nrrd"))
    read = read_volume(tmp_path / "head.nrrd")
    assert read.voxels.dtype == kept
    assert (read.voxels == voxels).all()


def test_a_mask_is_written_as_zeros_and_ones(tmp_path: Path) -> None:
    mask = noise() > 500
    write_volume(Volume(mask, np.eye(4)), tmp_path / "mask.nii.gz")
    assert (read_volume(tmp_path / "mask.nii.gz").voxels == mask).all()


def test_provenance_is_name_and_hash_without_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "head.nii"
    write_volume(Volume(noise(), np.eye(4)), path)
    read = read_volume(path, "HU")
    assert read.provenance == {"file": "head.nii", "sha256": sha256_of(path)}
    assert (read.name, read.unit) == ("head.nii", "HU")


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr", ".hdr"])
def test_the_hash_covers_voxels_kept_in_a_file_of_their_own(tmp_path: Path, suffix: str) -> None:
    hashes = set()
    for change in (0, 1):
        sitk.WriteImage(sitk.GetImageFromArray(noise() + np.int16(change)), str(tmp_path / f"head{suffix}"))
        hashes.add(read_volume(tmp_path / f"head{suffix}").provenance["sha256"])
    assert len(hashes) == 2


@pytest.mark.parametrize("header", ["head.hdr", "head.hdr.gz"])
@pytest.mark.parametrize("data", ["head.img", "head.img.gz"])
def test_a_pair_of_header_and_voxels_is_read_by_either_of_both(
    tmp_path: Path, header: str, data: str
) -> None:
    """Also where the voxels would be no numbers in the other byte order."""
    voxels = noise(dtype="float32")
    voxels[1, 1, 1] = np.frombuffer(b"\x7f\x80\x00\x01", "<f4")[0]
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "head.hdr"))
    for name in {header, data} - {"head.hdr", "head.img"}:
        plain = tmp_path / name.removesuffix(".gz")
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    hashes = set()
    for name in (header, data):
        read = read_volume(tmp_path / name)
        assert (read.voxels == voxels).all()
        assert read.name == read.provenance["file"] == name
        hashes.add(read.provenance["sha256"])
    assert len(hashes) == 1
    assert not hashes & {sha256_of(tmp_path / header), sha256_of(tmp_path / data)}


def test_the_hash_of_a_pair_given_by_its_voxels_covers_the_header(tmp_path: Path) -> None:
    hashes = set()
    for spacing in (1, 2):
        image = sitk.GetImageFromArray(noise())
        image.SetSpacing([spacing] * 3)
        sitk.WriteImage(image, str(tmp_path / "head.hdr"))
        hashes.add(read_volume(tmp_path / "head.img").provenance["sha256"])
    assert len(hashes) == 2


def test_voxels_of_a_pair_begin_where_the_header_says(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(noise(dtype="float32")), str(tmp_path / "head.hdr"))
    header, data = tmp_path / "head.hdr", tmp_path / "head.img"
    content = bytearray(header.read_bytes())
    struct.pack_into("<f", content, 108, 16)  # vox_offset
    header.write_bytes(content)
    data.write_bytes(b"\xff" * 16 + data.read_bytes())
    assert (read_volume(header).voxels == noise()).all()


def test_a_single_slice_is_a_volume(tmp_path: Path) -> None:
    write_volume(Volume(noise((1, 5, 4)), np.eye(4)), tmp_path / "slice.nrrd")
    assert read_volume(tmp_path / "slice.nrrd").size == (4, 5, 1)


def test_an_unknown_suffix_is_not_written(tmp_path: Path) -> None:
    for name in ("a.png", "a", "a.mhd", "nii"):
        with pytest.raises(MR2XRayError, match=rf"{name}; choose a name that ends in \.nii"):
            write_volume(Volume(noise(), np.eye(4)), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_sheared_volume_is_not_written(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.1
    with pytest.raises(MR2XRayError, match="sheared"):
        write_volume(Volume(noise(), affine), tmp_path / "a.nii.gz")
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(image: sitk.Image, name: str, **options: bool) -> None:
        Path(name).write_bytes(b"half")
        raise RuntimeError("no space")

    monkeypatch.setattr(sitk, "WriteImage", full_disk)
    with pytest.raises(MR2XRayError, match=r"Cannot write .*a\.nii \(the disk may be full\)"):
        write_volume(Volume(noise(), np.eye(4)), tmp_path / "a.nii")
    assert not list(tmp_path.iterdir())


def test_the_real_heads_are_read(shared_data: Path) -> None:
    ct = read_volume(shared_data / "visible_human_male" / "ct.nii.gz", "HU")
    assert ct.size == (128, 256, 256)
    assert ct.spacing_mm == pytest.approx([1.578, 0.996, 1.008], abs=1e-3)
    t1 = read_volume(shared_data / "mr_heads" / "t1_defaced_1mm.nii.gz")
    assert np.abs(t1.affine[:3, :3] - np.eye(3)).max() > 0.1
