"""A campaign folder made in a moment, and a recipient made of cells."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from mailmerge.campaign import load_campaign
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Renderer

MakeRenderer = Callable[..., Renderer]
MakeRecipient = Callable[..., Recipient]


@pytest.fixture
def make_renderer(tmp_path: Path) -> MakeRenderer:
    """A renderer of a new folder with the given files; `message` is more of [message]."""
    numbers = itertools.count()

    def make(files: dict[str, str | bytes], message: str = "", name: str = "news") -> Renderer:
        folder = tmp_path / f"campaign{next(numbers)}"
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            octets = content if isinstance(content, bytes) else content.encode()
            (folder / path).write_bytes(octets)
        lines = ["[campaign]", f'name = "{name}"', "[message]", 'from = "A <a@example.org>"']
        lines += [f'html = "{path}"' for path in files if path == "body.html"]
        lines += [f'text = "{path}"' for path in files if path == "body.txt"]
        if "subject =" not in message:
            lines.append('subject = "News"')
        folder.mkdir(exist_ok=True)
        (folder / "campaign.toml").write_text("\n".join([*lines, message]), encoding="utf-8")
        return Renderer(load_campaign(folder))

    return make


@pytest.fixture
def make_recipient() -> MakeRecipient:
    """A recipient with the given cells, in the given row."""

    def make(cells: dict[str, str] | None = None, row: int = 2, **more: str) -> Recipient:
        address = "person@example.org"
        return Recipient(
            row, {**(cells or {}), **more}, Mailbox(address, address, address), address
        )

    return make
