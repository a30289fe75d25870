"""campaign.toml and the account -> problems that no single row shows."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from mailmerge.campaign import CAMPAIGN_FILE, Campaign, Rate
from mailmerge.credentials import Account
from mailmerge.errors import AddressError, Problem
from mailmerge.preflight.addresses import judge_domain
from mailmerge.recipients.address import Mailbox, parse_mailbox

ONE_CLICK_FROM = 5_000
"""Messages a day from which large mailbox providers ask for RFC 8058 (one-click)."""

DAY = 86_400

WRITTEN = datetime(2026, 1, 1).astimezone()
"""No honest clock says that it is earlier: this program is younger."""

_GOOGLE = ("gmail.com", "google.com")
_MICROSOFT = ("outlook.com", "office365.com")
_APPLE = ("me.com", "icloud.com")
_YAHOO = ("yahoo.com", "yahoo.co.jp", "yahoodns.net", "aol.com")
_YANDEX = ("yandex.ru", "yandex.com", "yandex.net")

PUBLIC_MAIL_DOMAINS = {
    "gmail.com": _GOOGLE,
    "googlemail.com": _GOOGLE,
    "yahoo.com": _YAHOO,
    "yahoo.co.uk": _YAHOO,
    "yahoo.de": _YAHOO,
    "yahoo.fr": _YAHOO,
    "ymail.com": _YAHOO,
    "rocketmail.com": _YAHOO,
    "aol.com": _YAHOO,
    "outlook.com": _MICROSOFT,
    "outlook.fr": _MICROSOFT,
    "hotmail.com": _MICROSOFT,
    "hotmail.co.uk": _MICROSOFT,
    "hotmail.fr": _MICROSOFT,
    "live.com": _MICROSOFT,
    "msn.com": _MICROSOFT,
    "icloud.com": _APPLE,
    "me.com": _APPLE,
    "mac.com": _APPLE,
    "qq.com": ("qq.com",),
    "foxmail.com": ("qq.com",),
    "163.com": ("163.com",),
    "126.com": ("126.com",),
    "gmx.de": ("gmx.net", "gmx.de"),
    "gmx.net": ("gmx.net", "gmx.de"),
    "web.de": ("web.de",),
    "yandex.ru": _YANDEX,
    "yandex.com": _YANDEX,
    "ya.ru": _YANDEX,
    "mail.ru": ("mail.ru",),
    "protonmail.com": ("protonmail.ch", "proton.me"),
    "proton.me": ("protonmail.ch", "proton.me"),
}
"""Domains whose mail is refused when it comes from other servers -> their own servers."""

_TEMPLATE = re.compile(r"\{[{%#]")
_COUNT = re.compile(r"\(\d+\)")
_REPLY = re.compile(r"\s*(re|fwd?|aw|wg)\s*:", re.IGNORECASE)
_PORT_SPEAKS = {465: ("tls", "TLS from the first octet"), 587: ("starttls", "STARTTLS")}

_wrong = partial(Problem, file=CAMPAIGN_FILE)


def check_settings(campaign: Campaign, account: Account | None) -> Iterator[Problem]:
    """What can be said before the first row is read."""
    sender = None
    try:
        sender = parse_mailbox(campaign.message.from_, names=True)
    except AddressError as error:
        yield _wrong(
            "error", "from-address", f"{campaign.message.from_!r}: {error.problem.message}",
            column="message.from", hint='write "Name <name@example.org>"',
        )  # fmt: skip
    yield from _check_other_addresses(campaign)
    if sender is not None:
        yield from _check_name(sender)
        yield from _check_sender_domain(sender)
        if account is not None:
            yield from _check_sender(sender, account)
    if account is not None:
        yield from _check_server(account)
    yield from _check_parts(campaign)


def check_clock(now: datetime, campaign: Campaign) -> Iterator[Problem]:
    """Whether this machine's clock can be right; it writes the Date of every message."""
    files = (CAMPAIGN_FILE, campaign.recipients.file)
    paths = [campaign.folder / name for name in files if name != "-"]
    times = [path.stat().st_mtime for path in paths if path.is_file()]
    newest = datetime.fromtimestamp(max(times, default=0), tz=now.tzinfo)
    if now >= WRITTEN and newest - now < timedelta(days=1):
        return
    yield Problem(
        "warning", "clock", f"the clock of this machine says {now:%Y-%m-%d}, which cannot be",
        hint="set it: every message carries its date, and certificates are judged by it",
    )  # fmt: skip


