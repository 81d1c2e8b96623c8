"""The typed parameter node: the module's whole state, saved with the scene."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode, vtkMRMLTableNode, vtkMRMLTransformNode
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper, parameterPack

from MR2XRayScene.geometry import RANGES

METRICS = ("hp_corr", "frc_mid", "ssim", "psnr", "masked_psnr", "mae", "rmse")
"""What can be plotted over the views; see `MR2XRayLib.metrics.Metrics`."""


class Choices(Enum):
    """A list to choose from; its values are what the panel's boxes show."""

    def label(self) -> str:
        """What a box shows, by the convention of Slicer's parameter node wrapper."""
        return str(self.value)


class Alignment(Choices):
    """How the MR comes to lie on the CT."""

    RIGID = "Register, rigid"
    AFFINE = "Register, affine"
    TRANSFORM = "Use a transform"
    ALIGNED = "Already aligned"


class Isocentre(Choices):
    """The point that the C-arm turns about."""

    HEAD = "Centre of the head"
    POINT = "A point"


class Quantity(Choices):
    """What a pixel of an X-ray image is."""

    LINE_INTEGRAL = "Line integral"
    INTENSITY = "Detector intensity"


class Fourth(Choices):
    """What stands in the fourth image's place."""

    DIFFERENCE = "Difference"
    EXPECTED_ERROR = "Expected error"


class Head(Choices):
    """How the head is shown in the 3D view."""

    SURFACE = "Surface"
    VOLUME = "Volume rendering"
    HIDDEN = "Hidden"


@parameterPack
class CArmParameters:
    """The C-arm: degrees in DICOM's signs, lengths in mm; the defaults are those of `MR2XRayLib.carm.CArm`."""

    preset: str = "default"
    primaryDeg: Annotated[float, WithinRange(-180, 180)] = 0.0
    secondaryDeg: Annotated[float, WithinRange(-90, 90)] = 0.0
    sourceToIsocentreMm: Annotated[float, WithinRange(*RANGES["sourceToIsocentreMm"])] = 750.0
    sourceToDetectorMm: Annotated[float, WithinRange(*RANGES["sourceToDetectorMm"])] = 1200.0
    detectorHeightMm: Annotated[float, WithinRange(*RANGES["detectorHeightMm"])] = 400.0
    detectorWidthMm: Annotated[float, WithinRange(*RANGES["detectorWidthMm"])] = 400.0
    rows: Annotated[int, WithinRange(*RANGES["rows"])] = 256
    columns: Annotated[int, WithinRange(*RANGES["columns"])] = 256
    isocentre: Isocentre = Isocentre.HEAD
    isocentrePoint: vtkMRMLMarkupsFiducialNode


@parameterPack
class DisplayParameters:
    """How images are shown; none of it changes a result."""

    quantity: Quantity = Quantity.LINE_INTEGRAL
    inverted: bool = False
    sharedWindow: bool = True
    fourth: Fourth = Fourth.DIFFERENCE
    head: Head = Head.SURFACE
    plotMetric: Annotated[str, Choice(METRICS)] = "hp_corr"


@parameterNodeWrapper
class MR2XRayParameterNode:
    """The state of the module.

    Attributes:
        mr, moreMr: the first contrast and the further ones, in the order of the generator's card; None where one is
            absent. The first that is there is registered.
        ct: None synthesizes without a reference.
        alignment, transform: how, and the transform node to use with `Alignment.TRANSFORM`.
        wholeCt, energyKev: as in `MR2XRayLib.pipeline.run`.
        carm: distances, detector, angles, isocentre.
        viewsJson: the kept views, a JSON list of `View.to_json`.
        generator: its name in the store; empty is the default one.
        live: whether images follow the sliders.
        resultIndex: which view of the stacks is shown.
        shownMr, ...: the four images; allMr, ...: the stacks; metrics: their table.
    """

    mr: vtkMRMLScalarVolumeNode
    moreMr: list[vtkMRMLScalarVolumeNode]
    ct: vtkMRMLScalarVolumeNode
    alignment: Alignment = Alignment.RIGID
    transform: vtkMRMLTransformNode
    wholeCt: bool = False
    energyKev: Annotated[float, WithinRange(20, 150)] = 60.0
    carm: CArmParameters
    viewsJson: str = "[]"
    generator: str = ""
    live: bool = False
    resultIndex: int = 0
    display: DisplayParameters
    shownMr: vtkMRMLScalarVolumeNode
    shownSynthesized: vtkMRMLScalarVolumeNode
    shownReference: vtkMRMLScalarVolumeNode
    shownDifference: vtkMRMLScalarVolumeNode
    allMr: vtkMRMLScalarVolumeNode
    allSynthesized: vtkMRMLScalarVolumeNode
    allReference: vtkMRMLScalarVolumeNode
    allDifference: vtkMRMLScalarVolumeNode
    allDeviation: vtkMRMLScalarVolumeNode
    metrics: vtkMRMLTableNode
