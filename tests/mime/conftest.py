"""A campaign folder to compose messages from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailmerge.mime.message import Composer
from mailmerge.settings import Settings, load_settings
from tests.mime.composing import composer_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
WriteCampaign = Callable[..., Settings]


@pytest.fixture(scope="session")
def write_campaign(tmp_path_factory: pytest.TempPathFactory) -> WriteCampaign:
    """Make a campaign folder with two images and two attachments; lines go under [message]."""

    def write(*lines: str, sender: str = "Example News <news@example.org>") -> Settings:
        folder: Path = tmp_path_factory.mktemp("campaign")
        toml = "\n".join(
            [
                "[campaign]",
                'name = "news"',
                "[message]",
                f"from = '{sender}'",
                'subject = "s"',
                'text = "body.txt"',
                *lines,
            ]
        )
        (folder / "campaign.toml").write_text(toml, encoding="utf-8")
        (folder / "logo.png").write_bytes(PNG)
        (folder / "größe.jpg").write_bytes(b"\xff\xd8\xff" + PNG)
        (folder / "terms.pdf").write_bytes(b"%PDF-1.7\r\n.\r\n" + bytes(100))
        (folder / "报价单.csv").write_text("a,b\né,.\n", encoding="utf-8")
        return load_settings(folder)

    return write


@pytest.fixture(scope="session")
def campaign(write_campaign: WriteCampaign) -> Settings:
    """A campaign folder with the default settings."""
    return write_campaign()


@pytest.fixture(scope="session")
def composer(campaign: Settings) -> Composer:
    """Its composer."""
    return composer_of(campaign)


@pytest.fixture(scope="session")
def eightbit(write_campaign: WriteCampaign) -> Composer:
    """The composer of a campaign with 8bit texts."""
    return composer_of(write_campaign('encoding = "8bit"'))
