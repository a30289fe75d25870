"""One cell -> one mailbox (RFC 5321, 4.1.2; RFC 6531; IDNA by UTS 46).

email-validator is the authority on addresses. It takes some 30 us for each. So the common address
(an ASCII dot-atom before the @, a domain that was seen before) takes a fast path, which accepts
fewer forms and gives the same result; a property test compares the two.

Two spellings are the same mailbox if their `identity` is equal. It has the domain as A-labels in
lower case, and the local part in Unicode form NFC and in lower case. RFC 5321 (2.4) lets a server
tell `Bob@` from `bob@`. Hardly any server does, and this program must not write to one recipient
twice. So the identity folds case everywhere, for suppression and for the ledger; the address itself
is sent as the cell has it. Addresses that differ in a plus-tag or in the dots of Gmail are
different mailboxes, unless `dedupe = "loose"` asks for `loose_identity`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

from mailmerge.errors import AddressError
from mailmerge.recipients.address_errors import (
    BIDI_EMBEDDINGS,
    DOMAIN_BYTES,
    LOCAL_PART_BYTES,
    first_fault,
    invalid,
    invisible_character,
    more_than_the_address,
    several,
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address in the forms that its different uses need.

    `address` is the normalised addr-spec for users and header fields; `forward_path` is what RCPT
    has between the angle brackets (the domain as A-labels); `identity` is equal for all spellings
    of the same mailbox (case and Unicode form folded); `display_name` is empty unless the cell was
    `Name <address>` and names are read.
    """

    address: str
    forward_path: str
    identity: str
    display_name: str = ""

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the local part is not ASCII (RFC 6531, 3.3); an IDN domain does not count."""
        return not self.forward_path.isascii()

    @property
    def domain(self) -> str:
        """The domain as A-labels, in lower case."""
        return self.forward_path.rpartition("@")[2]


_ATEXT = r"[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]+"
_COMMON = re.compile(rf" *({_ATEXT}(?:\.{_ATEXT})*)@([A-Za-z0-9.-]+) *")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# Letters, digits and hyphens, and a letter at the end; email-validator judges all others.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z]$){_LABEL}")
_ADDRESS_BYTES = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets

# RFC 2142 names roles whose case never matters; email-validator writes them in lower case.
_ROLES = frozenset(
    [
        "info",
        "marketing",
        "sales",
        "support",
        "abuse",
        "noc",
        "security",
        "postmaster",
        "hostmaster",
        "usenet",
        "news",
        "webmaster",
        "www",
        "uucp",
        "ftp",
    ]
)


def parse_mailbox(cell: str, *, names: bool = False) -> Mailbox:
    """Read the one mailbox of a cell.

    White space around it, zero-width characters, full-width signs and the ideographic full stop are
    normalised; anything else that is not an addr-spec is refused. With `names` the forms
    `Name <address>` and `<address>` are read too, and the name is kept.

    Raises:
        AddressError: the cell is not exactly one address. The error has the reason and the fix, but
            no place: the caller knows row and column.
    """
    common = _COMMON.fullmatch(cell)
    if common is not None and len(cell) <= _ADDRESS_BYTES and "=?" not in cell:
        local, domain = common.groups()
        forms = _domain_forms(domain)
        if forms is not None and len(local) <= LOCAL_PART_BYTES:
            folded = local.lower()
            if folded in _ROLES:
                local = folded
            shown, ascii_form = forms
            forward_path = f"{local}@{ascii_form}"
            address = forward_path if shown is ascii_form else f"{local}@{shown}"
            return Mailbox(address, forward_path, f"{folded}@{ascii_form}")
    return _parse_any(cell, names=names)


# Bounded, because a list may have as many domains as recipients. It holds no state: the result
# depends on the domain alone.
@lru_cache(maxsize=50_000)
def _domain_forms(domain: str) -> tuple[str, str] | None:
    """An ASCII domain in the form for users, and as A-labels.

    None if only the slow path can decide, or explain the error.
    """
    if _HOST.fullmatch(domain) and "--" not in domain and len(domain) <= DOMAIN_BYTES:
        lowered = domain.lower()
        return lowered, lowered
    try:
        mailbox = _validated(f"a@{domain}")
    except AddressError:
        return None
    # Near the limit, the total length depends on local part and form: the slow path decides.
    ascii_form = mailbox.domain
    shown = mailbox.address.partition("@")[2]
    if len(ascii_form) != len(domain) or len(shown.encode()) + LOCAL_PART_BYTES > _ADDRESS_BYTES:
        return None
    return (ascii_form if shown == ascii_form else shown, ascii_form)


# Signs of East Asian keyboards: U+FF01..U+FF5E are ASCII at full width.
_NORMAL_SIGNS = {
    **{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)},
    ord("﹫"): "@",
    ord("。"): ".",
    ord("｡"): ".",
    0x3000: " ",
    0x00A0: " ",
    # Zero width: invisible, and often part of copied text.
    **dict.fromkeys((0x200B, 0x2060, 0xFEFF, 0x00AD), None),
}
BIDI_CONTROLS = "\u061c\u200e\u200f" + BIDI_EMBEDDINGS
"""Characters that only change the direction of writing (Unicode Standard Annex 9, 2).

