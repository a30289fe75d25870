"""Pages that cost more than they seem end in seconds, with a message or a finding."""

from __future__ import annotations

import sys
import time

import pytest

from tests.preflight.checked import Folder
from tests.rendering.hostile_pages import PAGES

_SECONDS = 5.0
"""Of processor time, on 2 cores; a usual page takes some milliseconds."""

_EACH_TIME = ("nested elements", "long attribute", "long style", "rules", "open comment")
_TEMPLATES = ("values", "values in links")
"""Their time is that of Jinja2, which compiles 10,000 outputs."""


_SLOWED = 3 if sys.gettrace() else 1
"""Coverage, which is told of every line, makes the check this much slower."""


def seconds_of(folder: Folder, name: str) -> float:
    page = PAGES[name]()
    folder.configure(message={"html": '"body.html"'})
    folder.write("body.html", page)
    started = time.process_time()
    folder.problems()
    return (time.process_time() - started) / _SLOWED


@pytest.mark.parametrize("name", _EACH_TIME)
def test_hostile_page_ends_in_seconds(folder: Folder, name: str) -> None:
    assert seconds_of(folder, name) < _SECONDS


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(PAGES) - set(_EACH_TIME)))
def test_every_hostile_page_ends_in_seconds(folder: Folder, name: str) -> None:
    most = 3 * _SECONDS if name in _TEMPLATES else 1.5 * _SECONDS  # on a machine that is not idle
    assert seconds_of(folder, name) < most


def test_findings_of_one_rule_are_bounded(folder: Folder) -> None:
    folder.page("<p id='a'>x" * 1000)
    found = [problem for problem in folder.problems() if problem.code == "duplicate-id"]
    assert len(found) == 200


def test_pages_are_as_large_as_they_say() -> None:
    sizes = [len(make()) for make in PAGES.values()]
    assert max(sizes) > 1_500_000
    assert sum(size > 250_000 for size in sizes) > 30
