"""Test to me: one message, as it is, to an address that was typed, over the campaign's server."""

from __future__ import annotations

from mailmerge.campaign import Campaign
from mailmerge.credentials import read_credentials, require_account
from mailmerge.engine.redirect import parse_own_address
from mailmerge.errors import ConnectionLost, ServerRefused
from mailmerge.preview.messages import ShownMessage
from mailmerge.providers.hints import as_user_error
from mailmerge.smtp import Client, Envelope, Outcome, Transaction, Verdict
from mailmerge.smtp.errors import SmtpError

SECONDS = 120.0
"""How long the server may take to accept one message (RFC 5321, 4.5.3.2 allows ten minutes)."""


def send_trial(campaign: Campaign, made: ShownMessage, reverse_path: str, address: str) -> str:
    """Send these octets to `address` only, and return what the server said to it.

    Raises:
        AddressError: `address` is no mailbox, or it is the row's own.
        MailmergeError: the server cannot be reached, or does not take it.
    """
    mailbox = parse_own_address(address, made.recipient.mailbox)
    account = require_account(campaign.smtp, campaign.folder)
    client = Client(account.server, read_credentials(account))
    envelope = Envelope(
        reverse_path,
        (mailbox.forward_path,),
        smtputf8=made.message.smtputf8 or mailbox.needs_smtputf8,
        eightbit=made.message.eightbit,
    )
    try:
        client.open()
        client.submit(Transaction(1, envelope, made.message.chunks))
        outcomes = client.wait(SECONDS)
    except SmtpError as error:
        client.abort()
        raise as_user_error(error, host=account.server.host) from error
    except BaseException:
        client.abort()
        raise
    client.quit()
    return _reply(outcomes)


def _reply(outcomes: list[Outcome]) -> str:
    if not outcomes:
        raise ConnectionLost("the server has not answered", hint="look whether it came anyway")
    outcome = outcomes[0]
    refused = outcome.refused[0][1] if outcome.refused else None
    reply = outcome.reply or refused
    said = f"{reply.code} {reply.text}" if reply else "the connection was lost"
    if outcome.verdict is not Verdict.SENT:
        raise ServerRefused(f"the server did not take it: {said}", code="trial-refused")
    return said
