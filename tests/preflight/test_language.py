"""The check in Chinese: the same findings as in English, with the same codes and places."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mailmerge.errors import Problem
from mailmerge.language import use
from mailmerge.preflight.cells import in_cell
from mailmerge.preflight.findings import Findings
from mailmerge.preflight.report import CheckReport, is_note
from tests.preflight.checked import Folder

CHINESE = re.compile("[\u4e00-\u9fff]")
BROKEN = """email;name;age;file
a@x-firma.de;Ann;12;.hidden.pdf
bad@;Bob;x;
c@gmial.com;;3;campaign.toml
d@x..org;Dé;4;
a@x-firma.de;Ann;12;
"""
PAGE = """<html><body><p>Dear {{ name }},</p><table><b>{{ age|int }}</b></table>
<img src="http://x-firma.de/logo.svg">
<a href="http://x-firma.de">x</a><a href="">y</a>[[name]] %name%
<script>x</script><mark id="a"></mark><i id="a">lorem ipsum</i></body></html>
"""


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    use("en")


def broken(folder: Folder) -> CheckReport:
    folder.recipients(BROKEN)
    folder.write("body.html", PAGE)
    folder.configure(
        message={"html": '"body.html"', "attachments": '["{{ file }}", "missing.pdf"]'}
    )
    return folder.check()


def places(report: CheckReport) -> set[tuple[object, ...]]:
    return {(one.code, one.severity, one.file, one.row, one.column) for one in report.problems}


def test_findings_have_the_same_codes_and_places(folder: Folder) -> None:
    english = broken(folder)
    use("zh_CN")
    chinese = broken(folder)
    assert len(english.problems) > 10
    assert places(chinese) == places(english)
    assert [group.count for group in chinese.groups] == [group.count for group in english.groups]


def test_every_finding_and_fix_is_chinese(folder: Folder) -> None:
    use("zh_CN")
    for one in (*broken(folder).problems, *folder.check().notes):
        assert CHINESE.search(one.message), one
        assert not one.hint or CHINESE.search(one.hint), one
        assert "{{{{" not in str(one)


def test_a_refused_file_is_found_in_its_cell() -> None:
    use("zh_CN")
    said = "附件 .env 是隐藏文件，绝不会成为邮件的一部分"
    problem = Problem("error", "asset-private", said, "body.html", 3)
    assert in_cell(problem, {"note": "隐藏文件", "file": ".env"}, "people.csv").column == "file"


def test_a_certain_encoding_is_a_note_in_chinese(folder: Folder) -> None:
    use("zh_CN")
    folder.recipients("email,name\nann@x-firma.de,Ännchen\n".encode("utf-16"))
    report = folder.check()
    chosen = [one for one in (*report.notes, *report.problems) if one.code == "encoding-chosen"]
    assert all(map(is_note, chosen))
    guess = Problem("warning", "encoding-chosen", '文件按 Windows-1252 读取，例如 "UTF-8"')
    assert not is_note(guess)


def test_kinds_are_grouped_in_chinese() -> None:
    use("zh_CN")
    found = Findings()
    for row in (2, 3):
        found.add(Problem("error", "x", f'"a{row}@x" 没有 @', "people.csv", row, "email"))
    (group,) = found.groups()
    assert group.occurrences() == '共 2 处：第 2 行 "a2@x"，第 3 行 "a3@x"'
