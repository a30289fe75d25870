"""The rules of the protocol: two tables of states, and the few flags that complete them.

Nothing else in this package decides what may follow what. A pair that is not in a table cannot
happen: if we ask for it, it is a LocalProtocolError; if the server sends it, a RemoteProtocolError.


Two machines, because SMTP has two things that go on at once

A *session* is what greeting, EHLO, STARTTLS, AUTH and QUIT act on. It does one thing at a time: a
command, then its reply. Table SESSION.

A *transaction* is one message: MAIL, RCPT, DATA, content (or MAIL, RCPT, BDAT). With PIPELINING
(RFC 2920) and CHUNKING (RFC 3030) the commands of the next transaction leave before the replies to
this one have come. So each transaction has a phase of its own. Table TRANSACTION.

The two meet in one state of the session, BUSY: at least one transaction has no outcome yet.
STARTTLS, AUTH, EHLO and QUIT are not in the table for it, so that none of them can stand inside a
transaction (RFC 4954, 4). SUBMIT leads into BUSY, DRAINED (the last outcome) out of it.


Why a transaction has the phase HELD

A server takes responsibility for a message with its 250 to the end of the data (RFC 5321, 4.2.5).
If the connection ends before that reply, the client cannot know whether the server has the message:
sending it again may make a duplicate, not sending it may lose it (RFC 1047). So the client must
know exactly when the last byte of the end of the data may have left. Before it, a message is
certainly not sent; from then on, it is in doubt until the reply comes.

    QUEUED      nothing was given out for writing. Not sent.
    OFFERED     MAIL, RCPT and DATA were. Not sent.
    HELD        all the content was, but not its end: the terminator. Not sent. The caller records
                that the message is about to leave, and then calls `release`.
    TERMINATED  the terminator was given out: in doubt, until its reply is here.
    DOTTED      354 came although no recipient was accepted: a lone dot is out (RFC 2920, 3.1), and
                no message. Not sent.
    SETTLED     the outcome is known.

The terminator is ".\\r\\n" for DATA, and the last byte of the last chunk for BDAT. TAKE_BACK undoes
a release where the kernel has not taken all of the terminator after all (pipeline.take_back).


The flags, and why they are not states

`SessionFlags`. A session passes twice through the same states when it starts TLS, and logs in at
any time; as states, each of these would double the table.

    secured        TLS was started. STARTTLS must not be said again (RFC 3207, 4.2).
    authenticated  AUTH was successful. AUTH must not be said again (RFC 4954, 4).

`ConnectionFlags`. What transactions leave behind for the next ones.

    mails          MAIL commands so far, refused ones too, against the server's MAILMAX (RFC 9422).
    carried        messages that the server has taken on this connection. After the first one, a
                   4yz to MAIL says that the connection has carried enough ("too many messages"); it
                   says nothing about the message, which gets NOT_SENT. Without any, the 4yz is
                   about the sender or the server, and the message is deferred.
    used_up        such a 4yz has come: nothing more can be submitted.
    needs_reset    MAIL opened a transaction that ended before its content, or a BDAT failed: RSET
                   must come before the next MAIL (RFC 5321, 4.1.4; RFC 3030, 2).
    closing        the reply 421 to a command of a transaction. The server will close (RFC 5321,
                   3.8). Nothing more is written, but where terminators have left, the end of the
                   connection is waited for: see `closed_by_server`.
    closed_by_server  the server closed the connection in order. Together with `closing` it means
                   that the server announced the end and did end: it has not looked at what came
                   after the command that it answered with 421. Then a message whose terminator left
                   later is not in doubt but not sent.

Of a transaction (`progress.Progress`):

    mail_accepted  MAIL was accepted: decides whether RSET is needed, and the stage of the outcome.
    refusal        the first refusal, with its verdict. With pipelining more replies are still due
                   when the outcome is decided; they are read, and change nothing.
    short          the content may leave in one write with its terminator and the next commands.
                   It decides how bytes are grouped, and no outcome.

`Pipeline.held` is no flag: it points at the one transaction that is HELD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from mailmerge.smtp.reply import Reply


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
    BUSY = "transactions are in flight"
    PROBING = "an envelope is being tried"
    RESETTING = "awaiting the reply to RSET"
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
    PROBE = "MAIL or RCPT without a message"
    RESET = "RSET"
    SUBMIT = "a transaction"
    DRAINED = "the last outcome"
    QUIT = "QUIT"
    POSITIVE = "2yz"
    INTERMEDIATE = "3yz"
    NEGATIVE = "4yz or 5yz"


class Phase(_Name):
    """Where one transaction is."""

    QUEUED = "nothing is given out"
    OFFERED = "MAIL and what follows is given out"
    DOTTED = "no recipient was accepted, and a lone dot is given out"
    HELD = "all but the end of the content is given out"
    TERMINATED = "the end of the content may have left"
    SETTLED = "the outcome is known"


class Step(_Name):
    """What moves a transaction on."""

    OFFER = "its commands are given out up to DATA"
    STREAM = "its commands and content are given out up to the last byte"
    GO_AHEAD = "354, and a recipient was accepted"
    NO_RECIPIENT = "354, and no recipient was accepted"
    RELEASE = "the caller has recorded that the terminator leaves"
    TAKE_BACK = "the last byte given out was not taken by the kernel"
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


@dataclass(slots=True)
class SessionFlags:
    """What decides what a session may do; each flag is explained above."""

    secured: bool = False
    authenticated: bool = False


@dataclass(slots=True)
class ConnectionFlags:
    """What transactions leave behind for the next ones; each flag is explained above."""

    mails: int = 0
    carried: int = 0
    used_up: bool = False
    needs_reset: bool = False
    closing: Reply | None = None
    closed_by_server: bool = False


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
    (State.READY,          Happening.SUBMIT):       State.BUSY,
    (State.READY,          Happening.PROBE):        State.PROBING,
    (State.READY,          Happening.QUIT):         State.QUITTING,
    (State.BUSY,           Happening.SUBMIT):       State.BUSY,
    (State.BUSY,           Happening.DRAINED):      State.READY,
    (State.PROBING,        Happening.POSITIVE):     State.PROBING,
    (State.PROBING,        Happening.NEGATIVE):     State.PROBING,
    (State.PROBING,        Happening.PROBE):        State.PROBING,
    (State.PROBING,        Happening.RESET):        State.RESETTING,
    (State.PROBING,        Happening.QUIT):         State.QUITTING,
    (State.RESETTING,      Happening.POSITIVE):     State.READY,
    (State.RESETTING,      Happening.NEGATIVE):     State.READY,
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
    (Phase.QUEUED,     Step.OFFER):        Phase.OFFERED,
    (Phase.QUEUED,     Step.STREAM):       Phase.HELD,
    (Phase.OFFERED,    Step.GO_AHEAD):     Phase.HELD,
    (Phase.OFFERED,    Step.NO_RECIPIENT): Phase.DOTTED,
    (Phase.HELD,       Step.RELEASE):      Phase.TERMINATED,
    (Phase.TERMINATED, Step.TAKE_BACK):    Phase.HELD,
    (Phase.OFFERED,    Step.TAKE_BACK):    Phase.QUEUED,
    (Phase.QUEUED,     Step.SETTLE):       Phase.SETTLED,
    (Phase.OFFERED,    Step.SETTLE):       Phase.SETTLED,
    (Phase.DOTTED,     Step.SETTLE):       Phase.SETTLED,
    (Phase.HELD,       Step.SETTLE):       Phase.SETTLED,
    (Phase.TERMINATED, Step.SETTLE):       Phase.SETTLED,
})
# fmt: on
