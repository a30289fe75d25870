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


def in_shared_folder(folder: Path, *attachments: str) -> Settings:
    """The same campaign in a folder that holds other things, too."""
    settings = load(folder)
    message = settings.message.model_copy(update={"attachments": attachments})
    return replace(settings, message=message, whole_folder=False)


def test_name_defaults_to_that_of_the_folder(tmp_path: Path) -> None:
    assert load(tmp_path).name == tmp_path.name
    assert load(tmp_path, '[campaign]\nname = "news"\n').name == "news"
    assert load(tmp_path).state_folder == tmp_path / ".mailmerge"


def test_fingerprint_covers_only_what_shapes_messages(tmp_path: Path) -> None:
    (tmp_path / "body.txt").write_text("one")
    (tmp_path / "recipients.csv").write_text("email\n")
    before = load(tmp_path).fingerprint()

    (tmp_path / "recipients.csv").write_text("email\na@example.org\n")
    (tmp_path / "suppressed.csv").write_text("email\nb@example.org\n")
    (tmp_path / ".mailmerge").mkdir()
    (tmp_path / ".mailmerge" / "ledger").write_text("state")
    assert load(tmp_path, '[delivery]\nrate = "1/second"\n').fingerprint() == before

    (tmp_path / "logo.png").write_bytes(b"new")
    with_logo = load(tmp_path).fingerprint()
    assert with_logo != before
    (tmp_path / "body.txt").write_text("two")
    assert load(tmp_path).fingerprint() not in {before, with_logo}


def test_fingerprint_covers_the_message_section_and_the_name(tmp_path: Path) -> None:
    settings = load(tmp_path)
    other = settings.message.model_copy(update={"subject": "Hi"})
    assert replace(settings, message=other).fingerprint() != settings.fingerprint()
    assert load(tmp_path, '[campaign]\nname = "b"\n').fingerprint() != settings.fingerprint()


def test_fingerprint_covers_templates_in_code(tmp_path: Path) -> None:
    settings = load(tmp_path)
    fingerprints = {
        replace(settings, sources=sources).fingerprint()
        for sources in ({}, {"text": "Dear"}, {"text": "Hello"}, {"html": "Dear"})
    }
    assert len(fingerprints) == 4


def test_fingerprint_of_a_shared_folder_covers_named_files(tmp_path: Path) -> None:
    (tmp_path / "body.txt").write_text("one")
    (tmp_path / "terms.pdf").write_bytes(b"%PDF")
    settings = in_shared_folder(tmp_path, "terms.pdf", "{{ invoice }}.pdf")
    before = settings.fingerprint()

    (tmp_path / "other.txt").write_text("of another campaign")
    assert settings.fingerprint() == before
    (tmp_path / "terms.pdf").write_bytes(b"%PDF 2")
    changed = settings.fingerprint()
    assert changed != before
    (tmp_path / "body.txt").write_text("two")
    assert settings.fingerprint() not in {before, changed}
