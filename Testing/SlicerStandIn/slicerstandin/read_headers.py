"""Makes tables/*.json: which names PythonQt shows of each class, read from the headers of the real classes.

    python read_headers.py qt --qt QT5_INCLUDE_FOLDER --wrappers PYTHONQT/generated_cpp_515
    python read_headers.py light --headers CTK/Libs/Widgets --out tables/ctk.json ctkSliderWidget ...
    python read_headers.py light --headers Slicer/Libs/MRML/Widgets --out tables/qmrml.json qMRMLNodeComboBox ...

A class of Qt shows its properties, signals, public slots, and the methods in PythonQt's generated wrappers.
A class of CTK or Slicer has no such wrapper: it shows its properties, signals, public slots and invokables
(`PythonQtClassInfo.cpp` looks at `QMetaMethod::Public` only).
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from header_parser import described, enumerators, without_comments

FOLDER = Path(__file__).parent / "tables"
HIDDEN = ("py_q_", "operator_", "__", "new_", "delete_", "static_")
QT_PARTS = ("QtCore", "QtGui", "QtWidgets", "QtUiTools")
QT_CLASSES = [
    "QEvent",
    "QResizeEvent",
    "QKeyEvent",
    "QMouseEvent",
    "QWheelEvent",
    "QCloseEvent",
    "QShowEvent",
    "QHideEvent",
    "QObject",
    "QTimer",
    "QProcess",
    "QProcessEnvironment",
    "QIODevice",
    "QSettings",
    "QEventLoop",
    "QCoreApplication",
    "QFile",
    "QFileDevice",
    "QFileInfo",
    "QDir",
    "QUrl",
    "QByteArray",
    "QSize",
    "QPoint",
    "QRect",
    "QMargins",
    "QLocale",
    "QDateTime",
    "QStandardPaths",
    "QUiLoader",
    "QModelIndex",
    "QPixmap",
    "QImage",
    "QIcon",
    "QColor",
    "QPainter",
    "QPen",
    "QFont",
    "QKeySequence",
    "QPalette",
    "QCursor",
    "QClipboard",
    "QGuiApplication",
    "QDesktopServices",
    "QWidget",
    "QApplication",
    "QFrame",
    "QLabel",
    "QAbstractButton",
    "QPushButton",
    "QToolButton",
    "QCheckBox",
    "QRadioButton",
    "QButtonGroup",
    "QGroupBox",
    "QComboBox",
    "QAbstractSpinBox",
    "QSpinBox",
    "QDoubleSpinBox",
    "QAbstractSlider",
    "QSlider",
    "QLineEdit",
    "QAbstractScrollArea",
    "QScrollArea",
    "QTextEdit",
    "QPlainTextEdit",
    "QTextBrowser",
    "QAbstractItemView",
    "QTableView",
    "QTableWidget",
    "QTableWidgetItem",
    "QListView",
    "QListWidget",
    "QListWidgetItem",
    "QHeaderView",
    "QProgressBar",
    "QTabWidget",
    "QStackedWidget",
    "QSplitter",
    "QMenu",
    "QAction",
    "QShortcut",
    "QLayout",
    "QLayoutItem",
    "QBoxLayout",
    "QVBoxLayout",
    "QHBoxLayout",
    "QFormLayout",
    "QGridLayout",
    "QSpacerItem",
    "QSizePolicy",
    "QDialog",
    "QFileDialog",
    "QMessageBox",
    "QInputDialog",
    "QProgressDialog",
    "QDialogButtonBox",
    "QSignalBlocker",
    "QMainWindow",
    "QStatusBar",
    "QAbstractItemModel",
    "QItemSelectionModel",
]


def generated_names(wrappers: str, name: str) -> tuple[set[str], set[str]]:
    """The methods and the static functions that PythonQt's generator wraps of one class."""
    found = re.search(rf"^class PythonQtWrapper_{name} .*?^}};", wrappers, flags=re.MULTILINE | re.DOTALL)
    if found is None:
        return set(), set()
    names = set(re.findall(rf"[\s*&](\w+)\(\s*(?:const\s+)?{name}\*\s*\w+", found.group(0)))
    statics = set(re.findall(rf"static_{name}_(\w+)\(", found.group(0)))
    return {one for one in names if not one.startswith(HIDDEN)}, statics


def qt_tables(include: Path, wrapper_folder: Path) -> dict[str, Any]:
    """The tables of `QT_CLASSES`."""
    wrappers = "\n".join(path.read_text() for path in sorted(wrapper_folder.rglob("*.h")))
    all_headers = sorted(path for part in QT_PARTS for path in include.glob(f"{part}/q*.h"))
    tables: dict[str, Any] = {}
    for name in QT_CLASSES:
        declares = re.compile(rf"^\s*class\s+(?:\w+_EXPORT\s+)?{name}\b[^;]*{{", re.MULTILINE)
        likely = sorted(include.glob(f"Qt*/{name.lower()}.h"))
        headers = likely + [path for path in all_headers if declares.search(path.read_text())]
        for header in headers:
            table = described(header.read_text(), name, f"Qt 5.15 {header.parent.name}/{header.name}")
            if table is None:
                continue
            methods, table["statics"] = generated_names(wrappers, name)
            table["methods"] = sorted(methods | set(table["methods"]))
            table["statics"] = sorted(table["statics"])
            tables[name] = table
            break
        else:
            raise SystemExit(f"no header declares {name}")
    return tables


def namespace_table(include: Path) -> dict[str, Any]:
    """The enumerators of the namespace Qt, as a table of a class."""
    header = include / "QtCore" / "qnamespace.h"
    text = without_comments(header.read_text())
    empty: dict[str, Any] = {"base": "", "properties": {}, "methods": [], "signals": [], "statics": []}
    return {"Qt": {"header": f"Qt 5.15 QtCore/{header.name}", "enumerators": enumerators(text), **empty}}


def light_tables(folder: Path, names: list[str]) -> dict[str, Any]:
    """The tables of classes that are wrapped through their meta-object alone."""
    tables: dict[str, Any] = {}
    for name in names:
        header = next(iter(folder.rglob(f"{name}.h")))
        table = described(header.read_text(errors="replace"), name, header.name)
        if table is None:
            raise SystemExit(f"{header} does not declare {name}")
        tables[name] = table
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    qt = kinds.add_parser("qt")
    qt.add_argument("--qt", type=Path, required=True)
    qt.add_argument("--wrappers", type=Path, required=True)
    light = kinds.add_parser("light")
    light.add_argument("--headers", type=Path, required=True)
    light.add_argument("--out", type=Path, required=True)
    light.add_argument("names", nargs="+")
    given = parser.parse_args()
    if given.kind == "qt":
        tables = qt_tables(given.qt, given.wrappers) | namespace_table(given.qt)
        out = FOLDER / "qt.json"
    else:
        tables, out = light_tables(given.headers, given.names), given.out
    out.write_text(json.dumps(tables, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
