"""Templates in a folder of their own, and a recipient made of cells."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Renderer
from mailmerge.rendering.settings import DEFAULT_LIMITS, RenderLimits, Templates, templates_of
from mailmerge.settings import load_settings

MakeTemplates = Callable[..., Templates]
MakeRenderer = Callable[..., Renderer]
MakeRecipient = Callable[..., Recipient]


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Templates:
    """Write files into a folder; return templates that are looked up there, and have no body."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return Templates("News", folder=folder)


@pytest.fixture
def make_templates(tmp_path: Path) -> MakeTemplates:
    """The templates of a new campaign folder with the given files.

    `message` is more of [message]; body.html and body.txt become the bodies.
    """
    numbers = itertools.count()

    def make(files: dict[str, str | bytes], message: str = "", name: str = "news") -> Templates:
        folder = tmp_path / f"campaign{next(numbers)}"
        folder.mkdir()
        write_files(folder, files)
        lines = ["[campaign]", f'name = "{name}"', "[message]", 'from = "A <a@example.org>"']
        lines += [f'html = "{path}"' for path in files if path == "body.html"]
        lines += [f'text = "{path}"' for path in files if path == "body.txt"]
        if "subject =" not in message:
            lines.append('subject = "News"')
        (folder / "campaign.toml").write_text("\n".join([*lines, message]), encoding="utf-8")
        return templates_of(load_settings(folder))

    return make


@pytest.fixture
def make_renderer(make_templates: MakeTemplates) -> MakeRenderer:
    """A renderer of such templates."""

    def make(
        files: dict[str, str | bytes], message: str = "", limits: RenderLimits = DEFAULT_LIMITS
    ) -> Renderer:
        return Renderer(make_templates(files, message), limits)

    return make


@pytest.fixture
def make_recipient() -> MakeRecipient:
    """A recipient with the given cells, in the given row."""

    def make(cells: dict[str, str] | None = None, row: int = 2, **more: str) -> Recipient:
        address = "ann@example.org"
        return Recipient(
            row, {**(cells or {}), **more}, Mailbox(address, address, address), address
        )

    return make