def check_columns(
    columns: tuple[str, ...],
    variables: frozenset[str],
    campaign: Campaign,
    file: str,
    *,
    told: str = "",
) -> Iterator[Problem]:
    """Which variables no column fills, and which columns no template uses.

    A variable that is named in `told` has been told of already.
    """
    for name in sorted(variables - set(columns) - {"row", "campaign"}):
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", told):
            continue
        close = difflib.get_close_matches(name, columns, n=1, cutoff=0.6)
        listed = f"the columns are {', '.join(columns[:12])}"
        yield Problem(
            "warning", "missing-column", f"a template uses {name!r}, which is not a column", file,
            hint=f"did you mean {close[0]!r}?" if close else listed,
        )  # fmt: skip
    recipients = campaign.recipients
    needed = {recipients.address, recipients.key_column, *recipients.required}
    used = {name.casefold() for name in needed}
    unused = [
        name
        for name in columns
        if name not in variables
        and name.casefold() not in used
        and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", recipients.where)
    ]
    if unused and "row" not in variables:
        yield Problem("warning", "unused-column", f"no template uses: {', '.join(unused)}", file)


def check_numbers(
    recipients: int, campaign: Campaign, account: Account | None, now: datetime
) -> Iterator[Problem]:
    """What follows from how many people there are; a plan begins `now`."""
    names = {name.lower() for name in campaign.message.headers}
    if recipients > ONE_CLICK_FROM and "list-unsubscribe-post" not in names:
        yield _wrong(
            "warning", "one-click",
            f"{recipients:,} messages without one-click unsubscribing are often refused",
            column="message.headers",
            hint="add List-Unsubscribe and List-Unsubscribe-Post, RFC 8058",
        )  # fmt: skip
    rates = account.allows.within(campaign.delivery).rates if account is not None else ()
    for rate in rates:
        if rate.seconds >= DAY and recipients > rate.count:
            yield _daily(recipients, rate, now)


