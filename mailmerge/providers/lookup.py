"""providers.toml -> Provider: the server of a service, its log-in, its limits, and the sources.

The rates are texts such as `500/day`; `mailmerge.settings.parse_rate` reads them.
"""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from importlib import resources
from typing import Any, Literal, cast

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.providers.catalogue import Language, chosen_language

Security = Literal["tls", "starttls", "none"]
Action = Literal["reconnect", "pause", "stop", "fail"]

FIGURES = ("rates", "max_connections", "messages_per_connection", "max_recipients", "max_size")
"""The fields of a Provider that are limits."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Another port of the same host."""

    port: int
    security: Security


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """A reply of this service whose meaning differs from its first digit.

    `match` is a regular expression for `code text`. `action` is the reaction of a run: `reconnect`
    (the connection has reached its limit), `pause` (retry later, even after a 5yz), `stop` (end the
    run) or `fail` (reject this message).
    """

    match: str
    action: Action


@dataclass(frozen=True, slots=True)
class Rule:
    """A further requirement of the service, in one sentence; `of` names the source."""

    of: str
    en: str
    zh: str

    def text(self, language: Language | None = None) -> str:
        """The sentence, by default in the language of the user."""
        return self.zh if (language or chosen_language()) == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Source:
    """The source of some figures: the fields that it proves, and the day it was read.

    `of` has fields of Provider, and names that only a `Rule` uses, such as `plan`. `verified` means
    that the source is the service's own text.
    """

    of: tuple[str, ...]
    url: str
    checked: date
    verified: bool


@dataclass(frozen=True, slots=True)
class Provider:
    """A service that accepts mail for delivery; providers.toml explains every field.

    A limit that is None or empty is not known. `host` is "" if it depends on the account; then
    `host_hint` shows its form. `hosts` is a regular expression for further hosts of the service,
    `regions` one for what may stand in place of REGION in `host_hint`.
    `max_size` is in bytes. `login_must_equal_from` says that the service refuses or rewrites a From
    that is neither the log-in nor an alias of it. `imap` is the server of the mailboxes, on port
    993 with TLS. `files_sent` says that the service itself puts what it sends into the Sent folder.
    """

    name: str
    title: str
    host: str
    port: int
    security: Security
    login: str
    auth: tuple[str, ...]
    username: str
    username_zh: str
    login_must_equal_from: bool
    sources: tuple[Source, ...]
    aliases: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    host_hint: str = ""
    hosts: str = ""
    regions: str = ""
    also: tuple[Endpoint, ...] = ()
    imap: str = ""
    files_sent: bool = False
    rates: tuple[str, ...] = ()
    max_connections: int | None = None
    messages_per_connection: int | None = None
    max_recipients: int | None = None
    max_size: int | None = None
    rules: tuple[Rule, ...] = ()
    replies: tuple[ReplyRule, ...] = ()

    def source_of(self, field: str) -> Source | None:
        """The source of a field; None if the field has no value."""
        return next((source for source in self.sources if field in source.of), None)

    def is_verified(self, field: str) -> bool:
        """Whether the source of this field is the service's own text."""
        source = self.source_of(field)
        return source is not None and source.verified

    def action_for(self, code: int, text: str) -> Action | None:
        """The reaction of a run to this reply; None if its first digit decides."""
        reply = f"{code} {text[:_LONGEST_TEXT]}"
        for rule in self.replies:
            if re.search(rule.match, reply, re.IGNORECASE):
                return rule.action
        return None

    def login_hint(self, language: Language | None = None) -> str:
        """The kind of password that the service needs, by default in the language of the user."""
        return str(_file()["login"][self.login][language or chosen_language()])


_THIS_MACHINE = "127.0.0.1"
"""The host of services whose own program on this machine takes the mail."""

_LONGEST_TEXT = 1_000
"""The characters of a reply that the rules look at. A reply may have 60 kB."""


