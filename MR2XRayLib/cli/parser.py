"""The words of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from MR2XRayLib import __version__
from MR2XRayLib.cli import commands
from MR2XRayLib.device import DEVICES
from MR2XRayLib.views import DEFAULT_VIEWS

EPILOG = (
    "A synthesized X-ray image is a guess from MR: it may hide or invent findings. "
    "This is research software, not a medical device."
)
VIEWS_HELP = (
    'views in words, "PA, LATL, LAO45/CRA20", as primary/secondary degrees, "-45/0", as a sweep, '
    '"sweep -90..90 step 5", or a CSV or JSON file (a projection\'s sidecar too)'
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of `mr2xray`; each command sets `command` to the function that runs it."""
    parser = argparse.ArgumentParser(prog="mr2xray", description=__doc__, epilog=EPILOG)
    parser.description = (
        "X-ray projections of a head synthesized from MR projections, beside their reference."
    )
    parser.add_argument("--version", action="version", version=f"mr2xray {__version__}")
    words = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(words)
    _add_run(words)
    _add_register(words)
    _add_project(words)
    _add_synthesize(words)
    _add_compare(words)
    _add_generators(words)
    return parser


def _add(words: argparse._SubParsersAction, name: str, command: object, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = words.add_parser(name, help=text, description=text, epilog=EPILOG)
    parser.set_defaults(command=command)
    parser.add_argument(
        "--progress", choices=("bar", "json", "none"), default="bar", help="how to tell progress"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of a fault")
    return parser


def _add_geometry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--views", metavar="SPEC|FILE", default=DEFAULT_VIEWS, help=f"{VIEWS_HELP}; {DEFAULT_VIEWS}"
    )
    parser.add_argument("--carm", metavar="NAME|FILE", help="a C-arm preset's name, or a JSON file")


def _add_ct(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--energy", type=float, default=60.0, metavar="KEV", help="effective energy, CT (60 keV)"
    )
    parser.add_argument(
        "--whole-ct",
        action="store_true",
        help="leave in the CT what an MR does not show: table, headrest, and (run) what lies outside its field of view",
    )


def _add_generator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--generator", metavar="NAME|DIR", help="a trained generator (see: mr2xray generators)"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto")


def _add_demo(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "demo", commands.demo, "the digital head, end to end")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    _add_geometry(parser)
    _add_generator(parser)


def _add_run(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "run", commands.run, "the main job: register, project, synthesize, compare")
    parser.add_argument(
        "--mr", type=Path, required=True, action="append", help="an MR volume; again per contrast"
    )
    parser.add_argument("--ct", type=Path, help="a CT volume in HU; without it there is no reference")
    parser.add_argument("--transform", type=Path, metavar="T", help="MR to CT, if known (.tfm, .h5)")
    parser.add_argument("--preset", choices=("rigid", "affine"), default="rigid", help="how to register")
    _add_ct(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    _add_geometry(parser)
    _add_generator(parser)


def _add_register(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "register", commands.register, "register an MR to a CT volume with elastix")
    parser.add_argument("--fixed", type=Path, required=True, metavar="CT")
    parser.add_argument("--moving", type=Path, required=True, metavar="MR")
    parser.add_argument("--preset", choices=("rigid", "affine"), default="rigid")
    parser.add_argument("--out", type=Path, required=True, metavar="T.tfm")


def _add_project(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "project", commands.project, "forward projections of one volume")
    parser.add_argument("volume", type=Path, metavar="VOLUME")
    parser.add_argument(
        "--as",
        dest="modality",
        choices=("ct", "mr", "raw"),
        required=True,
        help="ct: HU to attenuation; mr: normalised intensity; raw: voxel values times mm, unconverted",
    )
    parser.add_argument("--transform", type=Path, metavar="T", help="of the volume to the world of the views")
    _add_ct(parser)
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--out", type=Path, required=True, metavar="P.nrrd")
    _add_geometry(parser)


def _add_synthesize(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "synthesize", commands.synthesize, "X-ray projections from MR projections")
    parser.add_argument("projections", type=Path, nargs="+", metavar="P.nrrd", help="one file a contrast")
    parser.add_argument("--out", type=Path, required=True, metavar="S.nrrd")
    _add_generator(parser)


def _add_compare(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "compare", commands.compare, "metrics of synthesized against reference projections")
    parser.add_argument("synthesized", type=Path, metavar="S.nrrd")
    parser.add_argument("reference", type=Path, metavar="R.nrrd")
    parser.add_argument("--out", type=Path, metavar="metrics.json")


def _add_generators(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "generators", commands.generators, "the trained generators at hand")
    parser.add_argument("action", nargs="?", choices=("list", "show"), default="list")
    parser.add_argument("name", nargs="?", metavar="NAME")
