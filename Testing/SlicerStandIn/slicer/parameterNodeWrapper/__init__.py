"""`slicer.parameterNodeWrapper`: typed access to a parameter node, stored as the real one stores it.

Written anew after Base/Python/slicer/parameterNodeWrapper of Slicer 5.13, so that scenes can be read by both.
Left out: dict, tuple and Any parameters, colours, `createGui`, widgets of the package itself.
"""

from slicerstandin.namespace import shows_nothing as __dir__  # noqa: F401

from . import (
    guiConnectors,  # noqa: F401  (it registers the connectors)
    serializers,  # noqa: F401  (it registers the serializers)
)
from .default import Default
from .gui_connector import Decimals, GuiConnector, SingleStep, createGuiConnector, parameterNodeGuiConnector
from .parameterPack import isParameterPack, nestedParameterNames, parameterPack
from .serializer import Serializer, ValidatedSerializer, parameterNodeSerializer
from .types import FloatRange
from .util import findFirstAnnotation, getNodeTypes, isNodeOrUnionOfNodes, splitAnnotations, unannotatedType
from .validators import (
    Choice,
    Exclude,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    RangeBounds,
    Validator,
    WithinRange,
)
from .wrapper import SlicerParameterNamePropertyName, isParameterNodeWrapper, parameterNodeWrapper

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "FloatRange",
    "GuiConnector",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "RangeBounds",
    "Serializer",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "ValidatedSerializer",
    "Validator",
    "WithinRange",
    "createGuiConnector",
    "findFirstAnnotation",
    "getNodeTypes",
    "isNodeOrUnionOfNodes",
    "isParameterNodeWrapper",
    "isParameterPack",
    "nestedParameterNames",
    "parameterNodeGuiConnector",
    "parameterNodeSerializer",
    "parameterNodeWrapper",
    "parameterPack",
    "splitAnnotations",
    "unannotatedType",
]
