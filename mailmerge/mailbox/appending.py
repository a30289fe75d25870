r"""Messages -> a folder of a mailbox on an IMAP server: copies into \Sent, drafts into \Drafts.

What can go wrong, and the answer:

1. The folder has another name on each server, in the language of its owner. The server names it by
   its use (RFC 6154); else a folder with a known name is used; else one is made.
2. The connection ends before the reply, so it is not known whether the folder has the messages.
   The caller then asks which Message-IDs the folder has (`known_ids`) before it appends again.
3. One message is refused, perhaps because it is too large. MULTIAPPEND (RFC 3502) refuses all
   messages of its command, so they are appended again one by one, and only that one is refused.
4. The mailbox is full. Then no other message would be taken either, and the error says so.

With LITERAL+ (RFC 7888), the server need not agree to each message before it is transmitted. That
is used in both cases where the server offers it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mailmerge.errors import ServerRefused
from mailmerge.language import tr
from mailmerge.mailbox.account import ImapAccount
from mailmerge.mailbox.session import (
    READ_SECONDS,
    close_session,
    explained,
    open_session,
    reason_in_words,
)

if TYPE_CHECKING:
    from imapclient import IMAPClient

SENT_COPY: Final = (b"\\Seen",)
DRAFT: Final = (b"\\Draft", b"\\Seen")

_AT_ONCE: Final = 500
_FULL: Final = re.compile(
    r"\[OVERQUOTA\]|quota exceeded|over quota|mailbox (?:is )?full", re.IGNORECASE
)
_ID_FIELD: Final = re.compile(rb"message-id:\s*(<[^>]*>)", re.IGNORECASE)
_ONE_ID: Final = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


@dataclass(frozen=True, slots=True)
class FolderUse:
    """A folder by its use.

    Attributes:
        flag: its attribute (RFC 6154, 2).
        names: its usual names, in lower case; the first one is that of a new folder.
    """

    flag: bytes
    names: tuple[str, ...]


SENT: Final = FolderUse(
    b"\\Sent",
    (
        "Sent", "sent items", "sent messages", "sent mail", "sent-mail", "sentmail", "outbox",
        "已发送", "已发送邮件", "已发邮件", "已发送消息", "寄件備份", "寄件匣", "已傳送郵件",
        "gesendet", "gesendete elemente", "gesendete objekte", "envoyés", "éléments envoyés",
        "messages envoyés", "enviados", "elementos enviados", "itens enviados", "inviata",
        "posta inviata", "inviati", "verzonden", "verzonden items", "skickat", "sendt",
        "sendte elementer", "lähetetyt", "wysłane", "elementy wysłane", "odeslané",
        "odeslaná pošta", "elküldött", "trimise", "отправленные", "надіслані", "送信済み",
        "送信済みアイテム", "送信済みメール", "보낸 편지함", "보낸메일함", "gönderilmiş öğeler",
    ),
)  # fmt: skip
DRAFTS: Final = FolderUse(
    b"\\Drafts",
    (
        "Drafts", "draft", "draft messages", "草稿", "草稿箱", "草稿夹", "草稿匣", "entwürfe",
        "brouillons", "borradores", "rascunhos", "bozze", "concepten", "utkast", "kladder",
        "kladde", "luonnokset", "szkice", "kopie robocze", "wersje robocze", "koncepty",
        "rozepsané", "piszkozatok", "ciorne", "черновики", "чернетки", "下書き", "임시보관함",
        "taslaklar",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Appended:
    """One message for a folder.

    Attributes:
        number: the id of its delivery in the ledger.
        message_id: its Message-ID, with angle brackets; "" if it is not needed.
        raw: its bytes, with CRLF.
        at: its time in the folder, in seconds since 1970.
    """

    number: int
    message_id: str
    raw: bytes = field(repr=False)
    at: float


class ImapWriter:
    """A connection that appends messages to one folder; use it as a context manager."""

    def __init__(
        self,
        account: ImapAccount,
        use: FolderUse,
        named: str = "",
        *,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """Connect, log in, and find the folder; `named` is its name, "" for the usual one.

        A folder that does not exist is made.

        Raises:
            ServerUnreachable, AuthenticationRefused, CampaignError, ConnectionLost: as
                `session.open_session`.
            ServerRefused: the folder cannot be made.
        """
        self._account = account
        self._client = open_session(account, read_seconds)
        try:
            with explained(account):
                self.folder = _find_folder(self._client, use, named)
        except BaseException:
            self.close(in_order=False)
            raise

    def __enter__(self) -> ImapWriter:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        self.close(in_order=kind is None)

    def close(self, *, in_order: bool = True) -> None:
        """Log out, unless something has failed, and close the connection."""
        close_session(self._client, in_order=in_order)

    def append(
        self, messages: Sequence[Appended], flags: Sequence[bytes]
    ) -> tuple[list[int], ServerRefused | None]:
        """Append messages, and return the numbers of those that the folder has now.

        The error is that of the first message that was refused. If the mailbox is full, no further
        message is tried.

        Raises:
            ConnectionLost: the connection ended; the folder may have any of the messages.
        """
        if len(messages) > 1 and self._client.has_capability("MULTIAPPEND"):
            with explained(self._account):
                if self._append_all(messages, flags):
                    return [one.number for one in messages], None
        done, first = list[int](), None
        for one in messages:
            with explained(self._account):
                refused = self._append_one(one, flags)
            if refused is None:
                done.append(one.number)
                continue
            first = first or refused
            if refused.problem.code == "imap-full":
                break
        return done, first

    def _append_all(self, messages: Sequence[Appended], flags: Sequence[bytes]) -> bool:
        """Append all messages by one command; False if the server refuses it."""
        from imapclient.exceptions import IMAPClientError

        try:
            kind, _ = self._client.multiappend(
                self.folder,
                [{"msg": one.raw, "flags": flags, "date": _moment(one.at)} for one in messages],
            )
        except IMAPClientError as error:
            if type(error) is not IMAPClientError:  # the connection ended
                raise
            return False
        return str(kind) == "OK"

    def _append_one(self, one: Appended, flags: Sequence[bytes]) -> ServerRefused | None:
        from imapclient.exceptions import IMAPClientError

        try:
            self._client.append(self.folder, one.raw, flags, _moment(one.at))
        except IMAPClientError as error:
            if type(error) is not IMAPClientError:
                raise
            return self._refused(error)
        return None

    def _refused(self, error: Exception) -> ServerRefused:
        reason = reason_in_words(error)
        if _FULL.search(reason):
            return ServerRefused(
                tr("the mailbox is full: {reason}", reason=reason),
                hint=tr("delete mails that are no longer needed"),
                code="imap-full",
            )
        return ServerRefused(
            tr("the folder {folder} refuses: {reason}", folder=self.folder, reason=reason),
            hint=tr("check the rights of the account, or name another folder under [imap]"),
            code="imap-refused",
        )

    def known_ids(self, since: float | None = None) -> set[str]:
        """Return the Message-IDs in the folder, with angle brackets and in lower case.

        `since` leaves out messages whose time in the folder is more than a day earlier, in seconds
        since 1970. A search for each Message-ID would be simpler, but some services find none.

        Raises:
            ConnectionLost: the connection ended.
            ServerRefused: the folder cannot be read.
        """
        found = set[str]()
        with explained(self._account):
            self._client.select_folder(self.folder, readonly=True)
            day = None if since is None else (_moment(since) - timedelta(days=1)).date()
            uids = self._client.search(["ALL"] if day is None else ["SINCE", day])
        for start in range(0, len(uids), _AT_ONCE):
            with explained(self._account):
                answer = self._client.fetch(uids[start : start + _AT_ONCE], [_ONE_ID])
            found.update(_ids_of(answer.values()))
        return found


def _ids_of(fetched: Iterable[dict[bytes, object]]) -> Iterator[str]:
    for one in fetched:
        for key, value in one.items():
            if key.startswith(b"BODY[") and isinstance(value, bytes):
                for name in _ID_FIELD.findall(value):
                    yield name.decode("utf-8", "replace").lower()


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(int(at), UTC)


def _find_folder(client: IMAPClient, use: FolderUse, named: str) -> str:
    """Return the name of the folder; it is made if there is none."""
    folders = [(flags, str(name)) for flags, _, name in client.list_folders()]
    if named:
        exists = any(name == named for _, name in folders)
        return named if exists else _make_folder(client, named)
    prefix, foreign = _namespaces(client)
    own = [(flags, name) for flags, name in folders if not (foreign and name.startswith(foreign))]
    for flags, name in own:
        if use.flag in flags:
            return name
    known = {one.casefold(): rank for rank, one in enumerate(use.names)}
    ranked = [
        (rank, name)
        for _, name in own
        if (rank := known.get(name.removeprefix(prefix).casefold())) is not None
    ]
    return min(ranked)[1] if ranked else _make_folder(client, prefix + use.names[0])


def _namespaces(client: IMAPClient) -> tuple[str, tuple[str, ...]]:
    """What stands before the names of the user's own folders, such as `INBOX.`, and of others.

    RFC 2342. Folders of other users and shared ones may have the same uses and names.
    """
    if not client.has_capability("NAMESPACE"):
        return "", ()
    found = client.namespace()
    foreign = [str(prefix) for group in (found.other, found.shared) for prefix, _ in group or ()]
    personal = str(found.personal[0][0]) if found.personal else ""
    return personal, tuple(prefix for prefix in foreign if prefix)


def _make_folder(client: IMAPClient, name: str) -> str:
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

    client.create_folder(name)
    try:
        client.subscribe_folder(name)
    except IMAPClientAbortError:
        raise
    except IMAPClientError:
        pass  # some namespaces have no subscriptions
    return name
