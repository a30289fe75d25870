"""Campaigns from folders and from code: the same messages, and errors that name arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailmerge.campaign import Campaign
from mailmerge.errors import AssetError, CampaignError, TemplateError
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import load_settings

FOLDER = """
[campaign]
name = "spring"
[message]
from = "Example News <news@example.org>"
subject = "Hello {{ name }}"
html = "body.html"
text = "body.txt"
attachments = ["terms.pdf"]
to_name = "{{ name }}"
reply_to = "editor@example.org"
reverse_path = "bounces@example.org"
inline_css = false
[message.headers]
X-Topic = "spring"
"""
ANN = Recipient(
    2, {"email": "ann@example.org", "name": "Ann"}, parse_mailbox("ann@example.org"), "ann"
)


def basic(**given: Any) -> Campaign:
    """A campaign in code with the arguments given, or else usual ones."""
    usual = {"name": "spring", "sender": "news@example.org", "subject": "Hello"}
    return Campaign(**{**usual, **given})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A campaign folder, also the current one."""
    (tmp_path / "campaign.toml").write_text(FOLDER)
    (tmp_path / "body.html").write_text("<style>p {color: red}</style><p>Dear {{ name }}</p>")
    (tmp_path / "body.txt").write_text("Dear {{ name }}\n")
    (tmp_path / "terms.pdf").write_bytes(b"%PDF-1.7")
    return tmp_path


def in_code(folder: Path) -> Campaign:
    """The campaign of the folder, in code."""
    return Campaign(
        name="spring",
        sender="Example News <news@example.org>",
        subject="Hello {{ name }}",
        html=Path("body.html"),
        text=Path("body.txt"),
        attachments=["terms.pdf"],
        to_name="{{ name }}",
        reply_to="editor@example.org",
        reverse_path="bounces@example.org",
        headers={"X-Topic": "spring"},
        inline_css=False,
        folder=folder,
    )


def stable(message: bytes) -> bytes:
    """The message without its Date, which is the time at which its factory was made."""
    return b"\r\n".join(line for line in message.split(b"\r\n") if not line.startswith(b"Date:"))


def test_campaign_is_loaded_from_folder_or_file(folder: Path) -> None:
    campaign = Campaign.load(folder)
    assert campaign == Campaign.load(str(folder / "campaign.toml"))
    assert campaign == Campaign.of(load_settings(folder))
    assert (campaign.name, campaign.folder) == ("spring", folder)
    assert campaign.message(ANN).subject == "Hello Ann"


def test_current_folder_is_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert Campaign.load().settings.message == Campaign.load(folder).settings.message
    campaign = basic(html=Path("body.html"))
    assert campaign.message(ANN).html is not None


def test_campaign_in_code_makes_the_messages_of_the_folder(folder: Path) -> None:
    loaded, made = Campaign.load(folder), in_code(folder)
    assert stable(bytes(made.message(ANN))) == stable(bytes(loaded.message(ANN)))
    assert made.settings.fingerprint().settings == loaded.settings.fingerprint().settings


def test_strings_are_templates_and_paths_are_files(folder: Path) -> None:
    campaign = basic(html="<p>Dear {{ name }}</p>\n", text=Path("body.txt"), folder=folder)
    message = campaign.message(ANN)
    assert message.html is not None
    assert "<p>Dear Ann</p>" in message.html
    assert message.text == "Dear Ann\n"


def test_templates_in_code_include_files_of_the_folder(folder: Path) -> None:
    campaign = basic(text="-- {% include 'body.txt' %}", folder=folder)
    assert campaign.message(ANN).text == "-- Dear Ann\n"


def test_text_in_code_is_made_from_html(folder: Path) -> None:
    assert "Dear Ann" in basic(html="<p>Dear {{ name }}</p>").message(ANN).text


def test_absolute_paths_may_lead_into_the_folder(folder: Path) -> None:
    campaign = basic(text=folder / "body.txt", attachments=[folder / "terms.pdf"], folder=folder)
    assert campaign.message(ANN).attachments == ("terms.pdf",)


def test_paths_outside_of_the_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    with pytest.raises(CampaignError) as caught:
        basic(text=folder / "body.txt", folder=inner)
    assert caught.value.problem.code == "outside-folder"
    with pytest.raises(CampaignError, match="inside the campaign folder"):
        basic(text=Path("../body.txt"), folder=inner)
    with pytest.raises(AssetError):
        basic(text="x", attachments=["../terms.pdf"], folder=inner).message(ANN)


def test_name_of_a_file_as_text_is_refused(folder: Path) -> None:
    with pytest.raises(CampaignError) as caught:
        basic(html="body.html", folder=folder)
    assert caught.value.problem.code == "template-is-a-path"
    assert caught.value.problem.hint == "pass Path('body.html')"


def test_errors_of_templates_in_code_name_the_argument() -> None:
    with pytest.raises(TemplateError) as caught:
        basic(text="one\n{{ nme }}").message(ANN)
    problem = caught.value.problem
    assert (problem.file, problem.line, problem.hint) == ("text", 2, "did you mean name?")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"subject": "a\nb"}, "subject: expected one line"),
        ({"sender": "a\nb"}, "sender: expected one line"),
        ({"subject": 3}, "subject: expected a valid string, found 3"),
        ({"headers": {"Bcc": "x"}}, "headers: Bcc is written by the program"),
        ({"text": None}, "needs html, text, or both"),
        ({"name": "x" * 201}, "name: "),
    ],
)
def test_wrong_arguments_are_errors_without_a_file(given: dict[str, object], says: str) -> None:
    with pytest.raises(CampaignError) as caught:
        basic(**{"text": "x", **given})
    assert says in str(caught.value)
    assert caught.value.problem.file == ""


def test_wrong_sender_is_an_error_of_the_message() -> None:
    campaign = basic(sender="news", text="x")
    with pytest.raises(CampaignError, match=r'^sender: "news" has no @'):
        campaign.message(ANN)
    with pytest.raises(CampaignError, match=r"^reverse_path: "):
        basic(reverse_path="bounces", text="x").message(ANN)


def test_campaign_cannot_be_changed(folder: Path) -> None:
    campaign = Campaign.load(folder)
    with pytest.raises(AttributeError):
        campaign.settings = load_settings(folder)  # type: ignore[misc]  # that is the test
    assert campaign.messages is campaign.messages


def test_fingerprint_of_a_shared_folder_ignores_other_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    campaign = basic(text="Dear {{ name }}")
    before = campaign.settings.fingerprint()
    (folder / "unrelated.txt").write_text("x")
    assert campaign.settings.fingerprint() == before
    assert basic(text="Hi {{ name }}").settings.fingerprint() != before
