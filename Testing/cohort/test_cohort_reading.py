"""Cohort files: TOML and CSV say the same, nothing in them is trusted, and nobody is on both sides of the split."""

from __future__ import annotations

import string
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MR2XRayLib.cohort import Cohort, CohortHead, read_cohort, reading
from MR2XRayLib.cohort.heads import SHARES, split_of
from MR2XRayLib.cohort.writing import write_cohort
from MR2XRayLib.errors import MR2XRayError

TOML = """
[[head]]
name = "p1"
mr = { t1 = "p1/t1.nii.gz", t2 = "p1/t2.nii.gz" }
ct = "p1/ct.nii.gz"
transform = "p1/to_ct.tfm"
split = "test"

[[head]]
name = "p2"
person = "Ada"
mr = { t1 = "p2/t1.nii.gz" }
ct = "/elsewhere/ct"
"""
CSV = """name,person,mr_t1,mr_t2,ct,transform,split
p1,,p1/t1.nii.gz,p1/t2.nii.gz,p1/ct.nii.gz,p1/to_ct.tfm,test
p2,Ada,p2/t1.nii.gz,,/elsewhere/ct,,
"""
ANY_FILE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)


def cohort_of(folder: Path, text: str, name: str = "cohort.csv") -> Cohort:
    path = folder / name
    path.write_bytes(text.encode())
    return read_cohort(path)


def facts(cohort: Cohort) -> list[tuple]:
    """All but where the heads stand in their file."""
    return [(h.name, dict(h.mr), h.ct, h.transform, h.person, h.split) for h in cohort.heads]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cohort.toml", TOML),
        ("cohort.csv", CSV),
        ("cohort.csv", "\ufeff" + CSV.replace("\n", "\r\n")),
        ("cohort.csv", CSV.replace(",", ";") + ";;;;;;\n"),
    ],
    ids=["TOML", "CSV", "CSV of Excel", "CSV with semicolons and an empty last line"],
)
def test_both_forms_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    cohort = cohort_of(tmp_path, text, name)
    first, second = cohort.heads
    assert list(first.mr.items()) == [
        ("t1", tmp_path / "p1" / "t1.nii.gz"),
        ("t2", tmp_path / "p1" / "t2.nii.gz"),
    ]
    assert (first.ct, first.transform) == (tmp_path / "p1" / "ct.nii.gz", tmp_path / "p1" / "to_ct.tfm")
    assert (first.person, first.split) == ("p1", "test")
    assert (second.ct, second.transform, second.person) == (Path("/elsewhere/ct"), None, "Ada")
    assert second.split == split_of("Ada")
    assert cohort.contrasts == ("t1", "t2")
    assert cohort.of("test") == (first,)


def test_a_contrast_without_a_name_is_called_mr(tmp_path: Path) -> None:
    assert list(cohort_of(tmp_path, "name,mr,ct\np,m.nii,c.nii\n").heads[0].mr) == ["MR"]
    text = '[[head]]\nname = "p"\nmr = "m.nii"\nct = "c.nii"\n'
    assert list(cohort_of(tmp_path, text, "cohort.toml").heads[0].mr) == ["MR"]


@pytest.mark.parametrize(
    ("columns", "cells", "contrasts"),
    [
        ("mr,mr_t2", "m,t2", ["MR", "t2"]),
        ("mr_t2,mr", "t2,m", ["t2", "MR"]),
        ("mr_t2,person,mr,mr_t1", "t2,Ada,m,t1", ["t2", "MR", "t1"]),
        ("mr,mr_t2", ",t2", ["t2"]),
        ("mr,mr_t2", "m,", ["MR"]),
        ("mr_MR", "m", ["MR"]),
    ],
)
def test_contrasts_of_csv_keep_the_order_of_their_columns(
    tmp_path: Path, columns: str, cells: str, contrasts: list[str]
) -> None:
    (head,) = cohort_of(tmp_path, f"name,{columns},ct\np,{cells},c\n").heads
    files = {"MR": tmp_path / "m", "t1": tmp_path / "t1", "t2": tmp_path / "t2"}
    assert list(head.mr.items()) == [(contrast, files[contrast]) for contrast in contrasts]


def test_contrasts_of_toml_keep_their_order(tmp_path: Path) -> None:
    text = '[[head]]\nname = "p"\nmr = { t2 = "t2", MR = "m", t1 = "t1" }\nct = "c"\n'
    assert list(cohort_of(tmp_path, text, "cohort.toml").heads[0].mr) == ["t2", "MR", "t1"]


