"""campaign.toml and the account -> problems that no single row shows."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from mailmerge.account import Account
from mailmerge.campaign import CAMPAIGN_FILE, Campaign
from mailmerge.errors import AddressError, Problem
from mailmerge.recipients.address import Mailbox, parse_mailbox

ONE_CLICK_FROM = 5_000
"""Messages a day from which large mailbox providers ask for RFC 8058 (one-click)."""

PUBLIC_MAIL_DOMAINS = {
    "gmail.com": ("gmail.com", "google.com"),
    "googlemail.com": ("gmail.com", "google.com"),
    "yahoo.com": ("yahoo.com",),
    "outlook.com": ("outlook.com", "office365.com"),
    "hotmail.com": ("outlook.com", "office365.com"),
    "live.com": ("outlook.com", "office365.com"),
    "icloud.com": ("me.com", "icloud.com"),
    "me.com": ("me.com", "icloud.com"),
    "aol.com": ("aol.com", "yahoo.com"),
    "qq.com": ("qq.com",),
    "163.com": ("163.com",),
    "126.com": ("126.com",),
    "gmx.de": ("gmx.net", "gmx.de"),
    "gmx.net": ("gmx.net",),
    "web.de": ("web.de",),
    "yandex.ru": ("yandex.ru", "yandex.com"),
}
"""Domains whose mail is refused when it comes from other servers -> their own servers."""


def check_settings(campaign: Campaign, account: Account | None) -> Iterator[Problem]:
    """What can be said before the first row is read."""
    try:
        sender = parse_mailbox(campaign.message.from_, names=True)
    except AddressError as error:
        yield Problem(
            "error", "from-address", f"{campaign.message.from_!r}: {error.problem.message}",
            CAMPAIGN_FILE, column="message.from", hint='write "Name <name@example.org>"',
        )  # fmt: skip
        return
    if account is not None:
        yield from _check_sender(sender, account)
    yield from _check_parts(campaign)


def check_columns(
    columns: tuple[str, ...], variables: frozenset[str], campaign: Campaign, file: str
) -> Iterator[Problem]:
    """Which variables no column fills, and which columns no template uses."""
    for name in sorted(variables - set(columns) - {"row", "campaign"}):
        close = difflib.get_close_matches(name, columns, n=1, cutoff=0.6)
        listed = f"the columns are {', '.join(columns)}"
        yield Problem(
            "warning", "missing-column", f"a template uses {name!r}, which is not a column", file,
            hint=f"did you mean {close[0]!r}?" if close else listed,
        )  # fmt: skip
    needed = {campaign.recipients.address, campaign.recipients.key_column}
    where = campaign.recipients.where
    unused = [name for name in columns if name not in variables | needed and name not in where]
    if unused and "row" not in variables:
        listed = ", ".join(unused)
        yield Problem("warning", "unused-column", f"no template uses: {listed}", file)


def check_numbers(
    recipients: int, campaign: Campaign, account: Account | None
) -> Iterator[Problem]:
    """What follows from how many people there are."""
    names = {name.lower() for name in campaign.message.headers}
    if recipients > ONE_CLICK_FROM and "list-unsubscribe-post" not in names:
        yield Problem(
            "warning", "one-click",
            f"{recipients:,} messages without one-click unsubscribing are often refused",
            CAMPAIGN_FILE, column="message.headers",
            hint="add List-Unsubscribe and List-Unsubscribe-Post (RFC 8058)",
        )  # fmt: skip
    for rate in account.rates if account is not None else ():
        if rate.seconds == 86_400 and recipients > rate.count:
            days = -(-recipients // rate.count)
            yield Problem(
                "warning", "daily-limit",
                f"{recipients:,} people at {rate} take {days} days",
                CAMPAIGN_FILE, column="delivery.rate", hint="send goes on each time it is called",
            )  # fmt: skip


def _check_sender(sender: Mailbox, account: Account) -> Iterator[Problem]:
    if account.login_must_equal_from and account.username:
        if sender.address.lower() != account.username.lower():
            yield Problem(
                "error", "from-differs-from-login",
                f"{account.server_name} refuses a From ({sender.address}) that is not the log-in",
                CAMPAIGN_FILE, column="message.from", hint=f"use {account.username}",
            )  # fmt: skip
        return
    own = PUBLIC_MAIL_DOMAINS.get(sender.domain)
    if own and not account.is_loopback and not account.server.host.endswith(own):
        yield Problem(
            "error", "foreign-from",
            f"mail from {sender.domain} through {account.server.host} is refused by most receivers",
            CAMPAIGN_FILE, column="message.from",
            hint=f"use an address of your own domain, or the server of {sender.domain}",
        )  # fmt: skip


def _check_parts(campaign: Campaign) -> Iterator[Problem]:
    if campaign.message.html is not None and campaign.message.text is None:
        yield Problem(
            "warning", "no-text-part", "there is no text template; the text is made from the HTML",
            CAMPAIGN_FILE, column="message.text", hint='add text = "body.txt" to write it yourself',
        )  # fmt: skip
