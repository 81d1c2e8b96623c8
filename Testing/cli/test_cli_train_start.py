"""`mr2xray train --start-from`: weights go on from where they were, or a sentence says why they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_trainings import QUICK, a_cohort, one_head
from tiny_generators import card_of, tiny

from MR2XRayLib.cli import main
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.exchange import verify_generator
from MR2XRayLib.generators.shelf import MODELS_VARIABLE
from MR2XRayLib.generators.store import load_generator, save_generator
from MR2XRayLib.mr_layers import VOXEL_LAYERS
from MR2XRayLib.scale import MR_FULL_SCALE_MM
from MR2XRayLib.training import recipe

pytestmark = pytest.mark.usefixtures("few_views")


def test_a_training_starts_from_another_ones_weights_and_says_so(head: Path, tmp_path: Path) -> None:
    assert main([*one_head(head), "--name", "first", "--out", str(tmp_path)]) == 0
    start = ["--start-from", str(tmp_path / "first"), "--name", "second", "--out", str(tmp_path / "on")]
    assert main([*one_head(head), *start]) == 0
    parent = verify_generator(tmp_path / "first")
    assert verify_generator(tmp_path / "on" / "second").data["started_from"]["weights_sha256"] == (
        parent.weights_sha256
    )


def test_layers_that_are_kept_have_the_weights_that_they_had(head: Path, tmp_path: Path) -> None:
    assert main([*one_head(head), "--name", "first", "--out", str(tmp_path)]) == 0
    kept = ["--start-from", str(tmp_path / "first"), "--keep", "analysis.0", "synthesis"]
    assert main([*one_head(head), *kept, "--name", "second", "--out", str(tmp_path / "on")]) == 0
    before, after = (load_generator(tmp_path / path) for path in ("first", "on/second"))
    weights = after.generator.state_dict()
    same = {
        name for name, value in before.generator.state_dict().items() if torch.equal(value, weights[name])
    }
    assert same == {name for name in weights if name.startswith(("analysis.0.", "synthesis."))}
    assert after.card.training["kept_layers"] == ["analysis.0", "synthesis"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--keep", "roof"], "its layers are "),
        (["--keep", "analysis", "synthesis", "merge", "last", "linear"], "nothing is left to train"),
    ],
)
def test_layers_that_cannot_be_kept_are_sentences(
    head: Path, tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*one_head(head), "--name", "first", "--out", str(tmp_path)]) == 0
    words = [*words, "--out", str(tmp_path / "out")]
    assert main([*one_head(head), *words]) == 2
    assert "--start-from" in capsys.readouterr().err
    assert main([*one_head(head), "--start-from", str(tmp_path / "first"), *words]) == 2
    assert told in capsys.readouterr().err


def test_a_generator_of_the_same_name_that_sees_a_further_layer_is_its_next_version(
    head: Path, tmp_path: Path
) -> None:
    words = [*one_head(head), "--name", "grown"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    start = [
        "--start-from",
        str(tmp_path / "grown"),
        "--layers",
        "signal",
        "dark",
        "--out",
        str(tmp_path / "on"),
    ]
    assert main([*words, *start]) == 0
    grown = verify_generator(tmp_path / "on" / "grown")
    assert (grown.version, grown.input.layers) == ("2.0.0", ("signal", "dark"))


def test_a_generator_of_an_installed_ones_name_is_its_next_version_wherever_it_started(
    head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "own"))
    words = [*one_head(head), "--name", "mine", "--out"]
    for version in ("1.0.0", "2.0.0"):
        assert main([*words, str(tmp_path / version)]) == 0
        assert verify_generator(tmp_path / version / "mine").version == version
        assert main(["generators", "import", str(tmp_path / version / "mine"), "--replace"]) == 0
    (tmp_path / "own" / "mine" / "model.json").write_text("damaged")
    assert main([*words, str(tmp_path / "out")]) == 0
    assert verify_generator(tmp_path / "out" / "mine").version == "1.0.0"


def test_starting_from_a_generator_of_another_kind_is_refused(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*one_head(head), "--start-from", "recommended", "--out", str(tmp_path)]) == 2
    assert "is of another kind than unet" in capsys.readouterr().err


@pytest.mark.parametrize("layers", [["dim"], ["dark", "signal"]])
def test_weights_that_learned_on_some_layers_are_not_given_others(
    head: Path, tmp_path: Path, layers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    seen = ["signal", "dark"][: len(layers)]
    assert main([*one_head(head), "--name", "first", "--layers", *seen, "--out", str(tmp_path)]) == 0
    start = ["--start-from", str(tmp_path / "first"), "--layers", *layers, "--out", str(tmp_path / "on")]
    assert main([*one_head(head), *start]) == 2
    told = capsys.readouterr().err
    assert f'"first" sees the layers {", ".join(seen)} of 1 contrasts' in told
    assert "give --layers that begin with those" in told


def test_weights_that_learned_on_some_contrasts_are_not_given_them_in_another_order(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*one_head(head), "--mr", str(head / "mr.nrrd"), "--name", "first"]
    assert main([*words, "--contrasts", "t1", "t2", "--out", str(tmp_path)]) == 0
    card = verify_generator(tmp_path / "first")
    assert card.input.optional
    assert card.training["stages"][0]["pairs"]["contrast_dropout"] == 0.5
    words += ["--start-from", str(tmp_path / "first"), "--out", str(tmp_path / "on")]
    assert main([*words, "--contrasts", "t2", "t1"]) == 2
    assert "has the contrasts in the order t1, t2" in capsys.readouterr().err
    one_of_two_layers = [*one_head(head), *words[words.index("--start-from") :]]
    assert main([*one_of_two_layers, "--layers", "signal", "dark"]) == 2
    assert "sees the layers signal of 2 contrasts" in capsys.readouterr().err


@pytest.mark.parametrize(("split", "known"), [("train", ""), ("validate", "a"), ("test", "a")])
def test_starting_from_a_generator_that_knows_the_heads_to_be_measured_on_is_warned_of(
    head: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    split: str,
    known: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained_on = {"kind": "heads", "heads": {"train": ["a"], "validate": [], "test": []}}
    layers = InputCard(("t1",), MR_FULL_SCALE_MM, layers=VOXEL_LAYERS)
    card = card_of(in_channels=len(VOXEL_LAYERS), input=layers, data=trained_on)
    save_generator(tmp_path / "start", tiny("unet", len(VOXEL_LAYERS)), card)
    file = a_cohort(tmp_path, head / "none.tfm")
    # "a" changes places with the head that was on that side.
    text = file.read_text()
    if known:
        for line, side in (("a,", split), ({"validate": "b,", "test": "c,"}[split], "train")):
            (row,) = [row for row in text.splitlines() if row.startswith(line)]
            text = text.replace(row, row.rpartition(",")[0] + "," + side)
    file.write_text(text)
    monkeypatch.setattr(recipe, "make_generator", lambda *words, **more: None)
    words = ["train", "--cohort", str(file), *QUICK, "--start-from", str(tmp_path / "start")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().err
    assert ('"tiny", which the training starts from, was trained on heads called a, too' in told) == bool(
        known
    )