def test_a_tilde_is_a_home_folder_unless_a_dot_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    (head,) = cohort_of(tmp_path, "name,mr,ct,transform\np,~/m,./~/c,./~nobody.tfm\n").heads
    assert head.mr["MR"] == tmp_path / "home" / "m"
    assert head.ct == tmp_path / "~" / "c"
    assert head.transform == tmp_path / "~nobody.tfm"


ROW = "p1,m1.nii,c1.nii\n"
FAULTS = {
    "no head": ("name,mr,ct\n", "lists no head"),
    "unknown column": ("name,mr,ct,age\np1,m,c,70\n", "line 2 has an unknown entry 'age'"),
    "column twice": ("name,mr,mr,ct\np1,m,m,c\n", "names a column twice"),
    "a contrast twice": ("name,mr,mr_MR,ct\np1,m1,,c1\np2,,m2,c2\n", 'columns "mr" and "mr_MR"'),
    "a contrast in two cases": ("name,mr,mr_mr,ct\np1,m1,m2,c1\n", 'contrasts "MR" and "mr"'),
    "an unknown home": (f"name,mr,ct\n{ROW}p2,~nobody here/m,c\n", 'line 3 ("p2"): "mr" is "~nobody here/m"'),
    "no CT": ("name,mr\np1,m\n", 'line 2 lacks "ct"'),
    "no MR": ("name,mr_t1,mr_t2,ct\np1,,,c\n", 'line 2 lacks "mr"'),
    "too few cells": ("name,mr,ct\np1,m\n", "line 2 has not the 3 cells"),
    "too many cells": (f"name,mr,ct\n{ROW}p2,m,c,c\n", "line 3 has not the 3 cells"),
    "a name that leaves the folder": ("name,mr,ct\n../p1,m,c\n", '"../p1" cannot be the name of a head'),
    "a name no folder can have": ("name,mr,ct\np1.,m,c\n", '"p1." cannot be the name of a head'),
    "a contrast no file can have": ("name,mr_t/1,ct\np1,m,c\n", '"t/1" cannot be the name of a contrast'),
    "unknown split": ("name,mr,ct,split\np1,m,c,exam\n", "\"split\" is 'exam'"),
    "the same name": (f"name,mr,ct\n{ROW}P1,m2,c2\n", "give each head its own name"),
    "two spellings": ("name,mr_t1,mr_T1,ct\np1,m1,,c1\np2,,m2,c2\n", 'contrasts "t1" and "T1"'),
    "the same CT": ("name,mr,ct,split\np1,m1,c,train\np2,m2,x/../c,test\n", "leak across the split"),
    "the same MR": ("name,mr,ct,split\np1,m,c1,train\np2,m,c2,test\n", "leak across the split"),
    "the same person in other letters": (
        "name,person,mr,ct,split\np1,ada,m1,c1,train\np2,Ada,m2,c2,test\n",
        'share the person "Ada", and so leak across the split',
    ),
    "the same person": (
        "name,person,mr,ct,split\np1,A,m1,c1,train\np2,A,m2,c2,test\n",
        'share the person "A", and so leak across the split',
    ),
    "an open quote": ('name,mr,ct\np1,"m,c\n', "is not CSV"),
    "a NUL": ("name,mr,ct\np1,m\0,c\n", '"mr" must be 1 to 1000 printable letters'),
    "a long path": (f"name,mr,ct\np1,{'m' * 1001},c\n", '"mr" must be 1 to 1000 printable letters'),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_that_names_the_file_and_the_place(tmp_path: Path, fault: str) -> None:
    text, words = FAULTS[fault]
    with pytest.raises(MR2XRayError) as caught:
        cohort_of(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


TOML_FAULTS = {
    "no TOML": ("head = [", "is not TOML"),
    "other tables": ('[body]\nname = "p"\n', "must hold [[head]] tables and nothing else"),
    "one table": ('[head]\nname = "p"\n', "must hold [[head]] tables and nothing else"),
    "no tables": ("head = [1, 2]\n", "head 1 is no table"),
    "a number": (
        '[[head]]\nname = "p"\nmr = 5\nct = "c"\n',
        '"mr" must be 1 to 1000 printable letters, not 5',
    ),
    "a contrast twice": (
        '[[head]]\nname = "p"\nmr = { MR = "m", "MR" = "n" }\nct = "c"\n',
        "is not TOML",
    ),
    "an unknown home": (
        '[[head]]\nname = "p"\nmr = "m"\nct = "~nobody here/c"\n',
        '"ct" is "~nobody here/c", but that home folder is not known',
    ),
    "no contrast": ('[[head]]\nname = "p"\nmr = {}\nct = "c"\n', "holds 0 contrasts"),
    "a list as split": ('[[head]]\nname = "p"\nmr = "m"\nct = "c"\nsplit = []\n', '"split" is []'),
}


@pytest.mark.parametrize("fault", TOML_FAULTS)
def test_a_fault_of_toml_is_one_sentence_too(tmp_path: Path, fault: str) -> None:
    text, words = TOML_FAULTS[fault]
    with pytest.raises(MR2XRayError) as caught:
        cohort_of(tmp_path, text, "cohort.toml")
    assert words in str(caught.value)
    assert "cohort.toml" in str(caught.value)


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"p{n},m{n},c{n}\n" for n in range(4))
    monkeypatch.setattr(reading, "MOST_HEADS", 3)
    with pytest.raises(MR2XRayError, match="more than 3 heads"):
        cohort_of(tmp_path, f"name,mr,ct\n{rows}")
    monkeypatch.setattr(reading, "MOST_BYTES", 20)
    with pytest.raises(MR2XRayError, match="is larger than"):
        cohort_of(tmp_path, f"name,mr,ct\n{rows}")


def test_what_is_no_cohort_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("name,mr,ct\nMüller,m,c".encode("latin-1"))
    (tmp_path / "folder.csv").mkdir()
    for name, words in (
        ("nothing.csv", "does not exist"),
        ("cohort.xlsx", "neither .toml nor .csv"),
        ("latin.csv", "is not UTF-8"),
        ("folder.csv", "cannot be read"),
    ):
        with pytest.raises(MR2XRayError, match=words):
            read_cohort(tmp_path / name)


@ANY_FILE
@given(st.binary(max_size=400), st.sampled_from([".toml", ".csv"]))
def test_no_content_causes_anything_but_a_sentence(tmp_path: Path, content: bytes, suffix: str) -> None:
    start = b"name,mr,ct\n" if suffix == ".csv" else b"[[head]]\n"
    path = tmp_path / f"any{suffix}"
    path.write_bytes(start + content)
    sentence = ""
    try:
        read_cohort(path)
    except MR2XRayError as error:
        sentence = str(error)
    assert "\n" not in sentence


names = st.text(string.ascii_lowercase + string.digits + "_-", min_size=1, max_size=12).map("p{}".format)
plain = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20).filter(
    lambda text: text.isprintable() and "/" not in text
)
paths = plain | plain.map("~{}".format) | st.sampled_from(["~", "~root"])


