"""The rules of the protocol: two tables of states, and the few flags that complete them.

Nothing else in this package decides which step may follow which. A pair that is not in a table is
an error: a LocalProtocolError if the caller asks for it, a RemoteProtocolError if the server sends
it.


Why there are two state machines

A *session* covers the greeting, EHLO, STARTTLS, AUTH and QUIT. It does one thing at a time: it
sends a command, then it waits for the reply. Its table is SESSION.

A *transaction* sends one message: MAIL, RCPT, DATA, content (or MAIL, RCPT, BDAT). With PIPELINING
(RFC 2920) and CHUNKING (RFC 3030), the client sends the commands of the next transaction before it
has the replies to this one. So several transactions are open at once, and each has its own phase.
Their table is TRANSACTION.

The two machines share one state, BUSY: at least one transaction has no outcome yet. In BUSY the
table has no STARTTLS, AUTH, EHLO or QUIT, so none of them can occur inside a transaction (RFC 4954,
section 4). SUBMIT enters BUSY, and DRAINED (the last outcome) leaves it.


Why a transaction has the phase HELD

A server takes responsibility for a message with its 250 to the end of the data (RFC 5321, section
4.2.5). If the connection ends before that reply, the client cannot know whether the server has the
message. Sending it again may make a duplicate; not sending it again may lose it (RFC 1047). So the
client must know exactly when the last byte of the end of the data may have left. Until then the
message is certainly not sent. From then on it is in doubt until the reply arrives.

    QUEUED      Nothing has been handed out for writing. Not sent.
    OFFERED     MAIL, RCPT and DATA have been handed out; with copies, MAIL and RCPT. Not sent.
    HELD        All of the content has been handed out except its end, the *terminator*. Not sent.
                The caller records that the message is about to leave, then calls `release`.
    TERMINATED  The terminator has been handed out. In doubt until the reply arrives.
    DOTTED      The server answered 354 although it accepted no recipient. The client has sent a
                lone dot (RFC 2920, section 3.1) and no content. Not sent.
    SETTLED     The outcome is known.

The terminator is ".\\r\\n" for DATA, and the last byte of the last chunk for BDAT. TAKE_BACK undoes
a release if the kernel did not take all of the terminator (`Pipeline.take_back`).


The flags, and why they are not states

`SessionFlags`: a session that starts TLS passes through the same states twice, and it may log in or
not. As states, each of these two facts would double the table.

    secured        TLS was started. STARTTLS must not be sent again (RFC 3207, section 4.2).
    authenticated  AUTH succeeded. AUTH must not be sent again (RFC 4954, section 4).

`ConnectionFlags`: facts that earlier transactions leave for later ones.

    mails          The number of MAIL commands so far, including refused ones. The server may limit
                   it by MAILMAX (RFC 9422).
    carried        The number of messages that the server has accepted on this connection. If it is
                   not 0, a 4yz to MAIL means "too many messages on this connection": the message
                   is NOT_SENT, and another connection can send it. If it is 0, the 4yz is about the
                   sender or the server, and the message is DEFERRED.
    used_up        Such a 4yz has arrived. Nothing more can be submitted.
    needs_reset    MAIL opened a transaction that ended before its content, or a BDAT failed. RSET
                   must precede the next MAIL (RFC 5321, section 4.1.4; RFC 3030, section 2).
    closing        The reply 421 to a command of a transaction: the server will close (RFC 5321,
                   section 3.8). The client writes nothing more. If later terminators have left, it
                   waits for the end of the connection, for the sake of the next flag.
    closed_by_server  The server closed the connection in order. With `closing` it means that the
                   server announced the end and then closed. Such a server has not processed the
                   bytes after the command that it answered with 421. So a message whose terminator
                   left after that command is not sent, rather than in doubt.

The flags of one transaction (`progress.Progress`):

    mail_accepted  The server accepted MAIL. This decides whether RSET is needed, and the stage of
                   the outcome.
    refusal        The first refusal, with its verdict. With pipelining, more replies are due when
                   the outcome is decided. The client reads them, and they change nothing.
    short          The content may leave in one write with its terminator and the next commands.
                   This decides how bytes are grouped. It never decides an outcome.

`Pipeline.held` is not a flag: it refers to the one transaction that is HELD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from mailmerge.smtp.reply import Reply


class _Name(StrEnum):
    """An enum that hashes as a str: the hash of Enum is Python code, and slower."""

    __hash__ = str.__hash__


class State(_Name):
    """The state of a session."""

    GREETING = "awaiting the greeting"
    GREETED = "greeted"
    REFUSED = "refused by the greeting"
    HELLO = "awaiting the reply to EHLO"
    READY = "ready for transactions"
    BUSY = "transactions are in flight"
    PROBING = "an envelope is being probed"
    RESETTING = "awaiting the reply to RSET"
    TLS_REQUESTED = "awaiting the reply to STARTTLS"
    TLS_HANDSHAKE = "in the TLS handshake"
    AUTHENTICATING = "awaiting the reply to AUTH"
    CHALLENGED = "challenged by AUTH"
    QUITTING = "awaiting the reply to QUIT"
    CLOSED = "closed"


class Trigger(_Name):
    """What changes the state of a session: our command, or the first digit of the reply."""

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
    """The phase of one transaction."""

    QUEUED = "nothing has been handed out"
    OFFERED = "MAIL and the commands after it have been handed out"
    DOTTED = "no recipient was accepted, and a lone dot has been handed out"
    HELD = "all of the content except its end has been handed out"
    TERMINATED = "the end of the content may have left"
    SETTLED = "the outcome is known"


class Step(_Name):
    """What changes the phase of a transaction."""

    OFFER = "its commands up to DATA are handed out"
    STREAM = "its commands and its content except the last byte are handed out"
    GO_AHEAD = "354, and a recipient was accepted"
    NO_RECIPIENT = "354, and no recipient was accepted"
    RELEASE = "the caller has recorded that the terminator leaves"
    TAKE_BACK = "the kernel did not take the last byte"
    SETTLE = "the last reply, or the end of the connection"


class Stage(_Name):
    """The stage of a session at which an outcome or an error was decided."""

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
    """The reply that is due next; each has its own timeout (RFC 5321, section 4.5.3.2)."""

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
    """The flags that limit what a session may do; the module docstring explains each."""

    secured: bool = False
    authenticated: bool = False


@dataclass(slots=True)
class ConnectionFlags:
    """Facts that earlier transactions leave for later ones; the module docstring explains each."""

    mails: int = 0
    carried: int = 0
    used_up: bool = False
    needs_reset: bool = False
    closing: Reply | None = None
    closed_by_server: bool = False


# fmt: off
SESSION: Final[Mapping[tuple[State, Trigger], State]] = MappingProxyType({
    (State.GREETING,       Trigger.POSITIVE):     State.GREETED,
    (State.GREETING,       Trigger.NEGATIVE):     State.REFUSED,
    (State.REFUSED,    Trigger.QUIT):         State.QUITTING,
    (State.GREETED,        Trigger.HELLO):        State.HELLO,
    (State.GREETED,        Trigger.QUIT):         State.QUITTING,
    (State.HELLO,          Trigger.POSITIVE):     State.READY,
    (State.HELLO,          Trigger.NEGATIVE):     State.GREETED,
    (State.READY,          Trigger.STARTTLS):     State.TLS_REQUESTED,
    (State.READY,          Trigger.AUTH):         State.AUTHENTICATING,
    (State.READY,          Trigger.SUBMIT):       State.BUSY,
    (State.READY,          Trigger.PROBE):        State.PROBING,
    (State.READY,          Trigger.QUIT):         State.QUITTING,
    (State.BUSY,           Trigger.SUBMIT):       State.BUSY,
    (State.BUSY,           Trigger.DRAINED):      State.READY,
    (State.PROBING,        Trigger.POSITIVE):     State.PROBING,
    (State.PROBING,        Trigger.NEGATIVE):     State.PROBING,
    (State.PROBING,        Trigger.PROBE):        State.PROBING,
    (State.PROBING,        Trigger.RESET):        State.RESETTING,
    (State.PROBING,        Trigger.QUIT):         State.QUITTING,
    (State.RESETTING,      Trigger.POSITIVE):     State.READY,
    (State.RESETTING,      Trigger.NEGATIVE):     State.READY,
    (State.TLS_REQUESTED,  Trigger.POSITIVE):     State.TLS_HANDSHAKE,
    (State.TLS_REQUESTED,  Trigger.NEGATIVE):     State.READY,
    (State.TLS_HANDSHAKE,  Trigger.SECURED):      State.GREETED,
    (State.AUTHENTICATING, Trigger.POSITIVE):     State.READY,
    (State.AUTHENTICATING, Trigger.INTERMEDIATE): State.CHALLENGED,
    (State.AUTHENTICATING, Trigger.NEGATIVE):     State.READY,
    (State.CHALLENGED,     Trigger.ANSWER):       State.AUTHENTICATING,
    (State.QUITTING,       Trigger.POSITIVE):     State.CLOSED,
    (State.QUITTING,       Trigger.NEGATIVE):     State.CLOSED,
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
