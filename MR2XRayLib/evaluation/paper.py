"""Table I of the paper, to stand beside ours."""

from __future__ import annotations

from dataclasses import dataclass

from MR2XRayLib.evaluation.results import GeneratorIdentity

CITATION = (
    "B. Stimpel, C. Syben, T. Würfl, K. Mentl, A. Dörfler, A. Maier: MR to X-Ray Projection Image Synthesis. "
    "arXiv 1710.07498, Table I"
)


@dataclass(frozen=True)
class PaperRow:
    """One row.

    Attributes:
        architecture, loss: ours of the same kind have these names.
        mae, ssim, psnr: as printed; PSNR in dB.
    """

    architecture: str
    loss: str
    mae: float
    ssim: float
    psnr: float

    def is_like(self, generator: GeneratorIdentity) -> bool:
        """Whether a generator is of this network and trained with this loss alone."""
        return generator.architecture == self.architecture and generator.losses == (self.loss,)


TABLE_I = (
    PaperRow("unet", "perceptual", 0.083, 0.891, 26.994),
    PaperRow("resnet", "perceptual", 0.077, 0.924, 27.675),
    PaperRow("crn", "perceptual", 0.071, 0.931, 28.353),
    PaperRow("unet", "l1", 0.068, 0.917, 28.506),
    PaperRow("resnet", "l1", 0.058, 0.938, 30.067),
    PaperRow("crn", "l1", 0.084, 0.920, 27.097),
)
