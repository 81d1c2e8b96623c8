"""`mr2xray generators`: its actions, the list without one, and a question before all are gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from MR2XRayLib.cli import main
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.exchange import import_generator
from MR2XRayLib.generators.shelf import own_generators


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
