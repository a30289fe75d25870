"""The files that shape the messages of a campaign, as a ledger remembers them.

A ledger has two lists of them: `snapshot` is the content that the recipients get, `check` that of
the last check that passed. Each has its settings in a row without a path.
"""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, text

from mailmerge.ledger.schema import content_file
from mailmerge.settings import Fingerprint

_List = Literal["snapshot", "check"]
_SETTINGS: Final = ""
_BATCH: Final = 1000


def read_content(connection: Connection, campaign_id: int, purpose: _List) -> Fingerprint:
    """Return the content on a list; it has no settings if nothing was written yet."""
    query = select(content_file.c.path, content_file.c.digest).where(_on(campaign_id, purpose))
    files = {row.path: row.digest for row in connection.execute(query)}
    return Fingerprint(files.pop(_SETTINGS, ""), files)


def write_content(
    connection: Connection, campaign_id: int, purpose: _List, content: Fingerprint
) -> None:
    """Replace the content on a list."""
    new = {_SETTINGS: content.settings, **content.files}
    old = read_content(connection, campaign_id, purpose)
    if {_SETTINGS: old.settings, **old.files} == new:
        return
    connection.execute(delete(content_file).where(_on(campaign_id, purpose)))
    rows = [
        {"campaign_id": campaign_id, "purpose": purpose, "path": path, "digest": digest}
        for path, digest in new.items()
    ]
    for start in range(0, len(rows), _BATCH):
        connection.execute(insert(content_file), rows[start : start + _BATCH])


def add_content_files(connection: Connection) -> None:
    """Make the table of the files; the ledgers of earlier versions have none."""
    connection.execute(
        text(
            """
            CREATE TABLE content_file (
                campaign_id INTEGER NOT NULL REFERENCES campaign (id),
                purpose TEXT NOT NULL,
                path TEXT NOT NULL,
                digest TEXT NOT NULL,
                PRIMARY KEY (campaign_id, purpose, path)
            )
            """
        )
    )


def _on(campaign_id: int, purpose: _List) -> ColumnElement[bool]:
    return and_(content_file.c.campaign_id == campaign_id, content_file.c.purpose == purpose)
