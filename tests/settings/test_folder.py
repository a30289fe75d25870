"""Settings: names, folders, and the fingerprint of what shapes the messages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mailmerge.settings import Settings, load_settings

SMALLEST = """
[message]
from = "Example News <news@example.org>"
subject = "Hello {{ name }}"
text = "body.txt"
"""


def load(folder: Path, more: str = "") -> Settings:
    (folder / "campaign.toml").write_text(SMALLEST + more, encoding="utf-8")
    return load_settings(folder)


def test_name_defaults_to_that_of_the_folder(tmp_path: Path) -> None:
    assert load(tmp_path).name == tmp_path.name
    assert load(tmp_path, '[campaign]\nname = "news"\n').name == "news"
    assert load(tmp_path).state_folder == tmp_path / ".mailmerge"


def test_fingerprint_of_the_settings_ignores_delivery_and_recipients(tmp_path: Path) -> None:
    before = load(tmp_path).fingerprint()
    more = '[delivery]\nrate = "1/second"\n[recipients]\nfile = "other.csv"\n'
    assert load(tmp_path, more).fingerprint() == before
    (tmp_path / "logo.png").write_bytes(b"not named")
    assert load(tmp_path).fingerprint() == before


def test_fingerprint_covers_the_message_section(tmp_path: Path) -> None:
    settings = load(tmp_path)
    for update in ({"subject": "Hi"}, {"headers": {"X-A": "1"}}, {"attachments": ("a.pdf",)}):
        other = settings.message.model_copy(update=update)
        assert replace(settings, message=other).fingerprint() != settings.fingerprint()


def test_default_of_a_key_is_no_change(tmp_path: Path) -> None:
    settings = load(tmp_path)
    (tmp_path / "campaign.toml").write_text(SMALLEST + 'inline_css = true\nencoding = "7bit"\n')
    assert load_settings(tmp_path).fingerprint() == settings.fingerprint()


def test_order_of_header_fields_is_a_change(tmp_path: Path) -> None:
    settings = load(tmp_path)
    there, back = (
        replace(settings, message=settings.message.model_copy(update={"headers": dict(fields)}))
        for fields in ([("X-A", "1"), ("X-B", "2")], [("X-B", "2"), ("X-A", "1")])
    )
    assert there.fingerprint() != back.fingerprint()


def test_fingerprint_covers_the_name_only_if_templates_use_it(tmp_path: Path) -> None:
    settings, renamed = load(tmp_path), load(tmp_path, '[campaign]\nname = "b"\n')
    assert renamed.fingerprint() == settings.fingerprint()
    assert renamed.fingerprint(named=True) != settings.fingerprint(named=True)


def test_fingerprint_covers_templates_in_code(tmp_path: Path) -> None:
    settings = load(tmp_path)
    fingerprints = {
        replace(settings, sources=sources).fingerprint().settings
        for sources in ({}, {"text": "Dear"}, {"text": "Hello"}, {"html": "Dear"})
    }
    assert len(fingerprints) == 4


def test_present_fingerprint_has_the_present_digests(tmp_path: Path) -> None:
    (tmp_path / "body.txt").write_text("one")
    settings = load(tmp_path)
    files = settings.content_files()
    known = settings.fingerprint({"body.txt": files.digest("body.txt"), "more.txt": ""})
    assert settings.fingerprint_now(known) == known
    (tmp_path / "body.txt").write_text("two")
    assert settings.fingerprint_now(known).changes_since(known) == ("body.txt",)
    (tmp_path / "body.txt").write_text("one")
    (tmp_path / "more.txt").write_text("a template was looked for here")
    assert settings.fingerprint_now(known).changes_since(known) == ("more.txt",)


def test_present_fingerprint_has_the_name_if_it_had_one(tmp_path: Path) -> None:
    settings, renamed = load(tmp_path), load(tmp_path, '[campaign]\nname = "b"\n')
    for named, changed in ((False, ()), (True, ("campaign.toml",))):
        known = settings.fingerprint(named=named)
        assert settings.fingerprint_now(known) == known
        assert renamed.fingerprint_now(known).changes_since(known) == changed


def test_settings_and_lists_of_addresses_are_private(tmp_path: Path) -> None:
    assert load(tmp_path).private_files == {"campaign.toml", "recipients.csv", "suppressed.csv"}
    more = '[recipients]\nfile = "-"\nsuppress = "sub\\\\never.csv"\n'
    assert load(tmp_path, more).private_files == {"campaign.toml", "sub/never.csv"}
    (tmp_path / "spring.toml").write_text(SMALLEST)
    assert load_settings(tmp_path / "spring.toml").file == "spring.toml"
