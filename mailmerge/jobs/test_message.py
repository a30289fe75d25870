"""One test message, sent at once: a recipient's message to the user's own address.

It is the same message that a job to `TestTo` sends: its subject shows the recipient's address, its
To field and its envelope have the user's, and it counts towards the limits of the account. It needs
no ledger, and the user waits for the server's reply.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace

from mailmerge.engine.limits import Limits
from mailmerge.engine.redirect import parse_own_address
from mailmerge.engine.throttle import Throttle
from mailmerge.errors import ConnectionLost, RunStopped, ServerRefused
from mailmerge.jobs.options import JobOptions
from mailmerge.jobs.targets import RealServer, TestTo
from mailmerge.language import tr
from mailmerge.ledger.quota import open_quotas
from mailmerge.ledger.states import Delivery, State
from mailmerge.messages import MessageFactory, TransactionFactory
from mailmerge.providers.hints import as_user_error
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import Settings
from mailmerge.smtp import Client, Outcome, Transaction, Verdict
from mailmerge.smtp.errors import SmtpError

_REPLY_SECONDS = 120.0
"""Seconds to wait for the server's reply (RFC 5321, section 4.5.3.2, grants ten minutes)."""

_LONGEST_PAUSE = 10.0
"""The maximum seconds that a rate of the account may delay the message."""


def send_test_message(
    settings: Settings,
    messages: MessageFactory,
    recipient: Recipient,
    address: str,
    *,
    password: str = "",
) -> str:
    """Send the recipient's message to `address` and return the server's reply.

    `password` is what the user has typed; it is used if none is stored, and kept nowhere.

    Raises:
        AddressError: `address` is not a mailbox, or it is the recipient's own.
        InputError: the message cannot be made.
        CampaignError: [smtp] names no server.
        RunStopped: a limit of the account is reached.
        MailmergeError: the server cannot be reached, or does not accept the message.
    """
    parse_own_address(address, recipient.mailbox)
    server = RealServer.of_settings(settings, lambda: (lambda _: password) if password else None)
    target = TestTo(address, server, count=1)
    transaction = _transaction(target, settings, messages, recipient)
    limits = JobOptions().limits(settings.delivery, target)
    with _throttle(limits) as throttle:
        _require_quota(throttle)
        with target.endpoint() as endpoint:
            client = Client(endpoint.server, endpoint.credentials)
            outcomes = _send(client, transaction, throttle, endpoint.server.host)
    return _reply(outcomes)


def _send(client: Client, transaction: Transaction, throttle: Throttle, host: str) -> list[Outcome]:
    try:
        client.open()
        _wait_for_turn(throttle, transaction)
        client.submit(transaction)
        outcomes = client.wait(_REPLY_SECONDS)
    except SmtpError as error:
        client.abort()
        raise as_user_error(error, host=host) from error
    except BaseException:
        client.abort()
        raise
    client.quit()
    return outcomes


def _transaction(
    target: TestTo, settings: Settings, messages: MessageFactory, recipient: Recipient
) -> Transaction:
    redirect = target.redirect()
    (copy,) = redirect.recipients([recipient])
    # Mail programs hide a message whose Message-ID they know, so each test gets a new one.
    identity = messages.sample_identity(replace(copy, key=secrets.token_hex(16)))
    delivery = Delivery(
        id=1,
        key=copy.key,
        row=copy.row,
        mailbox=copy.mailbox,
        cells=copy.cells,
        rows=copy.rows,
        state=State.CLAIMED,
        message_id=identity.message_id,
        date=time.time(),
    )
    transactions = TransactionFactory(redirect.messages(messages), settings.delivery)
    return transactions.transaction(delivery)


@contextlib.contextmanager
def _throttle(limits: Limits) -> Iterator[Throttle]:
    """Open the throttle of the account; closing it returns unused reservations."""
    with contextlib.closing(open_quotas()) as quotas:
        throttle = Throttle(limits.rates, limits.domain_rates, account=limits.account, usage=quotas)
        with contextlib.closing(throttle):
            yield throttle


def _require_quota(throttle: Throttle) -> None:
    """Raise before any connection if the account's quota is used up."""
    now = time.time()
    free_at = throttle.forecast(now).quota_until
    if free_at > now:
        raise _limit_reached(tr("the account's limit for today is used up"), free_at, "quota")


def _wait_for_turn(throttle: Throttle, transaction: Transaction) -> None:
    """Wait until the rates permit the message; raise if that would take too long."""
    domain = transaction.envelope.forward_paths[0].rpartition("@")[2]
    deadline = time.time() + _LONGEST_PAUSE
    while not throttle.take(now := time.time(), domain):
        ready_at = throttle.ready_at(now, domain)
        if ready_at > deadline:
            raise _limit_reached(tr("the account's rate delays the message"), ready_at, "rate")
        time.sleep(max(ready_at - now, 0.001))


def _limit_reached(message: str, free_at: float, code: str) -> RunStopped:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(free_at))
    return RunStopped(
        message, hint=tr("send the test message after {moment}", moment=moment), code=code
    )


def _reply(outcomes: list[Outcome]) -> str:
    if not outcomes:
        raise ConnectionLost(
            tr("the server did not answer in time"),
            hint=tr("check whether the message arrived anyway"),
        )
    outcome = outcomes[0]
    refused = outcome.refused[0][1] if outcome.refused else None
    reply = outcome.reply or refused
    text = f"{reply.code} {reply.text}" if reply else tr("the connection was lost")
    if outcome.verdict is not Verdict.SENT:
        raise ServerRefused(
            tr("the server did not accept the message: {text}", text=text), code="test-refused"
        )
    return text
