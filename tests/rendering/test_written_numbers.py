"""Numbers are written as the readers of a country write them."""

from __future__ import annotations

import jinja2
import pytest

from mailmerge.errors import TemplateError
from mailmerge.rendering.written_numbers import decimals_of, write_number
from tests.rendering.conftest import MakeRecipient, MakeRenderer


@pytest.mark.parametrize(
    ("value", "places", "tag", "text"),
    [
        (1234.5, 2, "de", "1.234,50"),
        (1469.055, 2, "de-DE", "1.469,06"),
        (1234567, 0, "en", "1,234,567"),
        (1234.5, 2, "fr", "1\u00a0234,50"),
        (1234.5, 2, "de-CH", "1'234.50"),
        (12345678.9, 2, "en-IN", "1,23,45,678.90"),
        (12, None, "de", "12"),
        (0.5, None, "es", "0,5"),
        (-0.004, 2, "en", "0.00"),
        (-1234.5, 1, "it", "-1.234,5"),
        (999, 0, "en", "999"),
        (1e20, None, "en", "100,000,000,000,000,000,000"),
        (0.1 + 0.2, None, "en", "0.3"),
        (10**18, 0, "en", "1,000,000,000,000,000,000"),
    ],
)
def test_a_number_is_written_for_a_country(
    value: float, places: int | None, tag: str, text: str
) -> None:
    assert write_number(value, places, tag) == text


@pytest.mark.parametrize(("value", "tag"), [(1.5, "xx"), (float("inf"), "de")])
def test_an_unknown_country_or_an_infinite_number_is_refused(value: float, tag: str) -> None:
    with pytest.raises(jinja2.TemplateRuntimeError):
        write_number(value, 2, tag)


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [
        ("1,234.50", 1234.5, 2),
        ("1.234,50 €", 1234.5, 2),
        ("1.234", 1234, None),
        ("1,234", 1.234, 3),
        ("12", 12, None),
        ("12.5%", 0.125, None),
        ("43,0", 43, 1),
        ("(5.20)", -5.2, 2),
    ],
)
def test_the_decimals_of_a_cell_are_counted(text: str, value: float, decimals: int | None) -> None:
    assert decimals_of(text, value) == decimals


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{ net|number("de") }}', "1.234,50"),
        ("{{ (net|float * 1.19)|number(2) }}", "1,469.06"),
        ('{{ (net|float * 1.19)|number(2, "de") }}', "1.469,06"),
        ('{{ net|number("de", 1) }}', "1.234,5"),
    ],
)
def test_the_filter_writes_cells_and_results(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, text: str
) -> None:
    content = make_renderer({"body.txt": source}).render(make_recipient(net="1,234.50"))
    assert str(content.text) == text


@pytest.mark.parametrize(
    "source",
    ["{{ name|number }}", "{{ net|number(2, 3) }}", "{{ net|number(none) }}", "{{ [1]|number }}"],
)
def test_a_wrong_use_of_the_filter_is_an_error(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str
) -> None:
    with pytest.raises(TemplateError):
        make_renderer({"body.txt": source}).render(make_recipient(net="1,234.50", name="Ann"))
