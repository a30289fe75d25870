"""mailmerge suppress: add, list, remove, import."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mailmerge.cli.suppress import suppress_app
from tests.cli.conftest import Call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A campaign folder."""
    (tmp_path / "campaign.toml").write_text(
        '[message]\nfrom = "news@example.org"\nsubject = "Hello"\ntext = "body.txt"\n'
    )
    return tmp_path


def suppress(folder: Path, *arguments: str) -> Result:
    command, *rest = arguments
    return CliRunner().invoke(suppress_app, [command, "--campaign", str(folder), *rest])


def test_addresses_are_added_listed_and_removed(folder: Path) -> None:
    added = suppress(folder, "add", "Bob@X.org", "a@x.org", "--reason", "asked")
    assert added.exit_code == 0
    assert added.stderr == "added Bob@x.org\nadded a@x.org\n2 added.\n"
    listed = suppress(folder, "list")
    assert [line.split("  ")[0] for line in listed.stdout.splitlines()] == ["Bob@x.org", "a@x.org"]
    assert "asked" in listed.stdout
    removed = suppress(folder, "remove", "bob@x.org")
    assert removed.stderr == "removed Bob@x.org\n1 removed.\n"
    document = json.loads(suppress(folder, "list", "--json").stdout)
    assert [entry["email"] for entry in document["suppressed"]] == ["a@x.org"]


def test_a_spreadsheet_is_imported(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("mail;why\na@x.org;bounced\n")
    done = suppress(folder, "import", str(other), "--column", "mail")
    assert done.exit_code == 0
    assert suppress(folder, "list").stdout == "a@x.org  bounced\n"


def test_a_bad_address_is_one_line_and_changes_nothing(folder: Path) -> None:
    done = suppress(folder, "add", "a@x.org", "bob")
    assert done.exit_code == 3
    assert done.stderr == 'error: "bob" has no @ sign (an address is name@domain)\n'
    assert suppress(folder, "list").stdout == ""


def test_no_campaign_is_one_line(tmp_path: Path) -> None:
    done = suppress(tmp_path, "list")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: there is no campaign.toml")


def test_the_campaign_may_stand_before_the_addresses(folder: Path) -> None:
    runner = CliRunner()
    added = runner.invoke(suppress_app, ["add", str(folder), "a@x.org"])
    assert (added.exit_code, added.stderr) == (0, "added a@x.org\n1 added.\n")
    removed = runner.invoke(suppress_app, ["remove", str(folder), "a@x.org"])
    assert (removed.exit_code, removed.stderr) == (0, "removed a@x.org\n1 removed.\n")
    alone = runner.invoke(suppress_app, ["add", "--campaign", str(folder), str(folder)])
    assert alone.exit_code != 0


def test_the_list_takes_the_campaign_as_other_commands_do(campaign: Path, call: Call) -> None:
    call("suppress", "add", campaign, "ann@example.org")
    shown = call("suppress", "list", campaign)
    assert shown.exit_code == 0
    assert shown.stdout.startswith("ann@example.org")
    assert call("suppress", "list", "-c", campaign).stdout == shown.stdout
