"""One POST to an authorization server over HTTPS, and its answer.

The whole exchange has a deadline of its own. The time-out of a socket begins again with each byte,
so a server that sends one byte now and then would otherwise hold the lock of a log-in for hours.
Redirects are not followed, because a request holds secrets. The answer must be a JSON object
(RFC 6749, 5.1), or a form as some older servers write it: a login page of a hotel network or an
error page of a proxy is no answer.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import IO, Final
from urllib.parse import parse_qs, urlsplit

from mailmerge.errors import ServerUnreachable
from mailmerge.language import tr
from mailmerge.wording import one_line

_SECONDS: Final = 30.0
"""Seconds without a byte after which a connection is given up."""
_DEADLINE: Final = 45.0
"""Seconds that an exchange may take, from the look-up of the name to the last byte."""
_LARGEST: Final = 262_144
_AGENT: Final = "mailmerge"
_SECRETS: Final = ("refresh_token", "client_secret", "code", "code_verifier", "device_code")
"""The fields of a form that an error text must not repeat."""
_OF_A_FORM: Final = frozenset({"access_token", "device_code", "error"})
"""The fields by which an answer that is no JSON is known as a form."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The fields of an answer.

    Attributes:
        status: the HTTP status.
        fields: the members of the JSON object or of the form; `repr` hides them, because they hold
            tokens.
        clock_error: the seconds that this machine's clock is ahead of the server's.
    """

    status: int
    fields: Mapping[str, object]
    clock_error: float = 0.0

    def __repr__(self) -> str:
        return f"Answer({self.status})"

    def text(self, name: str) -> str:
        """The text of this name; "" if it is missing or no text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str, default: float) -> float:
        """The number of this name; some servers write numbers as text."""
        value = self.fields.get(name)
        try:
            number = float(value) if isinstance(value, int | float | str) else default
        except ValueError:
            return default
        return number if 0 <= number < 1e9 else default


Post = Callable[[str, str], Answer]
"""Posts a form to an address: (url, urlencoded body) -> answer."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def post(url: str, body: str, *, deadline: float = _DEADLINE) -> Answer:
    """POST a form and return the answer, whatever its status is.

    The exchange runs in a thread, because neither the look-up of a name nor a TLS handshake can be
    given a deadline. A thread that misses it is left to end by itself; its answer is dropped.

    Args:
        deadline: the seconds that the whole exchange may take.

    Raises:
        ServerUnreachable: there is no connection, no answer in time, or the answer is not JSON.
    """
    host = urlsplit(url).hostname or url
    results: list[Answer | Exception] = []

    def run() -> None:
        try:
            answer = _exchange(host, url, body, time.monotonic() + deadline)
            results.append(_without_echo(answer, body))
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            results.append(error)

    thread = threading.Thread(target=run, name="mailmerge-oauth", daemon=True)
    thread.start()
    thread.join(deadline)
    if not results:
        raise _too_slow(host)
    result = results[0]
    if isinstance(result, Exception):
        raise result
    return result


def _exchange(host: str, url: str, body: str, ends: float) -> Answer:
    request = urllib.request.Request(  # noqa: S310 - settings allow https and loopback only
        url,
        data=body.encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "User-Agent": _AGENT,
        },
    )
    try:
        with _opener(host).open(request, timeout=_SECONDS) as response:
            return _answer(host, response.status, response.headers.get("Date"), response, ends)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(host, error.code, error.headers.get("Date"), error, ends)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ServerUnreachable(
            tr("{host} cannot be reached: {reason}", host=host, reason=one_line(str(reason))),
            hint=_hint(str(reason)),
            code="oauth-server",
        ) from None


def _without_echo(answer: Answer, body: str) -> Answer:
    """The answer; if it is an error whose texts repeat secrets of the form, without them."""
    if "error" not in answer.fields:
        return answer
    form = parse_qs(body)
    secrets = [value for name in _SECRETS for value in form.get(name, [])]
    fields = dict(answer.fields)
    for name in ("error", "error_description"):
        text = answer.text(name)
        for secret in secrets:
            text = text.replace(secret, "***")
        if text:
            fields[name] = text
    return replace(answer, fields=fields)


def _too_slow(host: str) -> ServerUnreachable:
    return ServerUnreachable(
        tr("{host} did not complete its answer in time", host=host),
        hint=tr("try again later"),
        code="oauth-server",
    )


def _hint(reason: str) -> str:
    if "unable to get local issuer" in reason or "self-signed" in reason or "self signed" in reason:
        return tr(
            "if the server has a private authority, name the PEM file of its certificate in the "
            "variable SSL_CERT_FILE"
        )
    if "not yet valid" in reason or "expired" in reason:
        return tr("check the clock of this machine, then the network")
    return tr("check the network, and the addresses in [smtp.oauth]")


def _opener(host: str) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if host in ("127.0.0.1", "::1", "localhost"):
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def _read(host: str, body: IO[bytes], ends: float) -> bytes:
    """At most one byte more than the largest answer, in pieces as they come."""
    read_some: Callable[[int], bytes] = getattr(body, "read1", body.read)
    content = bytearray()
    while len(content) <= _LARGEST and (part := read_some(_LARGEST + 1 - len(content))):
        content += part
        if time.monotonic() > ends:
            raise _too_slow(host)
    return bytes(content)


def _answer(host: str, status: int, date: str | None, body: IO[bytes], ends: float) -> Answer:
    try:
        content = _read(host, body, ends)
    except (OSError, http.client.HTTPException) as error:
        raise ServerUnreachable(
            tr("the answer of {host} broke off", host=host),
            hint=tr("try again"),
            code="oauth-server",
        ) from error
    fields = _fields(bytes(content)) if len(content) <= _LARGEST else None
    if not isinstance(fields, dict) or (status >= 500 and "error" not in fields):
        raise ServerUnreachable(
            tr("{host} answered {status} without the JSON of a token", host=host, status=status),
            hint=tr(
                "check the addresses in [smtp.oauth]; a proxy or a network that asks for a log-in "
                "can answer in its place"
            ),
            code="oauth-server",
        )
    return Answer(status, fields, clock_error(date))


def _fields(content: bytes) -> object:
    """The JSON value or the form; None if it is neither."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        pass
    try:
        form = parse_qs(content.decode("ascii").strip(), strict_parsing=True, max_num_fields=50)
    except ValueError:
        return None
    fields = {name: values[0] for name, values in form.items() if len(values) == 1}
    return fields if fields.keys() & _OF_A_FORM else None


def clock_error(date: str | None) -> float:
    """The seconds that this machine's clock is ahead of a Date field; 0 if it cannot be read."""
    try:
        return time.time() - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return 0.0
