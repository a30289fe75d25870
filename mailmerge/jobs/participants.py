"""The recipients of a job: those of its source, without invalid rows, at the target's addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from mailmerge.engine.redirect import Direct
from mailmerge.jobs.recipient_source import RecipientSource
from mailmerge.jobs.review_set import SAMPLE_SIZE, review_keys
from mailmerge.language import tr
from mailmerge.messages import MessageFactory
from mailmerge.recipients.audience import Recipient


class Participants:
    """Yields the recipients of a job; each call reads the source again.

    `invalid` are the rows that the user leaves out, with the first error of each.
    """

    def __init__(self, source: RecipientSource, redirect: Direct) -> None:
        self._source = source
        self._redirect = redirect
        self._chosen: frozenset[str] | None = None

    def choose(self, number: int, invalid: Mapping[int, str], messages: MessageFactory) -> None:
        """From now on use only the review set of `number` recipients, with these messages."""
        if self._chosen is None:
            step = -(-number // SAMPLE_SIZE) or 1
            self._chosen = review_keys(self._of_source(invalid), messages, step)

    @property
    def partial(self) -> bool:
        """Whether the recipients are a selection, so that no other one counts as removed."""
        return self._source.partial and not self._redirect.edits

    def valid(self, invalid: Mapping[int, str]) -> Iterator[Recipient]:
        """Yield the recipients that get a message."""
        valid, chosen = self._of_source(invalid), self._chosen
        if chosen is not None:
            valid = islice((one for one in valid if one.key in chosen), len(chosen))
        return self._redirect.recipients(valid)

    def _of_source(self, invalid: Mapping[int, str]) -> Iterator[Recipient]:
        if not invalid:
            return self._source.recipients()
        return (one for one, reason in self._source.with_invalid(invalid) if not reason)

    def to_enrol(self, invalid: Mapping[int, str], skipped: dict[str, str]) -> Iterator[Recipient]:
        """Yield the recipients to enrol, invalid rows included.

        The keys of invalid rows and their reasons go to `skipped`. A test message goes to valid
        rows alone.
        """
        if self._redirect.edits or not invalid:
            yield from self.valid(invalid)
            return
        for one, reason in self._source.with_invalid(invalid):
            if reason:
                skipped[one.key] = tr("not sent: {reason}", reason=reason)
            yield one

    def whole(self, invalid: Mapping[int, str]) -> tuple[Iterator[Recipient], bool] | None:
        """All recipients of which the source is a sample, and whether they are a selection.

        None without a sample. They are enrolled before it, so the recipients outside of a sample
        are not new when a larger sample is sent later.
        """
        whole = self._source.whole
        if whole is None or self._redirect.edits:
            return None
        if not invalid:
            return whole.recipients(), whole.partial
        return (one for one, _ in whole.with_invalid(invalid)), whole.partial
