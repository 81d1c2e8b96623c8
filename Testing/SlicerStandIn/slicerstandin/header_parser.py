"""What a C++ header of Qt, CTK or Slicer says of a class, as far as PythonQt shows it."""

from __future__ import annotations

import re
from typing import Any

SECTION = re.compile(
    r"^\s*(public|protected|private)?\s*(Q_SLOTS|slots|Q_SIGNALS|signals)?\s*:(?!:)\s*$", re.MULTILINE
)


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
