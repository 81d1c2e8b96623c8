"""What README and docs point to within the project is there, down to the heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from checkout import checkout_files
from places import REPOSITORY


def links(text: str) -> Iterator[str]:
    """The targets of a page's links and pictures, but for those on the web and in blocks of code."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links, by GitHub's rule."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    words = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in words}


def is_broken(target: str, page: Path) -> bool:
    """Whether a link of the page leads nowhere."""
    path, _, anchor = target.partition("#")
    place = page.parent / path if path else page
    return not place.exists() or bool(anchor and anchor not in anchors(place))


def test_every_link_of_the_pages_leads_somewhere() -> None:
    pages = [REPOSITORY / name for name in sorted(checkout_files()) if name.endswith(".md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in links(page.read_text(encoding="utf-8"))
        if is_broken(target, page)
    ]
    assert pages
    assert not broken


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n## What *is* `two`?\n```\n[no](link)\n```\n[a](#one) [b](#what-is-two) [c](x.md) [d](#three)\n"
    )
    assert [target for target in links(page.read_text()) if is_broken(target, page)] == ["x.md", "#three"]
