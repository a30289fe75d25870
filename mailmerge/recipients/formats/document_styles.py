"""The styles of an OpenDocument spreadsheet: which cells have the format General.

A cell holds its value and the text that the program showed. That text is right for each format with
places of its own. General has none: the program shows as many digits as the column is wide, so that
4018.99999998843 was saved as 4019. A message has no columns. Its digits are those of the value, as
in XLSX and XLS (`number_format`), so that one table gives the same messages in each format.

A cell is General if its style, or a style above it, names no format, or one without places: a
`number:number` that says nothing about decimals (OASIS OpenDocument 1.3, part 3, 16.29.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from mailmerge.recipients.formats.locales import find_locale
from mailmerge.recipients.formats.number_format import plain_number

_STYLE_BYTES = 300
_GENERAL = "N0"
"""What Excel and LibreOffice call General; it may be in another part."""

_DEEPEST = 20
_PLACES = frozenset(
    {"number:decimal-places", "number:grouping", "number:display-factor"}
)  # fmt: skip
_POINTS = ".,\u066b"


class DocumentStyles:
    """The styles of cells and numbers, as far as General needs them.

    Attributes:
        point: the decimal sign of the document's language; "" if it names none.
    """

    def __init__(self) -> None:
        """Know none."""
        self.point = ""
        self._formats: dict[str, tuple[str | None, str]] = {}
        self._general = {_GENERAL}
        self._number = ""
        self._in_default = False

    def add(self, name: str, attributes: Mapping[str, str]) -> int:
        """Note the start of an element outside of the tables; return the bytes that it takes."""
        kind = name.rpartition(":")[2]
        if kind in {"style", "default-style"}:
            self._number = ""
            self._in_default = kind == "default-style"
            of_cells = attributes.get("style:family") == "table-cell"
            self._in_default = self._in_default and of_cells
            if of_cells and kind == "style":
                parent = attributes.get("style:parent-style-name", "")
                found = attributes.get("style:data-style-name"), parent
                self._formats[attributes.get("style:name", "")] = found
                return _STYLE_BYTES
        elif kind == "text-properties" and self._in_default:
            self._language(attributes)
        elif kind == "number-style":
            self._number = attributes.get("style:name", "")
            self._general.add(self._number)
            return _STYLE_BYTES
        elif self._number not in {"", _GENERAL} and not _is_plain(kind, attributes):
            self._general.discard(self._number)
        return 0

    def is_general(self, style: str) -> bool:
        """Whether the cells of a style show their numbers in the format General."""
        for _ in range(_DEEPEST):
            found = self._formats.get(style)
            if found is None:
                return True
            form, style = found
            if form is not None:
                return form in self._general
        return False

    def _language(self, attributes: Mapping[str, str]) -> None:
        language = attributes.get("fo:language", "")
        locale = find_locale(f"{language}-{attributes.get('fo:country', '')}")
        self.point = locale.signs.point if locale is not None else self.point


def _is_plain(kind: str, attributes: Mapping[str, str]) -> bool:
    """Whether a part of a format says nothing about the places of the digits."""
    if kind != "number":
        return kind == "text-properties"
    least = attributes.get("number:min-integer-digits", "1")
    return least in {"0", "1"} and not _PLACES & attributes.keys()


def whole_number(text: str, value: str, point: str) -> str:
    """The text of a number in General: with all its digits if the saved text has them rounded.

    Args:
        text: what the program showed; a text that is not this number stays.
        value: the number.
        point: the decimal sign of the document, for a text that has none; "" keeps such a text.
    """
    if text == value:
        return text
    sign = next((one for one in _POINTS if one in text), point)
    shown, exact = _decimal(text.replace(sign, ".") if sign else text), _decimal(value)
    if shown is None or exact is None or not sign:
        return text
    whole = plain_number(value)
    exponent = shown.as_tuple().exponent
    unit = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
    if shown == _decimal(whole) or abs(shown - exact) > unit * Decimal("0.51"):
        return text
    return whole.replace(".", sign)


def _decimal(text: str) -> Decimal | None:
    """A number; None if the text is not one, or one that is out of the range of a sheet."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < _RANGE else None


_RANGE = 400
