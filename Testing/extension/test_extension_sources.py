"""The sources of the Slicer module keep to what Slicer and the review of its extensions ask for."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import MODULE, REPOSITORY

SOURCES = sorted(MODULE.rglob("*.py"))
LIBRARY_SOURCES = sorted((REPOSITORY / "MR2XRayLib").rglob("*.py"))
SLICERS_OWN = {"slicer", "vtk", "numpy", "SimpleITK"}
QT = {"qt", "ctk"}
OWN = {"MR2XRay", "MR2XRayGUI", "MR2XRayScene", "MR2XRayLib"}
HARMLESS_CALLS = {
    *("dict", "frozenset", "len", "list", "range", "set", "sorted", "tuple", "zip"),
    *("capitalize", "items", "join", "resolve"),
    *("array", "diag", "eye"),
    *("compile", "getLogger", "namedtuple", "partial"),
}
"""What a constant at file scope may be made with, besides records (classes of one's own)."""
LOST_WITH_QT_6 = {
    "QAbstractItemModel.setRoleNames",
    "QApplication.desktop",
    "QDesktopWidget",
    "QMatrix",
    "QRegExp",
    "QRegExpValidator",
    "QSignalMapper.mapped",
    "QStringRef",
    "QTextCodec",
    "Qt.MidButton",
    "QPalette.Background",
    "QPalette.Foreground",
}
"""Names of Qt 5 that Qt 6 has no more; see doc.qt.io/qt-6/portingguide.html."""

each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(MODULE).as_posix())