@ANY_FILE
@given(st.data())
def test_a_cohort_that_is_written_reads_the_same(tmp_path: Path, data: st.DataObject) -> None:
    heads, path = [], tmp_path / "out" / "cohort.toml"
    files = paths.map(tmp_path.joinpath) | paths.map(path.parent.joinpath)
    for name in data.draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        mr = {c: data.draw(files) for c in data.draw(st.sets(names, min_size=1, max_size=3))}
        transform, person = data.draw(st.none() | files), data.draw(paths)
        heads.append(CohortHead(name, mr, data.draw(files), transform, person, "test"))
    write_cohort(path, heads, "a note")
    read = read_cohort(path)
    for one, other in zip(facts(Cohort(path, tuple(heads))), facts(read), strict=True):
        assert one[0] == other[0]
        assert {c: p.resolve() for c, p in one[1].items()} == {c: p.resolve() for c, p in other[1].items()}
        assert one[2].resolve() == other[2].resolve()
        assert (one[3] and one[3].resolve()) == (other[3] and other[3].resolve())
        assert one[4:] == other[4:]


def test_the_split_follows_from_the_person_alone_in_the_shares_told() -> None:
    counts = Counter(split_of(f"person {n}") for n in range(4000))
    for split, share in SHARES.items():
        # Three standard deviations of a share of 70 % of 4000 are 2 %.
        assert counts[split] / 40 == pytest.approx(share, abs=2.2)


def test_heads_of_one_person_lie_on_one_side(tmp_path: Path) -> None:
    rows = "".join(f"p{n},Ada,m{n},c\n" for n in range(20))
    cohort = cohort_of(tmp_path, f"name,person,mr,ct\n{rows}")
    assert {head.split for head in cohort.heads} == {split_of("Ada")}
