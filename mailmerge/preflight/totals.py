"""Rules on the whole spreadsheet, after the last row: its columns and its recipients."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from mailmerge.errors import Problem
from mailmerge.language import listed, marked, tr, trn
from mailmerge.preflight.rules import Setup, Totals
from mailmerge.settings import CAMPAIGN_FILE, Rate
from mailmerge.wording import counted

_ONE_CLICK_FROM = 5_000
"""Messages per day from which large mailbox providers require RFC 8058 (one-click)."""

_DAY = 86_400
_WEEKDAYS = (
    marked("Monday"),
    marked("Tuesday"),
    marked("Wednesday"),
    marked("Thursday"),
    marked("Friday"),
    marked("Saturday"),
    marked("Sunday"),
)
_FAILURE_COLUMN = "mailmerge reason"
"""A column of `status --failed`, for the reader and not for the message."""

_ALWAYS_THERE = frozenset({"row", "campaign"})


def check_recipients_left(totals: Totals, _: Setup) -> Iterator[Problem]:
    """There is a message to send; nothing is reported if an error explains why there is none."""
    if totals.recipients or totals.found.count("error"):
        return
    if totals.suppressed or totals.left_out:
        others = tr(
            "{left_out:,} not selected, {suppressed:,} suppressed",
            left_out=totals.left_out,
            suppressed=totals.suppressed,
        )
        message = tr("no recipients left: {others}", others=others)
        hint = tr("check where under [recipients], and the suppression list")
        yield Problem("error", "no-recipients-left", message, totals.file, hint=hint)
    else:
        message = tr("the file has no recipients")
        yield Problem("error", "no-recipients", message, totals.file, hint=tr("add a row"))


def check_variables(totals: Totals, setup: Setup) -> Iterator[Problem]:
    """A column fills each variable, also in branches that no message has taken.

    A variable that failed in a message is an error already, and is left out here.
    """
    known = " ".join(totals.found.messages("undefined-variable"))
    there = _ALWAYS_THERE | ({"rows"} if setup.campaign.recipients.group_by else set())
    for name in sorted((totals.variables or frozenset()) - set(totals.columns) - there):
        if _names(known, name):
            continue
        message = tr("a template uses {name!r}, which is not a column", name=name)
        close = difflib.get_close_matches(name, totals.columns, n=1, cutoff=0.6)
        columns = tr("the columns are {columns}", columns=listed(totals.columns[:12]))
        hint = tr("did you mean {name!r}?", name=close[0]) if close else columns
        if name == "rows":
            hint = tr('add group_by = "customer" under [recipients]: groups have rows')
        yield Problem("warning", "missing-column", message, totals.file, hint=hint)


def check_columns(totals: Totals, setup: Setup) -> Iterator[Problem]:
    """Each column is used; an unused column may be a misspelt variable."""
    variables = totals.variables
    section = setup.campaign.recipients
    if variables is None or "row" in variables or (section.group_by and "rows" in variables):
        return
    needed = {
        name.casefold()
        for name in (section.address, section.key_column, section.key, *section.required)
    }
    unused = [
        name
        for name in totals.columns
        if name not in variables
        and name != _FAILURE_COLUMN
        and name.casefold() not in needed
        and not _names(section.where, name)
    ]
    if unused:
        message = tr("no template uses: {unused}", unused=listed(unused))
        hint = tr("check the spelling of the variables in the templates")
        yield Problem("warning", "unused-column", message, totals.file, hint=hint)


def _names(text: str, name: str) -> bool:
    """Whether a text contains a name as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def check_reserved(totals: Totals, setup: Setup) -> Iterator[Problem]:
    """The number of reserved addresses is reported before a real send refuses them (RFC 2606).

    A real send lists each of them as an error.
    """
    if setup.for_real or not totals.reserved or setup.is_local:
        return
    message = trn(
        "{count:,} address is reserved for examples (RFC 2606): a real send would refuse them",
        "{count:,} addresses are reserved for examples (RFC 2606): a real send would refuse them",
        totals.reserved,
    )
    hint = tr("use real addresses, or send with --sandbox")
    yield Problem("warning", "reserved-for-examples", message, totals.file, hint=hint)


def check_one_click(totals: Totals, setup: Setup) -> Iterator[Problem]:
    """A large mailing offers one-click unsubscribing (RFC 8058)."""
    section = setup.campaign.message
    offered = "list-unsubscribe-post" in {name.lower() for name in section.headers}
    offered = offered or bool(section.unsubscribe and section.unsubscribe.url)
    if totals.recipients > _ONE_CLICK_FROM and not offered:
        message = tr(
            "{recipients:,} messages without one-click unsubscribing are often refused",
            recipients=totals.recipients,
        )
        hint = tr("add [message.unsubscribe] with url (RFC 8058)")
        yield Problem(
            "warning", "one-click", message, CAMPAIGN_FILE, column="message.headers", hint=hint
        )


def check_daily_limit(totals: Totals, setup: Setup) -> Iterator[Problem]:
    """The account's limits allow all recipients within a day."""
    account, delivery = setup.account, setup.campaign.delivery
    for rate in account.allows.within(delivery).rates if account is not None else ():
        addressed = totals.recipients + totals.copies
        if rate.seconds >= _DAY and addressed > rate.count:
            yield _takes_days(addressed, rate, setup.now)


def _takes_days(recipients: int, rate: Rate, now: datetime) -> Problem:
    """The warning with the number of days of a run that begins now, and its last day."""
    further = (recipients - 1) // rate.count
    last = now + timedelta(seconds=further * rate.seconds)
    days = counted(int(further * rate.seconds // _DAY) + 1, "day")
    who = counted(recipients, "recipient")
    message = tr(
        "{recipients} at {rate} take {days}, until {weekday} {date:%Y-%m-%d}",
        recipients=who,
        rate=rate,
        days=days,
        weekday=tr(_WEEKDAYS[last.weekday()]),
        date=last,
    )
    hint = tr("run send again each day to resume")
    return Problem(
        "warning", "daily-limit", message, CAMPAIGN_FILE, column="delivery.rate", hint=hint
    )
