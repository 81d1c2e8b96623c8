"""Live use: the same images as the main job, parts replaced one by one, on any thread, with or without torch."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_generators import card_of, tiny, trained

from MR2XRayLib import pipeline, synthesis
from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.demo import DemoPair, demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation import shipped_sha256
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.store import TrainedGenerator, load_generator, save_generator
from MR2XRayLib.generators.uncertainty_card import AUGMENTATION, UncertaintyCard
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import as_mr, normalise_mr
from MR2XRayLib.live import Live
from MR2XRayLib.mr_layers import MR_LAYERS, project_mr
from MR2XRayLib.projection import Projections, Projector
from MR2XRayLib.steps import exhausted
from MR2XRayLib.synthesis import Synthesizer
from MR2XRayLib.uncertainty import UncertainSynthesizer

GENERATOR = trained(tiny("unet"))


@pytest.fixture(scope="module")
def pair() -> DemoPair:
    """The digital head at 4 mm."""
    return demo_pair(spacing_mm=4.0)


@pytest.fixture(scope="module")
def live(pair: DemoPair) -> Live:
    """Prepared on it."""
    return Live.prepare([pair.mr], pair.ct, GENERATOR, transform=pair.truth, device="cpu")


def view_of(pair: DemoPair, primary: float = 20.0) -> View:
    return CArm(pixels=(64, 64)).at(head_centre_mm(pair.ct)).view(Angulation(primary, 10.0))


@pytest.mark.parametrize("whole_ct", [False, True])
def test_live_images_are_those_of_the_main_job(pair: DemoPair, whole_ct: bool) -> None:
    view = view_of(pair)
    options = {"transform": pair.truth, "energy_kev": 80.0, "whole_ct": whole_ct, "device": "cpu"}
    job = pipeline.run([pair.mr], pair.ct, GENERATOR, lambda carm: (view,), **options)
    made = Live.prepare([pair.mr], pair.ct, GENERATOR, **options).update(view, measured=True)
    roles = made.by_role()
    assert list(roles) == ["mr", "synthesized", "reference", "difference"]
    for role, expected in zip(
        roles, (job.mr[0], job.synthesized, job.reference, job.difference), strict=True
    ):
        np.testing.assert_array_equal(roles[role].pixels, expected.pixels)
        assert roles[role].provenance == expected.provenance
    assert made.metrics == job.comparison.views[0]


def test_numbers_are_made_only_where_they_are_asked_for(live: Live, pair: DemoPair) -> None:
    assert live.update(view_of(pair)).metrics is None
    assert replace(live, ct=None).update(view_of(pair), measured=True).metrics is None


def test_a_part_is_replaced_without_preparing_the_others(live: Live, pair: DemoPair) -> None:
    other = live.with_generator(trained(tiny("resnet")))
    assert (other.mr, other.ct) == (live.mr, live.ct)
    assert other.synthesizer is not live.synthesizer
    harder = live.with_ct(pair.ct, energy_kev=120.0)
    assert (harder.mr, harder.synthesizer) == (live.mr, live.synthesizer)
    soft, hard = (one.update(view_of(pair)).reference.pixels.sum() for one in (live, harder))
    assert hard < 0.9 * soft


def test_without_ct_or_generator_the_rest_is_shown(live: Live, pair: DemoPair) -> None:
    without_ct = live.with_ct(None).update(view_of(pair))
    assert list(without_ct.by_role()) == ["mr", "synthesized"]
    without_generator = live.with_generator(None).update(view_of(pair), measured=True)
    assert list(without_generator.by_role()) == ["mr", "reference"]
    assert without_generator.metrics is None


def test_a_generator_of_other_contrasts_is_refused_and_named(live: Live) -> None:
    with pytest.raises(MR2XRayError, match=r"2 MR contrasts \(t1, t2\), not 1"):
        live.with_generator(trained(tiny("unet", in_channels=2)))


def test_what_is_no_pair_is_refused(pair: DemoPair) -> None:
    with pytest.raises(MR2XRayError, match="No MR volume"):
        Live.prepare([], pair.ct)
    with pytest.raises(MR2XRayError, match="not MR"):
        Live.prepare([pair.ct], None, device="cpu")
    with pytest.raises(MR2XRayError, match="does not look like CT"):
        Live.prepare([pair.mr], pair.mr, device="cpu")


def test_preparing_tells_its_progress_to_the_end(pair: DemoPair) -> None:
    told: list[tuple[str, float]] = []
    Live.prepare([pair.mr], pair.ct, device="cpu", progress=lambda *news: told.append(news))
    assert {stage for stage, _ in told} == {"preparing"}
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_threads_may_project_at_once(pair: DemoPair) -> None:
    # numba's own pool of threads, which no lock of numba's guards, ends the process here without ours.
    code = """
