"""A generator of several contrasts with some of them absent: from Python, on the command line, and on its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_generators import GEOMETRY, card_of, tiny, trained

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.cli import main
from MR2XRayLib.demo import DemoPair, demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation.cases import Case
from MR2XRayLib.generators.card import InputCard, ModelCard
from MR2XRayLib.generators.store import TrainedGenerator, save_generator
from MR2XRayLib.generators.uncertainty_card import AUGMENTATION, UncertaintyCard
from MR2XRayLib.generators.words import card_words
from MR2XRayLib.live import Live
from MR2XRayLib.pipeline import Result, run
from MR2XRayLib.projection import Projections
from MR2XRayLib.scale import MR_FULL_SCALE_MM
from MR2XRayLib.synthesis import Synthesizer, same_views
from MR2XRayLib.training import finetune, recipe
from MR2XRayLib.training.finetune import fine_tune
from MR2XRayLib.training.pairs import ABSENT, PairSettings
from MR2XRayLib.training.settings import Stage, TrainingSettings
from MR2XRayLib.training.source import Source
from MR2XRayLib.uncertainty import UncertainSynthesizer
from MR2XRayLib.volume_io import write_volume

CARM = CArm(pixels=(64, 64), isocentre_mm=(0.0, 0.0, 0.0))
NAMES = ("t1", "t2", "pd")


def generator(contrasts: int = 2, *, optional: bool = True) -> TrainedGenerator:
    """A small generator of some contrasts, which tells an expected error."""
    card = InputCard(NAMES[:contrasts], 300.0, optional=optional)
    entry = UncertaintyCard(AUGMENTATION, 3, 2.0, 0.1, "nothing", "")
    return trained(tiny("unet", in_channels=contrasts), input=card, uncertainty=entry)


def some(seed: int, columns: int = 64) -> Projections:
    """Projections of nothing in particular, in mm."""
    carm = replace(CARM, pixels=(64, columns))
    pixels = np.random.default_rng(seed).uniform(0, 300, (2, 64, columns)).astype(np.float32)
    return Projections(pixels, (carm.view(Angulation(0)), carm.view(Angulation(20))), "mm", {"seed": seed})


def nothing_like(projections: Projections) -> Projections:
    return replace(projections, pixels=np.zeros_like(projections.pixels))


@pytest.mark.parametrize("columns", [64, 100])
def test_an_absent_contrast_is_a_line_integral_of_zero(columns: int) -> None:
    t1, t2 = some(1, columns), some(2, columns)
    synthesizer = Synthesizer(generator(), "cpu")
    for absent, zeros in (
        ((t1, None), (t1, nothing_like(t1))),
        ((t1,), (t1, nothing_like(t1))),
        ((None, t2), (nothing_like(t2), t2)),
    ):
        made = synthesizer.synthesize(*absent)
        np.testing.assert_array_equal(made.pixels, synthesizer.synthesize(*zeros).pixels)
        assert same_views(made.views, t1.views)
    assert not np.array_equal(synthesizer.synthesize(t1).pixels, synthesizer.synthesize(None, t1).pixels)


def test_the_network_sees_what_it_saw_in_training() -> None:
    seen = []

    class Watching(Synthesizer):
        def through_network(self, image):
            seen.append(image.numpy().copy())
            return super().through_network(image)

    Watching(generator(), "cpu").synthesize(None, some(2))
    assert (seen[0][:, 0] == ABSENT).all()
    assert (seen[0][:, 1] != ABSENT).any()


def test_the_provenance_says_which_contrasts_were_absent() -> None:
    t1, t2 = some(1), some(2)
    synthesizer = Synthesizer(generator(3), "cpu")
    for contrasts, absent, given in (
        ((t1, t2, some(3)), [], [1, 2, 3]),
        ((None, t2), ["t1", "pd"], [2]),
        ((t1, None, t2), ["t2"], [1, 2]),
    ):
        provenance = synthesizer.synthesize(*contrasts).provenance
        assert provenance["absent"] == absent
        assert [entry["seed"] for entry in provenance["input"]] == given


def test_an_absent_contrast_gives_no_warning_of_its_own() -> None:
    bright = replace(some(1), pixels=some(1).pixels / 4 + 100)
    synthesizer = Synthesizer(generator(), "cpu")
    both = synthesizer.synthesize(bright, bright).provenance["outside_training"]
    assert synthesizer.synthesize(bright).provenance["outside_training"] == both


def test_the_expected_error_is_that_of_a_line_integral_of_zero() -> None:
    t2 = some(2)
    uncertain = UncertainSynthesizer(generator(), "cpu")
    made, expected = uncertain.synthesize(None, t2), uncertain.synthesize(nothing_like(t2), t2)
    np.testing.assert_array_equal(made.deviation.pixels, expected.deviation.pixels)
    np.testing.assert_array_equal(made.mean.pixels, expected.mean.pixels)


@pytest.mark.parametrize(
    ("contrasts", "optional", "sentence"),
    [
        ((1,), False, 'The generator "tiny" needs 2 MR contrasts (t1, t2), not 1; give them in this order.'),
        ((1, 2, 3), True, "needs at most 2 MR contrasts (t1, t2), not 3; give them in this order."),
        (
            (None, 2),
            False,
            "was not trained to do without t1; give all of t1, t2, or choose another generator.",
        ),
        (
            (None, None),
            True,
            'Every MR contrast is absent; the generator "tiny" needs at least one of t1, t2.',
        ),
        ((), True, "Every MR contrast is absent"),
    ],
)
def test_what_a_generator_cannot_do_without_is_said(
    contrasts: tuple[int | None, ...], optional: bool, sentence: str
) -> None:
    given = [None if seed is None else some(seed) for seed in contrasts]
    with pytest.raises(MR2XRayError) as error:
        Synthesizer(generator(optional=optional), "cpu").synthesize(*given)
    assert sentence in str(error.value)


def test_a_generator_of_one_contrast_cannot_do_without_it() -> None:
    with pytest.raises(MR2XRayError, match="at least one of t1"):
        Synthesizer(generator(1), "cpu").synthesize(None)


def test_evaluation_fills_in_what_synthesis_fills_in() -> None:
    t2 = some(2)
    made = generator()
    channels = Case("c", "h", (t2,), t2, ("T2",)).contrasts_for(made.card)
    np.testing.assert_array_equal(
        Synthesizer(made, "cpu").synthesize(*channels).pixels,
        Synthesizer(made, "cpu").synthesize(None, t2).pixels,
    )


def test_the_card_keeps_and_tells_that_contrasts_are_optional() -> None:
    card = generator().card
    assert ModelCard.from_json(card.to_json()) == card
    assert "(t1, t2), all but one of which may be absent." in " ".join(card_words(card))
    assert "absent" not in " ".join(card_words(card_of(in_channels=2)))
    assert "absent" not in " ".join(card_words(generator(1).card))
    content = card.to_json()
    del content["input"]["optional"]
    assert not ModelCard.from_json(content).input.optional
    content["input"]["optional"] = "yes"
    with pytest.raises(MR2XRayError, match=r"input\.optional"):
        ModelCard.from_json(content)


@pytest.mark.parametrize(
    ("contrasts", "dropouts", "optional"),
    [
        (2, (0.5,), True),
        (2, (0.0,), False),
        (2, (0.5, 0.0), False),
        (2, (0.0, 0.5), True),
        (1, (0.5,), False),
    ],
)
def test_training_with_contrasts_left_out_at_the_end_makes_them_optional(
    contrasts: int, dropouts: tuple[float, ...], optional: bool
) -> None:
    stages = tuple(Stage(PairSettings(contrast_dropout=share), batch=1, steps=1) for share in dropouts)
    source = Source(None, PairSettings(), None, None, NAMES[:contrasts], GEOMETRY, {}, ())  # type: ignore[arg-type]
    card = recipe._card(recipe.Recipe("g", "unet", TrainingSettings(stages)), source, {})
    assert card.input == InputCard(NAMES[:contrasts], MR_FULL_SCALE_MM, optional=optional)


@pytest.fixture(scope="module")
def pair() -> DemoPair:
    """The digital head at 8 mm."""
    return demo_pair(8.0)


@pytest.fixture(scope="module")
def view(pair: DemoPair) -> View:
    return replace(CARM, isocentre_mm=tuple(pair.ct.centre_mm)).view(Angulation(10))


def test_the_main_job_and_live_images_do_without_a_contrast(pair: DemoPair, view: View) -> None:
    def job(*mr: object, **options: object) -> Result:
        return run(mr, None, generator(), lambda carm: (view,), device="cpu", **options)

    alone = job(None, pair.mr, uncertain=True)
    assert alone.synthesized.provenance["absent"] == ["t1"]
    assert len(alone.mr) == 1
    silent = nothing_like(alone.mr[0])
    expected = UncertainSynthesizer(generator(), "cpu").synthesize(silent, alone.mr[0])
    np.testing.assert_array_equal(alone.synthesized.pixels, expected.synthesized.pixels)
    np.testing.assert_array_equal(alone.deviation.pixels, expected.deviation.pixels)
    np.testing.assert_array_equal(job(pair.mr).synthesized.pixels, job(pair.mr, None).synthesized.pixels)
    live = Live.prepare([None, pair.mr], device="cpu")
    images = live.with_generator(generator()).update(view)
    np.testing.assert_array_equal(images.synthesized.pixels, alone.synthesized.pixels)
    assert images.by_role()["mr"] is images.mr[0]
    with pytest.raises(MR2XRayError, match="do without t1"):
        live.with_generator(generator(optional=False))
    for nobody in ([], [None, None]):
        with pytest.raises(MR2XRayError, match="No MR volume"):
            job(*nobody)


def test_the_first_mr_that_is_there_is_registered(
    pair: DemoPair, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def align(mr: object, *arguments: object) -> None:
        asked.append(mr)
        raise MR2XRayError("asked")

    monkeypatch.setattr("MR2XRayLib.pipeline.align", align)
    with pytest.raises(MR2XRayError, match="asked"):
        run([None, pair.mr], pair.ct, generator(), lambda carm: (view,))
    assert asked[0].name == pair.mr.name
    with pytest.raises(MR2XRayError, match="needs 2 MR contrasts"):
        run([pair.mr], pair.ct, generator(optional=False), lambda carm: (view,))
    assert len(asked) == 1


def test_fine_tuning_does_without_a_contrast_and_goes_on_leaving_some_out(
    pair: DemoPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[PairSettings] = []
    train = finetune.train

    def watched(network, pairs, settings, *arguments, **options):
        asked.append(settings.stages[0].pairs)
        pages = pairs(replace(asked[-1], views=2), 0, 0)
        assert (pages[:, 0] == ABSENT).all() == (len(asked) == 1)
        if len(asked) == 2:
            raise MR2XRayError("seen enough")
        return train(network, pairs, settings, *arguments, **options)

    monkeypatch.setattr(finetune, "train", watched)
    monkeypatch.setattr(finetune, "MOST_STEPS", 1)
    monkeypatch.setattr(finetune, "VIEWS_IN_ROUND", 2)
    monkeypatch.setattr(
        finetune, "views_to_validate", lambda pair, card, seed: (CARM.at(pair.centre_mm).view(Angulation(0)),)
    )
    options = {"minutes": 1.0, "transform": pair.truth}
    card = fine_tune(generator(), [None, pair.mr], pair.ct, tmp_path / "alone", **options)
    assert [volume["name"] for volume in card.data["mr"]] == ["absent", pair.mr.name]
    assert card.input.optional
    with pytest.raises(MR2XRayError, match="seen enough"):
        fine_tune(generator(), [pair.mr, pair.mr], pair.ct, tmp_path / "both", **options)
    assert [settings.contrast_dropout for settings in asked] == [0.0, 0.5]


@pytest.fixture
def files(pair: DemoPair, view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: an MR, projections of one, and a generator that does without a contrast."""
    monkeypatch.chdir(tmp_path)
    write_volume(pair.mr, Path("mr.nrrd"))
    save_generator(Path("g"), generator().generator, replace(generator().card, name="g", uncertainty=None))
    some(2).write(Path("p.nrrd"))
    return tmp_path


