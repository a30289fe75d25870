"""Refresh tokens in a keyring that is small, broken or missing, and in a private file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend

from mailmerge.errors import CampaignError, LedgerError
from mailmerge.oauth.servers import AuthorizationServer, OAuthClient
from mailmerge.oauth.storage import LoginStore
from tests.full_disk import small_space

LONG = "token-" * 1000
SERVER = AuthorizationServer("Example", "https://a.example/auth", "https://a.example/token")
CLIENT = OAuthClient(SERVER, "app", "ann@example.org")


class SmallKeyring(KeyringBackend):
    """Takes entries of 1,280 characters, as the Windows Credential Manager does."""

    priority = 1

    def __init__(self, fails_after: int = 1000) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.left = fails_after

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.left -= 1
        if len(password) > 1280 or self.left < 0:
            raise OSError(1783, "The stub received bad data")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError


class ForgetfulKeyring(SmallKeyring):
    """Accepts everything and keeps nothing, as the null backend does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class LockedKeyring(SmallKeyring):
    """Was not unlocked, as that of a desktop to which nobody has logged in."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.KeyringLocked


def loaded(store: LoginStore) -> str:
    found = store.load()
    return found.refresh if found else ""


def test_long_token_is_split_over_entries(tmp_path: Path) -> None:
    small = SmallKeyring()
    keyring.set_keyring(small)
    store = LoginStore(CLIENT, tmp_path)
    assert store.save(LONG) == "the keyring of the system"
    assert loaded(store) == LONG
    assert max(map(len, small.entries.values())) <= 1280
    assert not list(tmp_path.glob("*.json"))


def test_shorter_token_leaves_no_old_parts(tmp_path: Path) -> None:
    small = SmallKeyring()
    keyring.set_keyring(small)
    store = LoginStore(CLIENT, tmp_path)
    store.save(LONG)
    store.save("short")
    assert loaded(store) == "short"
    assert len(small.entries) == 2  # the head and one part


@pytest.mark.parametrize("writes", range(7))
def test_keyring_that_fails_midway_never_loses_a_token(tmp_path: Path, writes: int) -> None:
    small = SmallKeyring()
    keyring.set_keyring(small)
    store = LoginStore(CLIENT, tmp_path)
    store.save("old")
    small.left = writes
    store.save(LONG)
    assert loaded(store) == LONG


def test_forgetful_keyring_is_noticed(tmp_path: Path) -> None:
    keyring.set_keyring(ForgetfulKeyring())
    store = LoginStore(CLIENT, tmp_path)
    assert store.save("token").endswith(".json")
    assert loaded(store) == "token"


def test_file_is_for_the_user_alone(tmp_path: Path) -> None:
    store = LoginStore(CLIENT, tmp_path / "logins")
    place = Path(store.save("token"))
    if os.name == "posix":
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert [one.suffix for one in place.parent.iterdir()] == [".json"]


def test_forget_removes_every_copy(tmp_path: Path) -> None:
    small = SmallKeyring()
    store = LoginStore(CLIENT, tmp_path)
    store.save("in the file")
    keyring.set_keyring(small)
    store.save(LONG)
    assert store.forget()
    assert not small.entries
    assert not list(tmp_path.glob("*.json"))
    assert not store.forget()


class KeepingKeyring(SmallKeyring):
    """Removes nothing, as a keyring does that was locked meanwhile."""

    def delete_password(self, service: str, username: str) -> None:
        raise OSError(5, "locked")


def test_log_in_that_cannot_be_removed_is_an_error(tmp_path: Path) -> None:
    keyring.set_keyring(KeepingKeyring())
    store = LoginStore(CLIENT, tmp_path)
    store.save("token")
    with pytest.raises(CampaignError, match="cannot be removed"):
        store.forget()


@pytest.mark.parametrize("content", ["", "null", "[]", '{"refresh": 1}', "\0", "{" * 9999])
def test_damaged_file_counts_as_no_log_in(tmp_path: Path, content: str) -> None:
    store = LoginStore(CLIENT, tmp_path)
    Path(store.save("token")).write_text(content)
    assert store.load() is None


def test_changed_part_in_the_keyring_counts_as_no_log_in(tmp_path: Path) -> None:
    small = SmallKeyring()
    keyring.set_keyring(small)
    store = LoginStore(CLIENT, tmp_path)
    store.save(LONG)
    part = next(key for key in small.entries if key[1].endswith("a1"))
    small.entries[part] = "x" * 1000
    assert store.load() is None


def test_accounts_and_applications_are_kept_apart(tmp_path: Path) -> None:
    other = OAuthClient(SERVER, "app", "bob@example.org")
    LoginStore(CLIENT, tmp_path).save("of ann")
    LoginStore(other, tmp_path).save("of bob")
    assert loaded(LoginStore(CLIENT, tmp_path)) == "of ann"


def test_unusable_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "logins").write_text("no folder")
    with pytest.raises(LedgerError, match="folder"):
        LoginStore(CLIENT, tmp_path / "logins").save("token")


def test_token_too_long_for_a_keyring_is_kept_in_the_file(tmp_path: Path) -> None:
    keyring.set_keyring(ring := SmallKeyring())
    store = LoginStore(CLIENT, tmp_path)
    store.save("x" * 1_000_000)
    assert loaded(store) == "x" * 1_000_000
    assert not any(name.endswith("head") for _, name in ring.entries)


def test_disk_without_space_is_one_clear_error(tmp_path: Path) -> None:
    keyring.set_keyring(ForgetfulKeyring())
    store = LoginStore(CLIENT, tmp_path)
    refused = pytest.raises(CampaignError, match="the log-in cannot be stored")
    with small_space(10), refused as caught:
        store.save("t" * 100)
    assert caught.value.problem.code == "oauth-storage"


def test_token_is_never_shown(tmp_path: Path) -> None:
    store = LoginStore(CLIENT, tmp_path)
    store.save("secret-token")
    assert "secret-token" not in repr(store.load())


def test_locked_keyring_is_no_missing_log_in(tmp_path: Path) -> None:
    keyring.set_keyring(LockedKeyring())
    store = LoginStore(CLIENT, tmp_path)
    for read in (store.load, store.forget):
        with pytest.raises(CampaignError, match="the keyring is locked") as error:
            read()
        assert "unlock the keyring" in error.value.problem.hint


def test_file_is_used_while_the_keyring_is_locked(tmp_path: Path) -> None:
    keyring.set_keyring(LockedKeyring())
    store = LoginStore(CLIENT, tmp_path)
    assert store.save("one") == str(next(tmp_path.glob("*.json")))
    assert loaded(store) == "one"
