"""One connection's dialogue: commands in; replies out, as the script says; every message judged."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tests.scripted_server import grammar, login
from tests.scripted_server.journal import Counts, Event, Journal, Message, Verdict, Violation
from tests.scripted_server.rules import Occasion, RuleBook
from tests.scripted_server.script import (
    Accept,
    Action,
    Close,
    Drip,
    Endless,
    Hold,
    Offer,
    Reply,
    Reset,
    Rule,
    Script,
    Send,
    Settings,
    Sleep,
    Stage,
    Usual,
)
from tests.scripted_server.wire import Gone, Wire

_LINE_LIMIT = 20_000
# RFC 2920, 3.1; STARTTLS by RFC 3207, 4; AUTH by RFC 4954, 4.
_LAST_IN_GROUP = frozenset(
    ["EHLO", "LHLO", "HELO", "DATA", "VRFY", "EXPN", "NOOP", "QUIT", "STARTTLS", "AUTH", "HELP"]
)
_SECRET_IS_READABLE = frozenset(["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"])
_PATH = re.compile(r"(FROM|TO):\s*<((?:\"(?:\\.|[^\"\\])*\"|[^\"<>])*)>((?: .*)?)", re.IGNORECASE)
_NEEDED_KEYWORD = {
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "RET": "DSN",
    "ENVID": "DSN",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
    "AUTH": "AUTH",
}
_MOVED_ON = Reply(503, "5.5.1 Bad sequence of commands")


@dataclass(slots=True)
class Bench:
    """What all connections share: the script, the journal and what happened so far."""

    script: Script
    journal: Journal
    name: str
    context: ssl.SSLContext | None
    rules: RuleBook
    messages: list[Message] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    commands: list[tuple[int, str]] = field(default_factory=list)
    open: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, event: Event, *, durable: bool = False) -> None:
        """Into the journal first, then into memory."""
        self.journal.write(event, durable=durable)
        kept: list[Event] = {  # type: ignore[assignment]  # one list for each type of event
            Message: self.messages,
            Violation: self.violations,
            Counts: self.counts,
        }[type(event)]
        with self.lock:
            kept.append(event)


@dataclass(slots=True)
class _Open:
    """An open mail transaction."""

    reverse_path: str
    parameters: dict[str, str]
    forward_paths: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    chunked: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class _Decision:
    """What will be done on one occasion, and what it means."""

    actions: tuple[Action, ...]
    usual: Reply | None
    reply: Reply | None
    accept: bool

    @property
    def positive(self) -> bool:
        return self.reply is not None and self.reply.code // 100 == 2


def _decided(usual: Reply | None, rule: Rule | None) -> _Decision:
    """What a rule means: its first reply counts, unless the connection ends before."""
    actions: tuple[Action, ...] = rule.do if rule else (Usual(),)
    reply: Reply | None = None
    accept = False
    for action in actions:
        if isinstance(action, Close | Reset):
            break
        accept = accept or isinstance(action, Accept)
        if reply is None and isinstance(action, Usual | Reply):
            reply = usual if isinstance(action, Usual) else action
    return _Decision(actions, usual, reply, accept)


class Session:
    """Speaks with one client until either side ends it."""

    def __init__(self, number: int, wire: Wire, bench: Bench) -> None:
        self._number = number
        self._wire = wire
        self._bench = bench
        self._keywords: dict[str, str] = {}
        self._named = False
        self._user = ""
        self._mails = 0
        self._messages = 0
        self._quit = False
        self._open: _Open | None = None
        self._mail_refused = False
        self._needs_reset = False
        self._after_chunk = False
        self._held = b""
        self._verbs: Counter[str] = Counter()
        self._handlers: dict[str, Callable[[str, str], None]] = {
            "EHLO": self._hello,
            "LHLO": self._hello,
            "HELO": self._hello,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "QUIT": self._bye,
        }

    @property
    def _settings(self) -> Settings:
        return self._bench.script.settings

    def run(self) -> None:
        """The whole connection."""
        try:
            self._greet()
            while True:
                self._command()
        except Gone:
            pass
        finally:
            self._wire.abandon()
            self._bench.record(
                Counts(
                    self._number,
                    dict(self._verbs),
                    self._messages,
                    self._wire.round_trips,
                    self._quit,
                    self._bench.name,
                )
            )

    # What is said, and what else is done

    def _find(self, stage: Stage, **details: str | bool | float) -> Rule | None:
        if not self._bench.rules.knows(stage):
            return None
        reverse_path = self._open.reverse_path if self._open else ""
        transaction = max(0, self._mails - 1)
        occasion = Occasion(
            stage, self._number, transaction, self._wire.tls, reverse_path=reverse_path
        )
        return self._bench.rules.find(replace(occasion, **details))  # type: ignore[arg-type]

    def _answer(self, stage: Stage, usual: Reply, **details: str) -> Reply | None:
        """Answer on this occasion; returns the reply that counts."""
        decision = _decided(usual, self._find(stage, **details))
        self._perform(decision)
        return decision.reply

    def _perform(self, decision: _Decision) -> None:
        self._wire.write(self._held)
        self._held = b""
        drip: Drip | None = None
        for action in decision.actions:
            if isinstance(action, Usual | Reply | Send):
                self._wire.write(self._bytes_of(action, decision.usual))
            elif isinstance(action, Hold):
                self._held = self._wire.take_unwritten()
            elif isinstance(action, Drip):
                self._wire.flush()
                drip = action
            elif not isinstance(action, Accept):
                self._flush(drip)
                self._act(action)
        if drip:
            self._flush(drip)

    def _bytes_of(self, action: Usual | Reply | Send, usual: Reply | None) -> bytes:
        if isinstance(action, Send):
            return action.content
        if isinstance(action, Reply):
            return _written(action)
        return _written(self._plain_if_needed(usual)) if usual else b""

    def _plain_if_needed(self, reply: Reply) -> Reply:
        if not self._named or "ENHANCEDSTATUSCODES" in self._keywords:
            return reply
        return Reply(reply.code, re.sub(r"^\d\.\d+\.\d+ ", "", reply.text))

    def _flush(self, drip: Drip | None) -> None:
        if drip:
            unwritten = self._wire.take_unwritten()
            self._wire.drip(unwritten, size=drip.size, pause=drip.pause)
        self._wire.flush()

    def _act(self, action: Action) -> None:
        if isinstance(action, Sleep):
            self._wire.sleep(action.seconds)
        elif isinstance(action, Close):
            self._wire.close(notify=action.notify)
            raise Gone
        elif isinstance(action, Reset):
            self._wire.reset()
            raise Gone
        elif isinstance(action, Endless):
            for _ in range(max(1, action.limit // len(action.content))):
                self._wire.write(action.content)
                self._wire.flush()

    def _violation(self, kind: str, detail: str) -> None:
        self._bench.record(Violation(self._number, kind, detail, self._bench.name))

    def _violations(self, breaches: Iterable[grammar.Breach]) -> None:
        for kind, detail in breaches:
            self._violation(kind, detail)

    # The dialogue

    def _greet(self) -> None:
        if self._settings.implicit_tls:
            self._shake_hands()
        if self._wire.pending(self._settings.settle):
            self._violation("sent-before-greeting", "")
        crowd = self._settings.max_connections
        if crowd is not None and self._bench.open > crowd:
            self._wire.write(_written(Reply(421, "4.7.0 Too many connections")))
            self._wire.close()
            raise Gone
        protocol = "LMTP" if self._settings.protocol == "lmtp" else "ESMTP"
        self._answer(Stage.GREETING, Reply(220, f"{self._settings.name} {protocol} scripted"))

    def _command(self) -> None:
        idle = self._idle if self._bench.rules.knows(Stage.IDLE) else None
        line = self._wire.read_line(_LINE_LIMIT, idle=idle)
        verb, _, argument = line.removesuffix(b"\r\n").decode("utf-8", "replace").partition(" ")
        verb = verb.upper()
        self._verbs[verb if verb in self._handlers else "?"] += 1
        if self._settings.keep:
            self._bench.commands.append((self._number, _shown(line)))
        self._violations(grammar.command_breaches(line, smtputf8="SMTPUTF8" in self._keywords))
        after_chunk, self._after_chunk = self._after_chunk, False
        handler = self._handlers.get(verb)
        if handler is None:
            self._violation(
                "bytes-after-chunk" if after_chunk else "unknown-command", line[:80].hex()
            )
        self._check_group(verb, argument)
        (handler or self._unknown)(verb, argument.strip())

    def _idle(self, elapsed: float) -> float:
        rule = self._find(Stage.IDLE, seconds=elapsed)
        if rule:
            self._perform(_decided(None, rule))
        return 0.02

    def _check_group(self, verb: str, argument: str) -> None:
        """Bytes that came before their time (RFC 2920, 3.1)."""
        one_by_one = "PIPELINING" not in self._keywords and verb != "BDAT"
        plain = verb == "AUTH" and argument.upper().startswith("PLAIN ")
        last = verb in _LAST_IN_GROUP and not plain
        if (last or one_by_one) and self._wire.pending(self._settings.settle):
            self._violation("sent-before-reply", verb)

    def _unknown(self, verb: str, argument: str) -> None:
        self._answer(Stage.UNKNOWN, Reply(500, "5.5.2 Command not recognised"))

    def _hello(self, verb: str, argument: str) -> None:
        if not grammar.is_name(argument):
            self._violation("not-a-domain", argument[:80])
        lmtp = self._settings.protocol == "lmtp"
        if lmtp != (verb == "LHLO") or (verb == "EHLO" and not self._settings.esmtp):
            usual = Reply(500, "5.5.1 Command not recognised")
        elif verb == "HELO":
            usual = Reply(250, self._settings.name)
        else:
            usual = Reply(250, "\n".join([self._settings.name, *self._offered()]))
        reply = self._answer(Stage.HELO if verb == "HELO" else Stage.EHLO, usual)
        if reply and reply.code // 100 == 2:
            self._forget()
            self._named = True
            self._keywords = {} if verb == "HELO" else _keywords(reply)

    def _offer(self) -> Offer:
        settings = self._settings
        offer = settings.offer
        if self._wire.tls and settings.offer_after_tls is not None:
            offer = settings.offer_after_tls
        if self._user and settings.offer_after_auth is not None:
            offer = settings.offer_after_auth
        return offer

    def _offered(self) -> Iterable[str]:
        offer, settings = self._offer(), self._settings
        secrets = bool(settings.users or settings.tokens)
        clear = self._wire.tls or settings.auth_in_clear
        lines = {
            "PIPELINING": offer.pipelining,
            "CHUNKING": offer.chunking,
            "8BITMIME": offer.eightbitmime,
            "SMTPUTF8": offer.smtputf8,
            "DSN": offer.dsn,
            "ENHANCEDSTATUSCODES": offer.enhanced_status_codes,
            f"SIZE {offer.size}": offer.size is not None,
            f"LIMITS {offer.limits}": bool(offer.limits),
            "STARTTLS": offer.starttls and self._bench.context is not None and not self._wire.tls,
            f"AUTH {' '.join(offer.auth)}": bool(offer.auth) and secrets and clear,
        }
        return [*(line for line, there in lines.items() if there), *offer.more]

    def _starttls(self, verb: str, argument: str) -> None:
        if self._wire.tls:
            usual = _MOVED_ON
        elif self._bench.context is None:
            usual = Reply(454, "4.7.0 TLS not available")
        else:
            usual = Reply(220, "2.0.0 Ready to start TLS")
        reply = self._answer(Stage.STARTTLS, usual)
        if reply and reply.code == 220:
            self._wire.flush()
            self._shake_hands()

    def _shake_hands(self) -> None:
        rule = self._find(Stage.TLS)
        decision = _decided(None, rule)
        before = tuple(action for action in decision.actions if not isinstance(action, Usual))
        self._perform(replace(decision, actions=before))
        self._wire.flush()
        assert self._bench.context is not None
        self._wire.start_tls(self._bench.context)
        self._forget()
        self._keywords, self._named = {}, False

    def _auth(self, verb: str, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        clear = not (self._wire.tls or self._settings.auth_in_clear)
        if clear and mechanism.upper() in _SECRET_IS_READABLE:
            self._violation("auth-in-clear", mechanism)
        if self._open:
            self._violation("auth-in-transaction", mechanism)
        rule = self._find(Stage.AUTH)
        if rule is None or any(isinstance(action, Usual) for action in rule.do):
            usual = self._exchange(mechanism.upper(), initial)
        else:
            usual = Reply(535, "5.7.8 Authentication credentials invalid")
        decision = _decided(usual, rule)
        if decision.reply and decision.reply.code == 235:
            self._user = self._user or "scripted"
        self._perform(decision)
        if decision.reply and decision.reply.code == 334:
            self._wire.read_line(_LINE_LIMIT)
            self._wire.write(_written(Reply(501, "5.7.0 Authentication cancelled")))

    def _exchange(self, mechanism: str, initial: str) -> Reply:
        offered = self._keywords.get("AUTH", "").upper().split()
        exchange = login.start(mechanism, self._settings, _decoded(initial))
        if exchange is None or mechanism not in offered:
            return Reply(504, "5.5.4 Unrecognised authentication type")
        try:
            challenge = next(exchange)
            while True:
                self._wire.write(b"334 " + base64.b64encode(challenge) + b"\r\n")
                line = self._wire.read_line(_LINE_LIMIT).strip()
                if line == b"*":
                    return Reply(501, "5.7.0 Authentication cancelled")
                challenge = exchange.send(base64.b64decode(line, validate=True))
        except binascii.Error:
            self._violation("not-base64", mechanism)
            return Reply(501, "5.5.2 Not base64")
        except StopIteration as end:
            self._user = end.value
        if not self._user:
            return Reply(535, "5.7.8 Authentication credentials invalid")
        return Reply(235, "2.7.0 Authentication successful")

    # Transactions

    def _forget(self) -> None:
        self._open = None
        self._needs_reset = False

    def _mail(self, verb: str, argument: str) -> None:
        self._mails += 1
        path = _PATH.fullmatch(argument)
        if path is None or path[1].upper() != "FROM":
            self._violation("malformed-path", argument[:80])
            self._answer(Stage.MAIL, Reply(501, "5.1.7 Bad sender address syntax"))
            return
        parameters = self._parameters(path[3])
        self._check_mail()
        reverse_path = path[2]
        usual = self._mail_reply(parameters)
        reply = self._answer(Stage.MAIL, usual, reverse_path=reverse_path)
        self._mail_refused = reply is None or reply.code // 100 != 2
        if not self._mail_refused and self._open is None:
            self._open = _Open(reverse_path, parameters)

    def _check_mail(self) -> None:
        if self._open:
            self._violation("nested-mail", self._open.reverse_path)
        if self._needs_reset:
            self._violation("no-rset-after-failed-chunk", "")

    def _parameters(self, text: str) -> dict[str, str]:
        pairs = (item.partition("=") for item in text.split())
        parameters = {name.upper(): value for name, _, value in pairs}
        for name in parameters:
            if _NEEDED_KEYWORD.get(name, name) not in self._keywords:
                self._violation("parameter-not-offered", name)
        if len(parameters) != len(text.split()):
            self._violation("parameter-twice", text[:80])
        return parameters

    def _mail_reply(self, parameters: dict[str, str]) -> Reply:
        if self._open or not self._named:
            return _MOVED_ON
        if self._settings.auth_required and not self._user:
            return Reply(530, "5.7.0 Authentication required")
        if self._too_large(int(parameters.get("SIZE") or 0)):
            return Reply(552, "5.3.4 Message size exceeds fixed maximum")
        return Reply(250, "2.1.0 Ok")

    def _too_large(self, size: int) -> bool:
        limit = self._offer().size
        return bool(limit) and size > (limit or 0)

    def _rcpt(self, verb: str, argument: str) -> None:
        path = _PATH.fullmatch(argument)
        if path is None or path[1].upper() != "TO":
            self._violation("malformed-path", argument[:80])
            self._answer(Stage.RCPT, Reply(501, "5.1.3 Bad recipient address syntax"))
            return
        self._parameters(path[3])
        if self._open is None and not self._mail_refused:
            self._violation("rcpt-without-mail", argument[:80])
        usual = Reply(250, "2.1.5 Ok") if self._open else _MOVED_ON
        reply = self._answer(Stage.RCPT, usual, recipient=path[2])
        if self._open and reply and reply.code // 100 == 2:
            self._open.forward_paths.append(path[2])

    def _data(self, verb: str, argument: str) -> None:
        ready = self._open is not None and not self._open.chunked
        if not ready:
            usual = _MOVED_ON
        elif self._open and not self._open.forward_paths:
            usual = Reply(self._settings.data_without_recipients, "5.5.1 No valid recipients")
        else:
            usual = Reply(354, "End data with <CR><LF>.<CR><LF>")
        reply = self._answer(Stage.DATA, usual)
        if reply and reply.code == 354:
            self._content()

    def _content(self) -> None:
        early: list[Reply] = []
        stuffed = self._wire.read_content(self._watch(early))
        opened = self._open or _Open("", {})
        self._violations(
            grammar.content_breaches(stuffed, stuffed=True, eightbit=_eightbit(opened))
        )
        if stuffed and not opened.forward_paths:
            self._violation("content-without-recipients", f"{len(stuffed)} bytes")
        self._end_of_data(opened, grammar.unstuffed(stuffed), early, None)

    def _watch(self, early: list[Reply]) -> Callable[[int], None]:
        """The rule for flowing content is used once, when so much has come."""
        rule = self._find(Stage.CONTENT)
        waiting = [rule] if rule else []

        def seen(size: int) -> None:
            if waiting and size >= waiting[0].when.size:
                decision = _decided(None, waiting.pop())
                if decision.reply:
                    early.append(decision.reply)
                self._perform(decision)

        return seen

    def _bdat(self, verb: str, argument: str) -> None:
        count, _, last = argument.partition(" ")
        if not count.isdigit() or last.upper() not in ("", "LAST"):
            self._violation("malformed-bdat", argument[:80])
            self._answer(Stage.BDAT, Reply(501, "5.5.4 Bad chunk size"))
            return
        if int(count) == 0 and not last:
            self._violation("null-chunk", "")
        early: list[Reply] = []
        chunk = self._wire.read_exactly(int(count), self._watch(early))
        self._after_chunk = True
        opened = self._open or _Open("", {}, failed=True)
        first = not opened.chunked
        opened.chunked = True
        rule = self._find(Stage.BDAT, first_chunk=first, last_chunk=bool(last))
        usual = self._chunk_reply(opened, chunk)
        if last:
            self._end_of_data(opened, b"".join(opened.chunks), early, (usual, rule))
        elif not early:
            decision = _decided(usual, rule)
            self._chunk_done(opened, decision)
            self._perform(decision)

    def _chunk_done(self, opened: _Open, decision: _Decision) -> None:
        if not decision.positive:
            opened.failed = True
            self._needs_reset = True

    def _chunk_reply(self, opened: _Open, chunk: bytes) -> Reply:
        if self._open is None or opened.failed:
            return _MOVED_ON
        if not opened.forward_paths:
            return Reply(554, "5.5.1 No valid recipients")
        opened.chunks.append(chunk)
        return Reply(250, f"2.0.0 {len(chunk)} bytes received")

    def _end_of_data(
        self,
        opened: _Open,
        content: bytes,
        early: list[Reply],
        chunked: tuple[Reply, Rule | None] | None,
    ) -> None:
        """Judge the message: the verdict is on disk before the reply is on the wire."""
        usual, rule = chunked or (Reply(250), None)
        taken = usual.code // 100 == 2
        if chunked and taken:
            breaches = grammar.content_breaches(content, stuffed=False, eightbit=_eightbit(opened))
            self._violations(breaches)
        if taken:
            self._check_size(opened, content)
            usual = self._last_reply(opened, content)
        self._open = None
        paths = opened.forward_paths
        if self._settings.protocol == "lmtp":
            if chunked is None and not paths:
                # RFC 2033, 4.2: no recipient was accepted, and so DATA must have failed.
                self._judge(opened, content, (), usual, early, rule)
            for path in paths:
                self._judge(opened, content, (path,), usual, early, rule)
        else:
            self._judge(opened, content, tuple(paths), usual, early, rule)

    def _last_reply(self, opened: _Open, content: bytes) -> Reply:
        if not opened.forward_paths:
            return Reply(554, "5.5.1 No valid recipients")
        if self._too_large(len(content)):
            return Reply(552, "5.3.4 Message size exceeds fixed maximum")
        return Reply(250, f"2.0.0 Ok: queued as {self._number}-{self._mails}")

    def _judge(
        self,
        opened: _Open,
        content: bytes,
        paths: tuple[str, ...],
        usual: Reply,
        early: list[Reply],
        rule: Rule | None,
    ) -> None:
        recipient = paths[0] if paths else ""
        rule = rule or self._find(
            Stage.END_OF_DATA, recipient=recipient, reverse_path=opened.reverse_path
        )
        decision = _decided(usual, rule)
        if early and rule is None:
            decision = _Decision((), None, early[0], accept=False)
        if opened.chunked:
            self._chunk_done(opened, decision)
        verdict = _verdict(decision)
        if not paths and verdict in (Verdict.ACCEPTED, Verdict.WITHHELD):
            verdict = Verdict.REFUSED  # without a recipient it is never taken
        code = decision.reply.code if decision.reply else None
        message = self._message(opened, content, paths, verdict, code)
        self._bench.record(message, durable=message.taken)
        self._messages += message.taken
        self._perform(decision)

    def _message(
        self,
        opened: _Open,
        content: bytes,
        paths: tuple[str, ...],
        verdict: Verdict,
        code: int | None,
    ) -> Message:
        return Message(
            connection=self._number,
            transaction=self._mails - 1,
            reverse_path=opened.reverse_path,
            forward_paths=paths,
            message_id=grammar.field_body(content, b"Message-ID"),
            to=grammar.field_body(content, b"To"),
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            verdict=verdict,
            reply_code=code,
            server=self._bench.name,
            content=content if self._settings.keep else b"",
        )

    def _check_size(self, opened: _Open, content: bytes) -> None:
        declared = opened.parameters.get("SIZE")
        if declared is not None and declared != str(len(content)):
            self._violation("size-mismatch", f"SIZE={declared}, and {len(content)} bytes came")

    def _rset(self, verb: str, argument: str) -> None:
        reply = self._answer(Stage.RSET, Reply(250, "2.0.0 Ok"))
        if reply and reply.code // 100 == 2:
            self._forget()

    def _noop(self, verb: str, argument: str) -> None:
        self._answer(Stage.NOOP, Reply(250, "2.0.0 Ok"))

    def _vrfy(self, verb: str, argument: str) -> None:
        self._answer(Stage.VRFY, Reply(252, "2.1.5 Cannot verify, will try"))

    def _bye(self, verb: str, argument: str) -> None:
        self._quit = True
        reply = self._answer(Stage.QUIT, Reply(221, "2.0.0 Bye"))
        if reply and reply.code == 221:
            self._wire.close(notify=True)
            raise Gone


def _written(reply: Reply) -> bytes:
    """A reply as bytes (RFC 5321, 4.2.1)."""
    *first, last = reply.text.split("\n")
    lines = [f"{reply.code}-{line}\r\n" for line in first]
    end = f"{reply.code} {last}\r\n" if last else f"{reply.code}\r\n"
    return "".join([*lines, end]).encode()


def _keywords(reply: Reply) -> dict[str, str]:
    pairs = (line.partition(" ") for line in reply.text.split("\n")[1:])
    return {keyword.upper(): value for keyword, _, value in pairs}


def _shown(line: bytes) -> str:
    return line.removesuffix(b"\r\n").decode("utf-8", "backslashreplace")


def _decoded(initial: str) -> bytes | None:
    """An initial response: none, the empty one written as `=`, or base64 (RFC 4954, 4)."""
    if not initial:
        return None
    try:
        return b"" if initial == "=" else base64.b64decode(initial, validate=True)
    except binascii.Error:
        return b""


def _eightbit(opened: _Open) -> bool:
    return "SMTPUTF8" in opened.parameters or opened.parameters.get("BODY", "").upper() in (
        "8BITMIME",
        "BINARYMIME",
    )


def _verdict(decision: _Decision) -> Verdict:
    if decision.positive:
        return Verdict.ACCEPTED
    if decision.accept:
        return Verdict.WITHHELD
    return Verdict.DROPPED if decision.reply is None else Verdict.REFUSED
