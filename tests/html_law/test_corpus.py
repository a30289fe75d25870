"""The law for each template of the corpus, except for the differences that are known.

An ordinary run compares one template of each family, a long one all of them.
"""

from __future__ import annotations

import re

import pytest

from .browser import Browser
from .corpus import CORPUS, Template, compare_template, sample, templates
from .difference import count_kinds
from .expected import documented, expected, reason, table

TEMPLATES = templates()
SAMPLE = sample(TEMPLATES, 1)
OTHERS = [template for template in TEMPLATES if template not in SAMPLE]


def _check(chromium: Browser, template: Template) -> None:
    result = compare_template(chromium, template)
    known, found = expected().get(template.name, {}), count_kinds(result.differences)
    new = [
        str(one)
        for one in result.differences
        if found[" | ".join(one.kind)] > known.get(" | ".join(one.kind), 0)
    ]
    assert not new, "\n".join(["the page that is sent differs:", *new[:20]])
    fewer = {kind: count for kind, count in known.items() if found[kind] < count}
    assert not fewer, f"better than expected.json says (python -m tests.html_law --write): {fewer}"
    assert result.elements > 10


@pytest.mark.real
@pytest.mark.parametrize("template", SAMPLE, ids=lambda template: template.name)
def test_sent_page_equals_written_page(chromium: Browser, template: Template) -> None:
    _check(chromium, template)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.parametrize("template", OTHERS, ids=lambda template: template.name)
def test_sent_page_equals_written_page_of_all(chromium: Browser, template: Template) -> None:
    _check(chromium, template)


def test_corpus_is_large_and_its_files_are_small() -> None:
    assert len(TEMPLATES) >= 60
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) < 4_000_000
    assert {path.suffix for path in CORPUS.rglob("*") if path.is_file()} == {
        ".html",
        ".css",
        ".md",
        "",
    }


def test_each_family_has_its_licence_and_its_line() -> None:
    rows = re.findall(
        r"^\| ([a-z-]+) \|", (CORPUS / "SOURCES.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    families = sorted({template.family for template in TEMPLATES})
    assert sorted(set(rows) - {"folder"}) == families
    for family in families:
        assert (CORPUS / family / "LICENSE").stat().st_size > 500


def test_expected_differences_name_templates_and_have_reasons() -> None:
    assert set(expected()) <= {template.name for template in TEMPLATES}
    for kinds in expected().values():
        for kind, count in kinds.items():
            assert count > 0
            assert reason(kind), f"no reason for {kind}"


def test_docs_have_the_table_of_known_differences() -> None:
    assert documented() == table(), "run python -m tests.html_law --write"


def test_sample_has_templates_of_each_family() -> None:
    assert {template.family for template in SAMPLE} == {template.family for template in TEMPLATES}
    assert len(SAMPLE) + len(OTHERS) == len(TEMPLATES)
