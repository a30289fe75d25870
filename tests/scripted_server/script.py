"""What the scripted server does: plain frozen values, no code.

A script is the server's settings, and rules: at this stage of that connection or transaction, do
these actions instead of the usual reply. The first rule that matches is used. `Faults` adds seeded
random choices from a menu of rules.

    Script(rules=(
        Rule(When(Stage.RCPT, recipient="late@*", times=2), (Reply(450),)),
        Rule(When(Stage.END_OF_DATA, transaction=3), (Accept(), Close())),
    ))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

FOREVER = float("inf")

Count = int | tuple[int, int] | None
"""A number from 0, or (first, end) as in `range`, or None for all."""


class Stage(StrEnum):
    """Where in the dialogue something happens; it is named after what the server answers."""

    GREETING = "greeting"
    EHLO = "ehlo"
    HELO = "helo"
    STARTTLS = "starttls"
    TLS = "tls"
    """After the 220 of STARTTLS, or after an implicit TLS connection, before the handshake."""
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    """While content flows: after `When.size` bytes of it."""
    BDAT = "bdat"
    """The reply to one chunk, also to the last one."""
    END_OF_DATA = "end-of-data"
    """The reply to the final dot or to BDAT LAST; with LMTP, one for each recipient."""
    RSET = "rset"
    NOOP = "noop"
    VRFY = "vrfy"
    QUIT = "quit"
    UNKNOWN = "unknown"
    IDLE = "idle"
    """Nothing came for `When.seconds`."""


@dataclass(frozen=True, slots=True)
class When:
    """The occasions a rule is for.

    `recipient` and `reverse_path` are shell patterns. Of the occasions that match, `skip` pass
    first, and after `times` the rule is used up; both counted for each recipient on its own with
    `each_recipient`. `transaction` counts the MAIL commands of its connection.
    """

    stage: Stage
    connection: Count = None
    transaction: Count = None
    recipient: str = "*"
    reverse_path: str = "*"
    chunk: Literal["any", "first", "middle", "last"] = "any"
    times: int | None = None
    skip: int = 0
    each_recipient: bool = False
    size: int = 0
    seconds: float = 0.0
    tls: bool | None = None


@dataclass(frozen=True, slots=True)
class Usual:
    """The reply that would be given without the rule, and all that follows from it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; text of several lines becomes a multi-line reply. The first reply of a rule counts:
    2yz at the end of data takes the message, 354 starts the content, and so on."""

    code: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Any bytes, without a line end added; they mean nothing to the server itself."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Sleep:
    """Write what is waiting to be written, then neither write nor read for a time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drip:
    """What this rule writes from here on goes `size` bytes at a time, with a pause after each."""

    pause: float = 0.0
    size: int = 1


@dataclass(frozen=True, slots=True)
class Hold:
    """What this rule has written waits, and goes in one packet with the next reply."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Take the message (write it to the journal) although no reply says so."""


@dataclass(frozen=True, slots=True)
class Endless:
    """The same bytes again and again, until the client goes away or `limit` bytes are written."""

    content: bytes
    limit: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection with FIN; over TLS without close_notify unless `notify`."""

    notify: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """End the connection with RST."""


Action = Usual | Reply | Send | Sleep | Drip | Hold | Accept | Endless | Close | Reset


@dataclass(frozen=True, slots=True)
class Rule:
    """On these occasions, do this. No actions at all: the reply is left out."""

    when: When
    do: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Faults:
    """At every occasion that a rule of `menu` is for, one of those is used with this probability.

    The choice depends on the seed, the connection's number and how many occasions it had, and on
    nothing else.
    """

    seed: int
    rate: float
    menu: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server announces; `size` 0 is "no fixed maximum", None is not announced.

    `limits` is the text after LIMITS (RFC 9422); `more` are further lines as they are.
    """

    pipelining: bool = True
    chunking: bool = True
    eightbitmime: bool = True
    smtputf8: bool = True
    dsn: bool = True
    enhanced_status_codes: bool = True
    size: int | None = 10_485_760
    limits: str = ""
    starttls: bool = True
    auth: tuple[str, ...] = ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER")
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The server apart from its misbehaviour.

    `chain_file` (PEM: key and certificates) is what TLS needs; without it STARTTLS is not offered.
    `users` maps log-in names to passwords, `tokens` to OAuth access tokens; without any, AUTH is
    not offered. `fsync` False trades safety against a power cut for throughput. `keep` keeps
    content and commands in memory. `settle` is how many seconds to wait for bytes that a client
    must not have sent yet, before each reply; 0 looks only at what is there.
    """

    name: str = "scripted.example.org"
    protocol: Literal["smtp", "lmtp"] = "smtp"
    esmtp: bool = True
    offer: Offer = Offer()
    offer_after_tls: Offer | None = None
    offer_after_auth: Offer | None = None
    chain_file: str = ""
    implicit_tls: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    auth_required: bool = False
    auth_in_clear: bool = False
    data_without_recipients: int = 554
    max_connections: int | None = None
    receive_buffer: int = 0
    send_buffer: int = 0
    fsync: bool = True
    keep: bool = True
    settle: float = 0.0


@dataclass(frozen=True, slots=True)
class Script:
    """Settings, rules, and random faults where no rule matches."""

    settings: Settings = Settings()
    rules: tuple[Rule, ...] = ()
    faults: Faults | None = None
