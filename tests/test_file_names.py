"""Names in a folder: other spellings of one file, and patterns."""

from __future__ import annotations

import os
import time
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.file_names import FolderNames, TooManyFiles, all_wild, shown_pattern


def files(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return str(folder)


def matching(folder: str, shown: str) -> list[str]:
    return FolderNames().matching(folder, all_wild(shown))


def test_pattern_finds_files_in_natural_order(tmp_path: Path) -> None:
    folder = files(tmp_path, "7-10.pdf", "7-2.pdf", "77-1.pdf", "7-.txt")
    assert matching(folder, "7-*.pdf") == ["7-2.pdf", "7-10.pdf"]
    assert matching(folder, "./7-?.pdf") == ["7-2.pdf"]


def test_wildcard_stays_within_one_name(tmp_path: Path) -> None:
    folder = files(tmp_path, "a/x.pdf", "b/x.pdf", "b/c/x.pdf", "x.pdf")
    assert matching(folder, "*/x.pdf") == ["a/x.pdf", "b/x.pdf"]
    assert matching(folder, "b\\*\\*.pdf") == ["b/c/x.pdf"]


def test_pattern_never_finds_hidden_files(tmp_path: Path) -> None:
    assert matching(files(tmp_path, ".env", "env", ".git/env"), "*env") == ["env"]
    assert matching(str(tmp_path), "*/env") == []


def test_marked_characters_alone_are_wild(tmp_path: Path) -> None:
    folder = files(tmp_path, "a[1].pdf", "a1.pdf")
    assert matching(folder, "a[1]*") == ["a[1].pdf"]
    assert FolderNames().matching(folder, "a*") == []
    assert shown_pattern("a\0*b\0?") == "a*b?"


def test_pattern_finds_other_unicode_forms_and_case(tmp_path: Path) -> None:
    folder = files(tmp_path, unicodedata.normalize("NFD", "Müller-1.pdf"), "SCAN-1.PDF")
    assert matching(folder, "Müller-*.pdf") == [unicodedata.normalize("NFD", "Müller-1.pdf")]
    assert matching(folder, "scan-*.pdf") == ["SCAN-1.PDF"]


def test_other_case_must_be_unambiguous(tmp_path: Path) -> None:
    names = FolderNames()
    folder = files(tmp_path, "Papers/Terms.PDF", "a.pdf", "A.pdf")
    assert names.in_other_case(folder, "papers/terms.pdf") == "Papers/Terms.PDF"
    assert names.in_other_case(folder, "no.pdf") is None
    if len(os.listdir(folder)) == 3:  # noqa: PTH208
        assert names.in_other_case(folder, "A.PDF") is None


def test_changed_folder_is_listed_again(tmp_path: Path) -> None:
    names, folder = FolderNames(), files(tmp_path, "a1")
    assert names.matching(folder, "a\0*") == ["a1"]
    time.sleep(0.02)
    files(tmp_path, "a2")
    assert names.matching(folder, "a\0*") == ["a1", "a2"]


def test_more_than_a_thousand_files_are_refused(tmp_path: Path) -> None:
    folder = files(tmp_path, *(f"{n}.pdf" for n in range(1_001)))
    with pytest.raises(TooManyFiles):
        matching(folder, "*.pdf")
    assert len(matching(folder, "1*.pdf")) == 112


def test_pattern_of_many_stars_takes_no_time(tmp_path: Path) -> None:
    folder = files(tmp_path, "a" * 200)
    began = time.process_time()
    assert matching(folder, "*a" * 100 + "b") == []
    assert time.process_time() - began < 1


@settings(max_examples=200)
@given(
    name=st.text("ab.", min_size=1, max_size=8), pattern=st.text("ab.*?", min_size=1, max_size=6)
)
def test_patterns_match_as_in_a_shell(
    tmp_path_factory: pytest.TempPathFactory, name: str, pattern: str
) -> None:
    if name in (".", "..") or pattern in (".", ".."):
        return
    folder = files(tmp_path_factory.mktemp("f"), name)
    expected = not name.startswith(".") or ("*" not in pattern and "?" not in pattern)
    assert matching(folder, pattern) == ([name] if expected and fnmatchcase(name, pattern) else [])
