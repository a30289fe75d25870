from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.content_files import ContentFiles
from mailmerge.rendering.settings import (
    BodySource,
    ImageReferences,
    StyleOptions,
    Templates,
    templates_of,
)
from mailmerge.settings import load_settings

CAMPAIGN = """
[campaign]
name = "spring"
[message]
from = "News <news@Example.org>"
subject = "Hello {{ name }}"
to_name = "{{ name }}"
reply_to = "editor@example.org"
html = "body.html"
attachments = ["a.pdf", "{{ nr }}.pdf"]
related_by = "content-location"
content_base = "https://example.org/"
inline_css = false
[message.headers]
X-One = "1"
X-Two = "{{ two }}"
"""


def test_templates_of_a_campaign_are_its_message_section(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    assert templates_of(load_settings(tmp_path)) == Templates(
        "Hello {{ name }}",
        html=BodySource("body.html"),
        to_name="{{ name }}",
        reply_to="editor@example.org",
        headers=(("X-One", "1"), ("X-Two", "{{ two }}")),
        attachments=("a.pdf", "{{ nr }}.pdf"),
        styles=StyleOptions(inline=False),
        images=ImageReferences("example.org", by_location=True, base="https://example.org/"),
        campaign="spring",
        folder=ContentFiles(tmp_path, {"campaign.toml", "recipients.csv", "suppressed.csv"}),
        file="campaign.toml",
    )


def test_path_is_a_file_and_string_a_template() -> None:
    assert BodySource.of(Path("mail") / "body.html", "html") == BodySource("mail/body.html")
    assert BodySource.of("Dear {{ name }}", "text") == BodySource("text", "Dear {{ name }}")


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("news@Example.org", "example.org"),
        ("News <news@mail.example.org> ", "mail.example.org"),
        ("news@bücher.example", "mailmerge.invalid"),
        ("news", "mailmerge.invalid"),
    ],
)
def test_content_ids_have_the_domain_of_the_sender(
    tmp_path: Path, sender: str, domain: str
) -> None:
    text = CAMPAIGN.replace("News <news@Example.org>", sender)
    (tmp_path / "campaign.toml").write_text(text, encoding="utf-8")
    assert templates_of(load_settings(tmp_path)).images.domain == domain
