"""A campaign folder for tests: its files, campaign.toml by its keys, and the commands."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mailmerge.settings import Settings, load_settings
from tests import forked

SHEET = "email,name\nann@x-firma.de,Ann\nbob@x-firma.de,Bob\n"

Keys = dict[str, str]


class Finished(NamedTuple):
    """A command that has ended: its exit status and what it wrote."""

    status: int
    out: str
    err: str


@dataclass
class CampaignFolder:
    """A campaign folder; a file or key that is written twice has the last text."""

    path: Path
    sections: dict[str, Keys] = field(default_factory=dict)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file into the folder, byte for byte."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def recipients(self, content: str | bytes, name: str = "recipients.csv") -> None:
        """Write the spreadsheet, and let campaign.toml name it."""
        self.write(name, content)
        self.configure(recipients={"file": f'"{name}"'})

    def configure(self, **sections: Keys) -> None:
        """Set keys of campaign.toml; the values are TOML, an empty one removes the key."""
        for section, keys in sections.items():
            kept = {**self.sections.get(section, {}), **keys}
            self.sections[section] = {key: value for key, value in kept.items() if value}
        text = "".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
            for section, keys in self.sections.items()
        )
        self.write("campaign.toml", text)

    @property
    def campaign(self) -> Settings:
        """The campaign as it is written now."""
        return load_settings(self.path)

    def run(self, command: str, *options: str, **environment: str) -> Finished:
        """Run the real command, without a terminal; a traceback fails the test."""
        words, whole = [command, str(self.path), *options], {**os.environ, **environment}
        if any(name.startswith(forked.READ_AT_START) for name in environment):
            done = subprocess.run(
                [sys.executable, "-m", "mailmerge", *words],
                capture_output=True,
                check=False,
                timeout=120,
                stdin=subprocess.DEVNULL,
                env=whole,
            )
        else:
            done = forked.run(*words, environment=whole)
        out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        assert "Traceback" not in err
        return Finished(done.returncode, out, err)


def make_campaign_folder(path: Path, *, port: int | None = None, **message: str) -> CampaignFolder:
    """A campaign with one text for Ann and Bob; with `port` its server is on this machine."""
    path.mkdir(parents=True, exist_ok=True)
    made = CampaignFolder(path)
    keys = {
        "from": '"News <news@x-firma.de>"',
        "subject": '"Hello {{ name }}"',
        "text": '"body.txt"',
    }
    made.configure(recipients={"file": '"recipients.csv"'}, message={**keys, **message})
    if port is not None:
        made.configure(smtp={"host": '"127.0.0.1"', "port": str(port), "security": '"none"'})
    made.write("recipients.csv", SHEET)
    made.write("body.txt", "Dear {{ name }},\nhello\n")
    return made
