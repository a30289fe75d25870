"""Workbooks that LibreOffice makes are read as it shows them, in many locales and formats."""

from __future__ import annotations

import os
import random
from pathlib import Path

import openpyxl
import pytest

from tests.recipients.libreoffice import (
    LOCALES,
    NUMBER_CODES,
    Comparison,
    Difference,
    Office,
    every_kind,
    reason_to_differ,
)

pytestmark = pytest.mark.real


def office_in(folder: Path, locale: str) -> Office:
    office = Office.find(folder / "profile", locale)
    if office is None:
        if os.environ.get("CI"):
            pytest.fail("LibreOffice is missing (Debian: libreoffice-calc)")
        pytest.skip("LibreOffice is not installed")
    return office


def compared(folder: Path, office: Office, *suffixes: str) -> dict[str, Comparison]:
    """Let it save kinds.xlsx in these formats, and compare each."""
    found = {}
    for suffix in suffixes:
        saved, shown = folder / f"saved-{suffix}", folder / f"shown-{suffix}"
        office.convert([folder / "kinds.xlsx"], suffix, saved)
        office.shown([saved / f"kinds.{suffix}"], shown)
        found[suffix] = Comparison()
        assert found[suffix].add(saved / f"kinds.{suffix}", shown)
    return found


def test_every_kind_of_format_in_one_locale(tmp_path: Path) -> None:
    every_kind(tmp_path / "kinds.xlsx")
    for one in compared(tmp_path, office_in(tmp_path, "de-DE"), "xlsx", "xls").values():
        assert one.cells > 650
        assert one.different == []


@pytest.mark.long
@pytest.mark.parametrize("locale", LOCALES)
def test_every_kind_of_format_in_each_locale(tmp_path: Path, locale: str) -> None:
    every_kind(tmp_path / "kinds.xlsx")
    for suffix, one in compared(
        tmp_path, office_in(tmp_path, locale), "xlsx", "ods", "xls"
    ).items():
        assert one.right > (99.5 if suffix == "xlsx" else 99), one.different
        assert one.equal > 98, one.reasons


@pytest.mark.long
def test_any_number_in_any_format(tmp_path: Path) -> None:
    source = random.Random(15)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for _ in range(2000):
        code = source.choice(NUMBER_CODES)
        digits = source.uniform(-1, 1) * 10.0 ** source.randrange(-4, 9)
        sheet.append([f"code {code}", round(digits, source.randrange(6))])
        sheet.cell(sheet.max_row, 2).number_format = code
    sheet.column_dimensions["B"].width = 60
    book.save(tmp_path / "kinds.xlsx")
    (one,) = compared(tmp_path, office_in(tmp_path, "en-US"), "xlsx").values()
    assert one.right > 99.5, one.different
    assert one.equal > 98, one.reasons


@pytest.mark.parametrize(
    ("code", "theirs", "ours", "known"),
    [
        ("General", "1E+016", "1E+16", True),
        ("[>100]0;0", "5", "-5", True),
        ("0.00", "44.28", "44.27", False),
        ("0", "5", "-5", False),
        ("h:mm:ss", "9:59:59", "10:00:00", True),
        ("h:mm", "9:59", "10:59", False),
        ("# ?/?", "12 2/7", "12 1/3", True),
        ("# ?/?", "0", "-0", True),
        ("d/m", "12/7", "12/8", False),
        ("0%", "41 %", "41%", True),
        ("General", "1", "TRUE", True),
        ("General", "0", "TRUE", False),
        ("General", "99.98", "99.97", False),
        ("m/d/yy", "12/31/99", "01/01/00", True),
        ("m/d/yy", "12/31/98", "01/01/99", False),
    ],
)
def test_known_differences_are_no_others(code: str, theirs: str, ours: str, known: bool) -> None:
    found = Difference("f", "s", "A1", theirs, ours, code)
    assert bool(reason_to_differ(found)) == known
