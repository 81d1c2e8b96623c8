"""Fine-tuning: it sees what the pipeline sees, it helps, its card tells the truth, and it leaves no half."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_generators import card_of, tiny

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.store import TrainedGenerator, load_generator
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.pipeline import run
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.training import finetune
from MR2XRayLib.training.finetune import fine_tune
from MR2XRayLib.training.log import LOG
from MR2XRayLib.training.sectors import (
    HELD_OUT_SECTOR_DEG,
    VALIDATED_SECTOR_DEG,
    views_outside,
    views_to_validate,
)
from MR2XRayLib.training.settings import TrainingSettings
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

SECONDS = 1 / 60
TO_CT = Transform.rigid((3.0, -2.0, 5.0), (10.0, -20.0, 30.0))


@pytest.fixture(scope="module")
def pair() -> tuple[Volume, Volume]:
    """The digital head's MR and CT in voxels of 4 mm; `TO_CT` leads from the MR's frame to the CT's."""
    head = digital_head()
    mr = head.mr("t1", 4.0, noise=10.0, seed=0).moved(np.linalg.inv(TO_CT.matrix))
    return mr, replace(head.ct(4.0), provenance={"sha256": "c" * 64})


@pytest.fixture
def trained() -> TrainedGenerator:
    """A generator that is merely its linear path: much is left to learn."""
    generator = tiny("unet").eval()
    torch.nn.init.zeros_(generator.last.weight)
    return TrainedGenerator(generator, card_of(weights_sha256="a" * 64), Path("nowhere"))


@pytest.mark.parametrize("whole_field", [True, False])
def test_it_projects_what_the_pipeline_projects(
    pair: tuple[Volume, Volume], trained: TrainedGenerator, whole_field: bool
) -> None:
    mr, ct = pair
    if not whole_field:
        mr = replace(
            mr, voxels=mr.voxels[20:], affine=mr.affine @ Transform.rigid((0, 0, 0), (0, 0, 20)).matrix
        )
    own = RegisteredPair.of([mr], ct, TO_CT, "rigid", 70.0)
    views = views_outside(own, trained.card, np.random.default_rng(0), 2)
    expected = run([mr], ct, trained, lambda carm: views, transform=TO_CT, energy_kev=70.0, device="cpu")
    contrasts, xray = own.projected(views)
    assert expected.reference is not None
    np.testing.assert_allclose(contrasts[0].pixels, expected.mr[0].pixels, atol=1e-4)
    np.testing.assert_allclose(xray.pixels, expected.reference.pixels, atol=1e-5)


def test_validated_views_are_ten_degrees_from_those_trained_on(pair: tuple[Volume, Volume]) -> None:
    own = RegisteredPair.of([pair[0]], pair[1], TO_CT, "rigid", 60.0)

    def primaries(views: tuple) -> np.ndarray:
        # A view and the one from behind see the same rays.
        return np.array([view.angulation.primary for view in views]) % 180

    rng = np.random.default_rng(0)
    trained_on = primaries(views_outside(own, card_of(), rng, 400))
    validated = primaries(views_to_validate(own, card_of(), 0))
    low, high = HELD_OUT_SECTOR_DEG
    assert not ((trained_on > low) & (trained_on < high)).any()
    assert np.ptp(trained_on) > 170
    assert ((validated >= VALIDATED_SECTOR_DEG[0]) & (validated <= VALIDATED_SECTOR_DEG[1])).all()
    assert np.abs(trained_on[:, None] - validated).min() >= 10


