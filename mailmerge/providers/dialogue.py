"""A server and a log-in -> the whole dialogue, line by line, each reply explained.

It connects as a run would, may try an envelope (MAIL, RCPT, RSET: no message is sent), and says
what the server offers. Lines are told while they come; nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mailmerge.errors import MailmergeError, ServerRefused
from mailmerge.providers.explanations import (
    Explanation,
    explain,
    explain_advice,
    explain_missing,
    explain_offer,
    explain_success,
    rates_in_words,
    step_of,
)
from mailmerge.providers.hints import as_user_error
from mailmerge.providers.lookup import Language
from mailmerge.smtp import Awaited, Capabilities, Client, Credentials, Envelope, Reply, Server
from mailmerge.smtp.errors import SmtpError
from mailmerge.wording import size_in_words

_BASE64: Final = 57 / 78
"""Octets of a file in one octet of its base64 lines with CRLF (RFC 2045, 6.8)."""

_NO_LIMIT: Final = 1 << 40
"""A largest size from here on says nothing: some servers announce the end of their integers."""

_BELOW: Final[Mapping[Language, str]] = {
    "en": "nothing was sent; the explanation stands below the reply",
    "zh": "未发送任何邮件；说明见该应答下方",
}

_REFUSED_ZH: Final[Mapping[Awaited, str]] = {
    Awaited.GREETING: "服务器拒绝本次会话",
    Awaited.HELLO: "服务器拒绝问候",
    Awaited.STARTTLS: "服务器拒绝启用 TLS",
    Awaited.AUTH: "服务器拒绝登录",
    Awaited.MAIL: "服务器拒绝试探",
    Awaited.RCPT: "服务器拒绝试探",
}

_KEYWORDS: Final = (
    "SIZE",
    "PIPELINING",
    "CHUNKING",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "LIMITS",
    "STARTTLS",
    "AUTH",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the dialogue: `C` is ours, `S` is the server's.

    `explanation` stands at the last line of a reply; its action is empty where nothing is to do.
    """

    side: Literal["C", "S"]
    text: str
    code: int = 0
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """One extension: what the server says of it, and what that means."""

    keyword: str
    offered: bool
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a campaign wants of the server, as far as the server may not give it.

    `rates` are texts such as `500/day`; `max_size` is the service's own limit in octets. `nearby`
    says that the server is on this machine.
    """

    window: int = 1
    connections: int = 1
    messages_per_connection: int | None = None
    rates: tuple[str, ...] = ()
    max_size: int | None = None
    nearby: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was found: the server's extensions, and the replies to MAIL and RCPT if tried.

    `impossible` says why the envelope was not even tried.
    """

    capabilities: Capabilities
    tls_version: str
    envelope_replies: tuple[Reply, ...] = ()
    impossible: str = ""

    @property
    def refusal(self) -> Reply | None:
        """The reply that refused the envelope, if one did."""
        return next((reply for reply in self.envelope_replies if not reply.positive), None)


class Narrator:
    """Takes the client's trace, and tells each line with what it means.

    `tell` is called with each `Line` when it comes.
    """

    def __init__(self, tell: Callable[[Line], None], *, provider: str, language: Language) -> None:
        self._tell = tell
        self._provider = provider
        self._language: Language = language
        self._said: dict[Awaited, str] = {}
        self._lines: list[str] = []
        self._refusal: tuple[Awaited, str] | None = None

    def trace(self, side: str, text: str, awaited: Awaited | None) -> None:
        """One line of the dialogue, as `Client` traces it."""
        if side == "C":
            # What is written during AUTH and is no AUTH command answers a challenge.
            if awaited is not None and (awaited is not Awaited.AUTH or text.startswith("AUTH ")):
                self._said[awaited] = text
            self._tell(Line("C", text))
            return
        self._lines.append(text[4:])
        code = int(text[:3])
        if text[3:4] == "-":
            self._tell(Line("S", text, code))
            return
        reply, self._lines = " ".join(filter(None, self._lines)), []
        if awaited is not None and awaited in _REFUSED_ZH:
            self._refusal = (awaited, f"{code} {reply}".rstrip()) if code >= 400 else None
        self._tell(Line("S", text, code, self._explained(code, reply, awaited)))

    def in_short(self, error: MailmergeError) -> MailmergeError:
        """The error without what was told below the reply that it cites."""
        if self._refusal is None or f'"{self._refusal[1]}"' not in error.problem.message:
            return error
        awaited, reply = self._refusal
        message = error.problem.message
        if self._language == "zh":
            message = f'{_REFUSED_ZH[awaited]}："{reply}"'
        return type(error)(message, hint=_BELOW[self._language], code=error.problem.code)

    def _explained(self, code: int, text: str, awaited: Awaited | None) -> Explanation | None:
        said = "" if awaited is None else self._said.get(awaited, awaited.name)
        if code >= 400:
            return explain(
                code, text, provider=self._provider, language=self._language, step=step_of(said)
            )
        if code >= 300:
            return None
        meaning = explain_success(said.partition(" ")[0].upper(), language=self._language)
        return Explanation(meaning, "") if meaning else None


