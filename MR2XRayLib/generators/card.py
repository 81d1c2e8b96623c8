"""`ModelCard`: what a trained generator is, what it was made for and what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import read_json
from MR2XRayLib.generators.applicability import TrainedGeometry, unlike_geometry, unlike_values
from MR2XRayLib.generators.uncertainty_card import UncertaintyCard
from MR2XRayLib.projection.projections import SIGNAL, Projections
from MR2XRayLib.scale import XRAY_FULL_SCALE

__all__ = ["CARD", "InputCard", "ModelCard", "OutputCard", "TrainedGeometry"]

CARD = "model.json"
LARGEST_CARD = 1 << 20
"""Bytes."""
LARGEST_NUMBER = 1e30


@dataclass(frozen=True)
class InputCard:
    """What the generator takes.

    Attributes:
        contrasts: their names, in the order in which projections are given ("t1").
        layers: of each contrast that the generator sees, one a channel, see `mr_layers`; the channels of the first
            contrast come first.
        full_scale_mm: the line integral of normalised MR intensity, in `unit`, that becomes +1; 0 becomes -1.
        unit: of the projections' pixels.
        optional: any contrast but one may be absent: the generator was trained with contrasts left out.
        estimator_sha256: of the weights that made the layer "attenuation" in the training; empty without that layer.
    """

    contrasts: tuple[str, ...]
    full_scale_mm: float
    unit: str = "mm"
    optional: bool = False
    layers: tuple[str, ...] = (SIGNAL,)
    estimator_sha256: str = ""


@dataclass(frozen=True)
class OutputCard:
    """What the generator gives: line integrals of attenuation; `full_scale` is what +1 stands for."""

    full_scale: float = XRAY_FULL_SCALE
    unit: str = "1"


@dataclass(frozen=True)
class ModelCard:
    """All that `model.json` says of a trained generator.

    Attributes:
        name, version: of the generator; the name is also that of its folder.
        architecture, width, in_channels, options: the arguments of `build`.
        parameters: number of trained values.
        input, output, geometry: scales, units and C-arm.
        data, loss, training: how it was trained; free form.
        metrics: for each evaluation set, named numbers.
        uncertainty: how its standard deviation is made; None where none was calibrated.
        licence, intended_use, limits: of the weights; limits are sentences.
        weights_sha256: SHA-256 of weights.safetensors, 64 hex digits; empty until the generator is saved.
    """

    name: str
    version: str
    architecture: str
    width: str
    in_channels: int
    input: InputCard
    geometry: TrainedGeometry
    output: OutputCard = field(default_factory=OutputCard)
    options: Mapping[str, Any] = field(default_factory=dict)
    parameters: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    loss: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    uncertainty: UncertaintyCard | None = None
    licence: str = ""
    intended_use: str = ""
    limits: tuple[str, ...] = ()
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        geometry = self.geometry
        positive = {
            "input.full_scale_mm": self.input.full_scale_mm,
            "output.full_scale": self.output.full_scale,
            "geometry.pixel_pitch_mm": geometry.pixel_pitch_mm,
            "geometry.source_to_isocentre_mm": geometry.source_to_isocentre_mm,
            "geometry.source_to_detector_mm": geometry.source_to_detector_mm,
            "geometry.detector_mm": min(geometry.detector_mm),
        }
        for entry, value in positive.items():
            if not value > 0:
                raise MR2XRayError(
                    f'The model card "{self.name}" has {entry} {value:g}; it must be positive.'
                )
        contrasts, layers = self.input.contrasts, self.input.layers
        if len(contrasts) * len(layers) != self.in_channels:
            raise MR2XRayError(
                f'The model card "{self.name}" names {len(contrasts)} contrasts of {len(layers)} layers for '
                f"{self.in_channels} input channels; make them as many."
            )
        if (self.input.unit, self.output.unit) != ("mm", "1"):
            raise MR2XRayError(
                f'The model card "{self.name}" has the units {self.input.unit!r} and {self.output.unit!r}; only '
                'input in "mm" and output in "1" are known.'
            )

    def to_json(self) -> dict[str, Any]:
        """The content of `model.json`."""
        return asdict(self)

    def outside_training(self, projections: Projections) -> list[str]:
        """Warnings, in sentences, that projections (mm) are not of the kind trained for; often none."""
        return [
            *unlike_geometry(self.geometry, projections.views),
            *unlike_values(self.input.full_scale_mm, projections.pixels),
        ]

    @property
    def has_uncertainty(self) -> bool:
        """Whether there is an uncertainty of these weights."""
        return self.uncertainty is not None and self.uncertainty.weights_sha256 == self.weights_sha256

    def usable_uncertainty(self) -> UncertaintyCard:
        """The entry `uncertainty`, of these weights.

        Raises:
            MR2XRayError: if there is none, or it was calibrated with other weights.
        """
        if self.uncertainty is None:
            raise MR2XRayError(
                f'The generator "{self.name}" has no uncertainty: none was calibrated; choose another generator, or '
                "synthesize without a standard deviation."
            )
        if not self.has_uncertainty:
            raise MR2XRayError(
                f'The uncertainty of the generator "{self.name}" was calibrated with other weights; calibrate it '
                "again, or synthesize without a standard deviation."
            )
        return self.uncertainty

    @classmethod
    def read(cls, folder: Path) -> ModelCard:
        """The card in a generator's folder, without its weights.

        Raises:
            MR2XRayError: if it is missing, too large, or not a model card.
        """
        path = Path(folder) / CARD
        if path.is_file() and path.stat().st_size > LARGEST_CARD:
            raise MR2XRayError(f"{path} is too large for a model card; replace it.")
        content = read_json(path, "model card")
        try:
            return cls.from_json(content)
        except MR2XRayError as error:
            raise MR2XRayError(f"{path}: {error}") from None

    @classmethod
    def from_json(cls, content: Any) -> ModelCard:
        """The card in a `model.json`; keys that this version does not know are passed over.

        Raises:
            MR2XRayError: if an entry is missing, of the wrong type, or not sensible.
        """
        return _read(cls, content, "")


Card = TypeVar("Card")


def _read(kind: type[Card], content: Any, entry: str) -> Card:
    """A (nested) dataclass out of JSON; `entry` is the dotted name of where it stands, for the message."""
    if not isinstance(content, Mapping):
        raise MR2XRayError(
            f"The model card{entry and ' entry '}{entry} is not a JSON object; replace the card."
        )
    types = get_type_hints(kind)
    values = {}
    for item in fields(kind):  # type: ignore[arg-type]
        name = f"{entry}.{item.name}".lstrip(".")
        if item.name in content:
            values[item.name] = _value(types[item.name], content[item.name], name)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise MR2XRayError(f"The model card lacks the entry {name}; replace the card.")
    return kind(**values)


def _value(kind: Any, value: Any, entry: str) -> Any:
    """`value` as the annotated type `kind`: numbers, text, tuples of them, mappings and nested cards."""
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _read(kind, value, entry)  # type: ignore[arg-type]
    origin, inner = get_origin(kind), get_args(kind)
    if NoneType in inner:
        return None if value is None else _value(inner[0], value, entry)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = (inner[0],) * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) == len(value):
            return tuple(
                _value(k, v, f"{entry}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True))
            )
    if origin is Mapping and isinstance(value, Mapping):
        return {key: _value(inner[1], item, f"{entry}.{key}") for key, item in value.items()}
    if kind is float and type(value) in (int, float) and abs(value) < LARGEST_NUMBER:
        return value  # a count stays whole, so that a card written again differs in what is new alone
    if kind in (int, str, bool) and type(value) is kind:
        return value
    raise MR2XRayError(f"The model card entry {entry} cannot be {value!r:.60}; replace the card.")
