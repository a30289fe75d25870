"""mailmerge approve, and send --approved."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.campaign_folder import CampaignFolder, make_campaign_folder
from tests.servers import Sink


@pytest.fixture
def folder(tmp_path: Path, smtp_sink: Sink) -> CampaignFolder:
    return make_campaign_folder(tmp_path / "spring", port=smtp_sink.port)


def test_the_code_is_alone_on_standard_output(folder: CampaignFolder) -> None:
    done = folder.run("approve")
    assert done.status == 0, done.err
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\n", done.out)
    assert "recipients  2\n" in done.err
    assert "files       body.txt\n" in done.err
    sent = folder.run("send", "--yes", "--approved", done.out.strip())
    assert sent.status == 0, sent.err
    assert "Sent 2 messages" in sent.out


def test_a_change_is_refused_in_words_and_in_json(folder: CampaignFolder) -> None:
    document = json.loads(folder.run("approve", "--json").out)
    assert (document["recipients"], document["sender"]["message.from"]) == (
        2,
        "News <news@x-firma.de>",
    )
    dry = json.loads(folder.run("send", "-n", "--json", "--approved", document["code"]).out)
    assert dry["approval"] == {"approved": True, "differences": []}
    folder.write("body.txt", "Dear {{ name }},\nbye\n")
    done = folder.run("send", "--yes", "--json", "--approved", document["code"])
    assert done.status == 2
    assert f"not what {document['code']} approved: body.txt has changed; nothing" in done.err
    approval = json.loads(done.out)["approval"]
    assert approval["approved"] is False
    assert [one["name"] for one in approval["differences"]] == ["body.txt"]


def test_what_has_errors_gets_no_code(folder: CampaignFolder) -> None:
    folder.write("body.txt", "Dear {{ nobody.name }},\n")
    done = folder.run("approve")
    assert (done.status, done.out) == (3, "")


def test_test_messages_need_no_approval(folder: CampaignFolder) -> None:
    for option in ("--sandbox", "--test-to=me@x-firma.de"):
        done = folder.run("send", "--yes", option, "--approved", "K7QM-2XRA-9PZD")
        assert done.status == 2
        assert "--approved is for the messages to the recipients" in done.err
