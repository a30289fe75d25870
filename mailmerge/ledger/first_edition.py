"""A ledger of the first edition -> the tables of the second.

The first edition kept one campaign in each SQLite file. A table `person` had its recipients, and a
table `book` had one row about everything else. Version 1 of its tables did not have the times of
the last run. The ids of the rows do not change, because journal files refer to them.

The statements are fixed: they make the tables as they were when this step was released, even if
schema.py changes later. A later step makes further changes.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

_TABLES = (
    """
    CREATE TABLE campaign (
        id INTEGER NOT NULL PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        secret BLOB NOT NULL,
        fingerprint TEXT NOT NULL,
        checked TEXT NOT NULL,
        seconds FLOAT NOT NULL,
        check_seconds FLOAT NOT NULL
    )
    """,
    """
    CREATE TABLE delivery (
        id INTEGER NOT NULL PRIMARY KEY,
        campaign_id INTEGER NOT NULL REFERENCES campaign (id),
        "key" TEXT NOT NULL,
        "row" INTEGER NOT NULL,
        address TEXT NOT NULL,
        forward_path TEXT NOT NULL,
        identity TEXT NOT NULL,
        display_name TEXT NOT NULL,
        cells TEXT NOT NULL,
        digest TEXT NOT NULL,
        selected BOOLEAN NOT NULL,
        message_id TEXT NOT NULL,
        date FLOAT,
        state TEXT NOT NULL,
        changed_at FLOAT,
        attempts INTEGER NOT NULL,
        doubts INTEGER NOT NULL,
        retry_at FLOAT,
        stage TEXT NOT NULL,
        reply TEXT NOT NULL,
        owner TEXT NOT NULL,
        claimed_until FLOAT,
        UNIQUE (campaign_id, "key")
    )
    """,
    "CREATE INDEX delivery_pending ON delivery (campaign_id, id) WHERE state = 'pending'",
    "CREATE INDEX delivery_due ON delivery (campaign_id, retry_at) WHERE retry_at IS NOT NULL",
    """
    CREATE TABLE journal (
        campaign_id INTEGER NOT NULL PRIMARY KEY REFERENCES campaign (id),
        boot_id TEXT NOT NULL,
        generation INTEGER NOT NULL,
        "offset" INTEGER NOT NULL
    )
    """,
)

# The campaign gets its name from the campaign that opens it first (campaigns.py). A deferred
# delivery without a time was due at once.
_CONTENT = (
    """
    INSERT INTO campaign (id, name, secret, fingerprint, checked, seconds, check_seconds)
    SELECT 1, '', secret, fingerprint, checked, {seconds}, {check_seconds} FROM book
    """,
    'INSERT INTO journal SELECT 1, boot_id, generation, "offset" FROM book',
    """
    INSERT INTO delivery SELECT
        id, 1, "key", "row", address, forward_path, identity, display_name, cells, digest, chosen,
        message_id, date, state, changed_at, attempts, doubts,
        CASE state WHEN 'deferred' THEN coalesce(retry_at, 0.0) ELSE retry_at END,
        stage, reply, '', NULL
    FROM person ORDER BY id
    """,
    "DROP TABLE person",
    "DROP TABLE book",
)


def add_campaigns(connection: Connection) -> None:
    """Turn the single campaign of a first edition's file into the first of many."""
    columns = {column["name"] for column in inspect(connection).get_columns("book")}
    times = {name: name if name in columns else "0.0" for name in ("seconds", "check_seconds")}
    for statement in (*_TABLES, *_CONTENT):
        connection.execute(text(statement.format(**times)))
