"""A text that is not one address -> the error that names the fault and the fix.

email-validator explains faults in terms of the RFCs. This module finds the common ones first, and
explains them in terms of the cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from mailmerge.errors import AddressError
from mailmerge.language import tr
from mailmerge.library_messages import address_message
from mailmerge.wording import prefixed

LOCAL_PART_BYTES = 64  # RFC 5321, 4.5.3.1.1
DOMAIN_BYTES = 253  # RFC 1035, 2.3.4, without the root label
_LABEL_BYTES = 63  # RFC 1035, 2.3.1
_SHOWN_CHARACTERS = 80

BIDI_EMBEDDINGS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that reverse the text after them (Unicode Standard Annex 9, 2.1 to 2.3)."""

_QUOTATION_MARKS = "\"'`“”„‟‘’‚‛«»"


def invisible_character(text: str) -> AddressError | None:
    """The error of the first control character of a text; None if there is none."""
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or (
            character in BIDI_EMBEDDINGS
        ):
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            what = tr(
                "{text} contains the invisible character {name}", text=_shown(text), name=name
            )
            return _error(what, tr("type the address again"), "control")
    return None


def first_fault(text: str) -> AddressError | None:
    """The error of the first common fault of an address; None if it has none of these."""
    return next(_faults(text), None)


def more_than_the_address(text: str, address: str) -> AddressError:
    """The error of `Name <address>` where only an address is read."""
    what = tr("{text} is more than the address", text=_shown(text))
    hint = tr(
        "write only {address}, or set parse_names = true under [recipients]",
        address=_shown(address),
    )
    return _error(what, hint, "name")


def several(text: str) -> AddressError:
    """The error of a text with more than one address."""
    what = tr("{shown} contains more than one address", shown=_shown(text))
    hint = tr(
        'write one recipient per row, or set several = "each" or "together" under [recipients]'
    )
    return _error(what, hint, "many")


def invalid(text: str, reason: str) -> AddressError:
    """The error of any other fault, with the reason that email-validator gives."""
    reason = address_message(reason.rstrip("."))
    return _error(prefixed(_shown(text), reason), tr("check the address"), "syntax")


def _error(message: str, hint: str, code: str) -> AddressError:
    """An error without a place: the caller knows row and column."""
    return AddressError(message, hint=hint, code=f"address-{code}")


def _faults(text: str) -> Iterator[AddressError]:
    yield from _faults_of_the_cell(text)
    local, _, domain = text.partition("@")
    yield from _faults_of_the_local_part(text, local)
    yield from _faults_of_the_domain(text, domain)


def _faults_of_the_cell(text: str) -> Iterator[AddressError]:
    shown = _shown(text)
    if not text:
        yield _error(tr("the address is empty"), tr("fill it in, or delete the row"), "empty")
    if text.lower().startswith("mailto:"):
        yield _error(
            tr("{shown} is a link", shown=shown),
            tr("write only {text}", text=_shown(text[7:])),
            "mailto",
        )
    if text[0] in _QUOTATION_MARKS or text[-1] in _QUOTATION_MARKS:
        hint = tr("write {text}", text=_shown(text.strip(_QUOTATION_MARKS)))
        yield _error(tr("{shown} has quotation marks", shown=shown), hint, "quotes")
    if text[-1] in ",;" and text.count("@") == 1:
        yield _error(
            tr("{shown} ends with {sign}", shown=shown, sign=text[-1]),
            tr("delete the {sign}", sign=text[-1]),
            "trailing",
        )
    if text.count("@") > 1:
        if re.search(r"[\s,;/|]", text):
            yield several(text)
        what = tr("{shown} has {count} @ signs", shown=shown, count=text.count("@"))
        yield _error(what, tr("delete all but one"), "two-at")
    if "@" not in text:
        yield _error(
            tr("{shown} has no @ sign", shown=shown), tr("an address is name@domain"), "no-at"
        )
    if re.search(r"[<>]", text):
        what = tr("{shown} has an extra angle bracket", shown=shown)
        yield _error(what, tr("write only name@domain"), "name")
    if re.search(r"\s", text):
        yield _error(tr("{shown} contains a space", shown=shown), tr("delete the space"), "space")