U+202E makes the text after it appear backwards.
"""

_EDGES = " \t\r\n\u200c\u200d" + BIDI_CONTROLS
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])+"@[^@\s"<>,;]+')
"""A local part in quotation marks (RFC 5321, 4.1.2): `"hanako..y"@docomo.ne.jp`."""

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_ADDRESS_AND_MORE = re.compile(r"@[^,;@]*[,;]")
_LONGEST_NAMED = 4_000
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")


def _parse_any(cell: str, *, names: bool) -> Mailbox:
    text = cell.translate(_NORMAL_SIGNS).strip(_EDGES)
    _raise(invisible_character(text))
    named = _NAMED.fullmatch(text)
    if named is None:
        if _QUOTED_LOCAL.fullmatch(text):
            return _validated(text)
        _raise(first_fault(text))
        return _validated(text)
    inner = named[2].strip()
    if not names:
        raise more_than_the_address(text, inner)
    if len(text) <= _LONGEST_NAMED and _ADDRESS_AND_MORE.search(_QUOTED.sub("", named[1])):
        raise several(text)
    return replace(parse_mailbox(inner), display_name=_clean_name(named[1]))


def _raise(error: AddressError | None) -> None:
    if error is not None:
        raise error


def _clean_name(name: str) -> str:
    """The display name without its quotation marks and escapes (RFC 5322, 3.2.4), in NFC."""
    name = " ".join(name.split())
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1]).strip()
    return unicodedata.normalize("NFC", name)


def _validated(text: str) -> Mailbox:
    """Parse an addr-spec with email-validator.

    email-validator refuses reserved domains (`x.test`, `x.local`), and only its global setting
    turns that off, for a whole process. mailmerge accepts them, since samples and the sandbox use
    them; the check warns about them. So a reserved last label is replaced by one of the same length
    for the validation, and put back into the result.
    """
    import email_validator

    local, _, domain = text.rpartition("@")
    head, reserved = _split_reserved(domain, email_validator.SPECIAL_USE_DOMAIN_NAMES)
    stand_in = f"x{reserved[1:]}"
    try:
        valid = email_validator.validate_email(
            f"{local}@{head}{stand_in}" if reserved else text,
            check_deliverability=False,
            strict=True,
            allow_quoted_local=True,
        )
    except email_validator.EmailNotValidError as error:
        symbols = _with_symbols_as_a_labels(domain)
        if symbols:
            plain = _validated(f"{local}@{_STAND_IN}")
            return _with_domain(plain, symbols)
        raise invalid(text, str(error)) from error
    address, ascii_domain = valid.normalized, valid.ascii_domain
    if reserved:
        address = address.removesuffix(stand_in) + reserved
        ascii_domain = ascii_domain.removesuffix(stand_in) + reserved
    folded = unicodedata.normalize("NFC", valid.local_part.lower())
    return Mailbox(address, f"{valid.local_part}@{ascii_domain}", f"{folded}@{ascii_domain}")


_STAND_IN = "stand-in.com"


def _with_symbols_as_a_labels(domain: str) -> str:
    """A domain with symbols such as emoji, as A-labels; "" for any other.

    IDNA 2008 has no symbols, but registries (.ws, .to, .fm) sell them, by the rules of IDNA 2003.
    """
    labels = []
    for label in unicodedata.normalize("NFC", domain.lower()).split("."):
        try:
            shown = label.encode().decode("idna") if label.startswith("xn--") else label
            plain = shown.replace("\ufe0f", "").replace("\u200d", "")
            if plain.isascii():
                labels.append(plain)
            elif all(
                one.isalnum() or one == "-" or unicodedata.category(one) in _SYMBOLS
                for one in plain
            ):
                labels.append(f"xn--{plain.encode('punycode').decode()}")
            else:
                return ""
        except UnicodeError:
            return ""
    ascii_form = ".".join(labels)
    has_symbol = any(unicodedata.category(one) in _SYMBOLS for one in domain) or "xn--" in domain
    return ascii_form if has_symbol and _HOST.fullmatch(ascii_form) else ""


_SYMBOLS = frozenset({"So", "Sk"})


def _with_domain(mailbox: Mailbox, ascii_domain: str) -> Mailbox:
    """A mailbox of the stand-in, with the domain that it stands for."""

    def of(address: str) -> str:
        return f"{address.removesuffix(_STAND_IN)}{ascii_domain}"

    return Mailbox(of(mailbox.address), of(mailbox.forward_path), of(mailbox.identity))


def _split_reserved(domain: str, reserved: list[str]) -> tuple[str, str]:
    """Split a reserved last label off a domain: (the rest, the label), or (domain, "")."""
    head, dot, last = domain.rpartition(".")
    folded = unicodedata.normalize("NFKC", last).lower()
    return (head + dot, folded) if head and folded in reserved else (domain, "")


_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def loose_identity(identity: str) -> str:
    """An identity without the plus-tag, and at Gmail without the dots.

    `bob.smith+news@googlemail.com` and `bobsmith@gmail.com` become the same.
    """
    local, _, domain = identity.rpartition("@")
    untagged = local.partition("+")[0] or local
    if domain in _GMAIL:
        return f"{untagged.replace('.', '')}@gmail.com"
    return f"{untagged}@{domain}"
