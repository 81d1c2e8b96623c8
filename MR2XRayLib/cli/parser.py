"""The words of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from MR2XRayLib import __version__
from MR2XRayLib.cli import commands, export_commands, generator_commands, training_commands
from MR2XRayLib.cli.calibrate_parser import add_calibrate
from MR2XRayLib.cli.cohort_parser import add_cohort
from MR2XRayLib.cli.evaluate_parser import add_evaluate
from MR2XRayLib.cli.inputs import ABSENT, DEFAULT_PRESET, path_or_absent
from MR2XRayLib.cli.project_command import project
from MR2XRayLib.cli.train_parser import add_train, add_train_estimator
from MR2XRayLib.device import DEVICES
from MR2XRayLib.dicom_export import KINDS
from MR2XRayLib.views import DEFAULT_VIEWS

EPILOG = (
    "A synthesized X-ray image is a guess from MR: it may hide or invent findings. "
    "This is research software, not a medical device."
)
ABSENT_HELP = (
    f'the word "{ABSENT}" stands for one that is not there, where the generator can do without it; those after the '
    "last may be left out"
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
    _add_finetune(words)
    add_train(_add, words)
    add_train_estimator(_add, words)
    add_cohort(_add, words)
    add_evaluate(_add, words)
    add_calibrate(_add, words)
    _add_exports(words)
    return parser


def _add(
    words: argparse._SubParsersAction, name: str, command: object, text: str, nested: bool = False
) -> argparse.ArgumentParser:
    """A command; `nested` is an action of one, which leaves alone what was said before it."""
    parser: argparse.ArgumentParser = words.add_parser(name, help=text, description=text, epilog=EPILOG)
    parser.set_defaults(command=command)
    styles, absent = ("bar", "json", "none"), argparse.SUPPRESS
    parser.add_argument(
        "--progress", choices=styles, default=absent if nested else "bar", help="how to tell progress (bar)"
    )
    for option, help_text in (
        ("--end-with-stdin", "cancel when standard input closes, for a program that holds it as a pipe"),
        ("--debug", "show the traceback of a fault"),
    ):
        parser.add_argument(option, action="store_true", default=absent if nested else False, help=help_text)
    return parser


def _add_geometry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--views", metavar="SPEC|FILE", default=DEFAULT_VIEWS, help=f"{VIEWS_HELP}; {DEFAULT_VIEWS}"
    )
    parser.add_argument("--carm", metavar="NAME|FILE", help="a C-arm preset's name, or a JSON file")


def _add_energy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--energy", type=float, default=60.0, metavar="KEV", help="effective energy, CT (60 keV)"
    )


def _add_ct(parser: argparse.ArgumentParser) -> None:
    _add_energy(parser)
    parser.add_argument(
        "--whole-ct",
        action="store_true",
        help="leave in the CT what an MR does not show: table, headrest, and what lies outside its field of view",
    )


def _add_generator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--generator", metavar="NAME|DIR", help="a trained generator (see: mr2xray generators)"
    )
    _add_device(parser)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="to calculate on; auto, the default, is a GPU where there is one",
    )


def _add_demo(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "demo", commands.demo, "the digital head, end to end")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder for the results")
    _add_geometry(parser)
    _add_generator(parser)


def _add_run(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "run", commands.run, "the main job: register, project, synthesize, compare")
    parser.add_argument(
        "--uncertainty",
        action="store_true",
        help="the expected error of every pixel too, where the generator tells it; of some it takes several syntheses",
    )
    _add_pair(parser, ct="a CT volume in HU; without it there is no reference", ct_needed=False)
    _add_ct(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder for the results")
    _add_geometry(parser)
    _add_generator(parser)


def _add_pair(parser: argparse.ArgumentParser, ct: str, ct_needed: bool) -> None:
    parser.add_argument(
        "--mr",
        type=path_or_absent,
        required=True,
        action="append",
        metavar="MR",
        help=f"an MR volume; again per contrast, in the generator's order; {ABSENT_HELP}",
    )
    parser.add_argument("--ct", type=Path, required=ct_needed, help=ct)
    parser.add_argument("--transform", type=Path, metavar="T", help="MR to CT, if known (.tfm, .h5)")
    parser.add_argument("--preset", choices=("rigid", "affine"), help=f"how to register ({DEFAULT_PRESET})")


def _add_register(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "register", commands.register, "register an MR to a CT volume with elastix")
    parser.add_argument("--fixed", type=Path, required=True, metavar="CT", help="a CT volume in HU")
    parser.add_argument("--moving", type=Path, required=True, metavar="MR", help="an MR volume")
    parser.add_argument(
        "--preset",
        choices=("rigid", "affine"),
        default="rigid",
        help="affine allows for scale and shear, rigid (the default) does not",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="T.tfm",
        help="the transform; its quality beside it, in T.json",
    )


def _add_project(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "project", project, "forward projections of one volume")
    parser.add_argument("volume", type=Path, metavar="VOLUME")
    parser.add_argument(
        "--as",
        dest="modality",
        choices=("ct", "mr", "raw"),
        required=True,
        help="ct: HU to attenuation; mr: normalised intensity; raw: voxel values times mm, unconverted",
    )
    parser.add_argument(
        "--transform",
        type=Path,
        metavar="T",
        help="of the volume to the world of the views; with --within: of the MR to the CT, which stays where it is",
    )
    parser.add_argument(
        "--within",
        type=Path,
        metavar="V",
        help="with --as ct, the MR volume, with --as mr the CT: leave out what that does not show, as run does, for "
        "fair numbers",
    )
    _add_ct(parser)
    _add_device(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="P.nrrd", help="the projections; beside them P.json"
    )
    _add_geometry(parser)


def _add_synthesize(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "synthesize", commands.synthesize, "X-ray projections from MR projections")
    parser.add_argument(
        "--deviation",
        type=Path,
        metavar="D.nrrd",
        help="the expected error of every pixel too, where the generator tells it",
    )
    parser.add_argument(
        "projections",
        type=path_or_absent,
        nargs="+",
        metavar="P.nrrd",
        help=f"one file a contrast, in the generator's order; {ABSENT_HELP}",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="S.nrrd", help="the projections; beside them S.json"
    )
    _add_generator(parser)


def _add_compare(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "compare", commands.compare, "metrics of synthesized against reference projections")
    parser.add_argument("synthesized", type=Path, metavar="S.nrrd")
    parser.add_argument("reference", type=Path, metavar="R.nrrd")
    parser.add_argument("--out", type=Path, metavar="metrics.json")


def _add_generators(words: argparse._SubParsersAction) -> None:
    text = "the trained generators at hand: list them, read a card, check, import, export, remove"
    parser = _add(words, "generators", generator_commands.list_generators, text)
    actions = parser.add_subparsers(metavar="ACTION")

    def action(name: str, command: object, help_text: str) -> argparse.ArgumentParser:
        return _add(actions, name, command, help_text, nested=True)

    action("list", generator_commands.list_generators, "a line a generator; what is done without an action")
    for name, command, help_text in (
        ("show", generator_commands.show, "its card in words: trained on what, metrics, limits"),
        ("verify", generator_commands.verify, "check its hash, shapes, values and card"),
    ):
        action(name, command, help_text).add_argument("name", nargs="?", metavar="NAME|DIR")
    importing = action("import", generator_commands.import_, "take a generator into your own")
    importing.add_argument("source", type=Path, metavar="DIR|ZIP")
    importing.add_argument("--name", help="what to call it here, in place of its own name")
    importing.add_argument("--replace", action="store_true", help="in the place of your own of that name")
    exporting = action("export", generator_commands.export, "write a generator as a zip file, or as ONNX")
    exporting.add_argument("name", metavar="NAME|DIR")
    exporting.add_argument("--out", type=Path, required=True, metavar="G.zip|G.onnx")
    action("remove", generator_commands.remove, "remove one of your own").add_argument("name", metavar="NAME")
    clearing = action("clear", generator_commands.clear, "remove all of your own, after asking")
    clearing.add_argument("--yes", action="store_true", help="without asking")


def _add_finetune(words: argparse._SubParsersAction) -> None:
    parser = _add(words, "finetune", training_commands.finetune, "train a generator further on one head")
    _add_pair(parser, ct="a CT volume in HU", ct_needed=True)
    _add_energy(parser)
    parser.add_argument("--generator", metavar="NAME|DIR", help="where to start from")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, metavar="DIR", help="the new generator's folder")
    place.add_argument("--name", help="of the new generator among your own")
    parser.add_argument("--minutes", type=float, required=True, metavar="N", help="of training")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything random (0)")


def _add_exports(words: argparse._SubParsersAction) -> None:
    png = _add(words, "export-png", export_commands.export_png, "projections as grey PNGs")
    dicom = _add(words, "export-dicom", export_commands.export_dicom, "projections as DICOM images")
    for parser in (png, dicom):
        parser.add_argument("projections", type=Path, metavar="P.nrrd")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a file a view goes there")
    png.add_argument("--bits", type=int, choices=(8, 16), default=16, help="of a pixel; 16 by default")
    png.add_argument("--inverted", action="store_true", help="bone black")
    dicom.add_argument("--kind", choices=KINDS, help="what they are, where their sidecar does not tell")
    dicom.add_argument(
        "--patient-name", default="", metavar="NAME", help="e.g. Family^Given; empty by default"
    )
    dicom.add_argument("--patient-id", default="", metavar="ID", help="empty by default")
