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

FOLDER = Path(__file__).parent / "tables"
SECTION = re.compile(
    r"^\s*(public|protected|private)?\s*(Q_SLOTS|slots|Q_SIGNALS|signals)?\s*:(?!:)\s*$", re.MULTILINE
)
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


def without_comments(text: str) -> str:
    """C++ without comments and preprocessor lines."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"//[^\n]*", "", text)
    text = text.replace("\\\n", " ")
    return re.sub(r"^[ \t]*#[^\n]*$", "", text, flags=re.MULTILINE)


def class_body(text: str, name: str) -> tuple[str, str] | None:
    """The first base class of `name` and what stands between its braces; None where it is not declared."""
    start = re.search(
        rf"^\s*class\s+(?:[A-Z_0-9]+(?:_EXPORT|_API)\s+)?{name}\b(?:\s+final)?\s*(?::\s*public\s+(\w+)[^{{;]*)?{{",
        text,
        flags=re.MULTILINE,
    )
    if start is None:
        return None
    depth, end = 1, start.end()
    while depth and end < len(text):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return start.group(1) or "", text[start.end() : end - 1]


def split_arguments(arguments: str) -> list[str]:
    """`int a, QMap<int, int> b = {}` as its parts."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def normalised_type(declaration: str) -> str:
    """`const QString& text` as `QString`, `vtkMRMLNode* node` as `vtkMRMLNode*`."""
    declaration = re.sub(r"\b(const|class|struct|enum)\b", "", declaration)
    found = re.match(
        r"\s*((?:unsigned\s+)?[\w:]+(?:<.*>)?)\s*(\**)\s*(&*)\s*(?:\w*)\s*$", declaration.strip()
    )
    if found is None:
        return declaration.replace(" ", "")
    return found.group(1).replace(" ", "") + found.group(2)


def signatures(declaration: str) -> list[str]:
    """Every signature that moc makes of one signal: default arguments make shorter clones."""
    found = re.search(r"(\w+)\s*\((.*)\)\s*(?:const)?\s*$", declaration, flags=re.DOTALL)
    if found is None:
        return []
    arguments = [part for part in split_arguments(found.group(2)) if part != "QPrivateSignal"]
    kinds = [normalised_type(part.split("=")[0]) for part in arguments]
    optional = sum("=" in part for part in arguments)
    return [f"{found.group(1)}({','.join(kinds[: len(kinds) - n])})" for n in range(optional + 1)]


def is_current(declaration: str) -> bool:
    """Whether a declaration carries no mark of deprecation: Qt 6 has dropped those that do."""
    return "QT_DEPRECATED" not in declaration


def sections(body: str) -> dict[str, str]:
    """The body's text by section: signals, slots (public ones), public."""
    found = {"signals": "", "slots": "", "public": ""}
    marks = list(SECTION.finditer(body))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        text = body[mark.end() : following.start() if following else len(body)]
        access, kind = mark.group(1), mark.group(2)
        if kind in ("Q_SIGNALS", "signals"):
            found["signals"] += text
        elif access == "public":
            found["slots" if kind else "public"] += text
    return found


def declarations(text: str) -> list[str]:
    """The function declarations of a section; bodies of inline functions are dropped."""
    flat = re.sub(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", ";", text)
    return [" ".join(part.split()) for part in flat.split(";") if "(" in part]


def function_name(declaration: str) -> str | None:
    """The name of the declared function."""
    found = re.search(r"(\w+)\s*\(", declaration)
    return found.group(1) if found and not found.group(1).isupper() else None


def properties(body: str) -> dict[str, bool]:
    """Property name → whether it can be written."""
    found = {}
    for text in re.findall(r"Q_PROPERTY\s*\((.*?)\)\s*(?:;|\n)", body, flags=re.DOTALL):
        name = re.search(r"(\w+)\s+(?:READ|MEMBER)\b", text)
        if name:
            found[name.group(1)] = bool(re.search(r"\b(WRITE|MEMBER)\b", text))
    return found


def enumerators(body: str) -> list[str]:
    """The names in the enums of a class."""
    found: list[str] = []
    for text in re.findall(r"enum\s+(?:class\s+)?\w*\s*(?::\s*\w+\s*)?\{(.*?)\}", body, flags=re.DOTALL):
        found += re.findall(r"(?:^|,)\s*(\w+)", text)
    return sorted(set(found))


def described(text: str, name: str, header: str) -> dict[str, Any] | None:
    """What a header says of one class."""
    found = class_body(without_comments(text), name)
    if found is None:
        return None
    base, body = found
    parts = sections(body)
    signals = [one for text in declarations(parts["signals"]) if is_current(text) for one in signatures(text)]
    slots = {function_name(text) for text in declarations(parts["slots"])}
    invokables = set(re.findall(r"Q_INVOKABLE\s+[^;()]*?(\w+)\s*\(", parts["public"]))
    return {
        "header": header,
        "base": base,
        "properties": properties(body),
        "methods": sorted(one for one in slots | invokables if one),
        "signals": list(dict.fromkeys(signals)),
        "enumerators": enumerators(body),
        "statics": [],
    }


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
        tables, out = qt_tables(given.qt, given.wrappers), FOLDER / "qt.json"
    else:
        tables, out = light_tables(given.headers, given.names), given.out
    out.write_text(json.dumps(tables, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
