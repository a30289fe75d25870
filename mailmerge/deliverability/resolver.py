"""DNS look-ups with dnspython: the only module that asks a name server.

What can go wrong, and what becomes of it: a name that does not exist and a name without such
records are answers. A time-out, SERVFAIL, REFUSED or a garbled reply proves nothing, so it is the
answer "unknown"; no failure of the DNS is an error of the campaign. A truncated reply is asked for
again over TCP. A name server that refuses EDNS is asked again without it.

One check asks the same names often, so answers are kept. A list of recipients may have thousands of
domains, so questions have a bounded rate. A machine without a name server would wait for each
question, so after some time-outs in a row the rest is "unknown" at once.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mailmerge.deliverability.answers import Answer, RecordType
from mailmerge.errors import CampaignError
from mailmerge.language import tr

if TYPE_CHECKING:
    from dns.name import Name
    from dns.resolver import Resolver

_PAYLOAD: Final = 1232
"""Bytes of a UDP reply that pass everywhere without fragments (DNS Flag Day 2020)."""

_DNS_PORT: Final = 53
_TIME_OUTS_AT_FIRST: Final = 4
_TIME_OUTS_LATER: Final = 32
"""Time-outs in a row after which a name server counts as gone: before its first answer, and after.

A server that works may still be slow on some domains of a long list, whose own servers are gone.
"""

_THREADS: Final = 16


@dataclass(frozen=True, slots=True)
class DnsOptions:
    """How the DNS is asked.

    Attributes:
        name_server: `ADDRESS` or `ADDRESS:PORT`; "" for the name servers of this machine.
        timeout: seconds for one question.
        per_second: questions per second at most.
    """

    name_server: str = ""
    timeout: float = 5.0
    per_second: float = 50.0


class Dns:
    """Answers from name servers, kept for as long as this object lives. Safe for many threads.

    `monotonic` and `sleep` are a clock in seconds.

    Raises:
        CampaignError: the name server in the options is no address.
    """

    def __init__(
        self,
        options: DnsOptions | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        options = options or DnsOptions()
        self._servers = _server_of(options.name_server) if options.name_server else None
        self._options = options
        self._rate = _Rate(options.per_second, monotonic, sleep)
        self._known: dict[tuple[str, RecordType], Answer] = {}
        self._lock = threading.Lock()
        self._made: Resolver | None = None
        self._time_outs = 0
        self._patience = _TIME_OUTS_AT_FIRST

    def __call__(self, name: str, kind: RecordType) -> Answer:
        """The records of a name, asked for once."""
        key = (name.lower().rstrip("."), kind)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._ask(*key)
        return known

    def prefetch(self, names: Iterable[str], kind: RecordType) -> None:
        """Ask for many names at the same time, within the rate."""
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda name: self(name, kind), names))

    def _ask(self, name: str, kind: RecordType) -> Answer:
        if self._time_outs >= self._patience:
            return Answer("unknown", reason=tr("no name server answered"))
        self._rate.wait()
        answer, timed_out = _resolve(self._resolver(), name, kind)
        with self._lock:
            self._time_outs = self._time_outs + 1 if timed_out else 0
            if not answer.is_unknown:
                self._patience = _TIME_OUTS_LATER
        return answer

    def _resolver(self) -> Resolver:
        with self._lock:
            if self._made is None:
                self._made = _make_resolver(self._servers, self._options.timeout)
            return self._made


class _Rate:
    """At most a number of questions per second, over all threads."""

    def __init__(
        self, per_second: float, monotonic: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._interval = 1 / per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            now = self._monotonic()
            at = max(self._next, now)
            self._next = at + self._interval
        if at > now:
            self._sleep(at - now)


def _server_of(text: str) -> tuple[str, int]:
    """`127.0.0.1`, `127.0.0.1:5353`, `::1`, `[::1]:5353` -> the address and the port."""
    host, port = text, str(_DNS_PORT)
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        address, number = str(ipaddress.ip_address(host)), int(port)
    except ValueError:
        number = 0
    if not 0 < number < 1 << 16:
        raise CampaignError(
            tr("{text!r} is not a name server", text=text),
            hint=tr("write an address and a port, such as 127.0.0.1:53"),
            code="name-server",
        )
    return address, number


def _make_resolver(server: tuple[str, int] | None, timeout: float) -> Resolver:
    import dns.resolver

    try:
        made = dns.resolver.Resolver(configure=server is None)
    except (OSError, dns.resolver.NoResolverConfiguration):
        made = dns.resolver.Resolver(configure=False)
    if server is not None:
        made.nameservers, made.port = [server[0]], server[1]
    made.lifetime, made.timeout = timeout, timeout / 2
    made.use_edns(0, 0, _PAYLOAD)
    return made


def _resolve(resolver: Resolver, name: str, kind: RecordType) -> tuple[Answer, bool]:
    """The answer, and whether no server answered in time."""
    import dns.exception
    import dns.name

    try:
        asked = dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError):
        return Answer("no-name"), False
    return _resolve_name(resolver, asked, kind)


def _resolve_name(resolver: Resolver, name: Name, kind: RecordType) -> tuple[Answer, bool]:
    import dns.exception
    import dns.resolver

    try:
        found = _first_with_edns(resolver, name, kind)
    except dns.resolver.NXDOMAIN:
        return Answer("no-name"), False
    except dns.resolver.NoAnswer:
        return Answer("no-data"), False
    except dns.exception.Timeout:
        return Answer("unknown", reason=tr("the name server did not answer in time")), True
    except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
        return Answer("unknown", reason=_failure(error)), False
    return Answer("found", tuple(_as_text(record) for record in found)), False


def _first_with_edns(resolver: Resolver, name: Name, kind: RecordType) -> Iterable[object]:
    """Ask with EDNS, and without it if each server says that it does not know it (RFC 6891, 7)."""
    import copy

    import dns.resolver

    try:
        return resolver.resolve(name, kind, search=False)
    except dns.resolver.NoNameservers as error:
        if not any(word in str(error) for word in ("FORMERR", "NOTIMP", "BADVERS")):
            raise
    plain = copy.copy(resolver)
    plain.use_edns(-1)
    return plain.resolve(name, kind, search=False)


def _failure(error: Exception) -> str:
    for word in ("SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"):
        if word in str(error):
            return tr("the name server answered {word}", word=word)
    return tr("no name server gave a usable answer")


def _as_text(record: object) -> str:
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "backslashreplace")
    return str(record).rstrip(".").lower()
