"""`mr2xray generators`: what is at hand, and how generators come and go."""

from __future__ import annotations

import sys
from argparse import Namespace

from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError


def list_generators(options: Namespace, reporter: Reporter) -> None:
    """A line a generator; a warning for one whose card cannot be read."""
    from MR2XRayLib.generators.card import ModelCard
    from MR2XRayLib.generators.shelf import available_generators, default_generator_name, own_generators

    known, own = available_generators(), own_generators()
    for name, folder in known.items():
        try:
            card = ModelCard.read(folder)
        except MR2XRayError as error:
            reporter.warn(str(error))
            continue
        marks = ["default"] * (name == default_generator_name()) + ["your own"] * (name in own)
        mark = f" ({', '.join(marks)})" if marks else ""
        reporter.say(f"{name}{mark}: {card.architecture}, {card.width}, {card.parameters:,} parameters")
    reporter.result({"generators": list(known), "own": list(own)})


def show(options: Namespace, reporter: Reporter) -> None:
    """A generator's card in words."""
    from MR2XRayLib.generators.card import ModelCard
    from MR2XRayLib.generators.shelf import find_generator
    from MR2XRayLib.generators.words import card_words

    card = ModelCard.read(find_generator(options.name))
    reporter.say("\n\n".join(card_words(card)))
    reporter.result(card.to_json())


def verify(options: Namespace, reporter: Reporter) -> None:
    """Load a generator and check all that can be checked."""
    from MR2XRayLib.generators.exchange import verify_generator

    card = verify_generator(options.name)
    reporter.say(f"{card.name} is sound: hash, names, shapes and values of its weights agree with its card.")
    reporter.result({"name": card.name, "sha256": card.weights_sha256})


def import_(options: Namespace, reporter: Reporter) -> None:
    """Copy a folder or zip file into the user's generators."""
    from MR2XRayLib.generators.exchange import import_generator

    name = import_generator(options.source, name=options.name, replace_it=options.replace)
    reporter.say(f"Imported {name}; read its card: mr2xray generators show {name}")
    reporter.result({"name": name})


def export(options: Namespace, reporter: Reporter) -> None:
    """Write a generator as a zip file or, for other programs, as ONNX; the suffix says which."""
    forms = {".zip": _export_zip, ".onnx": _export_onnx}
    write = forms.get(options.out.suffix.lower())
    if write is None:
        raise MR2XRayError(
            f"{options.out} cannot hold a generator; choose a name that ends in {' or '.join(forms)}."
        )
    write(options, reporter)


def _export_zip(options: Namespace, reporter: Reporter) -> None:
    from MR2XRayLib.generators.exchange import export_generator

    card = export_generator(options.name, options.out)
    reporter.say(f"Wrote {card.name} to {options.out}")
    reporter.result({"name": card.name, "file": str(options.out)})


def _export_onnx(options: Namespace, reporter: Reporter) -> None:
    from MR2XRayLib.generators.onnx_export import export_onnx

    done = export_onnx(options.name, options.out)
    reporter.say(
        f"Wrote {done.card.name} to {options.out} (opset {done.opset}); ONNX Runtime's images differ from PyTorch's "
        f"by at most {done.largest_difference:.1e} on [-1, 1]."
    )
    reporter.result(
        {
            "name": done.card.name,
            "file": str(options.out),
            "opset": done.opset,
            "largest_difference": done.largest_difference,
        }
    )


def remove(options: Namespace, reporter: Reporter) -> None:
    """Remove one of the user's own generators."""
    from MR2XRayLib.generators.exchange import remove_generator

    remove_generator(options.name)
    reporter.say(f"Removed {options.name}.")
    reporter.result({"removed": [options.name]})


def clear(options: Namespace, reporter: Reporter) -> None:
    """Remove all of the user's own generators, after asking."""
    from MR2XRayLib.generators.exchange import clear_generators
    from MR2XRayLib.generators.shelf import own_generators

    own = list(own_generators())
    if own and not options.yes:
        if options.progress == "json" or not sys.stdin.isatty():
            raise MR2XRayError(f"This removes {', '.join(own)} from disk; add --yes to do so.")
        if input(f"Remove {', '.join(own)} from disk? [y/N] ").strip().lower() not in ("y", "yes"):
            reporter.say("Nothing was removed.")
            return
    removed = clear_generators()
    reporter.say(f"Removed {', '.join(removed)}." if removed else "There are no generators of your own.")
    reporter.result({"removed": removed})
