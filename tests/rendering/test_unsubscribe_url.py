"""`{{ unsubscribe_url }}` and the header fields in the message that leaves."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

from mailmerge.campaign import Campaign
from mailmerge.unsubscribe_links import read_key_file
from tests.campaign_folder import CampaignFolder

MESSAGE = {
    "from": '"News <a@x-firma.de>"', "subject": '"x"', "text": '"b.txt"', "html": '"b.html"',
    "unsubscribe": '{ url = "https://b.org/u", mailto = "out@b.org" }',
}  # fmt: skip


def test_each_message_has_its_own_link_in_bodies_and_fields(tmp_path: Path) -> None:
    folder = CampaignFolder(tmp_path)
    folder.recipients("email,name\nann@x-firma.de,Ann\nbob@x-firma.de,Bob\n")
    folder.write("unsubscribe.key", "k" * 40)
    folder.write("b.txt", "{{ unsubscribe_url }}\n")
    folder.write("b.html", '<p>{{ name }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>')
    folder.configure(message=MESSAGE)
    campaign, keys = Campaign.load(tmp_path), read_key_file(tmp_path / "unsubscribe.key")
    for recipient in campaign.recipients():
        raw = bytes(campaign.message(recipient))
        message = message_from_bytes(raw, policy=policy.default)
        url = message["List-Unsubscribe"].split(",")[0].strip("<>")
        read = keys.read(url.rpartition("/")[2])
        assert read is not None
        assert read.address == recipient.mailbox.address
        for kind in ("plain", "html"):
            body = message.get_body((kind,))
            assert body is not None
            assert url in body.get_content()
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert folder.run("check", "--strict").out.count("unsubscribe_url") == 0
