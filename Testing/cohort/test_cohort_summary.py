"""The summary is written when every head is done, tells the worst first, runs nothing, and stands any race."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from MR2XRayLib.cohort import Cohort, CohortHead, read_cohort, summary
from MR2XRayLib.cohort.loading import Fault
from MR2XRayLib.cohort.page import write_page
from MR2XRayLib.cohort.records import (
    FUSION,
    TRANSFORM,
    Attempt,
    Outcome,
    Record,
    clear_faults,
    head_folder,
    write_fault,
)
from MR2XRayLib.cohort.summary import summarise
from MR2XRayLib.errors import MR2XRayError


def head_called(name: str, split: str = "train", *contrasts: str) -> CohortHead:
    mr = {contrast: Path(f"{name}_{contrast}.nii") for contrast in contrasts or ("t1",)}
    return CohortHead(name, mr, Path(f"{name}_ct.nii"), None, name, split)  # type: ignore[arg-type]


def record(head: CohortHead, verdict: str = "good", nats: float = 0.25) -> Record:
    found = {
        "verdict": verdict,
        "words": f"{verdict}: {nats}",
        "mutual_information_after_nats": nats,
        "head_in_view": 0.9,
    }
    inputs = {key: f"{head.name} {key}" for key in head.volumes}
    return Record(inputs, "registered (rigid)", dict.fromkeys(head.mr, found), {TRANSFORM: "0", FUSION: "0"})


def do(out: Path, head: CohortHead, done: Record | None = None) -> None:
    folder = head_folder(out, head.name)
    folder.mkdir(parents=True, exist_ok=True)
    (done or record(head)).write(folder)


def fail(out: Path, head: CohortHead, reason: str) -> None:
    write_fault(head_folder(out, head.name), reason, Attempt.of(head, "rigid"))


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for key, value in attributes if key in ("src", "href")]
        assert not [key for key, _ in attributes if key.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_task_that_does_the_last_head_writes(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path / "c.csv", (head_called("a"), head_called("b", "test")))
    do(tmp_path, cohort.heads[0])
    assert summarise(cohort, tmp_path) is None
    assert not (tmp_path / "index.html").exists()
    do(tmp_path, cohort.heads[1])
    assert summarise(cohort, tmp_path, preset="affine") is None
    found = summarise(cohort, tmp_path)
    assert found is not None
    assert found.prepared == tmp_path / "cohort.toml"
    read = read_cohort(found.prepared)
    assert [head.split for head in read.heads] == ["train", "test"]
    assert [head.transform for head in read.heads] == [
        tmp_path / "heads" / name / "transform.tfm" for name in ("a", "b")
    ]


def test_faults_keep_the_cohort_from_training_unless_they_are_skipped(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path / "c.csv", (head_called("a"), head_called("b")))
    for head in cohort.heads:
        do(tmp_path, head)
    summarise(cohort, tmp_path)
    fail(tmp_path, cohort.heads[1], "It is broken.")
    found = summarise(cohort, tmp_path)
    assert found is not None
    assert found.faults == (Fault("b", "It is broken."),)
    assert found.prepared is None
    assert not (tmp_path / "cohort.toml").exists()
    found = summarise(cohort, tmp_path, skip_bad=True)
    assert found is not None
    assert found.prepared is not None
    assert [head.name for head in read_cohort(found.prepared).heads] == ["a"]


@pytest.mark.parametrize("contrasts", [("T1w", "t2"), ("t1", "t2", "flair"), ("t1",), ("t2", "t1")])
def test_a_record_of_other_contrasts_is_a_head_to_be_done(tmp_path: Path, contrasts: tuple[str, ...]) -> None:
    """Renamed, added, left out, or another one first, which is the one that is registered."""
    do(tmp_path, head_called("a", "train", "t1", "t2"))
    changed = Cohort(tmp_path / "c.csv", (head_called("a", "train", *contrasts),))
    assert summarise(changed, tmp_path) is None
    do(tmp_path, changed.heads[0])
    assert summarise(changed, tmp_path) is not None


@pytest.fixture
def broken(tmp_path: Path) -> Cohort:
    """A head with an MR file and a folder of slices, which was found broken as they lie."""
    (tmp_path / "ct").mkdir()
    for name in ("mr.nii", "ct/1.dcm", "ct/2.dcm"):
        (tmp_path / name).write_text("broken")
    head = replace(head_called("a"), mr={"t1": tmp_path / "mr.nii"}, ct=tmp_path / "ct")
    fail(tmp_path, head, "It is broken.")
    return Cohort(tmp_path / "c.csv", (head,))


def mend(path: Path) -> None:
    path.write_text("mended")


def age(path: Path) -> None:
    os.utime(path, (1e9, 1e9))


def test_a_fault_counts_while_its_files_are_the_same(tmp_path: Path, broken: Cohort) -> None:
    found = summarise(broken, tmp_path)
    assert found is not None
    assert found.faults == (Fault("a", "It is broken."),)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("mr.nii", age),
        ("mr.nii", lambda path: path.write_text("whole again")),
        ("ct/2.dcm", age),
        ("ct/2.dcm", lambda path: path.unlink()),
        ("ct/3.dcm", mend),
    ],
)
def test_a_fault_of_files_that_were_mended_is_a_head_to_be_done(
    tmp_path: Path, broken: Cohort, name: str, change: Callable[[Path], None]
) -> None:
    change(tmp_path / name)
    assert summarise(broken, tmp_path) is None


def test_a_fault_of_what_is_now_asked_otherwise_is_a_head_to_be_done(tmp_path: Path, broken: Cohort) -> None:
    (head,) = broken.heads
    named = replace(head, mr={"T1w": head.mr["t1"]})
    given = replace(head, transform=tmp_path / "to_ct.tfm")
    assert summarise(broken, tmp_path, "affine") is None
    assert summarise(replace(broken, heads=(named,)), tmp_path) is None
    assert summarise(replace(broken, heads=(given,)), tmp_path) is None


def test_a_file_that_was_missing_counts_once_it_is_there(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path / "c.csv", (replace(head_called("a"), ct=tmp_path / "ct.nii"),))
    fail(tmp_path, cohort.heads[0], "It is missing.")
    assert summarise(cohort, tmp_path) is not None
    mend(tmp_path / "ct.nii")
    assert summarise(cohort, tmp_path) is None


def test_a_machine_that_does_not_see_the_files_believes_the_fault(tmp_path: Path, broken: Cohort) -> None:
    (tmp_path / "mr.nii").unlink()
    (tmp_path / "ct").rename(tmp_path / "elsewhere")
    assert summarise(broken, tmp_path) is not None


@pytest.mark.parametrize(
    "text", ["", "3", '{"reason": "It is broken."}', '{"reason": 1, "alignment": 2, "inputs": "3"}']
)
def test_a_fault_of_another_form_is_a_head_to_be_done(tmp_path: Path, broken: Cohort, text: str) -> None:
    (head_folder(tmp_path, "a") / "fault.json").write_text(text)
    assert summarise(broken, tmp_path) is None


def test_a_copy_under_another_name_may_not_cross_the_split(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path / "c.csv", (head_called("a"), head_called("b", "test")))
    do(tmp_path, cohort.heads[0])
    done = record(cohort.heads[1])
    do(tmp_path, cohort.heads[1], replace(done, inputs={**done.inputs, "ct": "a ct"}))
    with pytest.raises(MR2XRayError, match="share the content of b_ct"):
        summarise(cohort, tmp_path)
    assert (tmp_path / "index.html").exists()
    assert not (tmp_path / "cohort.toml").exists()


def test_the_page_shows_the_worst_first_and_every_picture(tmp_path: Path) -> None:
    heads = [head_called(name) for name in ("fine", "doubtful", "worst", "broken")]
    cohort = Cohort(tmp_path / "c.csv", (*heads, head_called("two", "test", "t1", "t2")))
    records = [record(heads[0]), record(heads[1], "doubtful", 0.15), record(heads[2], "doubtful", 0.1)]
    outcomes = [Outcome(head, done) for head, done in zip(heads, records, strict=False)]
    outcomes += [Outcome(heads[3], Fault("broken", "It is broken."))]
    outcomes += [Outcome(cohort.heads[4], record(cohort.heads[4]))]
    write_page(tmp_path / "index.html", cohort, outcomes)
    page = Page((tmp_path / "index.html").read_text())
    places = [page.text.index(f"\n{name} ") for name in ("broken", "worst", "doubtful", "fine", "two")]
    assert places == sorted(places)
    assert page.links == [f"heads/{name}/fusion.png" for name in ("worst", "doubtful", "fine", "two")]
    assert "Heads: 5 (1 failed, 2 doubtful, 2 good). Split: 4 train, 0 validate, 1 test" in page.text
    assert "It is broken." in page.text
    assert "Without t2." in page.text


def test_nothing_in_a_cohort_becomes_code_of_the_page(tmp_path: Path) -> None:
    evil = '<script>alert(1)</script><img src=x onerror="alert(2)">"\'&'
    head = replace(head_called("a"), person=evil, ct=Path("/data") / evil)
    cohort = Cohort(tmp_path / f"{evil.replace('/', '')}.csv", (head, head_called("b")))
    done = record(head)
    words = {**done.quality["t1"], "words": evil}
    outcomes = [
        Outcome(head, replace(done, alignment=evil, quality={"t1": words})),
        Outcome(cohort.heads[1], Fault("b", evil)),
    ]
    write_page(tmp_path / "index.html", cohort, outcomes)
    page = Page((tmp_path / "index.html").read_text())
    assert page.text.count(evil) == 5
    assert set(page.tags) <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "p",
        "section",
        "span",
        "img",
    }
    assert [unquote(link) for link in page.links] == ["heads/a/fusion.png"]
    assert "url(" not in (tmp_path / "index.html").read_text()


def test_what_is_written_last_is_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another task ends, and writes, just while this one does."""
    cohort = Cohort(tmp_path / "c.csv", (head_called("a"), head_called("b")))
    do(tmp_path, cohort.heads[0])
    fail(tmp_path, cohort.heads[1], "It was broken.")
    faults_seen = []

    def write_and_be_overtaken(path: Path, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
        faults_seen.append(sum(isinstance(outcome.done, Fault) for outcome in outcomes))
        if len(faults_seen) == 1:
            do(tmp_path, cohort.heads[1])
        write_page(path, cohort, outcomes)

    monkeypatch.setattr(summary, "write_page", write_and_be_overtaken)
    found = summarise(cohort, tmp_path)
    assert faults_seen == [1, 0]
    assert "It was broken." not in (tmp_path / "index.html").read_text()
    assert found is not None
    assert found.prepared is not None


def test_a_task_that_begins_meanwhile_has_the_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another task begins, and tries its head again, just while this one writes."""
    cohort = Cohort(tmp_path / "c.csv", (head_called("a"), head_called("b")))
    do(tmp_path, cohort.heads[0])
    fail(tmp_path, cohort.heads[1], "It was broken.")

    def write_and_be_overtaken(path: Path, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
        write_page(path, cohort, outcomes)
        clear_faults(cohort.heads, tmp_path)

    monkeypatch.setattr(summary, "write_page", write_and_be_overtaken)
    assert summarise(cohort, tmp_path) is None


def test_tasks_that_end_at_once_do_no_harm(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path / "c.csv", tuple(head_called(f"p{n}") for n in range(8)))

    def task(number: int) -> None:
        do(tmp_path, cohort.heads[number])
        summarise(cohort, tmp_path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(task, range(8)))
    assert len(read_cohort(tmp_path / "cohort.toml").heads) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cohort.toml", "heads", "index.html"]