def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def is_type_checking(statement: ast.stmt) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`, which never runs."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) in (
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    )


def run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a file that run when it is imported, those under `if` and `try` included."""
    for statement in body:
        if is_type_checking(statement):
            continue
        yield statement
        for part in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
                yield from run_at_import(getattr(statement, part, []))
        for handler in getattr(statement, "handlers", []):
            yield from run_at_import(handler.body)


def imported_roots(statement: ast.AST) -> set[str]:
    """The top-level packages that an import statement names."""
    if isinstance(statement, ast.Import):
        return {alias.name.split(".")[0] for alias in statement.names}
    if isinstance(statement, ast.ImportFrom):
        return {"." if statement.level else (statement.module or "").split(".")[0]}
    return set()


def imports_anywhere(path: Path) -> set[str]:
    """The top-level packages that a source file imports, wherever in the file."""
    return {root for node in ast.walk(tree_of(path)) for root in imported_roots(node)}


def called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    return ast.unparse(node.func).split(".")[-1]


def calls(node: ast.AST) -> list[ast.Call]:
    """Every call below a node."""
    return [call for call in ast.walk(node) if isinstance(call, ast.Call)]


def calls_at_once(node: ast.AST) -> Iterator[ast.Call]:
    """Every call that evaluating an expression makes; what a lambda does, it does later."""
    if isinstance(node, ast.Call):
        yield node
    if not isinstance(node, ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from calls_at_once(child)


def makes_a_constant(call: ast.Call) -> bool:
    """Whether a call makes a plain value: not an object of Slicer's, VTK's or Qt's."""
    package, name = ast.unparse(call.func).split(".")[0], called(call)
    is_record = name.lstrip("_")[:1].isupper() and package not in SLICERS_OWN | QT
    return is_record or name in HARMLESS_CALLS


def is_harmless(statement: ast.stmt) -> bool:
    """Whether a statement at file scope does no more than define something or make a constant."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign() | ast.AnnAssign():
            return all(map(makes_a_constant, calls_at_once(statement)))
    return False


def is_path_fallback(statement: ast.stmt) -> bool:
    """Whether a statement only puts a folder on `sys.path`, where the library is not found otherwise."""
    if not isinstance(statement, ast.If | ast.Try):
        return False
    inner = list(run_at_import([statement]))[1:]
    return all(
        imported_roots(step) <= OWN and (imported_roots(step) or ast.unparse(step).startswith("sys.path."))
        for step in inner
    )


@each_source
def test_only_slicers_own_packages_are_imported_at_file_scope(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | SLICERS_OWN | OWN
    if path.is_relative_to(MODULE / "MR2XRayGUI"):
        allowed |= QT
    imported = {root for statement in run_at_import(tree_of(path).body) for root in imported_roots(statement)}
    assert imported <= allowed


@pytest.mark.parametrize("path", sorted((MODULE / "MR2XRayScene").rglob("*.py")), ids=lambda path: path.name)
def test_the_scene_knows_no_qt(path: Path) -> None:
    assert not imports_anywhere(path) & (QT | {"MR2XRay", "MR2XRayGUI"})


@each_source
def test_nothing_is_done_at_import(path: Path) -> None:
    for statement in tree_of(path).body:
        if is_type_checking(statement) or (path == MODULE / "MR2XRay.py" and is_path_fallback(statement)):
            continue
        assert is_harmless(statement), f"line {statement.lineno}: {ast.unparse(statement)[:80]}"


@each_source
def test_translated_texts_are_put_together_after_translation(path: Path) -> None:
    for call in calls(tree_of(path)):
        if called(call) in ("_", "tr", "translate"):
            made = [node for text in call.args for node in ast.walk(text)]
            assert call.args
            assert not any(isinstance(node, ast.JoinedStr | ast.BinOp | ast.Call) for node in made), (
                f"line {call.lineno}: write _('... {{x}}').format(x=...), not {ast.unparse(call)[:80]}"
            )


@each_source
def test_what_is_installed_stands_in_the_requirements_only(path: Path) -> None:
    for call in calls(tree_of(path)):
        if called(call) in ("pip_install", "pip_ensure"):
            written_out = ast.Constant | ast.JoinedStr | ast.List | ast.Tuple
            assert not isinstance(call.args[0], written_out), f"line {call.lineno}: {ast.unparse(call)[:80]}"


@each_source
def test_nothing_prints_evaluates_or_unpickles(path: Path) -> None:
    builtins = {call.func.id for call in calls(tree_of(path)) if isinstance(call.func, ast.Name)}
    assert not builtins & {"print", "eval", "exec"}
    assert not imports_anywhere(path) & {"pickle", "imp", "ensurepip", "pip"}


@pytest.mark.parametrize(
    "path", [*SOURCES, *LIBRARY_SOURCES], ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_nothing_is_sent_anywhere(path: Path) -> None:
    assert not imports_anywhere(path) & {
        "requests",
        "urllib",
        "http",
        "socket",
        "ftplib",
        "smtplib",
        "urllib3",
    }


@each_source
def test_no_name_that_qt_6_lost_is_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [name for name in LOST_WITH_QT_6 if re.search(rf"\b{re.escape(name)}\b", text)]


@pytest.mark.parametrize(
    ("source", "harmless"),
    [
        ("LIMIT = 3", True),
        ("HERE = Path(__file__).resolve()", True),
        ("if TYPE_CHECKING:\n    import torch", True),
        ("LATER = {'a': lambda: slicer.app.restart()}", True),
        ("NOW = {'a': slicer.app.restart()}", False),
        ("LOOK = _Look('beam', (1, 0, 0))", True),
        ("timer = qt.QTimer()", False),
        ("app = make_app()", False),
        ("slicer.app.restart()", False),
        ("for x in range(3):\n    pass", False),
        ("if sys.platform == 'win32':\n    sys.path.append('x')", False),
    ],
)
def test_the_rule_tells_definitions_from_deeds(source: str, harmless: bool) -> None:
    (statement,) = ast.parse(source).body
    assert (is_type_checking(statement) or is_harmless(statement)) == harmless


@pytest.mark.parametrize(
    ("source", "fallback"),
    [
        ("if not found:\n    sys.path.append('x')", True),
        ("try:\n    import MR2XRayLib\nexcept ImportError:\n    sys.path.append('x')", True),
        ("try:\n    import torch\nexcept ImportError:\n    sys.path.append('x')", False),
        ("if not found:\n    sys.path.append('x')\n    install()", False),
    ],
)
def test_the_rule_tells_a_path_fallback_from_more(source: str, fallback: bool) -> None:
    (statement,) = ast.parse(source).body
    assert is_path_fallback(statement) == fallback
