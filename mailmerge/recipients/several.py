"""An address cell with more than one address: one message for each, or one for all of them.

    several = "each"        every address is a recipient by itself
    several = "together"    one recipient; the first address is its mailbox, and the message goes to
                            all of them (rendering/copies.py)

The addresses are separated as in `mailbox_list`. Without `several`, such a cell is an error.

What can go wrong: the ledger knows a recipient by its key, so the key must not change if an address
joins the cell. So "together" keeps the key of the first address, also if that one is suppressed.
With a key column, the key of "each" is the cell of that column with the address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mailmerge.errors import AddressError
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.mailbox_list import parse_list
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason
from mailmerge.recipients.rules import RowRules
from mailmerge.recipients.table import SheetRow

# The rules remove this kind of white space from keys, so no cell can contain such a key.
_MARK = "\u00a0"


def judge_several(rules: RowRules, row: SheetRow) -> list[Recipient | Skipped]:
    """Decide about a row whose address cell may hold several addresses."""
    cell = row.cells[rules.address]
    try:
        mailboxes = parse_list(cell) if cell.strip() else ()
    except AddressError as error:
        return [rules.without_mailbox(row, error)]
    if len(mailboxes) < 2:
        result = rules.judge(row) if not mailboxes else rules.decide(row, mailboxes[0])
        return [_of_each(rules, result)]
    if rules.several == "each":
        return [_of_each(rules, rules.decide(row, one)) for one in _different(rules, mailboxes)]
    return [_together(rules, row, mailboxes)]


def _different(rules: RowRules, mailboxes: Iterable[Mailbox]) -> Iterable[Mailbox]:
    """One mailbox of those that are the same under these rules."""
    kept: dict[str, Mailbox] = {}
    for one in mailboxes:
        kept.setdefault(rules.sameness(one.identity), one)
    return kept.values()


def _of_each(rules: RowRules, result: Recipient | Skipped) -> Recipient | Skipped:
    if rules.several != "each" or rules.by_address or isinstance(result, Skipped):
        return result
    return replace(result, key=f"{result.key}{_MARK}{result.mailbox.identity}")


def _together(
    rules: RowRules, row: SheetRow, mailboxes: tuple[Mailbox, ...]
) -> Recipient | Skipped:
    if rules.only in {one.identity for one in mailboxes}:
        rules = replace(rules, only="")
    results: Iterator[Recipient | Skipped] = (rules.decide(row, one) for one in mailboxes)
    result = next(results)
    for other in results:
        if not (isinstance(result, Skipped) and result.reason is SkipReason.SUPPRESSED):
            break
        result = other
    if rules.by_address and isinstance(result, Recipient):
        return replace(result, key=mailboxes[0].identity)
    return result


def claimed_keys(rules: RowRules, recipient: Recipient) -> list[tuple[str, str]]:
    """The further addresses that a recipient of "together" claims: key and spelling of each.

    No other row may have them. With a key column the rows are told apart by that column alone.
    """
    if rules.several != "together" or not rules.by_address:
        return []
    mailboxes = parse_list(recipient.cells[rules.address])
    return [(one.identity, one.address) for one in mailboxes if one.identity != recipient.key]