def test_no_pair_is_mirrored_since_that_would_show_the_held_out_side_of_a_head_alike_on_both(
    pair: tuple[Volume, Volume], trained: TrainedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    def stop(
        network: object, pairs: object, settings: TrainingSettings, *rest: object, **more: object
    ) -> None:
        assert [stage.pairs.mirrored for stage in settings.stages] == [False]
        raise Stopped

    monkeypatch.setattr(finetune, "train", stop)
    with pytest.raises(Stopped):
        fine_tune(trained, *pair, tmp_path / "mine", minutes=1, transform=TO_CT)


def test_tuning_helps_and_the_card_tells_of_it(
    pair: tuple[Volume, Volume],
    trained: TrainedGenerator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So small a network stands higher rates, and is to learn in seconds, however busy the machine.
    monkeypatch.setattr(finetune, "MOST_STEPS", 60)
    monkeypatch.setattr(finetune, "LEARNING_RATE", 3e-3)
    monkeypatch.setattr(finetune, "MATRIX_LEARNING_RATE", 3e-2)
    before = [value.clone() for value in trained.generator.state_dict().values()]
    told: list[tuple[str, float]] = []
    card = fine_tune(
        trained,
        *pair,
        tmp_path / "mine",
        minutes=10,
        transform=TO_CT,
        progress=lambda stage, fraction: told.append((stage, fraction)),
    )
    assert card.name == "mine"
    was, now = card.metrics["seen_head_before"], card.metrics["seen_head_after"]
    assert now["masked_psnr"] > was["masked_psnr"] + 1
    assert now["mae"] < was["mae"]
    assert card.data["started_from"]["weights_sha256"] == "a" * 64
    assert card.data["ct"] == {"name": pair[1].name, "sha256": "c" * 64}
    assert card.data["mr"] == [{"name": pair[0].name, "sha256": "in memory"}]
    assert card.limits[-1].startswith("Tuned on one head")
    assert card.data["energy_kev"] == 60.0
    # It was tuned all round, however narrow its parent's angles were.
    assert card.geometry.primary_deg == (-180.0, 180.0) != trained.card.geometry.primary_deg
    lines = [json.loads(line) for line in (tmp_path / "mine" / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20, 30, 40, 50, 60]
    assert card.training["steps_done"] == {"stage 1": 60}
    assert all(line["loss"] > 0 for line in lines)
    assert [told[0][0], *told[-3:]] == ["train", ("train", 1.0), ("evaluate", 0.0), ("evaluate", 1.0)]
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        LOG,
        "model.json",
        "weights.safetensors",
    ]
    loaded = load_generator(tmp_path / "mine").card
    assert (loaded.weights_sha256, loaded.metrics) == (card.weights_sha256, card.metrics)
    for old, value in zip(before, trained.generator.state_dict().values(), strict=True):
        assert torch.equal(old, value)


def test_an_interrupted_tuning_leaves_nothing(
    pair: tuple[Volume, Volume], trained: TrainedGenerator, tmp_path: Path
) -> None:
    def interrupt(stage: str, fraction: float) -> None:
        if fraction > 0.2:
            assert (tmp_path / "mine").is_dir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(trained, *pair, tmp_path / "mine", minutes=2 * SECONDS, transform=TO_CT, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_senseless_requests_are_refused_before_anything_is_written(
    pair: tuple[Volume, Volume], trained: TrainedGenerator, tmp_path: Path
) -> None:
    mr, ct = pair

    def refused(
        words: str, mr: Volume | list[Volume], ct: Volume, name: str = "mine", minutes: float = 1
    ) -> None:
        with pytest.raises(MR2XRayError, match=words):
            fine_tune(trained, mr, ct, tmp_path / name, minutes=minutes, transform=TO_CT)

    (tmp_path / "old").mkdir()
    (tmp_path / "file").touch()
    refused("exists already", mr, ct, name="old")
    refused("Cannot write into", mr, ct, name="file/mine")
    refused("cannot be the name", mr, ct, name="my generator")
    refused("cannot take 0 minutes", mr, ct, minutes=0)
    refused("needs 1 MR contrasts", [mr, mr], ct)
    refused("not MR", ct, mr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "old"]
    assert list((tmp_path / "old").iterdir()) == []
