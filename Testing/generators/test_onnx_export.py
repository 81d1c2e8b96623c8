"""A generator as ONNX: the same images in ONNX Runtime, at any size, or no file."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from places import REPOSITORY
from tiny_generators import card_of, randomised

from MR2XRayLib.cli import main
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.generators import onnx_export
from MR2XRayLib.generators.base import Generator
from MR2XRayLib.generators.build import ARCHITECTURES, build
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.onnx_export import OPSET, TOLERANCE, export_onnx, largest_difference, onnx_of
from MR2XRayLib.generators.shelf import default_generator_name, find_generator
from MR2XRayLib.generators.store import save_generator

onnx = pytest.importorskip("onnx", reason="ONNX is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

OPTIONS: dict[str, dict[str, Any]] = {
    "unet": {"widths": (4, 4), "upsampling": "transposed"},
    "resnet": {"channels": 2, "blocks": 1, "upsampling": "transposed"},
    "crn": {"widths": (4, 4)},
    "subpixel": {"widths": (4, 4), "upsampling": "transposed"},
}
"""Smaller than the other tests' generators: the exporter takes its time for each layer, bilinear ones above all.

The shipped generator's layers are bilinear, and so are the CRN's.
"""

CONTRASTS = {"unet": 1, "resnet": 1, "crn": 3, "subpixel": 2}


def network(architecture: str, in_channels: int = 1, seed: int = 0) -> Generator:
    """The network of that seed, the same at every call."""
    torch.manual_seed(seed)
    return randomised(build(architecture, "compact", in_channels, **OPTIONS[architecture])).eval()


def card(architecture: str, in_channels: int = 1) -> ModelCard:
    return card_of(architecture, in_channels, options=OPTIONS[architecture])


Exported = Callable[[str], bytes]


@pytest.fixture(scope="module")
def exported() -> Exported:
    """The ONNX file of each architecture's network, with as many contrasts as `CONTRASTS` says, made once."""
    made: dict[str, bytes] = {}

    def of(architecture: str) -> bytes:
        if architecture not in made:
            contrasts = CONTRASTS[architecture]
            made[architecture] = onnx_of(network(architecture, contrasts), card(architecture, contrasts))
        return made[architecture]

    return of


@pytest.fixture
def crn(tmp_path: Path) -> Path:
    """The folder of the same CRN as `exported` gives."""
    save_generator(tmp_path / "tiny", network("crn", CONTRASTS["crn"]), card("crn", CONTRASTS["crn"]))
    return tmp_path / "tiny"


