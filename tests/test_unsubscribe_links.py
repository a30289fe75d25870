"""Unsubscribe links: the token says who, to the server alone."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import CampaignError
from mailmerge.settings.sections import UnsubscribeSection
from mailmerge.unsubscribe_links import (
    UnsubscribeKeys,
    add_key,
    links_of,
    read_key_file,
    read_keys,
)
from tests.campaign_folder import CampaignFolder

OLD, NEW = "old-" * 10, "new-" * 10
KEYS = UnsubscribeKeys(NEW)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=80)


@given(TEXTS, TEXTS, TEXTS)
def test_token_is_read_back_and_is_the_same_each_time(campaign: str, key: str, name: str) -> None:
    address = f"{name}@example.org"
    token = KEYS.token(campaign, key, address)
    read = KEYS.read(token)
    assert read is not None
    assert read.address == address
    assert token == KEYS.token(campaign, key, address)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)


@given(st.emails())
def test_token_shows_no_address(address: str) -> None:
    sealed = KEYS.token("spring", address, address).partition(".")[0]
    content = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    assert address.encode() not in content
    assert address.partition("@")[2].encode() not in content


@given(st.data())
def test_changed_token_is_refused(data: st.DataObject) -> None:
    token = KEYS.token("spring", "7", "ann@example.org")
    at = data.draw(st.integers(0, len(token) - 2))  # the last character has unused bits
    other = data.draw(st.sampled_from("AZaz09-_.").filter(lambda sign: sign != token[at]))
    assert KEYS.read(token[:at] + other + token[at + 1 :]) is None
    assert KEYS.read(token[:at]) is None


@given(st.text(max_size=1000))
def test_any_text_is_no_token(text: str) -> None:
    assert KEYS.read(text) is None


def test_added_key_signs_and_old_tokens_stay_valid() -> None:
    before = UnsubscribeKeys(OLD).token("c", "k", "ann@example.org")
    both = UnsubscribeKeys(f"# keys\n{OLD}\n{NEW}\n")
    assert both.read(before) is not None
    assert both.token("c", "k", "a@b.org") == KEYS.token("c", "k", "a@b.org")
    assert KEYS.read(before) is None


def test_key_file_is_private_and_works_where_it_is_copied(tmp_path: Path) -> None:
    file, copy = tmp_path / "unsubscribe.key", tmp_path / "elsewhere"
    add_key(file)
    copy.write_bytes(file.read_bytes())
    token = read_key_file(file).token("c", "k", "ann@example.org")
    assert read_key_file(copy).read(token) is not None
    assert file.stat().st_mode & 0o077 == 0
    add_key(file)
    assert len(file.read_text().split()) == 2
    assert read_key_file(file).read(token) is not None


def test_added_key_begins_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "unsubscribe.key"
    file.write_text(OLD)  # an editor may leave out the last line end
    token = read_key_file(file).token("c", "k", "ann@example.org")
    add_key(file)
    assert file.read_text().split()[0] == OLD
    assert read_key_file(file).read(token) is not None


@pytest.mark.parametrize("text", ["", "# nothing\n", "short"])
def test_key_that_is_missing_or_short_is_refused(text: str) -> None:
    with pytest.raises(CampaignError, match="cannot be used"):
        UnsubscribeKeys(text, "unsubscribe.key")


def test_command_prints_the_key(tmp_path: Path) -> None:
    section = UnsubscribeSection(url="https://x.example/u", secret_command=f"echo {NEW}")
    keys = read_keys(section, tmp_path)
    assert keys.read(KEYS.token("spring", "7", "ann@example.org")) is not None
    failing = UnsubscribeSection(url="https://x.example/u", secret_command="exit 3")
    with pytest.raises(CampaignError, match="secret_command"):
        read_keys(failing, tmp_path)


def test_key_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.key").write_bytes(b"\xff" * 80)
    for name, reason in (("missing.key", "cannot be read"), ("binary.key", "it is not text")):
        with pytest.raises(CampaignError, match=reason) as caught:
            read_key_file(tmp_path / name)
        assert (caught.value.problem.file, caught.value.problem.code) == (name, "unsubscribe-key")
    with pytest.raises(CampaignError, match="the key file cannot be written"):
        add_key(tmp_path / "missing" / "x.key")


def test_token_without_an_address_is_no_token() -> None:
    assert KEYS.read(KEYS.token("spring", "7", "a")) is not None
    assert KEYS.read(KEYS.token("spring", "7", "")) is None


def test_fields_name_https_first_and_then_mailto(tmp_path: Path) -> None:
    folder = CampaignFolder(tmp_path)
    folder.write("unsubscribe.key", NEW)
    folder.configure(
        message={
            "from": '"a@b.org"', "subject": '"x"', "text": '"b.txt"',
            "unsubscribe": '{ url = "https://b.org/u/", mailto = "out@b.org" }',
        }
    )  # fmt: skip
    links = links_of(folder.campaign)
    assert links is not None
    url, fields = links.link("7", "ann@example.org")
    token = url.removeprefix("https://b.org/u/")
    assert fields == (
        ("List-Unsubscribe", f"<{url}>, <mailto:out@b.org?subject=unsubscribe%20{token}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )
    folder.configure(message={"unsubscribe": '{ mailto = "out@b.org" }'})
    links = links_of(folder.campaign)
    assert links is not None
    url, fields = links.link("7", "ann@example.org")
    assert [name for name, _ in fields] == ["List-Unsubscribe"]
    assert url.startswith("mailto:out@b.org?subject=unsubscribe%20")
