"""Which names each class shows to Python, read from `tables/*.json` (made by `read_headers.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "tables"

# Bases that the stand-in has no table of, and the nearest one that it has.
NEAREST = {
    "QToolBar": "QWidget",
    "QInputEvent": "QEvent",
    "ctkVTKChartView": "QWidget",
    "qSlicerCorePythonManager": "QObject",
}

# QProcess in Qt 5 has `finished(int)` first, so that `process.finished.connect(f)` gives one argument; in Qt 6
# it gives two. Code that runs with both takes one or names the signature.
FIRST_SIGNALS = {"QProcess": ("finished(int)",)}

# What Slicer adds in qSlicerBaseQTCorePythonQtDecorators.h and qSlicerBaseQTGUIPythonQtDecorators.h.
DECORATED = {
    "qSlicerCoreApplication": ("testingEnabled", "sendEvent", "processEvents"),
    "qSlicerAbstractModule": ("widgetRepresentation", "createNewWidgetRepresentation"),
    "qSlicerAbstractModuleWidget": ("module",),
}

# Properties that a static function of the same name hides: setting `timer.singleShot` is an error in Slicer.
HIDDEN_PROPERTIES = {"QTimer": ("singleShot",)}


@dataclass(frozen=True)
class ClassTable:
    """What one class adds to its base: names only, with the header that they were read from."""

    name: str
    header: str
    base: str
    properties: dict[str, bool]
    methods: frozenset[str]
    statics: frozenset[str]
    signals: tuple[str, ...]
    enumerators: frozenset[str]


@dataclass(frozen=True)
class Names:
    """All names of a class, those of its bases included."""

    properties: dict[str, bool] = field(default_factory=dict)
    methods: frozenset[str] = frozenset()
    statics: frozenset[str] = frozenset()
    signals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    enumerators: frozenset[str] = frozenset()


@cache
def tables() -> dict[str, ClassTable]:
    """Every table, by class."""
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        for name, entry in json.loads(path.read_text()).items():
            found[name] = ClassTable(
                name=name,
                header=entry["header"],
                base=entry["base"],
                properties={
                    key: writable
                    for key, writable in entry["properties"].items()
                    if key not in HIDDEN_PROPERTIES.get(name, ())
                },
                methods=frozenset([*entry["methods"], *DECORATED.get(name, ())]),
                statics=frozenset(entry["statics"]),
                signals=(*FIRST_SIGNALS.get(name, ()), *entry["signals"]),
                enumerators=frozenset(entry["enumerators"]),
            )
    return found


def lineage(name: str) -> Iterator[ClassTable]:
    """The table of a class, then those of its bases."""
    while name:
        table = tables().get(name)
        if table is None:
            name = NEAREST.get(name, "")
            continue
        yield table
        name = table.base


def inherits(name: str, ancestor: str) -> bool:
    """Whether a class is, or derives from, another."""
    return any(table.name == ancestor for table in lineage(name))


@cache
def names_of(name: str) -> Names:
    """All names that instances and the class show."""
    found = Names()
    for table in lineage(name):
        signals = dict(found.signals)
        for signature in table.signals:
            signals.setdefault(signature.split("(")[0], ())
            if signature not in signals[signature.split("(")[0]]:
                signals[signature.split("(")[0]] += (signature,)
        found = Names(
            properties={**table.properties, **found.properties},
            methods=found.methods | table.methods,
            statics=found.statics | table.statics,
            signals=signals,
            enumerators=found.enumerators | table.enumerators,
        )
    return found