def test_the_command_line_knows_the_word_absent(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["synthesize", "absent", "p.nrrd", "--generator", "g", "--device", "cpu", "--out", "s.nrrd"])
        == 0
    )
    assert "without the MR contrast t1" in capsys.readouterr().err
    made = Projections.read(Path("s.nrrd"))
    assert made.provenance["absent"] == ["t1"]
    expected = Synthesizer(generator(), "cpu").synthesize(None, some(2))
    np.testing.assert_array_equal(made.pixels, expected.pixels)
    assert main(["synthesize", "./absent", "p.nrrd", "--generator", "g", "--out", "t.nrrd"]) == 2
    assert "absent" in capsys.readouterr().err
    assert not Path("t.nrrd").exists()


@pytest.mark.parametrize(
    ("words", "absent"), [(["absent", "mr.nrrd"], ["t1"]), (["mr.nrrd"], ["t2"]), (["mr.nrrd"] * 2, [])]
)
def test_run_does_without_a_contrast(files: Path, words: list[str], absent: list[str]) -> None:
    mr = [word for name in words for word in ("--mr", name)]
    given = ["--generator", "g", "--views", "PA", "--device", "cpu", "--progress", "none"]
    assert main(["run", *mr, *given, "--out", "out"]) == 0
    assert Projections.read(Path("out/synthesized.nrrd")).provenance["absent"] == absent
    assert Path("out/mr.nrrd").exists()
    assert Path("out/mr2.nrrd").exists() == (not absent)
