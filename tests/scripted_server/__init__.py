"""An SMTP server for tests that misbehaves as a script says, and judges what clients send to it."""

from __future__ import annotations

from tests.scripted_server.codec import from_json, to_json
from tests.scripted_server.journal import (
    Counts,
    Message,
    Verdict,
    Violation,
    read_journal,
    read_messages,
    read_violations,
)
from tests.scripted_server.process import ServerProcess, server_process
from tests.scripted_server.script import (
    FOREVER,
    Accept,
    Action,
    Close,
    Drip,
    Endless,
    Faults,
    Hold,
    Offer,
    Reply,
    Reset,
    Rule,
    Script,
    Send,
    Settings,
    Sleep,
    Stage,
    Usual,
    When,
)
from tests.scripted_server.server import ScriptedServer, serve

__all__ = [
    "FOREVER",
    "Accept",
    "Action",
    "Close",
    "Counts",
    "Drip",
    "Endless",
    "Faults",
    "Hold",
    "Message",
    "Offer",
    "Reply",
    "Reset",
    "Rule",
    "Script",
    "ScriptedServer",
    "Send",
    "ServerProcess",
    "Settings",
    "Sleep",
    "Stage",
    "Usual",
    "Verdict",
    "Violation",
    "When",
    "from_json",
    "read_journal",
    "read_messages",
    "read_violations",
    "serve",
    "server_process",
    "to_json",
]
