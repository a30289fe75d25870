"""Numbers in the format General have their digits; other formats keep the text that was saved."""

from __future__ import annotations

import pytest

from mailmerge.recipients.formats.document_styles import DocumentStyles, whole_number


def styles_of(*elements: tuple[str, dict[str, str]]) -> DocumentStyles:
    styles = DocumentStyles()
    for name, attributes in elements:
        styles.add(name, attributes)
    return styles


def cells(name: str, form: str = "", parent: str = "Default") -> tuple[str, dict[str, str]]:
    found = {"style:name": name, "style:family": "table-cell", "style:parent-style-name": parent}
    return "style:style", found | ({"style:data-style-name": form} if form else {})


def number(name: str) -> tuple[str, dict[str, str]]:
    return "number:number-style", {"style:name": name}


def places(**attributes: str) -> tuple[str, dict[str, str]]:
    named = {f"number:{name.replace('_', '-')}": value for name, value in attributes.items()}
    return "number:number", named


def test_a_style_without_places_is_general() -> None:
    styles = styles_of(
        cells("a"), cells("b", "N0"), cells("c", "N1"), cells("d", "N2"), cells("e", "N3"),
        cells("f", "N4"), cells("g", parent="d"), cells("h", parent="a"), cells("i", "N9"),
        number("N1"), places(min_integer_digits="1"),
        number("N2"), places(decimal_places="2", min_integer_digits="1"),
        number("N3"), places(min_integer_digits="5"),
        number("N4"), places(min_integer_digits="1"), ("number:text", {}),
    )  # fmt: skip
    general = [name for name in "abcdefghi" if styles.is_general(name)]
    assert general == ["a", "b", "c", "h"]
    assert styles.is_general("")


def test_styles_in_a_circle_are_not_general() -> None:
    assert not styles_of(cells("a", parent="b"), cells("b", parent="a")).is_general("a")


def test_the_document_names_its_decimal_sign() -> None:
    family = ("style:default-style", {"style:family": "table-cell"})
    german = ("style:text-properties", {"fo:language": "de", "fo:country": "DE"})
    assert styles_of(family, german).point == ","
    assert styles_of(family, ("style:text-properties", {"fo:language": "none"})).point == ""
    assert styles_of(("style:default-style", {"style:family": "graphic"}), german).point == ""


@pytest.mark.parametrize(
    ("text", "value", "point", "shown"),
    [
        ("11.66666667", "11.666666666666666", "", "11.6666666666667"),
        ("11,66666667", "11.666666666666666", "", "11,6666666666667"),
        ("4019", "4018.9999999884299", ",", "4018,99999998843"),
        ("4019", "4018.9999999884299", "", "4019"),
        ("1.23E+15", "1234567890123456", ".", "1234567890123456"),
        ("0.3", "0.30000000000000004", ".", "0.3"),
        ("34.3", "34.3", ".", "34.3"),
        ("12.5 km", "12.512", ".", "12.5 km"),
        ("7.5", "9.25", ".", "7.5"),
        ("5", "", ".", "5"),
        ("1E+999999", "1E+999999", ".", "1E+999999"),
    ],
)
def test_a_number_has_all_its_digits(text: str, value: str, point: str, shown: str) -> None:
    assert whole_number(text, value, point) == shown