def test_every_architecture_is_tried() -> None:
    assert set(OPTIONS) == set(CONTRASTS) == set(ARCHITECTURES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_onnx_runtime_gives_the_same_images_at_any_size(architecture: str, exported: Exported) -> None:
    """The ResNet's differ by 1e-3 on the digital head where its norms are left to ONNX Runtime."""
    content, contrasts = exported(architecture), CONTRASTS[architecture]
    generator = network(architecture, contrasts)
    assert largest_difference(content, generator) <= TOLERANCE
    session, side = onnxruntime.InferenceSession(content), generator.multiple
    rng = np.random.default_rng(1)
    for n, rows, columns in ((1, 1, 1), (1, 7, 2), (5, 2, 3)):
        image = rng.uniform(-1, 1, (n, contrasts, rows * side, columns * side)).astype(np.float32)
        (synthesized,) = session.run(["synthesized"], {"mr": image})
        with torch.inference_mode():
            expected = generator(torch.from_numpy(image)).numpy()
        np.testing.assert_allclose(synthesized, expected, rtol=0, atol=TOLERANCE)


def test_the_file_tells_its_card_its_opset_and_its_sides_and_not_whose_machine_made_it(
    exported: Exported,
) -> None:
    content = exported("resnet")
    model = onnx.load_from_string(content)
    (entry,) = model.metadata_props
    assert entry.key == "model.json"
    assert ModelCard.from_json(json.loads(entry.value)) == card("resnet")
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    (image,) = model.graph.input
    sides = [side.dim_param or side.dim_value for side in image.type.tensor_type.shape.dim]
    assert sides == ["n", 1, "8*rows", "8*columns"]
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    for place in (str(REPOSITORY), "site-packages", "test_onnx_export"):
        assert place.encode() not in content


def test_another_networks_file_is_found_out_and_nothing_is_written(
    exported: Exported, crn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = exported("crn")
    monkeypatch.setattr(onnx_export, "SMALLEST_SIDE", 32)
    monkeypatch.setattr(onnx_export, "onnx_of", lambda generator, card: content)
    export = export_onnx(crn, tmp_path / "out" / "right.onnx")
    assert 0 <= export.largest_difference <= TOLERANCE
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["right.onnx"]
    before = sha256_of(tmp_path / "out")
    save_generator(crn, network("crn", CONTRASTS["crn"], seed=1), card("crn", CONTRASTS["crn"]))
    for name in ("right.onnx", "wrong.onnx"):
        with pytest.raises(MR2XRayError, match="nothing was written"):
            export_onnx(crn, tmp_path / "out" / name)
    assert sha256_of(tmp_path / "out") == before


@pytest.mark.parametrize("change", [3e-4, np.nan])
def test_one_pixel_that_differs_or_is_not_a_number_is_found(
    change: float, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, generator = exported("crn"), network("crn", CONTRASTS["crn"])
    monkeypatch.setattr(onnx_export, "SMALLEST_SIDE", 32)
    forward = generator.forward

    def changed(image: torch.Tensor) -> torch.Tensor:
        synthesized = forward(image)
        synthesized[-1, 0, -1, -1] += change
        return synthesized

    monkeypatch.setattr(generator, "forward", changed)
    difference = largest_difference(content, generator)
    assert not difference <= TOLERANCE
    assert difference == pytest.approx(change, abs=1e-5, nan_ok=True)


def test_a_tampered_generator_is_refused(crn: Path, tmp_path: Path) -> None:
    weights = crn / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(MR2XRayError, match="SHA-256 differs"):
        export_onnx(crn, tmp_path / "out" / "g.onnx")
    assert not (tmp_path / "out").exists()


def test_another_suffix_is_refused(crn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MR2XRayError, match=r"ends in \.onnx"):
        export_onnx(crn, tmp_path / "out" / "g.zip")
    words = ["generators", "export", str(crn), "--out", str(tmp_path / "out" / "g.pt")]
    assert main([*words, "--progress", "json"]) == 2
    assert "ends in .zip or .onnx" in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert not (tmp_path / "out").exists()


def test_missing_packages_are_named(crn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        onnx_export, "find_spec", lambda name: None if name == "onnxscript" else find_spec(name)
    )
    with pytest.raises(MR2XRayError, match=r"pip install onnxscript$"):
        export_onnx(crn, tmp_path / "g.onnx")


def test_what_pytorch_cannot_export_is_a_sentence(
    crn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any, **options: Any) -> None:
        raise torch.onnx.OnnxExporterError("first line\nand a page of hints")

    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(MR2XRayError, match=r"cannot write tiny as ONNX \(first line\);"):
        export_onnx(crn, tmp_path / "out" / "g.onnx")
    assert not (tmp_path / "out").exists()


def test_the_command_line_exports_the_shipped_generator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    path = tmp_path / "g.onnx"
    words = ["generators", "export", default_generator_name(), "--out", str(path)]
    assert main([*words, "--progress", "json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out.splitlines()[-1])["result"]
    assert result["opset"] == OPSET
    assert 0 < result["largest_difference"] <= TOLERANCE
    assert err == ""
    card_in_file = json.loads(onnx.load(path).metadata_props[0].value)
    assert card_in_file["weights_sha256"] == ModelCard.read(find_generator(None)).weights_sha256
