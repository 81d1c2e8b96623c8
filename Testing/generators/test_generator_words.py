"""A generator's card in words: all that a reader must know, and no harm by a stranger's."""

from __future__ import annotations

from dataclasses import replace

from tiny_generators import card_of

from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.uncertainty_card import UncertaintyCard
from MR2XRayLib.generators.words import WARNING, card_words
from MR2XRayLib.resources import resource_folder


def test_the_shipped_card_tells_all_that_a_reader_must_know() -> None:
    folder = next(path.parent for path in resource_folder("Models").glob("*/model.json"))
    card = ModelCard.read(folder)
    words = card_words(card)
    assert words[0] == WARNING
    assert "may hide" in WARNING
    assert "invent" in WARNING
    text = "\n".join(words)
    for fact in (card.name, str(card.data["kind"]), *card.limits, card.licence, card.weights_sha256):
        assert fact in text
    numbers = next(iter(card.metrics.values()))
    assert f"PSNR {numbers['masked_psnr']:.1f} dB" in text


def test_a_card_without_numbers_says_that_it_was_never_measured() -> None:
    text = "\n".join(card_words(card_of("unet")))
    assert "never measured" in text
    assert "does not say what" in text
    assert "Licence: not stated" in text


def test_an_expected_error_is_told_with_what_it_was_worth_elsewhere() -> None:
    entry = UncertaintyCard("ensemble", 2, 2.0, 0.1, "two heads", weights_sha256="5a")
    card = card_of("unet", weights_sha256="5a")
    assert "expected error" not in "\n".join(card_words(card))
    assert "expected error" not in "\n".join(
        card_words(replace(card, weights_sha256="6b", uncertainty=entry))
    )
    text = "\n".join(card_words(replace(card, uncertainty=entry)))
    assert "calibrated on two heads; it was not held against" in text
    for numbers in ({"rms_predicted": 0.9, "rms_error": 0.8}, {"rms_predicted": 0.123, "rms_error": 0.456}):
        entry = entry.measured_on("registered_pair", numbers)
    entry = entry.measured_on("registered_pair_two", {"rms_predicted": 0.3, "rms_error": 0.2})
    text = "\n".join(card_words(replace(card, uncertainty=entry)))
    assert "0.12 and 0.46 on registered pair; 0.30 and 0.20 on registered pair two." in text


def test_a_strangers_card_cannot_flood_the_panel() -> None:
    numbers = {f"{name}_on_{n}": 1.0 for name in ("rms_predicted", "rms_error") for n in range(9999)}
    entry = UncertaintyCard("x", 2, 2.0, 0.1, "y" * 9999, weights_sha256="", metrics=numbers)
    long = {"limits": ("x" * 100_000,), "data": {"kind": ["a\nb"] * 9999}, "uncertainty": entry}
    card = replace(card_of("unet"), **long)
    assert len("\n".join(card_words(card))) < 4000


def test_a_strangers_card_does_not_reach_the_terminal_raw() -> None:
    escape = "\x1b[2J" + "x" * 5000
    names = {"name": escape, "version": escape, "licence": escape, "limits": (escape,)}
    text = "\n".join(card_words(replace(card_of("unet"), **names)))
    assert text.replace("\n", "").isprintable()
    assert len(text) < 4000
