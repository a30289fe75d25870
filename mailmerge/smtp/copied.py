"""The progress of a transaction with copies (`Envelope.copies`). Sans-IO.

Copies are asked after the recipients, and LMTP answers for them after the recipients. So when the
last recipient has its reply, the outcome is known. Later replies are read and listed, and change
nothing.
"""

from __future__ import annotations

from mailmerge.smtp.progress import Progress, deciding_refusal
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import Awaited, Stage
from mailmerge.smtp.transaction import Outcome


class CopiedProgress(Progress):
    """The progress of one transaction with copies."""

    __slots__ = ("_copies",)

    def __init__(
        self,
        token: int,
        steps: list[tuple[Awaited, bytes]],
        forward_paths: tuple[str, ...],
        copies: tuple[str, ...],
    ) -> None:
        super().__init__(token, steps, forward_paths + copies)
        self._copies = copies

    @property
    def copies(self) -> tuple[str, ...]:
        """The forward-paths that decide nothing."""
        return self._copies

    def recipient_answered(self, reply: Reply) -> None:
        """Apply one reply to RCPT; the first of them are about the recipients."""
        path = self.asked.popleft()
        if reply.positive:
            self.accepted.append(path)
        elif self.refusal is None:
            self.refused.append((path, reply))
        if len(self.asked) == len(self.copies) and not self.accepted and self.refused:
            self.refuse(Stage.RCPT, deciding_refusal(self.refused))

    def delivery_answered(self, reply: Reply) -> None:
        """Apply LMTP's reply to the end of data for one address (RFC 2033, 4.2)."""
        path = self.accepted.popleft()
        if not reply.positive:
            self.refused.append((path, reply))
        elif path not in self.copies:
            self.delivered.append(reply)
        if not self.delivered and self._decided:
            refused = [one for one in self.refused if one[0] not in self.copies]
            self.refuse(Stage.CONTENT, deciding_refusal(refused))

    @property
    def _decided(self) -> bool:
        """Whether LMTP has answered for every recipient, so that only copies are left."""
        return not self.accepted or self.accepted[0] in self.copies

    def interrupted_outcome(
        self, reason: str, reply: Reply | None, *, unprocessed: bool
    ) -> Outcome:
        """The outcome if the connection ended; missing replies for copies do not count."""
        if self.refusal is None and self.delivered and self._decided:
            return self.sent_outcome(self.delivered[0])
        return super().interrupted_outcome(reason, reply, unprocessed=unprocessed)
