"""`MrProjector`: an MR prepared for many views, with the layers that a generator wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from MR2XRayLib.carm import View
from MR2XRayLib.intensity import as_mr, normalise_mr
from MR2XRayLib.mr_layers import check_layers, cut_layer, layer_of, with_layers
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection.projections import SIGNAL, Projections
from MR2XRayLib.projection.projector import Projector
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume


@dataclass(frozen=True, eq=False)
class MrProjector:
    """A normalised MR and the projectors of its layers, each made once, when it is first wanted.

    Unlike a `Projector` it keeps the voxels, which further layers are made from.

    Attributes:
        volume: the MR as `normalise_mr` gives it.
        transform: MR to the world of the views.
        device: as it was asked for: "auto", "cpu", "cuda" or "mps".
        projectors: those made so far, by the layer's name; "signal" always.
        layers: those projected beside the signal.
        within: what is projected is cut to the field of view of this volume, see `mr_layers.cut_layer`.
    """

    volume: Volume
    transform: Transform
    device: str
    projectors: Mapping[str, Projector]
    layers: tuple[str, ...] = ()
    within: Volume | None = None

    @classmethod
    def prepare(cls, mr: Volume, transform: Transform, device: str = "auto") -> MrProjector:
        """Prepare an MR as scanned; it projects the signal alone.

        Raises:
            MR2XRayError: if it is no MR, shows no head, or the device is not available.
        """
        return cls.of(normalise_mr(as_mr(mr)), transform, device)

    @classmethod
    def of(cls, volume: Volume, transform: Transform, device: str = "auto") -> MrProjector:
        """The same for an MR that is normalised already."""
        return cls(volume, transform, device, {SIGNAL: Projector(volume, transform, device=device)})

    def cut_to(self, within: Volume | None, progress: Progress = silent) -> MrProjector:
        """The same MR and layers, cut to the field of view of another volume, or whole (None).

        Args:
            within: in the world of the views; only its place counts.
            progress: of `mr_layers.layer_of`: all layers are made anew, unless the MR was whole and stays so.
        """
        if within is self.within:
            return self
        bare = replace(self, projectors={}, layers=(), within=within)
        signal = replace(bare, projectors={SIGNAL: bare._projector(self.volume)})
        return signal.with_layers(self.layers, progress)

    @property
    def signal(self) -> Projector:
        """The projector of the MR itself."""
        return self.projectors[SIGNAL]

    def with_layers(self, names: Sequence[str], progress: Progress = silent) -> MrProjector:
        """The same MR, projected with these layers; a layer not made yet takes a pass or two over the voxels.

        Args:
            names: of `mr_layers`; the signal is always projected, whether it is among them or not.
            progress: of `mr_layers.layer_of`.

        Raises:
            MR2XRayError: if there is no such layer.
        """
        wanted = tuple(name for name in check_layers(names) if name != SIGNAL)
        if wanted == self.layers:
            return self
        made = {
            name: self._projector(layer_of(self.volume, name, self.device, progress))
            for name in wanted
            if name not in self.projectors
        }
        return replace(self, projectors={**self.projectors, **made}, layers=wanted)

    def _projector(self, layer: Volume) -> Projector:
        return Projector(cut_layer(layer, self.within, self.transform), self.transform, device=self.device)

    def project(self, views: Sequence[View], progress: Progress = silent) -> Projections:
        """What `mr_layers.project_mr` gives for the same layers; raises as `Projector.project`."""
        signal = self.signal.project(views, progress)
        return with_layers(signal, {name: self.projectors[name].project(views) for name in self.layers})