import threading
from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.projection import Projector
projector = Projector(digital_head().mr("t1", 6.0), device="cpu")
assert projector.backend == "numba"
arm = CArm(pixels=(64, 64), isocentre_mm=(0, 0, 0))
def work(start):
    for step in range(40):
        projector.pixels(arm.view(Angulation(start + step)))
threads = [threading.Thread(target=work, args=(40 * n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("whole")
"""
    environment = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "whole", done.stderr


def test_prepared_on_one_thread_and_used_on_another(live: Live, pair: DemoPair) -> None:
    prepared: list[Live] = []
    thread = threading.Thread(
        target=lambda: prepared.append(
            Live.prepare([pair.mr], pair.ct, GENERATOR, transform=pair.truth, device="cpu")
        )
    )
    thread.start()
    view = view_of(pair)
    expected = live.update(view)
    thread.join()
    for role, projections in prepared[0].update(view).by_role().items():
        np.testing.assert_array_equal(projections.pixels, expected.by_role()[role].pixels)


def test_without_torch_mr_and_ct_are_still_projected() -> None:
    code = """
import sys
sys.modules["torch"] = None
from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.live import Live
pair = demo_pair(spacing_mm=6.0)
live = Live.prepare([pair.mr], pair.ct, transform=pair.truth)
made = live.update(CArm(pixels=(64, 64), isocentre_mm=(0, 0, 0)).view(Angulation(0)))
print(*made.by_role(), live.mr[0].signal.backend)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["mr", "reference", "numba"], done.stderr


def test_projectors_are_made_once_a_contrast(pair: DemoPair, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    make = Projector.__init__

    def counted(self: Projector, *arguments: object, **options: object) -> None:
        made.append(self)
        make(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Projector, "__init__", counted)
    live = Live.prepare([pair.mr, pair.mr], None, trained(tiny("unet", in_channels=2)), device="cpu")
    live.with_generator(None).update(view_of(pair))
    live.update(view_of(pair))
    assert len(made) == 2


LAYERS = ("signal", "dark", "head")


def layered(
    contrasts: int = 1, layers: tuple[str, ...] = LAYERS, *, optional: bool = False
) -> TrainedGenerator:
    """A small generator that sees layers of each contrast."""
    estimator = shipped_sha256() if "attenuation" in layers else ""
    card = InputCard(
        ("t1", "t2")[:contrasts], 300.0, optional=optional, layers=layers, estimator_sha256=estimator
    )
    return trained(tiny("unet", in_channels=contrasts * len(layers)), input=card)


def projected(pair: DemoPair, view: View, layers: tuple[str, ...]) -> Projections:
    return project_mr(normalise_mr(as_mr(pair.mr)), (view,), pair.truth, layers, device="cpu")


@pytest.mark.parametrize("layers", [LAYERS, MR_LAYERS, ("deep", "dim")])
def test_a_generator_sees_the_layers_of_its_card(pair: DemoPair, layers: tuple[str, ...]) -> None:
    view, generator = view_of(pair), layered(layers=layers)
    made = Live.prepare([pair.mr], pair.ct, generator, transform=pair.truth, device="cpu").update(view)
    expected = projected(pair, view, layers)
    assert set(made.mr[0].layers) == set(expected.layers) == set(layers) - {"signal"}
    for name in ("signal", *expected.layers):
        np.testing.assert_array_equal(made.mr[0].layer(name), expected.layer(name))
    assert made.mr[0].provenance == expected.provenance
    synthesized = Synthesizer(generator, "cpu").synthesize(expected)
    np.testing.assert_array_equal(made.synthesized.pixels, synthesized.pixels)
    assert made.synthesized.provenance == synthesized.provenance


def test_layers_come_with_a_generator_and_go_with_it(live: Live, pair: DemoPair) -> None:
    view, alone = view_of(pair), live.update(view_of(pair))
    told: list[float] = []
    seeing = live.with_generator(layered(), progress=lambda _stage, fraction: told.append(fraction))
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert set(seeing.update(view).mr[0].layers) == {"dark", "head"}
    back = seeing.with_generator(GENERATOR)
    assert not back.update(view).mr[0].layers
    np.testing.assert_array_equal(back.update(view).synthesized.pixels, alone.synthesized.pixels)
    assert not seeing.with_generator(None).update(view).mr[0].layers


def test_a_layer_is_prepared_once_and_no_sooner_than_wanted(
    pair: DemoPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live.prepare([pair.mr], None, GENERATOR, device="cpu")
    assert list(live.mr[0].projectors) == ["signal"]
    seeing = live.with_generator(layered())
    assert set(seeing.mr[0].projectors) == set(LAYERS)
    monkeypatch.setattr(Projector, "__init__", None)
    again = seeing.with_generator(GENERATOR).with_generator(layered(layers=("head", "signal")))
    assert set(again.update(view_of(pair)).mr[0].layers) == {"head"}


def test_an_absent_contrast_has_no_layers_and_the_others_have(pair: DemoPair) -> None:
    view, generator = view_of(pair), layered(2, optional=True)
    made = Live.prepare([None, pair.mr], None, generator, transform=pair.truth, device="cpu").update(view)
    expected = Synthesizer(generator, "cpu").synthesize(None, projected(pair, view, LAYERS))
    np.testing.assert_array_equal(made.synthesized.pixels, expected.pixels)
    assert made.synthesized.provenance["absent"] == ["t1"]


def test_the_main_job_gives_a_generator_its_layers(pair: DemoPair) -> None:
    view = view_of(pair)
    made = pipeline.run(
        [pair.mr], pair.ct, layered(), lambda carm: (view,), transform=pair.truth, device="cpu"
    )
    expected = Synthesizer(layered(), "cpu").synthesize(projected(pair, view, LAYERS))
    np.testing.assert_array_equal(made.synthesized.pixels, expected.pixels)


def with_quick(live: Live) -> Live:
    """With a preview, whether or not it is worth it on this machine."""
    return replace(live, preview=Synthesizer(live.synthesizer.trained, "cpu", "bfloat16"))


def test_a_preview_is_told_as_such_and_made_exact_afterwards(live: Live, pair: DemoPair) -> None:
    view, quick = view_of(pair), with_quick(live)
    expected = live.update(view)
    seen = quick.update(view, preview=True)
    assert seen.is_preview
    assert seen.synthesized.provenance["precision"] == "bfloat16 preview"
    assert seen.difference.provenance["minuend"]["precision"] == "bfloat16 preview"
    far = np.abs(seen.synthesized.pixels - expected.synthesized.pixels)
    assert 0 < far.max() < 0.1
    made = quick.exact(seen)
    assert not made.is_preview
    assert quick.exact(made) is made
    for role, projections in made.by_role().items():
        np.testing.assert_array_equal(projections.pixels, expected.by_role()[role].pixels)
        assert projections.provenance == expected.by_role()[role].provenance


def test_what_is_measured_or_unasked_is_no_preview(live: Live, pair: DemoPair) -> None:
    view, quick = view_of(pair), with_quick(live)
    assert not quick.update(view).is_preview
    assert not quick.update(view, preview=True, measured=True).is_preview
    assert not quick.images((view,)).is_preview
    assert not live.update(view, preview=True).is_preview
    assert not live.with_generator(None).update(view, preview=True).is_preview


def test_an_exact_image_is_of_the_contrasts_in_their_places(pair: DemoPair) -> None:
    generator, view = layered(2, optional=True), view_of(pair)
    quick = with_quick(Live.prepare([None, pair.mr], None, generator, device="cpu"))
    made = quick.exact(quick.update(view, preview=True)).synthesized
    np.testing.assert_array_equal(made.pixels, quick.update(view).synthesized.pixels)
    assert made.provenance["absent"] == ["t1"]


def test_another_generator_needs_another_preview(live: Live) -> None:
    quick = with_quick(live)
    assert quick.with_generator(None).preview is None
    assert quick.with_generator(layered()).preview is None
    assert quick.with_ct(None).preview is quick.preview
    assert live.with_generator(None).with_preview().preview is None


@pytest.mark.parametrize(("half", "found"), [(0.7, True), (0.9, False), (5.0, False)])
def test_a_preview_is_used_where_bfloat16_is_quicker(
    live: Live, half: float, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {"float32": 1.0, "bfloat16": half}
    monkeypatch.setattr(synthesis, "_seconds_of_convolution", lambda: seconds)
    synthesis.bfloat16_is_worth_it.cache_clear()
    try:
        quick = live.with_preview()
    finally:
        synthesis.bfloat16_is_worth_it.cache_clear()
    assert (quick.preview is not None) == found
    assert quick.synthesizer is live.synthesizer


def test_convolutions_in_both_precisions_take_some_time() -> None:
    seconds = synthesis._seconds_of_convolution()
    assert list(seconds) == ["float32", "bfloat16"]
    assert 0 < min(seconds.values()) <= max(seconds.values()) < 1


def test_looking_for_a_preview_leaves_the_exact_images_as_they_were(live: Live, pair: DemoPair) -> None:
    before = live.update(view_of(pair)).synthesized.pixels
    np.testing.assert_array_equal(live.with_preview().update(view_of(pair)).synthesized.pixels, before)


def test_the_deviation_made_in_steps_is_that_made_at_once(pair: DemoPair, tmp_path: Path) -> None:
    card = save_generator(tmp_path / "g", tiny("unet"), card_of(name="g"))
    entry = UncertaintyCard(AUGMENTATION, 3, 2.0, 0.125, "nothing", card.weights_sha256)
    save_generator(tmp_path / "g", tiny("unet"), replace(card, uncertainty=entry))
    live = Live.prepare(
        [pair.mr], pair.ct, load_generator(tmp_path / "g"), transform=pair.truth, device="cpu"
    )
    images, steps = live.update(view_of(pair)), 0
    making = live.uncertain(images)
    while True:
        try:
            next(making)
            steps += 1
        except StopIteration as end:
            made = end.value
            break
    at_once = live.update(view_of(pair), uncertain=True)
    assert steps == 2
    assert np.array_equal(made.deviation.pixels, at_once.deviation.pixels)
    assert np.array_equal(made.synthesized.pixels, images.synthesized.pixels)
    assert made.reference is images.reference


def test_the_members_of_an_uncertainty_are_had_once_a_generator(
    pair: DemoPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[TrainedGenerator] = []
    make = UncertainSynthesizer.__init__

    def counted(self: UncertainSynthesizer, trained: TrainedGenerator, device: str) -> None:
        made.append(trained)
        make(self, trained, device)

    monkeypatch.setattr(UncertainSynthesizer, "__init__", counted)
    first, second = (
        trained(tiny(kind), uncertainty=UncertaintyCard(AUGMENTATION, 2, 1.0, 0.1, "nothing", ""))
        for kind in ("unet", "resnet")
    )
    live = Live.prepare([pair.mr], pair.ct, first, transform=pair.truth, device="cpu")
    assert made == []
    for primary in (0.0, 20.0):
        live.update(view_of(pair, primary), uncertain=True)
    live.with_ct(None).update(view_of(pair), uncertain=True)
    exhausted(live.uncertain(live.update(view_of(pair))))
    assert made == [first]
    live.with_generator(second).update(view_of(pair), uncertain=True)
    assert made == [first, second]
    with pytest.raises(MR2XRayError, match="There is no generator"):
        exhausted(live.with_generator(None).uncertain(live.update(view_of(pair))))


def test_warming_up_changes_no_image(live: Live, pair: DemoPair) -> None:
    before = live.update(view_of(pair))
    live.warm_up(np.zeros(3))
    live.with_ct(None).warm_up(np.zeros(3))
    after = live.update(view_of(pair))
    for role, projections in before.by_role().items():
        assert np.array_equal(projections.pixels, after.by_role()[role].pixels)
