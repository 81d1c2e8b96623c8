"""A cohort as a case group: the heads of one side alone, and baselines from the side that is trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_generators import card_of, tiny, trained

from MR2XRayLib.cli import main
from MR2XRayLib.cohort import shelf
from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.shelf import HeadShelf
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import CaseSettings
from MR2XRayLib.evaluation.cohort_group import cohort_heads, heads_of, trained_on
from MR2XRayLib.generators.card import InputCard, ModelCard
from MR2XRayLib.generators.store import save_generator
from MR2XRayLib.training.cohort_source import cohort_source
from MR2XRayLib.training.recipe import _ancestry
from MR2XRayLib.uncertainty.error_model import ErrorModel

SETTINGS = CaseSettings(pixels=32, views=2)


@pytest.fixture
def cohort(heads: tuple[CohortHead, ...]) -> tuple[CohortHead, ...]:
    """The head a to train on, b to validate on, c, which is b's person's, to test on."""
    a, b, c = heads
    return a, replace(b, split="validate"), replace(c, split="test", person="b")


def test_a_group_holds_the_heads_of_its_side_and_is_fitted_on_training_heads(
    cohort: tuple[CohortHead, ...],
) -> None:
    kept = HeadShelf(("t2", "t1"))
    test = cohort_heads(cohort, "test", kept, SETTINGS)
    validation = cohort_heads(cohort, "validate", kept, SETTINGS)
    assert (test.key, validation.key) == ("cohort_test_heads", "cohort_validation_heads")
    ((c,), (b,), (a,)) = (list(each()) for each in (test.cases, validation.cases, test.baselines.cases))
    assert [(case.name, case.head) for case in (a, b, c)] == [("a", "a"), ("b", "b"), ("c", "b")]
    assert [case.contrasts for case in (a, b, c)] == [("t2", "t1"), ("t2", "t1"), ("t1",)]
    assert (test.count, test.baselines.count) == (1, 1)
    assert c.xray.pixels.shape == (2, 32, 32)
    assert "attenuation" in c.mr[0].layers


def test_the_views_of_a_group_are_the_same_every_time(cohort: tuple[CohortHead, ...]) -> None:
    one, again = (next(cohort_heads(cohort, "test", HeadShelf(("t1",)), SETTINGS).cases()) for _ in range(2))
    np.testing.assert_array_equal(one.xray.pixels, again.xray.pixels)


def test_without_training_heads_the_baselines_know_the_heads_from_other_views(
    cohort: tuple[CohortHead, ...],
) -> None:
    group = cohort_heads(cohort[2:], "test", HeadShelf(("t1",)), SETTINGS)
    (case,), (known,) = list(group.cases()), list(group.baselines.cases())
    assert known.name == case.name
    assert not np.array_equal(known.xray.pixels, case.xray.pixels)
    assert "a harder opponent" in group.baselines.words


def test_a_side_without_heads_is_a_sentence(cohort: tuple[CohortHead, ...]) -> None:
    assert [head.name for head in heads_of(cohort, "test")] == ["c"]
    with pytest.raises(MR2XRayError, match="no head to validate on"):
        heads_of(cohort[:1], "validate")


def test_only_the_heads_that_are_used_need_to_be_sound(
    cohort: tuple[CohortHead, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To calibrate no training head is needed; to evaluate two of them, the first that are sound."""
    save_generator(tmp_path / "tiny", tiny("unet"), card_of("unet"))
    heads = (replace(cohort[0], name="bad"), *cohort)
    file = str(a_file(heads, tmp_path / "own.csv", broken="bad"))
    words = ["--cohort", file, "--device", "cpu", "--progress", "none"]
    assert main(["calibrate", str(tmp_path / "tiny"), *words, "--members", "2"]) == 0
    words += ["--pixels", "32", "--views", "2", "--out", str(tmp_path / "report")]
    words = ["evaluate", "--generator", str(tmp_path / "tiny"), *words]
    assert main(words) == 2
    assert '"bad" (' in capsys.readouterr().err
    assert main([*words, "--skip-bad"]) == 0
    assert "bad is left out: " in capsys.readouterr().err
    report = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "Baselines fitted on 1 training head of the cohort" in report


