"""Every state and every permitted change of state, as two tables.

The session is what EHLO, STARTTLS, AUTH and QUIT act on; each transaction goes through phases of
its own, so that with pipelining two or more of them can be under way in one session. Nothing else
in this package decides what may follow what; a pair that is not in a table cannot happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class _Name(StrEnum):
    """A member that hashes as the text it is: Enum's own hash is written in Python, and slower."""

    __hash__ = str.__hash__


class State(_Name):
    """Where the session is."""

    GREETING = "awaiting the greeting"
    GREETED = "greeted"
    TURNED_AWAY = "turned away by the greeting"
    HELLO = "awaiting the reply to EHLO"
    READY = "ready for transactions"
    TLS_REQUESTED = "awaiting the reply to STARTTLS"
    TLS_HANDSHAKE = "in the TLS handshake"
    AUTHENTICATING = "awaiting the reply to AUTH"
    CHALLENGED = "challenged by AUTH"
    QUITTING = "awaiting the reply to QUIT"
    CLOSED = "closed"


class Happening(_Name):
    """What changes the state of a session: a command of ours, or the first digit of its reply."""

    HELLO = "EHLO, HELO or LHLO"
    STARTTLS = "STARTTLS"
    SECURED = "the TLS handshake is done"
    AUTH = "AUTH"
    ANSWER = "the answer to a challenge"
    MAIL = "MAIL"
    QUIT = "QUIT"
    POSITIVE = "2yz"
    INTERMEDIATE = "3yz"
    NEGATIVE = "4yz or 5yz"


class Phase(_Name):
    """Where one transaction is."""

    QUEUED = "nothing is written"
    OFFERED = "MAIL and what follows is written"
    DOTTED = "nobody was accepted, and a lone dot is written"
    HELD = "all but the end of the content is given out"
    TERMINATED = "the end of the content may have left"
    SETTLED = "the outcome is known"


class Step(_Name):
    """What moves a transaction on."""

    OFFER = "its commands are written up to DATA"
    STREAM = "its commands and content are written up to the last octet"
    GO_AHEAD = "354, and somebody was accepted"
    NOBODY = "354, and nobody was accepted"
    RELEASE = "the caller has been told that the terminator leaves"
    TAKE_BACK = "the last octet of the terminator was not handed over"
    SETTLE = "the last reply, or the end of the connection"


class Stage(_Name):
    """Where in a session something was decided."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"


class Awaited(_Name):
    """Which reply is awaited; each has its own timeout (RFC 5321, 4.5.3.2)."""

    GREETING = "the greeting"
    HELLO = "the reply to EHLO"
    STARTTLS = "the reply to STARTTLS"
    AUTH = "the reply to AUTH"
    MAIL = "the reply to MAIL"
    RCPT = "the reply to RCPT"
    DATA = "the reply to DATA"
    CONTENT = "the reply to the end of data"
    DOT = "the reply to the lone dot"
    RSET = "the reply to RSET"
    QUIT = "the reply to QUIT"
    CLOSE = "the end of the connection after 421"


# fmt: off
SESSION: Final[Mapping[tuple[State, Happening], State]] = MappingProxyType({
    (State.GREETING,       Happening.POSITIVE):     State.GREETED,
    (State.GREETING,       Happening.NEGATIVE):     State.TURNED_AWAY,
    (State.TURNED_AWAY,    Happening.QUIT):         State.QUITTING,
    (State.GREETED,        Happening.HELLO):        State.HELLO,
    (State.GREETED,        Happening.QUIT):         State.QUITTING,
    (State.HELLO,          Happening.POSITIVE):     State.READY,
    (State.HELLO,          Happening.NEGATIVE):     State.GREETED,
    (State.READY,          Happening.STARTTLS):     State.TLS_REQUESTED,
    (State.READY,          Happening.AUTH):         State.AUTHENTICATING,
    (State.READY,          Happening.MAIL):         State.READY,
    (State.READY,          Happening.QUIT):         State.QUITTING,
    (State.TLS_REQUESTED,  Happening.POSITIVE):     State.TLS_HANDSHAKE,
    (State.TLS_REQUESTED,  Happening.NEGATIVE):     State.READY,
    (State.TLS_HANDSHAKE,  Happening.SECURED):      State.GREETED,
    (State.AUTHENTICATING, Happening.POSITIVE):     State.READY,
    (State.AUTHENTICATING, Happening.INTERMEDIATE): State.CHALLENGED,
    (State.AUTHENTICATING, Happening.NEGATIVE):     State.READY,
    (State.CHALLENGED,     Happening.ANSWER):       State.AUTHENTICATING,
    (State.QUITTING,       Happening.POSITIVE):     State.CLOSED,
    (State.QUITTING,       Happening.NEGATIVE):     State.CLOSED,
})

TRANSACTION: Final[Mapping[tuple[Phase, Step], Phase]] = MappingProxyType({
    (Phase.QUEUED,     Step.OFFER):     Phase.OFFERED,
    (Phase.QUEUED,     Step.STREAM):    Phase.HELD,
    (Phase.OFFERED,    Step.GO_AHEAD):  Phase.HELD,
    (Phase.OFFERED,    Step.NOBODY):    Phase.DOTTED,
    (Phase.HELD,       Step.RELEASE):   Phase.TERMINATED,
    (Phase.TERMINATED, Step.TAKE_BACK): Phase.HELD,
    (Phase.OFFERED,    Step.TAKE_BACK): Phase.QUEUED,
    (Phase.QUEUED,     Step.SETTLE):    Phase.SETTLED,
    (Phase.OFFERED,    Step.SETTLE):    Phase.SETTLED,
    (Phase.DOTTED,     Step.SETTLE):    Phase.SETTLED,
    (Phase.HELD,       Step.SETTLE):    Phase.SETTLED,
    (Phase.TERMINATED, Step.SETTLE):    Phase.SETTLED,
})
# fmt: on
