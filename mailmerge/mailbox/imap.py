"""A folder on an IMAP server (RFC 9051) -> received mails. It deletes nothing.

The folder is opened with EXAMINE and read with BODY.PEEK, so that no mail is marked as read. Each
mail has a UID that grows; a server that renumbers its mails changes UIDVALIDITY. Then all mails are
read again, and their digests tell that they were judged before.

What can go wrong, and the answer:

1. The connection is cut, or the server sends a mail byte by byte. Each read has a time limit, and
   the mails are fetched in small batches; the position is remembered after each batch.
2. A mail is huge. Only its beginning is fetched (`incoming.MOST_BYTES`).
3. Another program deletes a mail meanwhile. The server leaves it out of its answer.
4. The folder does not exist, or may not be read. The error names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.mailbox.account import ImapAccount
from mailmerge.mailbox.incoming import MOST_BYTES
from mailmerge.mailbox.session import READ_SECONDS, close_session, explained, open_session
from mailmerge.mailbox.sources import ReceivedMail, received

_AT_ONCE: Final = 50
_IDLE_SECONDS: Final = 600.0
"""How long one IDLE may take; servers end it after 29 minutes (RFC 2177)."""

_BODY: Final = f"BODY.PEEK[]<0.{MOST_BYTES}>"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a folder was read: its UIDVALIDITY and the last UID; zeros for not at all."""

    validity: int = 0
    last: int = 0


class ImapFolder:
    """An open folder on a server; use it as a context manager to log out."""

    def __init__(self, account: ImapAccount, *, read_seconds: float = READ_SECONDS) -> None:
        """Connect and log in.

        Raises:
            ServerUnreachable: there is no connection.
            AuthenticationRefused: the log-in was refused, or there is no password.
            CampaignError: the log-in would not be encrypted.
            ConnectionLost: the connection ended.
        """
        self._account = account
        self._client = open_session(account, read_seconds)

    def __enter__(self) -> ImapFolder:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        close_session(self._client, in_order=kind is None)

    def new_mails(
        self, position: Position, since: float | None = None
    ) -> Iterator[tuple[Position, list[ReceivedMail]]]:
        """Yield the mails after a position in batches, each with the position after it.

        `since` leaves out mails that arrived before that time, in seconds since 1970.

        Raises:
            CampaignError: the folder cannot be opened.
            ConnectionLost: the connection ended.
        """
        with explained(self._account):
            validity = self._open(readonly=True)
            last = position.last if position.validity == validity else 0
            criteria: list[Any] = ["UID", f"{last + 1}:*"]
            if since is not None and since > 0 and not last:
                criteria += ["SINCE", datetime.fromtimestamp(since, UTC).date()]
            # "5:*" names the last mail too if its UID is less than 5 (RFC 9051, 6.4.4).
            uids = sorted(uid for uid in self._client.search(criteria) if uid > last)
        for start in range(0, len(uids), _AT_ONCE):
            some = uids[start : start + _AT_ONCE]
            with explained(self._account):
                mails = self._fetch(some)
            yield Position(validity, some[-1]), mails

    def _open(self, *, readonly: bool) -> int:
        from imapclient.exceptions import IMAPClientError

        folder = self._account.folder
        try:
            answer = self._client.select_folder(folder, readonly=readonly)
        except IMAPClientError as error:
            if type(error) is not IMAPClientError:  # the connection ended
                raise
            raise CampaignError(
                tr("the folder {folder} cannot be opened: {reason}", folder=folder, reason=error),
                hint=tr("set folder under [imap] to one of: {folders}", folders=self._folders()),
                code="imap-folder",
            ) from error
        return int(answer.get(b"UIDVALIDITY", 1))

    def _folders(self) -> str:
        names = [str(name) for _, _, name in self._client.list_folders()]
        return ", ".join(names[:20])

    def _fetch(self, uids: Sequence[int]) -> list[ReceivedMail]:
        answer = self._client.fetch(uids, [_BODY])
        found = []
        for uid in uids:
            raw = next(
                (value for key, value in answer.get(uid, {}).items() if key.startswith(b"BODY[")),
                None,
            )
            if raw:
                found.append(received(raw, str(uid)))
        return found

    def mark_read(self, uids: Sequence[int]) -> None:
        """Mark mails as read, which happens only on request.

        Raises:
            CampaignError: the folder cannot be changed.
            ConnectionLost: the connection ended.
        """
        from imapclient import SEEN

        if uids:
            with explained(self._account):
                self._open(readonly=False)
                self._client.add_flags(uids, [SEEN], silent=True)

    def wait(self, seconds: float) -> bool:
        """Wait until something changes in the folder, at most for some seconds; False if not.

        A server without IDLE (RFC 2177) is asked again after this time.

        Raises:
            ConnectionLost: the connection ended.
        """
        import time

        with explained(self._account):
            if not self._client.has_capability("IDLE"):
                time.sleep(seconds)
                self._client.noop()
                return True
            self._client.idle()
            changes = self._client.idle_check(timeout=min(seconds, _IDLE_SECONDS))
            self._client.idle_done()
        return bool(changes)