def _daily(recipients: int, rate: Rate, now: datetime) -> Problem:
    """More people than a day allows: how many days, and which is the last."""
    further = (recipients - 1) // rate.count
    last = now + timedelta(seconds=further * rate.seconds)
    days = int(further * rate.seconds // DAY) + 1
    return _wrong(
        "warning", "daily-limit",
        f"{recipients:,} people at {rate} take {days:,} days, until {last:%A} {last:%Y-%m-%d}",
        column="delivery.rate", hint="call send again each day; it goes on where it stopped",
    )  # fmt: skip


def _check_other_addresses(campaign: Campaign) -> Iterator[Problem]:
    message = campaign.message
    fixed = {"reverse_path": message.reverse_path, "reply_to": message.reply_to}
    for key, value in fixed.items():
        if not value or _TEMPLATE.search(value):
            continue
        try:
            parse_mailbox(value, names=key == "reply_to")
        except AddressError as error:
            yield _wrong(
                "error", f"{key.replace('_', '-')}-address", f"{value!r}: {error.problem.message}",
                column=f"message.{key}", hint=error.problem.hint,
            )  # fmt: skip


def _check_name(sender: Mailbox) -> Iterator[Problem]:
    """Gmail's rules for the name of a sender: a name, and nothing that pretends to be more."""
    name = sender.display_name
    said = ""
    if any(unicodedata.category(character) in {"So", "Sk"} for character in name):
        said = "symbols in a sender's name count as deceptive"
    elif "@" in name and sender.address.lower() not in name.lower():
        said = "a sender's name that holds another address counts as deceptive"
    elif _COUNT.search(name) or _REPLY.match(name):
        said = "a sender's name that looks like a conversation counts as deceptive"
    if said:
        hint = "Gmail wants the name of a person or an organisation"
        yield _wrong("warning", "from-name", f"{name!r}: {said}", column="message.from", hint=hint)


def check_real_sender(campaign: Campaign) -> Iterator[Problem]:
    """Whether real people would be written to from a domain that nobody has (RFC 2606)."""
    try:
        sender = parse_mailbox(campaign.message.from_, names=True)
    except AddressError:
        return
    verdict = judge_domain(sender.domain)
    if verdict is not None and verdict[0] == "reserved-domain":
        said = f'"{sender.address}": {verdict[1]}'
        yield _wrong("error", verdict[0], said, column="message.from", hint=verdict[2])


def _check_sender_domain(sender: Mailbox) -> Iterator[Problem]:
    verdict = judge_domain(sender.domain)
    if verdict is not None and verdict[0] != "reserved-domain":
        said = f'"{sender.address}": {verdict[1]}'
        yield _wrong("warning", verdict[0], said, column="message.from", hint="correct it if so")


def _check_sender(sender: Mailbox, account: Account) -> Iterator[Problem]:
    if account.login_must_equal_from and account.username:
        yield from _check_login(sender, account)
        return
    own = PUBLIC_MAIL_DOMAINS.get(sender.domain)
    if own and not account.is_loopback and not account.server.host.lower().endswith(own):
        yield _wrong(
            "error", "foreign-from",
            f"mail from {sender.domain} through {account.server.host} is refused by most receivers",
            column="message.from",
            hint=f"use an address of your own domain, or the server of {sender.domain}",
        )  # fmt: skip


def _check_login(sender: Mailbox, account: Account) -> Iterator[Problem]:
    """A From that is not the log-in; a log-in without a domain is that of the provider."""
    address, login = sender.address.lower(), account.username.lower()
    if login in {address, address.partition("@")[0]}:
        return
    alias = login.partition("@")[2] == sender.domain
    title = account.provider.title if account.provider else account.server_name
    said = f"{title} refuses a From ({sender.address}) that is not the log-in"
    yield _wrong(
        "warning" if alias else "error", "from-differs-from-login",
        f"{said}, nor an alias of it" if alias else said, column="message.from",
        hint=f"use {account.username}, or, for a confirmed alias, write host instead of provider",
    )  # fmt: skip


def _check_server(account: Account) -> Iterator[Problem]:
    server = account.server
    if server.ca_file and not Path(server.ca_file).is_file():
        yield _wrong(
            "error", "ca-file", "there is no such file", column="smtp.ca_file",
            hint="its path begins at the campaign folder",
        )  # fmt: skip
    if server.socket or account.is_loopback:
        return
    speaks = _PORT_SPEAKS.get(server.port)
    if speaks and server.security != speaks[0]:
        yield _wrong(
            "warning", "port-security",
            f"port {server.port} speaks {speaks[1]}, not security = {server.security!r}",
            column="smtp.security", hint=f'write security = "{speaks[0]}", or leave it out',
        )  # fmt: skip
    if account.username and server.security == "none":
        yield _wrong(
            "error", "plain-text-login", f"the password would go to {server.host} without TLS",
            column="smtp.security", hint='write security = "starttls" or "tls"',
        )  # fmt: skip


def _check_parts(campaign: Campaign) -> Iterator[Problem]:
    if campaign.message.html is not None and campaign.message.text is None:
        yield _wrong(
            "warning", "no-text-part", "there is no text template; the text is made from the HTML",
            column="message.text", hint='add text = "body.txt" to write it yourself',
        )  # fmt: skip
