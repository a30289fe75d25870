"""A text that is not one address -> the error that names the fault and the fix.

email-validator explains faults in terms of the RFCs. This module finds the common ones first, and
explains them in terms of the cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from mailmerge.errors import AddressError

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
            what = f"{_shown(text)} contains the invisible character {name}"
            return _error(what, "type the address again", "control")
    return None


def first_fault(text: str) -> AddressError | None:
    """The error of the first common fault of an address; None if it has none of these."""
    return next(_faults(text), None)


def more_than_the_address(text: str, address: str) -> AddressError:
    """The error of `Name <address>` where only an address is read."""
    what = f"{_shown(text)} is more than the address"
    hint = f"write only {_shown(address)}, or set parse_names = true under [recipients]"
    return _error(what, hint, "name")


def invalid(text: str, reason: str) -> AddressError:
    """The error of any other fault, with the reason that email-validator gives."""
    return _error(f"{_shown(text)}: {reason.rstrip('.')}", "check the address", "syntax")


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
        yield _error("the address is empty", "fill it in, or delete the row", "empty")
    if text.lower().startswith("mailto:"):
        yield _error(f"{shown} is a link", f"write only {_shown(text[7:])}", "mailto")
    if text[0] in _QUOTATION_MARKS or text[-1] in _QUOTATION_MARKS:
        hint = f"write {_shown(text.strip(_QUOTATION_MARKS))}"
        yield _error(f"{shown} has quotation marks", hint, "quotes")
    if text[-1] in ",;" and text.count("@") == 1:
        yield _error(f"{shown} ends with {text[-1]}", f"delete the {text[-1]}", "trailing")
    if text.count("@") > 1:
        if re.search(r"[\s,;/|]", text):
            what = f"{shown} contains more than one address"
            yield _error(what, "write one recipient per row", "many")
        what = f"{shown} has {text.count('@')} @ signs"
        yield _error(what, "delete all but one", "two-at")
    if "@" not in text:
        yield _error(f"{shown} has no @ sign", "an address is name@domain", "no-at")
    if re.search(r"[<>]", text):
        what = f"{shown} has an extra angle bracket"
        yield _error(what, "write only name@domain", "name")
    if re.search(r"\s", text):
        yield _error(f"{shown} contains a space", "delete the space", "space")


def _faults_of_the_local_part(text: str, local: str) -> Iterator[AddressError]:
    shown = _shown(text)
    if not local:
        what = f"{shown} has nothing before the @ sign"
        yield _error(what, "write name@domain", "no-local")
    if "=?" in local:
        what = f"{shown} is an encoded word"
        yield _error(what, "write the address itself", "encoded")
    size = len(local.encode(errors="replace"))
    if size > LOCAL_PART_BYTES:
        much = f"{size} bytes before the @ sign, at most {LOCAL_PART_BYTES} are allowed"
        yield _error(f"{shown} is too long: {much}", "check the address", "long")
    quoted = f"or, if the address really has it, write '{_in_quotes(text)}'"
    if ".." in local:
        hint = f"delete one of them, {quoted}"
        yield _error(f"{shown} has two dots in a row", hint, "dots")
    if "\u2019" in local or "\u2018" in local:
        straight = text.replace("\u2019", "'").replace("\u2018", "'")
        what = f"{shown} has a typographic apostrophe"
        yield _error(what, f"write {_shown(straight)}", "quotes")
    if local.startswith(".") or local.endswith("."):
        where = "starts with a dot" if local.startswith(".") else "has a dot before the @ sign"
        yield _error(f"{shown} {where}", f"delete the dot, {quoted}", "dots")


def _in_quotes(text: str) -> str:
    """The address with its local part in quotation marks (RFC 5321, 4.1.2)."""
    local, _, domain = text.partition("@")
    return f'"{local}"@{domain}'[:_SHOWN_CHARACTERS]


def _faults_of_the_domain(text: str, domain: str) -> Iterator[AddressError]:
    shown = _shown(text)
    if not domain:
        what = f"{shown} has nothing after the @ sign"
        yield _error(what, "write name@domain", "no-domain")
    if domain.startswith("["):
        what = f"{shown} has an IP address for a domain"
        yield _error(what, "write the name of the domain", "literal")
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        where = "ends with a dot" if domain.endswith(".") else "has an extra dot after the @ sign"
        yield _error(f"{shown} {where}", "delete the dot", "dots")
    if "." not in domain:
        what = f"{shown} has no dot after the @ sign"
        yield _error(what, "write the whole domain, such as example.org", "single-label")
    if len(domain) > DOMAIN_BYTES:
        much = f"{len(domain)} characters after the @ sign, at most {DOMAIN_BYTES} are allowed"
        yield _error(f"{shown} is too long: {much}", "check the address", "long")
    for label in domain.split("."):
        yield from _faults_of_a_label(shown, label)


def _faults_of_a_label(shown: str, label: str) -> Iterator[AddressError]:
    if "_" in label:
        what = f"{shown} has an underscore in its domain"
        yield _error(what, "domains consist of letters, digits and hyphens", "domain")
    if label.startswith("-") or label.endswith("-"):
        what = f"{shown} has a hyphen at the edge of {_shown(label)}"
        yield _error(what, "check the domain", "domain")
    if label.isascii() and len(label) > _LABEL_BYTES:
        what = f"{_shown(label)} has {len(label)} characters, at most {_LABEL_BYTES} are allowed"
        yield _error(what, "check the domain", "long")


def _shown(text: str) -> str:
    """The text as a message quotes it: at most 80 characters, and no control characters."""
    start = text[:_SHOWN_CHARACTERS]
    printable = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in start)
    return f'"{printable}…"' if len(text) > _SHOWN_CHARACTERS else f'"{printable}"'
