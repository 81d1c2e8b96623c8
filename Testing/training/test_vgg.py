"""VGG-19's features agree with its layers written out, and only its own weights are taken."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.training import vgg
from MR2XRayLib.training.vgg import (
    CONVOLUTIONS,
    LAYERS,
    VggFeatures,
    convolutions_up_to,
    layers_reached,
    load_vgg,
)

Tensors = dict[str, Tensor]


def tensors_up_to(layer: str) -> Tensors:
    """Random weights and biases by torchvision's keys."""
    random = torch.Generator().manual_seed(0)
    shapes = {key: shape for c in convolutions_up_to(layer) for key, shape in c.shapes.items()}
    return {key: 0.1 * torch.randn(shape, generator=random) for key, shape in shapes.items()}


@pytest.fixture
def shallow() -> Tensors:
    return tensors_up_to("conv1_2")


@pytest.fixture
def partial_file(shared_data: Path) -> Path:
    """Trained weights from conv1_1 to conv3_4."""
    path = shared_data.parent / "weights" / "vgg19_conv1_1-conv3_4.safetensors"
    if not path.is_file():
        pytest.skip(f"no head data: {path.name} does not exist beside them")
    return path


def torchvisions_layers(count: int) -> nn.Sequential:
    """The first `count` of the layers that torchvision's `vgg19().features` numbers from 0."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0):
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        else:
            layers += [nn.MaxPool2d(2, 2)]
        channels = width or channels
    return nn.Sequential(*layers[:count])


@torch.no_grad()
def features_written_out(tensors: Tensors, image: Tensor, after: tuple[int, ...]) -> list[Tensor]:
    """torchvision's layers on the image in three colours, normalised; the outputs of the layers `after`."""
    layers = torchvisions_layers(after[-1] + 1)
    layers.load_state_dict(
        {key.removeprefix("features."): value for key, value in tensors.items()}, strict=True
    )
    grey = (image + 1) / 2
    colours = [(grey - m) / s for m, s in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)]
    x, outputs = torch.cat(colours, dim=1), []
    for number, layer in enumerate(layers):
        x = layer(x)
        if number in after:
            outputs.append(x)
    return outputs


def test_convolutions_have_torchvisions_names_and_numbers() -> None:
    numbers = {convolution.name: convolution.number for convolution in CONVOLUTIONS}
    assert list(numbers.values()) == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert [numbers[layer] for layer in LAYERS] == [2, 7, 12, 21, 30]


