"""How far a synthesized image may be off, pixel by pixel: the calibrated spread of several syntheses of one head."""

from MR2XRayLib.uncertainty.uncertain import Steps, Uncertain, UncertainSynthesizer, spread

__all__ = ["Steps", "Uncertain", "UncertainSynthesizer", "spread"]