def rehearse(
    server: Server,
    credentials: Credentials | None,
    narrator: Narrator,
    *,
    envelope: Envelope | None = None,
) -> Rehearsal:
    """Connect, log in, try the envelope if there is one, and say good-bye.

    Raises:
        ServerError: what `Client.open` raises; all lines before it have been shown.
    """
    client = Client(server, credentials, trace=narrator.trace)
    try:
        capabilities = client.open()
        tls_version = client.tls_version
        impossible = client.impossible(envelope) if envelope else ""
        replies = client.probe(envelope) if envelope and not impossible else ()
    except SmtpError as error:
        raise as_user_error(error, host=server.host) from error
    finally:
        client.quit()
    return Rehearsal(capabilities, tls_version, replies, impossible)


def refused(found: Rehearsal) -> ServerRefused | None:
    """The error for an envelope that the server does not take, if it is not taken."""
    if found.impossible:
        return ServerRefused(
            f"the trial was not made: {found.impossible}",
            hint="nothing was sent",
            code="envelope-impossible",
        )
    if found.refusal is None:
        return None
    return ServerRefused(
        f'the server refused the trial: "{found.refusal}"',
        hint=_BELOW["en"],
        code="envelope-refused",
    )


def offers(capabilities: Capabilities, *, language: Language = "en") -> tuple[Offer, ...]:
    """What the server offers, and what it lacks that would matter, each with its meaning."""
    keywords = capabilities.keywords
    known = (_offer(keyword, capabilities, language) for keyword in _KEYWORDS)
    others = (
        Offer(keyword, offered=True, value=" ".join(values), meaning="")
        for keyword, values in keywords.items()
        if keyword not in _KEYWORDS
    )
    return (*(offer for offer in known if offer.offered or offer.meaning), *others)


def _offer(keyword: str, capabilities: Capabilities, language: Language) -> Offer:
    offered = keyword in capabilities.keywords
    value = " ".join(capabilities.keywords.get(keyword, ()))
    size = largest_size(capabilities)
    if not offered or (keyword == "SIZE" and size is None):
        meaning = explain_missing(keyword, language=language)
    else:
        shown = size_in_words(size) if keyword == "SIZE" and size else value
        meaning = explain_offer(keyword, shown, language=language)
    return Offer(keyword, offered, value, meaning)


def largest_size(capabilities: Capabilities) -> int | None:
    """The server's limit in octets; None where it names none, or one that nobody reaches."""
    size = capabilities.size
    return size if size is not None and size < _NO_LIMIT else None


def advice(
    capabilities: Capabilities, wishes: Wishes, *, language: Language = "en"
) -> tuple[str, ...]:
    """What the server's offer means for a campaign, one sentence each."""
    limit = size_limit(capabilities, wishes) or 0
    figures: dict[str, object] = {
        "size": size_in_words(limit),
        "files": size_in_words(int(limit * _BASE64)),
        "window": wishes.window,
        "rates": rates_in_words(wishes.rates, language=language),
        "connections": wishes.connections,
        "messages": _messages(capabilities, wishes) or "",
    }
    happens = {
        "size": bool(limit),
        "window-streams": wishes.window > 1 and capabilities.chunking,
        "window-in-vain": wishes.window > 1 and not capabilities.chunking,
        "window-possible": _window_would_help(capabilities, wishes),
        "rates": bool(wishes.rates),
        "messages": _messages(capabilities, wishes) is not None,
    }
    return tuple(
        explain_advice(name, figures, language=language) for name in happens if happens[name]
    )


def size_limit(capabilities: Capabilities, wishes: Wishes) -> int | None:
    """How many octets a message may have, by the server's word and the service's rules."""
    return min(filter(None, (largest_size(capabilities), wishes.max_size)), default=None)


def _window_would_help(capabilities: Capabilities, wishes: Wishes) -> bool:
    possible = capabilities.chunking and capabilities.pipelining
    return possible and wishes.window == 1 and not wishes.nearby


def _messages(capabilities: Capabilities, wishes: Wishes) -> int | None:
    known = (capabilities.mail_max, wishes.messages_per_connection)
    return min((number for number in known if number), default=None)