def test_features_are_those_of_the_layers_written_out() -> None:
    tensors = tensors_up_to("conv3_2")
    image = 2 * torch.rand(1, 1, 12, 16) - 1
    expected = features_written_out(tensors, image, after=(3, 8, 13))
    for mine, theirs in zip(VggFeatures(tensors, {})(image), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_the_partial_file_gives_three_layers(partial_file: Path) -> None:
    features = load_vgg(partial_file)
    assert features.card_entry() == {
        "layers": ["conv1_2", "conv2_2", "conv3_2"],
        "weights": "VGG-19",
        "file": partial_file.name,
        "sha256": sha256_of(partial_file),
    }
    tensors = {key: value for key, value in load_file(partial_file).items() if int(key.split(".")[1]) <= 12}
    image = 2 * torch.rand(1, 1, 16, 16) - 1
    expected = features_written_out(tensors, image, after=(3, 8, 13))
    for mine, theirs in zip(features(image), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4 * float(theirs.max()))


@pytest.mark.parametrize(("deepest", "count"), [(2, 1), (5, 1), (7, 2), (16, 3), (19, 3), (21, 4), (34, 5)])
def test_the_layers_are_those_that_the_file_reaches(deepest: int, count: int) -> None:
    keys = [key for c in CONVOLUTIONS if c.number <= deepest for key in c.shapes]
    assert layers_reached(keys) == LAYERS[:count]


def test_nothing_of_the_features_is_trained_or_checkpointed(shallow: Tensors) -> None:
    features = VggFeatures(shallow, {})
    assert not list(features.parameters())
    assert not features.state_dict()
    assert not any(output.requires_grad for output in features(torch.zeros(1, 1, 16, 16)))


def torchvisions_file(path: Path, tensors: Tensors, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the old pickled form of torchvision's, taken for it."""
    torch.save(tensors | {"classifier.0.bias": torch.zeros(4)}, path, _use_new_zipfile_serialization=False)
    monkeypatch.setattr(vgg, "VGG_SHA256", sha256_of(path))
    return path


def test_torchvisions_file_is_read(tmp_path: Path, shallow: Tensors, monkeypatch: pytest.MonkeyPatch) -> None:
    path = torchvisions_file(tmp_path / vgg.VGG_FILE, shallow, monkeypatch)
    features = load_vgg(path)
    assert features.source["sha256"] == vgg.VGG_SHA256
    image = torch.rand(1, 1, 16, 16)
    assert torch.equal(features(image)[0], VggFeatures(shallow, {})(image)[0])


def test_the_name_of_torchvisions_file_carries_its_sha_256() -> None:
    assert f"vgg19-{vgg.VGG_SHA256[:8]}.pth" == vgg.VGG_FILE
    assert len(bytes.fromhex(vgg.VGG_SHA256)) == 32


def test_a_changed_byte_in_torchvisions_file_is_refused(
    tmp_path: Path, shallow: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = torchvisions_file(tmp_path / vgg.VGG_FILE, shallow, monkeypatch)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(MR2XRayError, match=r"SHA-256 differs.*give one of these\.$"):
        load_vgg(path)


class WritesAFile:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", [vgg.VGG_FILE, "weights.pt", "weights.safetensors"])
def test_a_pickle_that_runs_code_is_never_opened(tmp_path: Path, name: str) -> None:
    trace, path = tmp_path / "trace", tmp_path / name
    path.write_bytes(pickle.dumps(WritesAFile(trace)))
    with pytest.raises(MR2XRayError):
        load_vgg(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists(), "this pickle runs no code: the test proves nothing"


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match=r"no file .*absent\.pth with VGG-19's weights; check the path\."):
        load_vgg(tmp_path / "absent.pth")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"features.0.weight": torch.zeros(64, 1, 3, 3)}, r'"features\.0\.weight" in .* is \(64, 1, 3, 3\)'),
        ({"features.2.bias": torch.zeros(64).half()}, r"torch\.float16, not \(64,\) of torch\.float32"),
        ({"features.2.bias": torch.full((64,), torch.nan)}, r"values that are not finite"),
        ({"features.2.weight": None}, r'lacks "features\.2\.weight"'),
        ({"features.0.bias": None}, r'lacks "features\.0\.bias"'),
        ({"features.7.bias": torch.zeros(128)}, r'lacks "features\.5\.weight"'),
        ({"features.17.bias": torch.zeros(512)}, r'"features\.17\.bias", which VGG-19 has not'),
        ({"conv1.weight": torch.zeros(1)}, r'"conv1\.weight", which VGG-19 has not'),
    ],
    ids=["shape", "type", "nan", "no conv1_2", "no bias", "a gap", "VGG-16's layer", "another network's"],
)
def test_tensors_that_are_not_vgg_19s_are_refused(
    tmp_path: Path, shallow: Tensors, change: dict[str, Tensor | None], sentence: str
) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({key: value for key, value in (shallow | change).items() if value is not None}, path)
    with pytest.raises(MR2XRayError, match=sentence) as refusal:
        load_vgg(path)
    assert path.name in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_the_environment_variable_names_a_file(
    tmp_path: Path, shallow: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file(shallow, tmp_path / "mine.safetensors")
    monkeypatch.setenv(vgg.VGG_VARIABLE, str(tmp_path / "mine.safetensors"))
    assert load_vgg().source["file"] == "mine.safetensors"


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (ConnectionError("a long story\nof several lines"), "cannot be reached or refuses"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("SHA256 hash of downloaded file does not match"), "what came is not torchvision's file"),
    ],
)
def test_a_failed_download_says_which_file_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, sentence: str
) -> None:
    def retrieve(*_: object, **__: object) -> str:
        raise fault

    monkeypatch.delenv(vgg.VGG_VARIABLE, raising=False)
    fake = SimpleNamespace(retrieve=retrieve, os_cache=lambda name: tmp_path / name)
    monkeypatch.setitem(sys.modules, "pooch", fake)
    with pytest.raises(MR2XRayError, match=sentence) as refusal:
        load_vgg()
    for hint in (vgg.VGG_URL, vgg.VGG_VARIABLE, str(tmp_path / "MR2XRay")):
        assert hint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_without_pooch_the_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vgg.VGG_VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MR2XRayError, match=r"package pooch.* is not installed; install it, or download"):
        load_vgg()


class Server:
    """Serves one file and counts how often it was asked for."""

    def __init__(self, content: bytes) -> None:
        server = self
        self.content, self.requests = content, 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(server.content)))
                self.end_headers()
                self.wfile.write(server.content)

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/{vgg.VGG_FILE}"


@pytest.fixture
def server(tmp_path: Path, shallow: Tensors, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of torchvision's file in the place of torchvision's, and a cache of the test's own."""
    pooch = pytest.importorskip("pooch")
    path = torchvisions_file(tmp_path / "served.pth", shallow, monkeypatch)
    server = Server(path.read_bytes())
    monkeypatch.setattr(vgg, "VGG_URL", server.url)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    monkeypatch.delenv(vgg.VGG_VARIABLE, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    thread = threading.Thread(target=server.http.serve_forever)
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def test_a_download_is_kept_in_the_cache(server: Server, tmp_path: Path) -> None:
    assert load_vgg().source["file"] == vgg.VGG_FILE
    assert load_vgg().layers == ("conv1_2",)
    assert server.requests == 1
    assert [path.name for path in (tmp_path / "MR2XRay").iterdir()] == [vgg.VGG_FILE]


def test_a_download_of_something_else_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    server.content = b"<html>Please log in</html>"
    with pytest.raises(MR2XRayError, match="what came is not torchvision's file"):
        load_vgg()
    assert not list((tmp_path / "MR2XRay").iterdir())
