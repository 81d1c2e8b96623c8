"""Cards and the store: what is written is read; what was tampered with is refused, and never unpickled."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_generators import GEOMETRY, card_of, tiny

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation import shipped_sha256
from MR2XRayLib.files import sha256_of
from MR2XRayLib.generators import shelf, store
from MR2XRayLib.generators.card import InputCard, ModelCard
from MR2XRayLib.generators.shelf import available_generators, default_generator_name
from MR2XRayLib.generators.store import load_generator, rewrite_card, save_generator
from MR2XRayLib.resources import Storage, resource_folder
from MR2XRayLib.weights import rounded


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of generators, empty; nothing is shipped."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("MR2XRAY_MODELS", str(folder))
    monkeypatch.setattr(shelf, "resource_folder", lambda kind: tmp_path / "shipped" / kind)
    return folder


@pytest.fixture
def saved(models: Path) -> Path:
    """The folder of a saved generator named "tiny"."""
    save_generator(models / "tiny", tiny("unet"), card_of("unet"))
    return models / "tiny"


def change_card(folder: Path, **entries: Any) -> None:
    """Replace entries of model.json."""
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def replace_weights(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    """Other weights, with a card that vouches for them."""
    save_file(weights, folder / "weights.safetensors")
    change_card(folder, weights_sha256=sha256_of(folder / "weights.safetensors"))


@pytest.mark.parametrize("architecture", ["unet", "resnet", "crn"])
def test_saved_generator_comes_back(models: Path, architecture: str) -> None:
    generator = tiny(architecture, in_channels=2).eval()
    card = card_of(
        architecture, in_channels=2, metrics={"unseen heads": {"psnr": 30.5, "views": 8}}, limits=("One.",)
    )
    written = save_generator(models / "two", generator, card)
    loaded = load_generator("two")
    assert json.dumps(loaded.card.to_json()) == json.dumps(written.to_json())
    assert loaded.card.weights_sha256 == sha256_of(models / "two" / "weights.safetensors")
    assert loaded.card.parameters == sum(p.numel() for p in generator.parameters())
    assert not loaded.generator.training
    image = torch.randn(1, 2, 32, 32)
    assert torch.equal(loaded.generator(image), generator(image))
    assert sorted(path.name for path in (models / "two").iterdir()) == ["model.json", "weights.safetensors"]


@pytest.mark.parametrize(("storage", "error", "share"), [("float16", 1e-2, 0.7), ("int8", 0.2, 0.6)])
def test_a_generator_saved_in_fewer_bytes_is_the_rounded_one(
    models: Path, storage: Storage, error: float, share: float
) -> None:
    generator = tiny("unet").eval()
    torch.nn.init.normal_(generator.last.weight)
    save_generator(models / "whole", generator, card_of("unet"))
    save_generator(models / "small", rounded(generator, storage), card_of("unet"), storage)
    image = torch.rand(1, 1, 16, 16) * 2 - 1
    with torch.no_grad():
        synthesized = [load_generator(name).generator(image) for name in ("small", "whole")]
        assert torch.equal(synthesized[0], generator(image))
    assert 0 < (synthesized[0] - synthesized[1]).abs().max() < error
    sizes = [(models / name / "weights.safetensors").stat().st_size for name in ("small", "whole")]
    assert sizes[0] < share * sizes[1]
    assert {value.dtype for value in load_generator("small").generator.parameters()} == {torch.float32}


def test_whole_numbers_are_within_half_a_step_of_every_filter(models: Path) -> None:
    generator = tiny("unet").eval()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    for name, value in rounded(generator, "int8").state_dict().items():
        filters, exact = value.flatten(1) if value.ndim > 1 else value, before[name]
        if value.ndim < 2:
            assert torch.equal(value, exact)
        else:
            step = exact.flatten(1).abs().amax(dim=1, keepdim=True) / 127
            assert ((filters - exact.flatten(1)).abs() <= 0.501 * step).all()


def test_whole_numbers_without_their_scales_are_refused(saved: Path) -> None:
    save_generator(saved, tiny("unet"), card_of("unet"), "int8")
    with safe_open(saved / "weights.safetensors", "pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    replace_weights(saved, {name: value for name, value in weights.items() if not name.endswith(".scale")})
    with pytest.raises(MR2XRayError, match="do not fit their architecture"):
        load_generator("tiny")


def test_a_generator_of_another_estimator_is_refused(models: Path) -> None:
    """One that learned on attenuation as this version estimates it loads; one of another version does not."""
    for name, sha256 in (("ours", shipped_sha256()), ("theirs", "0" * 64)):
        seen = InputCard(("t1",), 300.0, layers=("attenuation",), estimator_sha256=sha256)
        save_generator(models / name, tiny("unet"), card_of(name=name, input=seen))
    assert load_generator("ours").card.input.estimator_sha256 == shipped_sha256()
    with pytest.raises(MR2XRayError, match='"theirs" was trained with another estimator'):
        load_generator("theirs")
    assert load_generator("theirs", to_train=True).card.input.estimator_sha256 == "0" * 64


def test_two_programs_that_change_one_card_keep_each_others_entries(saved: Path) -> None:
    one, other = load_generator(saved), load_generator(saved)
    for trained, key in ((one, "these"), (other, "those")):
        rewrite_card(
            trained, lambda card, key=key: replace(card, metrics={**card.metrics, key: {"mae": 1.0}})
        )
    assert set(load_generator(saved).card.metrics) == {"these", "those"}


def test_the_card_of_a_generator_that_was_replaced_meanwhile_stays_as_it_is(saved: Path) -> None:
    loaded = load_generator(saved)
    replace_weights(saved, {name: 2 * value for name, value in loaded.generator.state_dict().items()})
    before = (saved / "model.json").read_bytes()
    with pytest.raises(MR2XRayError, match="was replaced by another meanwhile"):
        rewrite_card(loaded, lambda card: replace(card, version="9"))
    assert (saved / "model.json").read_bytes() == before


def test_loads_by_folder_and_by_name(saved: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(saved, elsewhere)
    assert load_generator(elsewhere).folder == elsewhere
    assert load_generator(str(elsewhere)).folder == elsewhere
    assert load_generator("tiny").folder == saved


def test_default_is_the_recommended_or_else_the_first(saved: Path) -> None:
    for name in ("zebra", "antelope"):
        shutil.copytree(saved, saved.parent / name)
    assert list(available_generators()) == ["antelope", "tiny", "zebra"]
    assert default_generator_name() == "antelope"
    shutil.copytree(saved, saved.parent / "recommended")
    assert default_generator_name() == "recommended"
    assert load_generator().folder == saved.parent / "recommended"


def test_shipped_generators_are_found_and_the_users_go_first(saved: Path, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped" / "Models"
    for name in ("tiny", "other"):
        shutil.copytree(saved, shipped / name)
    assert available_generators() == {"other": shipped / "other", "tiny": saved}


def test_resources_lie_beside_the_package_or_in_it() -> None:
    folder = resource_folder("Models")
    assert folder.parts[-2:] == ("Resources", "Models")
    assert folder.parent.is_dir()


def test_without_any_generator_the_sentence_says_where_one_goes(models: Path) -> None:
    with pytest.raises(MR2XRayError, match="No generator is installed") as caught:
        default_generator_name()
    assert str(models) in str(caught.value)


@pytest.mark.parametrize("name", ["unknown", "../tiny", "a/../tiny", "", "no/such/folder", "\0"])
def test_unknown_name_lists_the_known(
    saved: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty" / "deep"
    empty.mkdir(parents=True)
    monkeypatch.chdir(empty)
    with pytest.raises(MR2XRayError, match=r"no generator.*installed \(tiny\)"):
        load_generator(name)


def test_weights_that_were_changed_are_refused(saved: Path) -> None:
    path = saved / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(MR2XRayError, match="SHA-256"):
        load_generator("tiny")


def test_pickled_weights_are_never_opened(saved: Path, tmp_path: Path) -> None:
    trace = tmp_path / "executed"

    class Payload:
        def __reduce__(self) -> tuple:
            return Path.touch, (trace,)

    payload = pickle.dumps(Payload())
    for name in ("weights.pt", "weights.pkl", "model.pkl"):
        (saved / name).write_bytes(payload)
    load_generator("tiny")
    (saved / "weights.safetensors").write_bytes(payload)
    change_card(saved, weights_sha256=sha256_of(saved / "weights.safetensors"))
    with pytest.raises(MR2XRayError, match="not in safetensors form"):
        load_generator("tiny")
    (saved / "weights.safetensors").unlink()
    with pytest.raises(MR2XRayError, match="never opened"):
        load_generator("tiny")
    with pytest.raises(MR2XRayError, match="is a file"):
        load_generator(saved / "weights.pt")
    assert not trace.exists()
    pickle.loads(payload)
    assert trace.exists(), "the payload does nothing, so the test above proves nothing"


def test_weights_of_another_shape_name_or_type_are_refused(saved: Path) -> None:
    good = {name: value.clone() for name, value in tiny("unet").state_dict().items()}
    replace_weights(saved, good)
    load_generator("tiny")
    transposed = {**good, "last.weight": good["last.weight"].transpose(0, 1).contiguous()}
    renamed = {("last.w" if name == "last.weight" else name): value for name, value in good.items()}
    mixed = {**good, "last.bias": good["last.bias"].half()}
    double = {name: value.double() for name, value in good.items()}
    infinite = {**good, "last.bias": torch.full((1,), torch.inf)}
    for bad in (transposed, renamed, mixed, infinite):
        replace_weights(saved, bad)
        with pytest.raises(MR2XRayError, match="do not fit their architecture"):
            load_generator("tiny")
    replace_weights(saved, double)
    with pytest.raises(MR2XRayError, match=r"larger than its architecture|do not fit their architecture"):
        load_generator("tiny")


@pytest.mark.parametrize("kind", ["F4", "F8_E8M0", "Q9"])
def test_weights_of_a_type_that_torch_has_not_are_refused(saved: Path, kind: str) -> None:
    shape = [8] if kind == "F4" else [4]
    header = json.dumps({"last.bias": {"dtype": kind, "shape": shape, "data_offsets": [0, 4]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(4)
    (saved / "weights.safetensors").write_bytes(content)
    change_card(saved, weights_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(MR2XRayError, match="not in safetensors form"):
        load_generator("tiny")


def test_weights_larger_than_the_architecture_are_refused_unread(saved: Path) -> None:
    with (saved / "weights.safetensors").open("r+b") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(MR2XRayError, match="larger than its architecture"):
        load_generator("tiny")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"architecture": "gan"}, "no architecture"),
        ({"architecture": 3}, "architecture cannot be 3"),
        ({"options": {"widths": [2048] * 10}}, "too large"),
        ({"options": {"widths": [10**9]}}, "widths"),
        ({"options": {"device": "cuda"}}, "no option"),
        ({"options": {"architecture": "crn"}}, "no option"),
        ({"options": {"in_channels": 3}}, "no option"),
        ({"parameters": 7}, "names 7 parameters"),
        ({"in_channels": 2}, "contrasts"),
        ({"in_channels": 10**9}, "contrasts"),
        ({"input": {"contrasts": ["t1"], "full_scale_mm": 0}}, "full_scale_mm"),
        ({"input": {"contrasts": ["t1"], "full_scale_mm": float("nan")}}, "full_scale_mm"),
        ({"input": {"contrasts": ["t1"], "full_scale_mm": 10**400}}, "full_scale_mm"),
        ({"geometry": {**asdict(GEOMETRY), "detector_mm": [0, 400]}}, "geometry.detector_mm"),
        ({"input": {"contrasts": "t1", "full_scale_mm": 300}}, "input.contrasts"),
        ({"input": {"contrasts": ["t1"]}}, "lacks the entry input.full_scale_mm"),
        ({"input": {"contrasts": ["t1"], "full_scale_mm": 300, "unit": "inch"}}, "units"),
        ({"geometry": []}, "geometry"),
        ({"metrics": {"all": {"psnr": "high"}}}, "metrics.all.psnr"),
        ({"limits": [1]}, r"limits\[0\]"),
        ({"name": None}, "name"),
    ],
)
def test_garbled_card_is_named_in_a_sentence(saved: Path, entries: dict[str, Any], words: str) -> None:
    change_card(saved, **entries)
    with pytest.raises(MR2XRayError, match=words):
        load_generator("tiny")


def test_card_that_is_no_object_or_too_large_is_refused(saved: Path) -> None:
    for content, words in (
        ("[]", "not a JSON object"),
        ("{", "not readable JSON"),
        (" " * (1 << 21), "too large"),
    ):
        (saved / "model.json").write_text(content)
        with pytest.raises(MR2XRayError, match=words):
            load_generator("tiny")


def test_unknown_entries_of_a_card_are_passed_over() -> None:
    card = card_of("unet", data={"heads": [1, 2]}, options={"widths": [8, 8]})
    content = {**json.loads(json.dumps(card.to_json())), "colour": "blue"}
    content["geometry"]["table_mm"] = 3
    assert ModelCard.from_json(content).to_json() == card.to_json()


def test_card_of_another_network_is_not_saved(models: Path) -> None:
    with pytest.raises(MR2XRayError, match="does not describe"):
        save_generator(models / "wrong", tiny("resnet"), card_of("unet"))
    assert not (models / "wrong").exists()


def test_failed_save_leaves_the_earlier_generator_whole(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def full_disk(path: Path, content: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_json", full_disk)
    with pytest.raises(MR2XRayError, match="No space left"):
        save_generator(saved, tiny("unet", dropout=0.0), card_of("unet", version="2"))
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
