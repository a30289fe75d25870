"""Every command and option is documented, every documented one exists, and none warns."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.cli.exit_status import ExitStatus
from mailmerge.sandbox import Sandbox
from tests.campaign_folder import CampaignFolder, make_campaign_folder
from tests.cli.reference import PAGE, commands, reference

ROOT = Path(__file__).parents[2]
COMMANDS = commands()
EVERYWHERE = {"--lang", "--help", "-h", "--version", "--verbose"} | {
    "--install-completion",
    "--show-completion",
}


# -- the documents --------------------------------------------------------------------------------


def test_the_reference_is_that_of_the_program() -> None:
    """Run `python -m tests.cli.reference` after a change, and look at what it has written."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_exit_status_is_documented() -> None:
    section = reference().partition("## Exit status")[2]
    found = re.findall(r"^\| (\d+) \|", section, re.MULTILINE)
    assert found == [str(status.value) for status in ExitStatus]


def test_everything_has_a_help_text_and_every_value_a_name() -> None:
    assert len(COMMANDS) > 12
    for command in COMMANDS.values():
        assert command.help, command.name
        for parameter in command.parameters:
            assert parameter.help.endswith("."), (command.name, parameter.names)
            assert parameter.default in {
                "",
                "100.0",
                "newsletter",
                "eml",
                "hold",
                "email",
                "127.0.0.1",
                "8025",
                "rsa",
                "2048",
            }


def documents() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    assert len(found) > 6
    return [path for path in found if path != PAGE]


def code_in(text: str) -> Iterator[str]:
    """Code spans, and the lines of indented and fenced code."""
    fenced = re.findall(r"^```.*?$(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^(?: {4}|\t)(\S.*)$", text, re.MULTILINE)
    yield from (line.strip() for block in fenced for line in block.splitlines())
    yield from indented
    yield from re.findall(r"`([^`\n]+)`", text)


def calls_in(text: str) -> Iterator[tuple[str, list[str]]]:
    """What is called in a document: the command, empty where only options are named; its words."""
    for code in code_in(text):
        words = re.sub(r"[\[\]|,;]", " ", code.partition("#")[0]).split()
        if words[:1] == ["mailmerge"]:
            words = words[1:]
        elif not words or not (words[0] in COMMANDS or words[0].startswith("--")):
            continue
        two = " ".join(words[:2])
        name = two if two in COMMANDS else words[0] if words else ""
        yield ("" if name.startswith("-") else name), words


def problems_of(text: str) -> list[str]:
    """Commands and options that do not exist."""
    anywhere = EVERYWHERE.union(*(command.options for command in COMMANDS.values()))
    found = []
    for name, words in calls_in(text):
        if name and name not in COMMANDS:
            found.append(f"there is no command {name}")
            continue
        known = COMMANDS[name].options | EVERYWHERE if name else anywhere
        options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
        found += [f"{name or 'no command'} has no {one}" for one in options if one not in known]
    return found


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_command_and_option_of_a_document_exists(path: Path) -> None:
    assert problems_of(path.read_text(encoding="utf-8")) == []


def test_documents_name_commands_and_options() -> None:
    """The reader of the documents finds what is there, so that the test above can fail."""
    texts = [path.read_text(encoding="utf-8") for path in documents()]
    named = {name for text in texts for name, _ in calls_in(text)}
    assert named >= {"", "init", "check", "preview", "send", "status", "connect", "providers"}
    assert problems_of("`mailmerge chekc`") == ["there is no command chekc"]
    assert problems_of("`send --sandbox --fault`") == ["send has no --fault"]
    assert problems_of("    mailmerge suppress add --json  # no") == ["suppress add has no --json"]
    assert problems_of("`--now`") == ["no command has no --now"]
    assert problems_of("`mailmerge --version`, `sendmail --x`, `--json`") == []


# -- no warning in any command --------------------------------------------------------------------

CALLS: dict[str, list[str]] = {
    "init": ["{new}"],
    "check": ["{campaign}"],
    "render": ["{campaign}", "--all", "--out", "{out}"],
    "preview": ["{campaign}", "--out", "{out}"],
    "approve": ["{campaign}"],
    "send": ["{campaign}", "--yes", "--limit", "1"],
    "status": ["{campaign}", "--export", "{out}.xlsx"],
    "connect": ["{campaign}", "--to", "bob@x-firma.de"],
    "login": ["{campaign}", "--forget"],
    "providers": ["gmail"],
    "doctor": ["{campaign}"],
    "suppress add": ["--campaign", "{campaign}", "cy@x-firma.de"],
    "suppress remove": ["--campaign", "{campaign}", "dee@x-firma.de"],
    "suppress list": ["--campaign", "{campaign}"],
    "suppress import": ["--campaign", "{campaign}", "{campaign}/others.csv"],
    "unsubscribe-key": ["{keyed}"],
    "dkim-key": ["x-firma.de", "s1", "--out", "{out}.pem"],
    "replies": ["{campaign}", "{campaign}/body.txt"],
}
SERVED = {"unsubscribe-server"}
"""Commands that run until they are stopped; tests/test_unsubscribe.py calls it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CampaignFolder]:
    """A campaign with a server, of which one message is sent."""
    path = tmp_path_factory.mktemp("smoke")
    with Sandbox() as sandbox:
        made = make_campaign_folder(path / "campaign", port=sandbox.server.port)
        made.write("suppressed.csv", "email\ndee@x-firma.de\n")
        made.write("others.csv", "email\neve@x-firma.de\n")
        made.run("send", "--yes", "--limit", "1")
        yield made


def strictly(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with every warning an error, and Python's own checks on."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-m", "mailmerge", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
        # A setting of the caller must not take the warnings back.
        env={name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"},
    )


def test_every_command_is_called() -> None:
    groups = {name for name, command in COMMANDS.items() if command.is_group}
    assert set(CALLS) == set(COMMANDS) - groups - SERVED


@pytest.mark.parametrize("name", CALLS)
def test_no_command_warns(name: str, folder: CampaignFolder, tmp_path: Path) -> None:
    places = {"new": tmp_path / "new", "out": tmp_path / "out", "campaign": folder.path}
    places["keyed"] = tmp_path / "keyed"
    keyed = CampaignFolder(places["keyed"], {"message": dict(folder.sections["message"])})
    keyed.configure(message={"unsubscribe": '{ mailto = "out@x-firma.de" }'})
    arguments = [one.format_map(places) for one in CALLS[name]]
    done = strictly(*name.split(), *arguments)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_help_warns(name: str) -> None:
    done = strictly(*name.split(), "--help")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Usage:" in done.stdout
