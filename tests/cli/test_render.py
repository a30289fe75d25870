"""mailmerge render: the messages as files, or one of them on standard output."""

from __future__ import annotations

import email
import email.policy
import mailbox
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Call


def test_the_first_message_is_written_to_standard_output(campaign: Path, call: Call) -> None:
    done = call("render", campaign)
    assert done.exit_code == 0
    message = email.message_from_bytes(done.stdout_bytes, policy=email.policy.default)
    assert message["To"].addresses[0].addr_spec == "ann@example.org"
    assert message["Subject"] == "Hello Ann"


@pytest.mark.parametrize(
    ("options", "expected"),
    [(["--to", "BOB@example.org"], "Dear Bob"), (["--row", "4"], "Dear Zoé")],
)
def test_a_recipient_is_chosen_by_address_or_row(
    campaign: Path, call: Call, options: list[str], expected: str
) -> None:
    done = call("render", campaign, *options, "--format", "text")
    assert done.exit_code == 0
    assert expected in done.stdout


def test_the_html_is_as_it_would_be_sent(campaign: Path, call: Call) -> None:
    done = call("render", campaign, "--format", "html")
    assert done.stdout.lower().startswith("<!doctype html>")
    assert "<p>Dear Ann</p>" in done.stdout


@pytest.mark.parametrize(("form", "suffix"), [("eml", "eml"), ("html", "html"), ("text", "txt")])
def test_each_recipient_gets_a_file(campaign: Path, call: Call, form: str, suffix: str) -> None:
    out = campaign.parent / "out"
    done = call("render", campaign, "--all", "--out", out, "--format", form)
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        f"000002-ann@example.org.{suffix}",
        f"000003-bob@example.org.{suffix}",
        f"000004-zoe@example.org.{suffix}",
    ]
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}


def test_an_mbox_holds_all_messages(campaign: Path, call: Call) -> None:
    out = campaign.parent / "out"
    call("render", campaign, "--all", "--out", out, "--format", "mbox")
    with closing(mailbox.mbox(out / "messages.mbox", create=False)) as kept:
        assert [message["Subject"] for message in kept][:2] == ["Hello Ann", "Hello Bob"]


def test_a_maildir_holds_all_messages(campaign: Path, call: Call) -> None:
    out = campaign.parent / "out"
    call("render", campaign, "--all", "--out", out, "--format", "maildir")
    with closing(mailbox.Maildir(out / "Maildir", create=False)) as kept:
        assert len(kept) == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--all"], "--out"),
        (["--format", "mbox"], "--out"),
        (["--row", "2", "--all"], "exclude each other"),
        (["--to", "nobody@example.org"], "nobody"),
        (["--row", "99"], "there is no row 99 (the last row is row 4)"),
        (["--row", "1"], "no recipient matches"),
    ],
)
def test_a_wrong_call_is_one_line(
    campaign: Path, call: Call, options: list[str], expected: str
) -> None:
    done = call("render", campaign, *options)
    assert done.exit_code in {2, 3}
    (line,) = done.stderr.splitlines()
    assert expected in line


def test_html_of_a_campaign_without_any_is_refused(campaign: Path, call: Call) -> None:
    path = campaign / "campaign.toml"
    path.write_text(path.read_text().replace('html = "body.html"\n', ""))
    done = call("render", campaign, "--format", "html")
    assert done.exit_code == 2
    assert "no HTML" in done.stderr


def test_a_wrong_row_is_reported_with_its_place(campaign: Path, call: Call) -> None:
    sheet = campaign / "recipients.csv"
    sheet.write_text(sheet.read_text().replace("bob@", "bob@@"))
    done = call("render", campaign, "--row", "3")
    assert done.exit_code != 0
    assert "recipients.csv, row 3, column email" in done.stderr
