"""Fingerprints are compared file by file, also with those of earlier versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.settings import NOTHING_RECORDED, Fingerprint, MessageSection
from mailmerge.settings.fingerprint import EarlierFingerprints

EARLIER = "0123456789abcdef" * 4
NOW = Fingerprint("2:ab", {"a": "1", "b": "2"}, "campaign.toml")


@pytest.mark.parametrize(
    ("recorded", "changed"),
    [
        (NOTHING_RECORDED, ()),
        (NOW, ()),
        (Fingerprint("2:ab", {"a": "1", "c": "3"}), ()),
        (Fingerprint("2:ab"), ()),
        (Fingerprint("2:ab", {"a": "0", "b": "0"}), ("a", "b")),
        (Fingerprint("2:ab", {"b": ""}), ("b",)),
        (Fingerprint("2:cd", {"a": "1", "b": "0"}), ("campaign.toml", "b")),
        (Fingerprint("another"), ("campaign.toml",)),
    ],
)
def test_only_files_of_both_are_compared(recorded: Fingerprint, changed: tuple[str, ...]) -> None:
    assert NOW.changes_since(recorded) == changed


def test_earlier_fingerprint_is_compared_in_the_earlier_way() -> None:
    recorded = Fingerprint(EARLIER)
    assert replace(NOW, earlier=lambda: ["x", EARLIER]).changes_since(recorded) == ()
    assert replace(NOW, earlier=lambda: ["x"]).changes_since(recorded) == ("",)


def test_earlier_fingerprint_is_computed_only_if_it_is_needed() -> None:
    def fail() -> list[str]:
        raise AssertionError

    for recorded in (NOTHING_RECORDED, NOW, Fingerprint("2:cd")):
        replace(NOW, earlier=fail).changes_since(recorded)


def test_earlier_fingerprints_follow_the_files(tmp_path: Path) -> None:
    message = MessageSection.model_validate(
        {"from": "a@x.org", "subject": "Hello", "text": "body.txt", "attachments": ("a.pdf",)}
    )
    for name in ("body.txt", "a.pdf", "notes.txt", ".hidden"):
        (tmp_path / name).write_text(name, "utf-8")

    def found(*, whole_folder: bool = True, left_out: frozenset[str] = frozenset()) -> list[str]:
        earlier = EarlierFingerprints(tmp_path, "spring", message, {}, left_out, whole_folder)
        return list(earlier.of(["body.txt", "missing.txt"]))

    shaping, named, whole = found()
    assert len({shaping, named, whole}) == 3
    assert found(whole_folder=False) == [shaping, named]
    assert found(left_out=frozenset({"a.pdf", "notes.txt"}))[1:] == [shaping, shaping]
    (tmp_path / "notes.txt").write_text("others", "utf-8")
    assert found()[:2] == [shaping, named]
    assert found()[2] != whole
    (tmp_path / ".hidden").write_text("others", "utf-8")
    before = found()
    (tmp_path / "body.txt").write_text("others", "utf-8")
    assert not set(found()) & set(before)