def _faults_of_the_local_part(text: str, local: str) -> Iterator[AddressError]:
    shown = _shown(text)
    if not local:
        what = tr("{shown} has nothing before the @ sign", shown=shown)
        yield _error(what, tr("write name@domain"), "no-local")
    if "=?" in local:
        what = tr("{shown} is an encoded word", shown=shown)
        yield _error(what, tr("write the address itself"), "encoded")
    size = len(local.encode(errors="replace"))
    if size > LOCAL_PART_BYTES:
        what = tr(
            "{shown} is too long: {size} bytes before the @ sign, at most {limit} are allowed",
            shown=shown,
            size=size,
            limit=LOCAL_PART_BYTES,
        )
        yield _error(what, tr("check the address"), "long")
    if ".." in local:
        hint = tr(
            "delete one of them, or, if the address really has it, write '{text}'",
            text=_in_quotes(text),
        )
        yield _error(tr("{shown} has two dots in a row", shown=shown), hint, "dots")
    if "\u2019" in local or "\u2018" in local:
        straight = text.replace("\u2019", "'").replace("\u2018", "'")
        what = tr("{shown} has a typographic apostrophe", shown=shown)
        yield _error(what, tr("write {straight}", straight=_shown(straight)), "quotes")
    if local.startswith(".") or local.endswith("."):
        what = (
            tr("{shown} starts with a dot", shown=shown)
            if local.startswith(".")
            else tr("{shown} has a dot before the @ sign", shown=shown)
        )
        hint = tr(
            "delete the dot, or, if the address really has it, write '{text}'",
            text=_in_quotes(text),
        )
        yield _error(what, hint, "dots")


def _in_quotes(text: str) -> str:
    """The address with its local part in quotation marks (RFC 5321, 4.1.2)."""
    local, _, domain = text.partition("@")
    return f'"{local}"@{domain}'[:_SHOWN_CHARACTERS]


def _faults_of_the_domain(text: str, domain: str) -> Iterator[AddressError]:
    shown = _shown(text)
    if not domain:
        what = tr("{shown} has nothing after the @ sign", shown=shown)
        yield _error(what, tr("write name@domain"), "no-domain")
    if domain.startswith("["):
        what = tr("{shown} has an IP address for a domain", shown=shown)
        yield _error(what, tr("write the name of the domain"), "literal")
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        what = (
            tr("{shown} ends with a dot", shown=shown)
            if domain.endswith(".")
            else tr("{shown} has an extra dot after the @ sign", shown=shown)
        )
        yield _error(what, tr("delete the dot"), "dots")
    if "." not in domain:
        what = tr("{shown} has no dot after the @ sign", shown=shown)
        yield _error(what, tr("write the whole domain, such as example.org"), "single-label")
    if len(domain) > DOMAIN_BYTES:
        what = tr(
            "{shown} is too long: {count} characters after the @ sign, at most {limit} are allowed",
            shown=shown,
            count=len(domain),
            limit=DOMAIN_BYTES,
        )
        yield _error(what, tr("check the address"), "long")
    for label in domain.split("."):
        yield from _faults_of_a_label(shown, label)


def _faults_of_a_label(shown: str, label: str) -> Iterator[AddressError]:
    if "_" in label:
        what = tr("{shown} has an underscore in its domain", shown=shown)
        yield _error(what, tr("domains consist of letters, digits and hyphens"), "domain")
    if label.startswith("-") or label.endswith("-"):
        what = tr("{shown} has a hyphen at the edge of {label}", shown=shown, label=_shown(label))
        yield _error(what, tr("check the domain"), "domain")
    if label.isascii() and len(label) > _LABEL_BYTES:
        what = tr(
            "{label} has {count} characters, at most {label_bytes} are allowed",
            label=_shown(label),
            count=len(label),
            label_bytes=_LABEL_BYTES,
        )
        yield _error(what, tr("check the domain"), "long")


def _shown(text: str) -> str:
    """The text as a message quotes it: at most 80 characters, and no control characters."""
    start = text[:_SHOWN_CHARACTERS]
    printable = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in start)
    return f'"{printable}…"' if len(text) > _SHOWN_CHARACTERS else f'"{printable}"'
