"""A model card for people: what the generator is, what it was trained on, how good it is, and what it cannot do."""

from __future__ import annotations

from collections.abc import Mapping

from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.projection.projections import SIGNAL

WARNING = (
    "A synthesized X-ray image is a guess from MR: it may hide findings that are there and invent some that are not. "
    "Not for diagnosis or treatment."
)

SHOWN = {
    "masked_psnr": ("PSNR", "{:.1f} dB"),
    "masked_ssim": ("SSIM", "{:.2f}"),
    "masked_mae": ("MAE", "{:.3f}"),
    "hp_corr": ("correlation of fine detail", "{:.2f}"),
}
"""The metrics that are told, all inside the head: their names and forms; the card's file holds the rest."""

MOST_CHARACTERS = 300
"""Of one free entry of a card, which may be a stranger's."""


def card_words(card: ModelCard) -> tuple[str, ...]:
    """The card as paragraphs of plain text, the warning first."""
    paragraphs = [
        WARNING,
        _what(card),
        _trained_on(card),
        _geometry(card),
        *_metrics(card),
        *_expected_error(card),
    ]
    if card.limits:
        paragraphs.append("Limits: " + " ".join(_short(limit) for limit in card.limits))
    if card.intended_use:
        paragraphs.append(f"Made for: {_short(card.intended_use)}")
    paragraphs.append(
        f"Licence: {_short(card.licence) or 'not stated'}. SHA-256 of the weights: {_short(card.weights_sha256)}."
    )
    return tuple(paragraphs)


def _what(card: ModelCard) -> str:
    contrasts, layers = card.input.contrasts, card.input.layers
    many = len(contrasts) > 1
    absent = ", all but one of which may be absent" if card.input.optional and many else ""
    made = f"; it sees the layers {_short(', '.join(layers))}, made from the MR volume"
    seen = made if layers != (SIGNAL,) else ""
    return (
        f"{_short(card.name)} {_short(card.version)}: a {_short(card.architecture)} of {_short(card.width)} width with "
        f"{card.parameters:,} parameters, from projections of {len(contrasts)} MR contrast{'s' if many else ''} "
        f"({_short(', '.join(contrasts))}){absent}{seen}."
    )


def _trained_on(card: ModelCard) -> str:
    parent = card.data.get("started_from")
    sources = [str(card.data[entry]) for entry in ("kind", "source") if card.data.get(entry)]
    told = "; ".join(_short(source) for source in sources) or "its card does not say what"
    words = f"Trained on: {told}."
    if isinstance(parent, Mapping) and parent.get("name"):
        words += f" It was tuned from the generator {_short(str(parent['name']))}."
    return words


def _geometry(card: ModelCard) -> str:
    geometry = card.geometry
    (right, left), (feet, head) = geometry.primary_deg, geometry.secondary_deg
    return (
        f"Trained for a C-arm with the source {geometry.source_to_isocentre_mm:g} mm from the isocentre and "
        f"{geometry.source_to_detector_mm:g} mm from a detector of {geometry.detector_mm[0]:g} by "
        f"{geometry.detector_mm[1]:g} mm with {geometry.pixels[0]} by {geometry.pixels[1]} pixels; primary angles "
        f"{right:g} to {left:g}°, secondary angles {feet:g} to {head:g}°."
    )


def _metrics(card: ModelCard) -> list[str]:
    """A paragraph an evaluation set, with a linear map's number beside each where the card has it."""
    paragraphs = []
    for name, numbers in card.metrics.items():
        told = [_metric(numbers, key) for key in SHOWN if key in numbers]
        if told:
            paragraphs.append(f"Inside the head, on {_short(name.replace('_', ' '))}: {'; '.join(told)}.")
    return paragraphs or ["It was never measured: its card holds no metrics."]


def _expected_error(card: ModelCard) -> list[str]:
    """Where the card has an uncertainty, what it was worth on heads that it was not calibrated on."""
    if card.uncertainty is None or not card.has_uncertainty:
        return []
    entry = card.uncertainty
    told = [
        f"{expected:.2f} and {real:.2f} on {_short(group.replace('_', ' '))}"
        for group, (expected, real) in entry.expected_and_real().items()
    ]
    measured = (
        f"root mean squares of expected and real errors were {_short('; '.join(told))}"
        if told
        else "it was not held against the real one on any others"
    )
    return [
        f"Its expected error was calibrated on {_short(entry.calibrated_on)}; {measured}. On heads unlike these it "
        "may be wrong by more."
    ]


def _metric(numbers: Mapping[str, float], key: str) -> str:
    name, form = SHOWN[key]
    linear = numbers.get(f"linear_map_{key}")
    beside = "" if linear is None else f" (a linear map of the MR: {form.format(linear)})"
    return f"{name} {form.format(numbers[key])}{beside}"


def _short(text: str) -> str:
    """In one line that a terminal shows as it is: control characters could move its cursor or hide what follows."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    text = " ".join(text.split())
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