def test_a_contrast_that_no_head_of_the_baselines_has_is_warned_of(
    cohort: tuple[CohortHead, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_generator(tmp_path / "tiny", tiny("unet"), card_of("unet", input=InputCard(("mr",), 300.0)))
    _, both, alone = cohort
    heads = (replace(alone, split="train", person="c"), replace(both, split="test"))
    words = ["evaluate", "--generator", str(tmp_path / "tiny"), "--device", "cpu", "--progress", "none"]
    words += ["--cohort", str(a_file(heads, tmp_path / "own.csv")), "--pixels", "32", "--views", "2"]
    assert main([*words, "--out", str(tmp_path / "report")]) == 0
    assert "The baselines are fitted on c, without t2" in capsys.readouterr().err


@pytest.mark.parametrize("data", [{}, {"heads": 3}, {"heads": {"train": None}}, {"heads": {"train": 5}}])
def test_a_card_that_names_no_training_heads_warns_of_none(
    cohort: tuple[CohortHead, ...], data: dict[str, object]
) -> None:
    assert trained_on(card_of("unet", data=data), cohort) == []


def test_heads_that_a_generator_was_trained_on_are_named(cohort: tuple[CohortHead, ...]) -> None:
    card = card_of("unet", data={"heads": {"train": ["a", "c"], "test": ["b"]}})
    assert trained_on(card, cohort) == ["a", "c"]


def test_heads_that_its_ancestors_were_trained_on_are_named_too(cohort: tuple[CohortHead, ...]) -> None:
    oldest = trained(tiny("unet"), data={"heads": {"train": ["c"]}})
    data = {"heads": {"train": ["b"]}} | _ancestry(oldest)
    tuned = card_of("unet", data={"kind": "tuned", "started_from": {"name": "next", "data": data}})
    assert trained_on(tuned, cohort) == ["b", "c"]


@pytest.mark.parametrize("ancestor", [None, 5, {}, {"data": None}, {"data": {"started_from": []}}])
def test_an_ancestor_of_unknown_form_names_no_heads(cohort: tuple[CohortHead, ...], ancestor: object) -> None:
    card = card_of("unet", data={"heads": {"train": ["a"]}, "started_from": ancestor})
    assert trained_on(card, cohort) == ["a"]


def test_a_generator_of_one_contrast_is_measured_on_that_one(cohort: tuple[CohortHead, ...]) -> None:
    (case,) = cohort_heads(cohort, "validate", HeadShelf(("t1", "t2")), SETTINGS).cases()
    (taken,) = case.contrasts_for(card_of(input=InputCard(("t2",), 300.0)))
    assert taken is case.mr[1]


@pytest.mark.parametrize(
    ("known", "held"),
    [("t1", ("t1",)), ("T1", ("t1",)), ("mr", ("t1", "t2")), ("t2", ("t1", "t2"))],
    ids=["by name", "capitals do not matter", "any contrast", "one that a head lacks"],
)
def test_a_contrast_that_no_generator_takes_does_not_decide_what_a_reference_shows(
    cohort: tuple[CohortHead, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    known: str,
    held: tuple[str, ...],
) -> None:
    asked = []

    class Shelf(HeadShelf):
        def __init__(self, contrasts: tuple[str, ...], energy_kev: float) -> None:
            asked.append(contrasts)
            super().__init__(contrasts, energy_kev)

    monkeypatch.setattr(shelf, "HeadShelf", Shelf)
    save_generator(tmp_path / "tiny", tiny("unet"), card_of("unet", input=InputCard((known,), 300.0)))
    words = ["evaluate", "--generator", str(tmp_path / "tiny"), "--pixels", "32", "--views", "1"]
    words += ["--cohort", str(a_file(cohort, tmp_path / "own.csv")), "--out", str(tmp_path / "report")]
    assert main(words) == 0
    assert asked == [held]


def a_file(heads: tuple[CohortHead, ...], path: Path, broken: str = "") -> Path:
    """The heads as a cohort file; the CT of the one called `broken` is missing."""
    lines = ["name,mr_t1,mr_t2,ct,transform,split"]
    for head in heads:
        ct = "nowhere.nrrd" if head.name == broken else head.ct
        cells = (head.name, head.mr["t1"], head.mr.get("t2", ""), ct, head.transform or "", head.split)
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_generator_is_calibrated_on_the_validation_heads_of_a_cohort(
    cohort: tuple[CohortHead, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_generator(tmp_path / "tiny", tiny("unet"), card_of("unet"))
    file = a_file(cohort[1:2], tmp_path / "own.csv")
    words = ["calibrate", str(tmp_path / "tiny"), "--cohort", str(file), "--members", "2", "--device", "cpu"]
    assert main(words) == 0
    card = ModelCard.read(tmp_path / "tiny")
    entry = card.usable_uncertainty()
    assert ErrorModel.of(card) == ErrorModel(entry.factor, entry.floor)
    assert entry.calibrated_on == "the validation heads of own.csv, 1 from 8 views each"
    assert (entry.metrics["heads_fitted"], entry.metrics["views_fitted"]) == (1, 8)
    assert "keV" not in capsys.readouterr().err
    assert main([*words, "--energy", "80"]) == 0
    assert capsys.readouterr().err.count("The reference is at 80 keV") == 1


def test_heads_that_fail_stop_an_evaluation_unless_they_may_be_skipped_and_seen_ones_are_told(
    cohort: tuple[CohortHead, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = card_of("unet", data={"heads": {"train": ["c"]}})
    save_generator(tmp_path / "tiny", tiny("unet"), card)
    file = a_file(tuple(replace(head, split="test") for head in cohort), tmp_path / "own.csv", broken="b")
    words = ["evaluate", "--generator", str(tmp_path / "tiny"), "--cohort", str(file), "--pixels", "32"]
    words += ["--views", "2", "--progress", "none", "--out", str(tmp_path / "report")]
    assert main(words) == 2
    assert '"b" (' in capsys.readouterr().err
    assert not (tmp_path / "report").exists()
    assert main([*words, "--skip-bad"]) == 0
    told = capsys.readouterr().err
    assert "b is left out: " in told
    assert "was trained on heads called c, too" in told
    report = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "--cohort own.csv --views 2 --skip-bad" in report


def test_a_test_head_that_cannot_be_used_is_told_before_the_training(
    cohort: tuple[CohortHead, ...], tmp_path: Path
) -> None:
    file = a_file(cohort, tmp_path / "own.csv")
    with pytest.raises(MR2XRayError, match=r'1 of 3 heads .* "c" .* none of the MR contrasts t2'):
        cohort_source(file, ("t2",), pixels=32)
    told: list[str] = []
    source = cohort_source(file, ("t2",), skip_bad=True, pixels=32, warn=told.append)
    assert source.data["heads"] == {"train": ["a"], "validate": ["b"], "test": []}
    assert len(told) == 1
    assert told[0].startswith("c is left out: ")


def test_a_head_without_a_transform_stops_an_evaluation_before_the_work_unless_skipped(
    cohort: tuple[CohortHead, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_generator(tmp_path / "tiny", tiny("unet"), card_of("unet"))
    heads = (replace(cohort[0], split="test"), replace(cohort[2], transform=None))
    words = ["evaluate", "--generator", str(tmp_path / "tiny"), "--pixels", "32", "--views", "2"]
    words += ["--cohort", str(a_file(heads, tmp_path / "own.csv")), "--progress", "json"]
    words += ["--out", str(tmp_path / "report")]
    assert main(words) == 2
    told = capsys.readouterr()
    assert '1 of 2 heads cannot be used: "c" (' in told.err
    assert '"stage": "evaluate"' not in told.out
    assert main([*words, "--skip-bad"]) == 0
    assert "c is left out: " in capsys.readouterr().out


def test_heads_of_no_contrast_that_a_generator_takes_are_told_before_the_work(
    cohort: tuple[CohortHead, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = card_of("unet", 2, input=InputCard(("flair", "t2"), 300.0))
    save_generator(tmp_path / "tiny", tiny("unet", 2), card)
    file = a_file(tuple(replace(head, split="validate") for head in cohort), tmp_path / "own.csv")
    words = ["calibrate", str(tmp_path / "tiny"), "--cohort", str(file), "--progress", "json"]
    assert main(words) == 2
    told = capsys.readouterr()
    assert "takes the MR contrasts flair, t2, of which c has none" in told.err
    assert '"stage": "calibrating"' not in told.out
