"""One cell -> one mailbox (RFC 5321, 4.1.2; RFC 6531; IDNA by UTS 46).

email-validator is the authority on what an address is. It takes some 30 us, so the common address
(an ASCII dot-atom before the @, a domain that was met before) takes a shorter way that accepts
less and gives the same answer; a property test holds the two together.

The rule of sameness. Two spellings are the same mailbox when their `identity` is equal: the domain
is compared as A-labels in lower case, the local part in Unicode form NFC and in lower case.
RFC 5321 (2.4) lets a server tell `Bob@` from `bob@`; hardly any does, and writing to one person
twice is the accident that this program prevents. So the identity folds case everywhere, for
suppression and for the ledger, while the address itself is kept and sent as the person wrote it.
Plus-tags and the dots of Gmail are other people, unless `dedupe = "loose"` asks for
`loose_identity`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailmerge.errors import AddressError


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address, and the forms of it that the different places want.

    `address` is the normalised addr-spec for people and header fields; `forward_path` is what goes
    into RCPT without the angle brackets (the domain as A-labels); `identity` is what two spellings
    of the same mailbox have in common (case and Unicode form folded); `display_name` is empty
    unless the cell held `Name <address>` and that was asked for.
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
# Letters, digits and hyphens, and a letter at the end; all else is email-validator's to judge.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z]$){_LABEL}")
_LOCAL_PART_OCTETS = 64  # RFC 5321, 4.5.3.1.1
_ADDRESS_OCTETS = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
_DOMAIN_OCTETS = 253  # RFC 1035, 2.3.4, without the root label
_LABEL_OCTETS = 63  # RFC 1035, 2.3.1
_DOMAINS_KEPT = 50_000

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

# The domain as written -> (for people, as A-labels); bounded, for a list of strangers' domains.
_domains: dict[str, tuple[str, str] | None] = {}


def parse_mailbox(cell: str, *, names: bool = False) -> Mailbox:
    """Read the one mailbox that a cell holds.

    White space around it, zero-width characters, full-width signs and the ideographic full stop are
    normalised; anything else that is not an addr-spec is refused. With `names` the forms
    `Name <address>` and `<address>` are read too, and the name is kept.

    Raises:
        AddressError: the cell does not hold exactly one address; it says why and what to do, and
            carries no place: the caller knows row and column.
    """
    common = _COMMON.fullmatch(cell)
    if common is not None and len(cell) <= _ADDRESS_OCTETS and "=?" not in cell:
        local, domain = common.groups()
        forms = _domain_forms(domain)
        if forms is not None and len(local) <= _LOCAL_PART_OCTETS:
            folded = local.lower()
            if folded in _ROLES:
                local = folded
            shown, ascii_form = forms
            forward_path = f"{local}@{ascii_form}"
            address = forward_path if shown is ascii_form else f"{local}@{shown}"
            return Mailbox(address, forward_path, f"{folded}@{ascii_form}")
    return _parse_with_care(cell, names=names)


def _domain_forms(domain: str) -> tuple[str, str] | None:
    """The two forms of an ASCII domain, or None where the careful way must explain or decide."""
    try:
        return _domains[domain]
    except KeyError:
        pass
    if len(_domains) >= _DOMAINS_KEPT:
        _domains.clear()
    _domains[domain] = forms = _learn_domain(domain)
    return forms


def _learn_domain(domain: str) -> tuple[str, str] | None:
    if _HOST.fullmatch(domain) and "--" not in domain and len(domain) <= _DOMAIN_OCTETS:
        lowered = domain.lower()
        return lowered, lowered
    try:
        mailbox = _validated(f"a@{domain}")
    except AddressError:
        return None
    # A total length near the limit depends on the local part and the form: the careful way decides.
    ascii_form = mailbox.domain
    shown = mailbox.address.partition("@")[2]
    if len(ascii_form) != len(domain) or len(shown.encode()) + _LOCAL_PART_OCTETS > _ADDRESS_OCTETS:
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
    # Zero width: nobody sees them, they come along with copied text.
    **dict.fromkeys((0x200B, 0x2060, 0xFEFF, 0x00AD), None),
}
_EMBEDDINGS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
BIDI_CONTROLS = "\u061c\u200e\u200f" + _EMBEDDINGS
"""What only turns the direction of writing (Unicode Standard Annex 9, 2): U+202E lets a text be
read backwards."""

_EDGES = " \t\r\n\u200c\u200d" + BIDI_CONTROLS
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_QUOTATION_MARKS = "\"'`“”„‟‘’‚‛«»"


def _parse_with_care(cell: str, *, names: bool) -> Mailbox:
    text = cell.translate(_NORMAL_SIGNS).strip(_EDGES)
    _refuse_invisible(text)
    named = _NAMED.fullmatch(text)
    if named is None:
        return _bare_address(text)
    name, inner = _clean_name(named[1]), named[2].strip()
    if not names:
        raise AddressError(
            f"{_shown(text)} is more than the address",
            hint=f"write only {_shown(inner)}, or set parse_names = true under [recipients]",
            code="address-name",
        )
    return replace(parse_mailbox(inner), display_name=name)


def _clean_name(name: str) -> str:
    """The display name without its quotation marks and escapes (RFC 5322, 3.2.4), in NFC."""
    name = " ".join(name.split())
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1]).strip()
    return unicodedata.normalize("NFC", name)


def _refuse_invisible(text: str) -> None:
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _EMBEDDINGS:
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            raise AddressError(
                f"{_shown(text)} contains the invisible character {name}",
                hint="type the address anew",
                code="address-control",
            )


def _bare_address(text: str) -> Mailbox:
    for complaint in _complaints(text):
        raise complaint
    return _validated(text)


def _complaints(text: str) -> Iterator[AddressError]:
    """What is wrong in words that name the mend; the first one is raised."""
    yield from _about_the_cell(text)
    local, _, domain = text.partition("@")
    yield from _about_the_local_part(text, local)
    yield from _about_the_domain(text, domain)


def _about_the_cell(text: str) -> Iterator[AddressError]:
    if not text:
        yield _wrong("the address is empty", "fill it in, or delete the row", "empty")
    if text.lower().startswith("mailto:"):
        yield _wrong(f"{_shown(text)} is a link", f"write only {_shown(text[7:])}", "mailto")
    if text[0] in _QUOTATION_MARKS or text[-1] in _QUOTATION_MARKS:
        mend = f"write {_shown(text.strip(_QUOTATION_MARKS))}"
        yield _wrong(f"{_shown(text)} has quotation marks", mend, "quotes")
    if text[-1] in ",;" and text.count("@") == 1:
        yield _wrong(f"{_shown(text)} ends with {text[-1]}", f"delete the {text[-1]}", "trailing")
    if text.count("@") > 1:
        if re.search(r"[\s,;/|]", text):
            yield _wrong(f"{_shown(text)} holds more than one address", "one person a row", "many")
        yield _wrong(f"{_shown(text)} has {text.count('@')} @ signs", "leave one", "two-at")
    if "@" not in text:
        yield _wrong(f"{_shown(text)} has no @ sign", "an address is name@domain", "no-at")
    if re.search(r"[<>]", text):
        yield _wrong(
            f"{_shown(text)} has an angle bracket too many", "write only name@domain", "name"
        )
    if re.search(r"\s", text):
        yield _wrong(f"{_shown(text)} has a space in it", "delete the space", "space")


def _about_the_local_part(text: str, local: str) -> Iterator[AddressError]:
    if not local:
        yield _wrong(
            f"{_shown(text)} has nothing before the @ sign", "write name@domain", "no-local"
        )
    if "=?" in local:
        yield _wrong(f"{_shown(text)} is an encoded word", "write the address itself", "encoded")
    if len(local.encode(errors="replace")) > _LOCAL_PART_OCTETS:
        much = f"{len(local.encode())} octets before the @ sign, {_LOCAL_PART_OCTETS} are allowed"
        yield _wrong(f"{_shown(text)} is too long: {much}", "check the address", "long")
    if local.startswith(".") or local.endswith(".") or ".." in local:
        what = "two dots in a row" if ".." in local else "a dot next to nothing before the @ sign"
        yield _wrong(f"{_shown(text)} has {what}", "delete the dot", "dots")


def _about_the_domain(text: str, domain: str) -> Iterator[AddressError]:
    if not domain:
        yield _wrong(
            f"{_shown(text)} has nothing after the @ sign", "write name@domain", "no-domain"
        )
    if domain.startswith("["):
        what = f"{_shown(text)} has an IP number for a domain"
        yield _wrong(what, "write the domain's name", "literal")
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        what = "ends with a dot" if domain.endswith(".") else "has a dot too many after the @ sign"
        yield _wrong(f"{_shown(text)} {what}", "delete the dot", "dots")
    if "." not in domain:
        what = f"{_shown(text)} has no dot after the @ sign"
        yield _wrong(what, "write the whole domain, such as example.org", "single-label")
    if len(domain) > _DOMAIN_OCTETS:
        what = f"{len(domain)} characters after the @ sign, {_DOMAIN_OCTETS} are allowed"
        yield _wrong(f"{_shown(text)} is too long: {what}", "check the address", "long")
    for label in domain.split("."):
        yield from _about_a_label(text, label)


def _about_a_label(text: str, label: str) -> Iterator[AddressError]:
    if "_" in label:
        what = f"{_shown(text)} has an underscore in its domain"
        yield _wrong(what, "domains have letters, digits and hyphens", "domain")
    if label.startswith("-") or label.endswith("-"):
        what = f"{_shown(text)} has a hyphen at the edge of {_shown(label)}"
        yield _wrong(what, "check the domain", "domain")
    if label.isascii() and len(label) > _LABEL_OCTETS:
        what = f"{_shown(label)} has {len(label)} characters, {_LABEL_OCTETS} are allowed"
        yield _wrong(what, "check the domain", "long")


def _wrong(message: str, hint: str, code: str) -> AddressError:
    return AddressError(message, hint=hint, code=f"address-{code}")


def _shown(text: str) -> str:
    """The text as it can stand in a message: short, and without anything a terminal obeys."""
    printable = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:80])
    return f'"{printable}…"' if len(text) > 80 else f'"{printable}"'


def _validated(text: str) -> Mailbox:
    """Ask email-validator, and keep the forms that it gives."""
    import email_validator

    # Its documented setting: reserved domains are for the check to judge,
    # because samples and the sandbox use them.
    email_validator.SPECIAL_USE_DOMAIN_NAMES = []
    try:
        valid = email_validator.validate_email(text, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError as error:
        reason = str(error).rstrip(".")
        raise _wrong(f"{_shown(text)}: {reason}", "check the address", "syntax") from error
    local, domain = valid.local_part, valid.ascii_domain
    folded = unicodedata.normalize("NFC", local.lower())
    return Mailbox(valid.normalized, f"{local}@{domain}", f"{folded}@{domain}")


_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def loose_identity(identity: str) -> str:
    """What is left of an identity without the plus-tag, and at Gmail without the dots.

    `bob.smith+news@googlemail.com` and `bobsmith@gmail.com` become the same.
    """
    local, _, domain = identity.rpartition("@")
    untagged = local.partition("+")[0] or local
    if domain in _GMAIL:
        return f"{untagged.replace('.', '')}@gmail.com"
    return f"{untagged}@{domain}"
