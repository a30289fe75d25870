"""Approval: one short code for exactly these messages, and what differs from it later.

A second pair of eyes approves a mailing, and another command sends it, perhaps on another day. The
code says that nothing has changed between the two:

    recipients   key, address and cells of each row
    content      the keys of [message], the name of the mailing if it is set
    files        templates, images and attachments, by path: those that the check has read
    sender       From, Reply-To, reverse path, server, user name, signatures
    limits       rates, connections, the most recipients

The code is 60 bits of BLAKE2b over all of that in 12 characters. That is enough: to find other
messages with the same code, an attacker has to try some 2^60. It needs nothing but the campaign.
Naming the difference needs the approved state itself, so `mailmerge approve` writes its digests
into the state folder (approval_files.py). Without that record a wrong code is still refused, and
the error cannot say what differs.

Keys, passwords and commands that print them are never part of it: they may be replaced at any time.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mailmerge.engine.limits import Limits
from mailmerge.language import tr, trn
from mailmerge.recipients.recipient import Recipient
from mailmerge.settings import Settings
from mailmerge.signing.settings import signed_by

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O and U
_LENGTH: Final = 12
_GROUP: Final = 4
_HALF: Final = 8  # bytes: the digest of a key, and that of its row
_SENDER: Final = ("from", "reply_to", "reverse_path", "verp")
_SECRET: Final[dict[str, set[str] | bool]] = {
    "unsubscribe": {"key_file", "secret_command", "page"},
    "dkim": True,
    "smime": True,
}


@dataclass(frozen=True, slots=True)
class ApprovedRecipients:
    """The recipients as digests: for each one the key (8 bytes) and the row (8 bytes), sorted.

    `rows` are the numbers of the rows by the digest of the key, as far as they are known.
    """

    entries: bytes
    rows: Mapping[bytes, int] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.entries) // (2 * _HALF)

    def by_key(self) -> dict[bytes, bytes]:
        """The digest of each row by that of its key."""
        size = 2 * _HALF
        each = (self.entries[at : at + size] for at in range(0, len(self.entries), size))
        return {entry[:_HALF]: entry[_HALF:] for entry in each}


class RecipientDigests:
    """Collects the digests of recipients that pass through `noting`."""

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._rows = array("Q")

    def noting(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        """Yield the recipients, and note each."""
        for recipient in recipients:
            mailbox = recipient.mailbox
            shown = [mailbox.address, mailbox.display_name, sorted(recipient.cells.items())]
            shown += [sorted(row.cells.items()) for row in recipient.rows]
            row = json.dumps(shown)
            self._entries.append(_digest(recipient.key) + _digest(row))
            self._rows.append(recipient.row)
            yield recipient

    def recipients(self) -> ApprovedRecipients:
        """The recipients that have passed."""
        rows = {entry[:_HALF]: row for entry, row in zip(self._entries, self._rows, strict=True)}
        return ApprovedRecipients(b"".join(sorted(self._entries)), rows)


@dataclass(frozen=True, slots=True)
class _Difference:
    """One thing that differs from what was approved.

    Attributes:
        part: recipients, content, files, sender or limits.
        name: the key or the file; "" for recipients.
        message: the difference in words.
        more: recipients that were not approved.
        fewer: approved recipients that are gone.
        changed: recipients whose row has changed.
    """

    part: str
    name: str
    message: str
    more: int = 0
    fewer: int = 0
    changed: int = 0

    def __str__(self) -> str:
        return self.message

    def to_json(self) -> dict[str, Any]:
        """The difference for `--json`; the numbers are there for recipients only."""
        document: dict[str, Any] = {"part": self.part, "name": self.name, "message": self.message}
        if self.part == "recipients":
            document |= {"more": self.more, "fewer": self.fewer, "changed": self.changed}
        return document


@dataclass(frozen=True, slots=True)
class Approval:
    """What is approved: its parts, and their code.

    Attributes:
        recipients: the recipients.
        content: the digest of each key that shapes the messages, by its name.
        files: the digest of each file of the messages, by its path.
        sender: sender and server, by the name of the key.
        limits: the limits in words, by their name.
    """

    recipients: ApprovedRecipients
    content: Mapping[str, str]
    files: Mapping[str, str]
    sender: Mapping[str, str]
    limits: Mapping[str, str]

    @property
    def code(self) -> str:
        """The code in groups, such as `K7QM-2XRA-9PZD`."""
        parts = [self.content, self.files, self.sender, self.limits]
        text = json.dumps([dict(part) for part in parts], sort_keys=True).encode()
        digest = hashlib.blake2b(text, digest_size=32, person=b"mm-approval")
        digest.update(self.recipients.entries)
        number = int.from_bytes(digest.digest(), "big")
        characters = "".join(_ALPHABET[number >> 5 * at & 31] for at in range(_LENGTH))
        return "-".join(characters[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))

    def differences(self, approved: Approval) -> tuple[_Difference, ...]:
        """What differs from the approved state."""
        return (
            *_recipients_differ(self.recipients, approved.recipients),
            *_values_differ("content", self.content, approved.content),
            *_values_differ("files", self.files, approved.files),
            *_values_differ("sender", self.sender, approved.sender, shown=True),
            *_values_differ("limits", self.limits, approved.limits, shown=True),
        )

    def to_json(self) -> dict[str, Any]:
        """The approval for `approve --json`; recipients by their number."""
        return {
            "code": self.code,
            "recipients": len(self.recipients),
            "content": sorted(self.content),
            "files": dict(self.files),
            "sender": dict(self.sender),
            "limits": dict(self.limits),
        }


def make_approval(
    settings: Settings,
    recipients: ApprovedRecipients,
    files: Mapping[str, str],
    server: str,
    limits: Limits,
) -> Approval:
    """The approval of a campaign to these recipients over `server`, within these limits."""
    message = settings.message.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude=_SECRET
    )
    sender = {f"message.{key}": str(message.pop(key)) for key in _SENDER if message.get(key)}
    sender["server"] = server
    if settings.smtp.username:
        sender["smtp.username"] = settings.smtp.username
    if signatures := signed_by(settings):
        sender["signed"] = signatures
    message["headers"] = list(settings.message.headers.items())  # in their order
    content = {f"message.{key}": _named(value) for key, value in message.items()}
    content["campaign.name"] = _named(settings.campaign.name)
    content |= {f"template {name}": _named(text) for name, text in settings.sources.items()}
    return Approval(recipients, content, dict(files), sender, _limits(limits))


def normal_code(text: str) -> str:
    """A code as a user may have typed it, in its normal form; "" if it is no code."""
    characters = text.upper().replace("-", "").replace(" ", "")
    characters = characters.translate(str.maketrans("OIL", "011"))
    if len(characters) != _LENGTH or not set(characters) <= set(_ALPHABET):
        return ""
    return "-".join(characters[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def _limits(limits: Limits) -> dict[str, str]:
    found = {
        "rate": ", ".join(str(rate) for rate in limits.rates),
        "connections": str(limits.connections),
        "limit": "" if limits.limit is None else str(limits.limit),
    }
    for domain, rates in limits.domain_rates.items():
        found[f"rate of {domain}"] = ", ".join(str(rate) for rate in rates)
    return {name: value for name, value in found.items() if value}


def _recipients_differ(
    now: ApprovedRecipients, approved: ApprovedRecipients
) -> Iterator[_Difference]:
    if now.entries == approved.entries:
        return
    here, there = now.by_key(), approved.by_key()
    new, gone = here.keys() - there.keys(), there.keys() - here.keys()
    changed = {key for key in here.keys() & there.keys() if here[key] != there[key]}
    counts = [
        trn("{count:,} recipient more", "{count:,} recipients more", len(new)) if new else "",
        trn("{count:,} recipient fewer", "{count:,} recipients fewer", len(gone)) if gone else "",
        trn("{count:,} row changed", "{count:,} rows changed", len(changed)) if changed else "",
    ]
    message = ", ".join(filter(None, counts)) or tr("a recipient twice or no longer twice")
    rows = [now.rows[key] for key in (*new, *changed) if key in now.rows]
    if rows:
        message = tr("{what} (first in row {row})", what=message, row=min(rows))
    yield _Difference("recipients", "", message, len(new), len(gone), len(changed))


def _values_differ(
    part: str, now: Mapping[str, str], approved: Mapping[str, str], *, shown: bool = False
) -> Iterator[_Difference]:
    for name in sorted(now.keys() | approved.keys()):
        before, after = approved.get(name, ""), now.get(name, "")
        if before == after:
            continue
        if shown:
            nothing = tr("none")
            message = tr(
                "{name} is {after}, approved was {before}",
                name=name, after=after or nothing, before=before or nothing,
            )  # fmt: skip
        elif not before:
            message = tr("{name} is new", name=name)
        elif not after:
            message = tr("{name} is not used any more", name=name)
        else:
            message = tr("{name} has changed", name=name)
        yield _Difference(part, name, message)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HALF).digest()


def _named(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
