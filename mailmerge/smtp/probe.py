"""Tries an envelope without a message: MAIL, RCPT and RSET. Sans-IO."""

from __future__ import annotations

from mailmerge.smtp.command import envelope_lines, rcpt_line
from mailmerge.smtp.errors import LocalProtocolError
from mailmerge.smtp.session import Session
from mailmerge.smtp.state import Awaited
from mailmerge.smtp.transaction import Envelope


class Probe:
    """Sends the commands of an envelope; each reply is an `Answered` event."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def mail(self, envelope: Envelope) -> None:
        """Send MAIL.

        Raises:
            LocalProtocolError: the server cannot take the envelope, a path is malformed, or MAIL
                is not permitted now, for example because a transaction is in flight.
        """
        terms = self._session.terms
        reason = terms.impossible(envelope)
        if reason:
            raise LocalProtocolError(reason)
        (_, line), *_ = envelope_lines(envelope, 0, terms.capabilities)  # also checks each path
        self._session.probe(line, Awaited.MAIL)

    def recipient(self, envelope: Envelope, forward_path: str) -> None:
        """Send RCPT for one forward-path of the envelope.

        Raises:
            LocalProtocolError: the path is malformed, or RCPT is not permitted now.
        """
        line = rcpt_line(envelope, forward_path, self._session.capabilities)
        self._session.probe(line, Awaited.RCPT)

    def reset(self) -> None:
        """Send RSET, which ends the probe.

        Raises:
            LocalProtocolError: RSET is not permitted now.
        """
        self._session.probe(b"RSET\r\n", Awaited.RSET)