@functools.cache
def _file() -> Mapping[str, Any]:
    text = resources.files("mailmerge.providers").joinpath("providers.toml").read_text("utf-8")
    return tomllib.loads(text)


@functools.cache
def load_providers() -> Mapping[str, Provider]:
    """Every service of providers.toml by its name, in the file's order."""
    return {name: _provider(name, entry) for name, entry in _file()["services"].items()}


def _provider(name: str, entry: Mapping[str, Any]) -> Provider:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    values["also"] = tuple(_endpoint(text) for text in values.get("also", ()))
    values["replies"] = tuple(ReplyRule(**rule) for rule in values.get("replies", ()))
    values["rules"] = tuple(Rule(**rule) for rule in values.get("rules", ()))
    values["sources"] = tuple(
        Source(tuple(source["of"]), source["url"], source["checked"], source["verified"])
        for source in values["sources"]
    )
    return Provider(name=name, **values)


def _endpoint(text: str) -> Endpoint:
    port, security = text.split()
    return Endpoint(int(port), cast("Security", security))


def find_provider(name: str) -> Provider:
    """The service of that name or alias; case and a trailing `.com` do not matter.

    Raises:
        CampaignError: there is none; the message names those with a similar name.
    """
    known = _names()
    wanted = name.strip().lower()
    provider = known.get(wanted) or known.get(wanted.removesuffix(".com")) or _in_region(wanted)
    if provider is None:
        raise CampaignError(
            tr("unknown provider {name!r}", name=name),
            hint=_nearest(wanted),
            code="unknown-provider",
        )
    return provider


def _in_region(wanted: str) -> Provider | None:
    """The service of a name such as ses-eu-west-1, with the host of that region."""
    service, _, region = wanted.partition("-")
    found = _names().get(service)
    if found is None or not found.regions or not re.fullmatch(found.regions, region):
        return None
    return replace(found, host=found.host_hint.replace("REGION", region))


def _nearest(wanted: str) -> str:
    close = difflib.get_close_matches(wanted, _names(), n=3, cutoff=0.7)
    names = list(dict.fromkeys(_names()[alias].name for alias in close))
    if names:
        return tr("did you mean {names}?", names=tr(" or ").join(names))
    return tr('"mailmerge providers" lists them; or set host, port and security')


@functools.cache
def _names() -> Mapping[str, Provider]:
    names: dict[str, Provider] = {}
    for provider in load_providers().values():
        for name in (provider.name, *provider.aliases, *provider.domains):
            names.setdefault(name, provider)
    return names


def provider_of_host(host: str) -> Provider | None:
    """The service that this host belongs to, for its reply rules and explanations; or None."""
    wanted = host.lower().rstrip(".")
    if wanted in ("", _THIS_MACHINE):  # any relay may be there
        return None
    for provider in load_providers().values():
        if provider.host == wanted or (provider.hosts and re.fullmatch(provider.hosts, wanted)):
            return provider
    return None


def service_of(provider: str, host: str) -> str:
    """The name of the service that [smtp] names by `provider` or `host`; "" if it is not known."""
    try:
        found = find_provider(provider) if provider else provider_of_host(host)
    except CampaignError:
        return ""
    return found.name if found else ""


def as_json(provider: Provider) -> dict[str, object]:
    """The service as plain values for `--json`; dates as ISO 8601."""
    values = {field.name: getattr(provider, field.name) for field in fields(provider)}
    return {
        **values,
        "also": [{"port": item.port, "security": item.security} for item in provider.also],
        "replies": [{"match": rule.match, "action": rule.action} for rule in provider.replies],
        "rules": [{"of": rule.of, "en": rule.en, "zh": rule.zh} for rule in provider.rules],
        "sources": [
            {
                "of": list(source.of),
                "url": source.url,
                "checked": source.checked.isoformat(),
                "verified": source.verified,
            }
            for source in provider.sources
        ],
    }
