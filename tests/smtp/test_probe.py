"""Probing an envelope without a message, command by command."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Answered, Awaited, Envelope
from mailmerge.smtp.errors import LocalProtocolError, RemoteProtocolError
from mailmerge.smtp.state import State
from tests.smtp.machine import message, ready

ENVELOPE = Envelope("news@example.org", ("a@example.net", "b@example.net"))


def test_a_probe_sends_mail_rcpt_and_rset() -> None:
    machine = ready()
    machine.probe.mail(ENVELOPE)
    said = b"".join(machine.data_to_send())
    machine.receive_data(b"250 ok\r\n")
    machine.probe.recipient(ENVELOPE, "a@example.net")
    said += b"".join(machine.data_to_send())
    machine.receive_data(b"250 ok\r\n")
    machine.probe.reset()
    said += b"".join(machine.data_to_send())
    machine.receive_data(b"250 ok\r\n")
    assert said == b"MAIL FROM:<news@example.org>\r\nRCPT TO:<a@example.net>\r\nRSET\r\n"
    events = [event for event in machine.events() if isinstance(event, Answered)]
    assert [event.awaited for event in events] == [Awaited.MAIL, Awaited.RCPT, Awaited.RSET]
    assert machine.session.state is State.READY
    assert machine.room


def test_no_transaction_is_submitted_during_a_probe() -> None:
    machine = ready()
    machine.probe.mail(ENVELOPE)
    assert machine.room == 0
    with pytest.raises(LocalProtocolError, match="no room"):
        machine.submit(message(1))
    machine.receive_data(b"250 ok\r\n")
    machine.session.quit()


@pytest.mark.parametrize(
    ("envelope", "says"),
    [
        (Envelope("news@example.org", ("jürgen@example.net",), smtputf8=True), "no SMTPUTF8"),
        (Envelope("news@example.org", ("a@example.net", "not a path")), "not one mailbox"),
    ],
)
def test_an_impossible_or_malformed_envelope_is_not_tried(envelope: Envelope, says: str) -> None:
    machine = ready()
    with pytest.raises(LocalProtocolError, match=says):
        machine.probe.mail(envelope)
    assert machine.data_to_send() == []


def test_354_to_a_probe_ends_the_session() -> None:
    machine = ready()
    machine.probe.mail(ENVELOPE)
    machine.receive_data(b"354 go\r\n")
    assert isinstance(machine.session.failure, RemoteProtocolError)
