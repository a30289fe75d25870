"""[message.dkim] and [message.smime] -> the signer of a campaign."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest

from mailmerge.campaign import Campaign
from mailmerge.errors import CampaignError
from mailmerge.signing.keys import new_key
from mailmerge.signing.settings import dkim_keys, signed_by, signer_of
from tests.campaign_folder import CampaignFolder, make_campaign_folder

KEY = new_key("rsa")
DATE = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    made = make_campaign_folder(tmp_path / "campaign")
    made.write("dkim.pem", KEY.pem())
    made.configure(message={"dkim": '{ selector = "s1", key_file = "dkim.pem" }'})
    return made


def test_no_section_means_no_signer(tmp_path: Path) -> None:
    settings = make_campaign_folder(tmp_path / "campaign").campaign
    assert signer_of(settings, "x-firma.de") is None
    assert signed_by(settings) == ""


def test_the_domain_of_from_signs(folder: CampaignFolder) -> None:
    (key,) = dkim_keys(folder.campaign, "x-firma.de")
    assert (key.domain, key.selector) == ("x-firma.de", "s1")
    assert signed_by(folder.campaign) == "DKIM, selector s1 of x-firma.de"


def test_a_key_comes_from_a_command(folder: CampaignFolder) -> None:
    command = f"cat {folder.path}/dkim.pem"
    folder.configure(message={"dkim": f'{{ selector = "s2", key_command = "{command}" }}'})
    (key,) = dkim_keys(folder.campaign, "x-firma.de")
    assert key.key.record() == KEY.record()


def test_two_keys_have_two_selectors(folder: CampaignFolder) -> None:
    one = '{ selector = "s1", key_file = "dkim.pem" }'
    folder.configure(message={"dkim": f"[{one}, {one}]"})
    with pytest.raises(CampaignError, match="a selector names one key"):
        signer_of(folder.campaign, "x-firma.de")


def test_a_missing_key_names_file_and_fix(folder: CampaignFolder) -> None:
    (folder.path / "dkim.pem").unlink()
    with pytest.raises(CampaignError, match=r"dkim\.pem cannot be read") as caught:
        signer_of(folder.campaign, "x-firma.de")
    assert caught.value.problem.file == "campaign.toml"
    assert "dkim-key" in caught.value.problem.hint


@pytest.mark.parametrize(
    "text",
    ["Dear {{ name }},\nhello\n", "Dear  {{ name }} \n\n .\n", "Grüße {{ name }}  x\n\n\n", "a b"],
)
@pytest.mark.parametrize("encoding", ["7bit", "8bit"])
@pytest.mark.parametrize("name", ["Ann", "", " ", "Ann  von\tB ", "Zoë", "a" * 90])
def test_whole_messages_are_verified(
    folder: CampaignFolder, text: str, encoding: str, name: str
) -> None:
    folder.write("body.txt", text)
    folder.write("body.html", f"<p>\n   <b>\n\n  {text}   </b></p>  <i>\t{{{{ name }}}}</i> \n")
    folder.configure(message={"html": '"body.html"', "encoding": f'"{encoding}"'})
    folder.configure(message={"subject": '"Hello  all {{ name|trim|wordcount }}"'})
    folder.recipients(f'email,name\nann@x-firma.de,"{name}"\n')
    campaign = Campaign.of(folder.campaign)
    data = bytes(campaign.messages.sample(next(iter(campaign.recipients()))))
    lookup = lambda name, timeout=5: KEY.record().encode()  # noqa: E731
    assert dkim.verify(data, dnsfunc=lookup)
