"""A number -> its text in a country: the decimal point, and the signs between thousands."""

from __future__ import annotations

import re
from decimal import Decimal

import jinja2

from mailmerge.arithmetic import round_half_away
from mailmerge.language import tr
from mailmerge.recipients.formats.locales import find_locale

_MOST_PLACES = 15
_LAST_DIGITS = re.compile(r"[.,](\d+)\D*$")


def write_number(value: int | float, places: int | None, tag: str) -> str:
    """The number with `places` decimals, as the country with a tag such as "de-CH" writes it.

    Without `places` it has the decimals that it needs. A half is rounded away from zero.

    Raises:
        TemplateRuntimeError: there is no such country, or the number is infinite.
    """
    locale = find_locale(tag)
    if locale is None:
        raise jinja2.TemplateRuntimeError(
            tr('there is no language "{tag}"; write one such as "de" or "en-GB"', tag=tag)
        )
    if not abs(value) < float("inf"):
        raise jinja2.TemplateRuntimeError(tr("the filter number needs a finite number"))
    whole, _, decimals = _plain(value, places).lstrip("-").partition(".")
    signs = locale.signs
    grouped = _grouped(whole, signs.group, indian=signs.indian)
    negative = "-" if value < 0 and (whole + decimals).strip("0") else ""
    return f"{negative}{grouped}{signs.point}{decimals}" if decimals else f"{negative}{grouped}"


def _plain(value: int | float, places: int | None) -> str:
    """The digits with a point, without an exponent."""
    if places is not None:
        places = min(max(places, 0), _MOST_PLACES)
        rounded = round_half_away(value, places) if isinstance(value, float) else value
        return f"{Decimal(repr(rounded)):.{places}f}"
    text = f"{Decimal(f'{value:.15g}' if isinstance(value, float) else value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _grouped(digits: str, sign: str, *, indian: bool) -> str:
    """The digits in groups of three; in India all but the last group have two."""
    size, head = (2 if indian else 3), digits[:-3]
    groups = [head[max(end - size, 0) : end] for end in range(len(head), 0, -size)]
    return sign.join([*reversed(groups), digits[-3:]])


def decimals_of(text: str, value: float) -> int | None:
    """How many decimals the text of a number shows; None if it is a percentage or shows none."""
    found = _LAST_DIGITS.search(text)
    if found is None or "%" in text:
        return None
    digits = "".join(one for one in text[: found.end(1)] if one.isdigit())
    # After a sign between thousands, the digits are the number itself.
    return len(found[1]) if round(abs(value) * 10 ** len(found[1])) == int(digits) else None
