"""Cell styles of XLSX have the number formats of their cells."""

from __future__ import annotations

import pytest

from mailmerge.recipients.formats.number_format import Region
from mailmerge.recipients.formats.office_styles import (
    Styles,
    integer,
    is_text_value,
    read_formats,
    style_names,
)


def test_conditional_formats_are_not_those_of_cells() -> None:
    tags: list[tuple[str, dict[str, str]]] = [
        ("numFmt", {"numFmtId": "170", "formatCode": "0.00"}), ("/numFmt", {}),
        ("cellXfs", {}), ("xf", {"numFmtId": "170"}), ("/xf", {}), ("xf", {}), ("/cellXfs", {}),
        ("dxfs", {}), ("numFmt", {"numFmtId": "170", "formatCode": "yyyy"}), ("/dxfs", {}),
        ("xf", {"numFmtId": "9"}),
    ]  # fmt: skip
    assert read_formats(tags, Region()) == ["0.00", "General"]
    assert read_formats([], Region()) == ["General"]


def test_a_long_format_is_that_of_its_number() -> None:
    tags: list[tuple[str, dict[str, str]]] = [
        ("numFmt", {"numFmtId": "1", "formatCode": "0" * 2000}),
        ("cellXfs", {}), ("xf", {"numFmtId": "1"}),
    ]  # fmt: skip
    assert read_formats(tags, Region()) == ["0"]


def test_the_name_of_the_normal_style() -> None:
    tags: list[tuple[str, dict[str, str]]] = [
        ("cellStyle", {"builtinId": "0", "name": "Standard"}),
        ("cellStyle", {}),
    ]
    assert list(style_names(tags)) == ["Standard"]


def test_numbers_and_texts_are_shown_by_style() -> None:
    styles = Styles(["General", "0.00", '"Dear "@', ";;;"], [], Region(), from_1904=False)
    seen = styles.number("5", "1")
    assert (seen.text, seen.regional) == ("5.00", True)
    assert styles.number("5", "99").text == "5"
    assert styles.number("1e999", "0").fault == "number"
    assert styles.text("Ann", "0") == "Ann"
    assert styles.text("Ann", "2") == "Dear Ann"
    assert styles.text("Ann", "3") == ""


@pytest.mark.parametrize(
    ("raw", "style", "text"),
    [
        ("2026-02-02T18:00:00", "1", "2.2.2026 18:00"),
        ("2026-02-02", "1", "2.2.2026 0:00"),
        ("1900-01-02", "1", "2.1.1900 0:00"),
        ("18:30:00", "2", "18:30"),
        ("10:59:59.9999999999984", "2", "11:00"),
        ("2026-02-02T00:00:00", "0", "2026-02-02"),
        ("soon", "1", "soon"),
    ],
)
def test_dates_in_iso_8601_have_their_format(raw: str, style: str, text: str) -> None:
    styles = Styles(["General", "d.m.yyyy h:mm", "h:mm"], [], Region(), from_1904=False)
    assert styles.date(raw, style).text == text


def test_dates_may_count_from_1904() -> None:
    styles = Styles(["d.m.yyyy"], [], Region(), from_1904=True)
    assert styles.date("2026-02-02", "0").text == "2.2.2026"


def test_values_without_a_type() -> None:
    assert [integer(one) for one in ("7", "", None, "x", "9" * 12)] == [7, 0, 0, 0, 0]
    assert is_text_value("n/a")
    assert not is_text_value("-inf")
    assert not is_text_value("1.5E3")
