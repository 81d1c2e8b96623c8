"""How far a synthesized image may be off, pixel by pixel: the calibrated spread of several syntheses of one head."""

from MR2XRayLib.uncertainty.uncertain import Uncertain, UncertainSynthesizer, spread

__all__ = ["Uncertain", "UncertainSynthesizer", "spread"]
