"""Copies with Postfix and Dovecot, over a campaign folder and the real commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import servers
from tests.campaign_folder import CampaignFolder

pytestmark = pytest.mark.real

SHEET = """email,name,boss
ada@example.org,Ada,grace@example.org; nobody@example.org
nobody@example.org,Nobody,grace@example.org
late@example.org,Late,grace@example.org
alan@example.org,Alan,
"""


def folder_of(path: Path, port: int, **delivery: str) -> CampaignFolder:
    path.mkdir()
    folder = CampaignFolder(path)
    folder.recipients(SHEET)
    folder.write("body.txt", "Dear {{ name }}\n")
    folder.configure(
        message={
            "from": '"News <news@example.org>"',
            "subject": '"Copies for {{ name }}"',
            "text": '"body.txt"',
            "cc": '"{{ boss }}"',
            "bcc": '["kept@example.org"]',
        },
        smtp={"host": '"127.0.0.1"', "port": str(port), "security": '"none"'},
        delivery={"wait": '"0 seconds"', **delivery},
    )
    return folder


@pytest.mark.parametrize("window", [1, 8])
def test_postfix_delivers_copies_and_never_a_copy_alone(
    postfix: servers.Postfix, tmp_path: Path, window: int
) -> None:
    before = len(postfix.accepted())
    folder = folder_of(tmp_path / "campaign", postfix.port, window=str(window))
    sent = folder.run("send", "--yes", "--json")
    document = json.loads(sent.out)
    assert document["states"] | {"pending": 0} == {
        "pending": 0, "sent": 2, "rejected": 1, "deferred": 1, "in_doubt": 0, "skipped": 0,
    }  # fmt: skip
    assert document["copies_refused"] == 1
    accepted = postfix.accepted()[before:]
    assert sorted(one.forward_paths for one in accepted) == [
        ("ada@example.org", "grace@example.org", "kept@example.org"),
        ("alan@example.org", "kept@example.org"),
    ]
    for one in accepted:
        assert b"kept@" not in one.content
        assert (b"Cc: grace@example.org, nobody@example.org\r\n" in one.content) == (
            "ada@example.org" in one.forward_paths
        )
    status = folder.run("status")
    assert "these copies were refused" in status.out
    assert "nobody@example.org: 550" in status.out
    folder.run("status", "--export", str(tmp_path / "out.csv"))
    rows = (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[0].endswith(",after_reason,copies_refused")
    assert "nobody@example.org: 550" in rows[1]
    assert json.loads(folder.run("status", "--json").out)["copies_refused"] == 1


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_dovecot_answers_for_each_copy(
    dovecot_lmtp: servers.Lmtp, tmp_path: Path, way: str
) -> None:
    folder = folder_of(tmp_path / "campaign", dovecot_lmtp.port)
    sheet = "email,name,boss\nada@example.org,Ada,grace@example.org; stranger@example.org\n"
    folder.recipients(sheet + "stranger@example.org,Nobody,grace@example.org\n")
    socket = {"socket": f'"{dovecot_lmtp.socket}"', "host": "", "port": ""}
    folder.configure(
        smtp={"protocol": '"lmtp"', **(socket if way == "unix" else {})},
        message={"subject": f'"{way} for {{{{ name }}}}"', "bcc": ""},
    )
    document = json.loads(folder.run("send", "--yes", "--json").out)
    assert (document["states"]["sent"], document["states"]["rejected"]) == (1, 1)
    assert document["copies_refused"] == 1
    for user in ("ada", "grace"):
        mails = dovecot_lmtp.delivered(user)
        assert sum(f"Subject: {way} for Ada".encode() in mail for mail in mails) == 1
        assert not any(f"Subject: {way} for Nobody".encode() in mail for mail in mails)
