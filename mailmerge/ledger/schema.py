"""The tables of a ledger, and what brings an older one up to date."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

VERSION = 2
"""2 added to `book` how long the last run and its check took."""

metadata = MetaData()

person = Table(
    "person",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("row", Integer, nullable=False),
    Column("address", Text, nullable=False),
    Column("forward_path", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("cells", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("chosen", Boolean, nullable=False),
    Column("message_id", Text, nullable=False, default=""),
    Column("date", Float),
    Column("state", Text, nullable=False),
    Column("changed_at", Float),
    Column("attempts", Integer, nullable=False, default=0),
    Column("doubts", Integer, nullable=False, default=0),
    Column("retry_at", Float),
    Column("stage", Text, nullable=False, default=""),
    Column("reply", Text, nullable=False, default=""),
)

book = Table(
    "book",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("checked", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("check_seconds", Float, nullable=False, server_default="0"),
    comment="one row: what is true of the whole ledger, and up to where its journal is folded in",
)

arriving = Table(
    "arriving",
    MetaData(),
    Column("key", Text, primary_key=True),
    Column("row", Integer, nullable=False),
    Column("address", Text, nullable=False),
    Column("forward_path", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("cells", Text, nullable=False),
    Column("digest", Text, nullable=False),
    prefixes=["TEMPORARY"],
)
