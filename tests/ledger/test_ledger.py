"""The public face: opening by URL, by campaign and in memory; decisions; who may open it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.errors import Declined, LedgerError, LedgerHeld
from mailmerge.ledger.ledger import Ledger, LedgerOptions
from mailmerge.ledger.states import State
from mailmerge.settings import CampaignSection, Settings
from tests.engine.driver import make_campaign
from tests.ledger.steps import NOW, by_key, claim, counts, enrol, finish
from tests.ledgers import open_store, read_ledger, store_of
from tests.platforms import ON_WINDOWS, assert_private, needs_links

OpenPart = Callable[[], Ledger]


def identify(secret: bytes, key: str) -> str:
    return f"<{len(secret)}.{key}>"


@pytest.fixture(params=["sqlite:///{}/spring.db", "sqlite://", "sqlite:///:memory:"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param).format(tmp_path)


def test_a_ledger_is_opened_by_its_url(url: str) -> None:
    with Ledger.open(url) as ledger:
        store = ledger.store("spring", identify)
        [one] = claim(store, 1)
        assert one.message_id == "<32.u0@example.org>"


def test_a_file_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Ledger.open("sqlite:///spring.db") as ledger:
        [one, _] = claim(ledger.store("spring", identify), 2)
        finish(ledger.store("spring", identify), one, State.SENT)
    assert {path.name for path in tmp_path.iterdir()} >= {"spring.db", "spring.lock"}
    with Ledger.open(f"sqlite:///{tmp_path}/spring.db") as ledger:
        assert counts(ledger.store("spring", identify)) == {"sent": 1, "pending": 1}


def test_another_working_directory_does_not_move_a_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Ledger.open("sqlite:///spring.db", LedgerOptions(rotate_after=10)) as ledger:
        store = enrol(ledger.store("spring", identify))
        monkeypatch.chdir("/")
        for one in store.claim("w", 4, NOW):
            finish(store, one, State.SENT)
            store.flush()
    with Ledger.open(f"sqlite:///{tmp_path}/spring.db") as ledger:
        assert counts(ledger.store("spring", identify)) == {"sent": 4}


@pytest.mark.parametrize("other", ["spring.sqlite", "spring.2.db", "spring.17.sqlite3"])
def test_two_ledgers_never_share_their_journals(tmp_path: Path, other: str) -> None:
    Ledger.open(f"sqlite:///{tmp_path}/{other}").close()
    with pytest.raises(LedgerError, match=f"same names as those of {other}") as refusal:
        Ledger.open(f"sqlite:///{tmp_path}/spring.db")
    assert refusal.value.problem.code == "ledger-url"
    assert not (tmp_path / "spring.db").exists()


def test_names_that_only_begin_alike_are_two_ledgers(tmp_path: Path) -> None:
    (tmp_path / "spring.2.csv").touch()
    for name in ("spring.db", "spring2.db", "spring.old.db"):
        Ledger.open(f"sqlite:///{tmp_path}/{name}").close()


@needs_links
def test_a_link_to_a_ledger_is_the_same_ledger(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("spring.db")
    with Ledger.open(f"sqlite:///{tmp_path}/spring.db") as ledger:
        claim(ledger.store("spring", identify))
        with pytest.raises(LedgerHeld):
            Ledger.open(f"sqlite:///{tmp_path}/link.db")
    with Ledger.open(f"sqlite:///{tmp_path}/link.db") as ledger:
        store = ledger.store("spring", identify)
        assert store.recovery is None
        assert counts(store) == {"pending": 4}
    assert sorted(path.stem for path in tmp_path.glob("*.lock")) == ["spring"]


def test_a_ledger_holds_many_campaigns() -> None:
    with Ledger.memory() as ledger:
        spring, autumn = (ledger.store(name, identify) for name in ("spring", "autumn"))
        enrol(spring, 3)
        enrol(autumn, 2)
        finish(autumn, autumn.claim("w", 1, NOW)[0], State.SENT)
        assert counts(spring) == {"pending": 3}
        assert counts(autumn) == {"pending": 1, "sent": 1}
        assert len(spring.claim("w", 9, NOW)) == 3
        assert not spring.check_passed("x")
        autumn.remember_check("x")
        assert (spring.check_passed("x"), autumn.check_passed("x")) == (False, True)
        assert ledger.store("spring", identify) is spring


def test_deliveries_are_those_of_the_named_campaign(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/spring.db"
    with Ledger.open(url) as ledger:
        spring, autumn = (ledger.store(name, identify) for name in ("spring", "autumn"))
        enrol(spring, 3)
        enrol(autumn, 1)
        finish(spring, spring.claim("w", 1, NOW)[0], State.SENT)
        states = ["sent", "pending", "pending"]
        assert [str(one.state) for one in ledger.deliveries("spring")] == states
    with Ledger.open(url) as ledger:
        found = list(ledger.deliveries("spring"))
        assert [str(one.state) for one in found] == states
        assert [one.row for one in found] == sorted(one.row for one in found)
        assert [one.key for one in found] == [f"u{number}@example.org" for number in range(3)]
        assert len(list(ledger.deliveries("autumn"))) == 1
        assert list(ledger.deliveries("winter")) == []
        assert counts(ledger.store("winter", identify)) == {}


@pytest.mark.parametrize("url", ["postgresql://localhost/x", "spring.db", "mysql://x"])
def test_an_unknown_url_says_which_one_to_write(url: str) -> None:
    with pytest.raises(LedgerError, match="write sqlite:///FILE") as error:
        Ledger.open(url)
    assert error.value.problem.code == "ledger-url"


def test_decisions_concern_all_campaigns() -> None:
    with Ledger.memory() as ledger:
        for name in ("spring", "autumn"):
            one, two, _ = claim(ledger.store(name, identify), 3)
            finish(ledger.store(name, identify), one, State.IN_DOUBT, doubts=1)
            finish(ledger.store(name, identify), two, State.REJECTED)
        store = ledger.store("spring", identify)
        assert ledger.resolve("in_doubt", "resend") == 2
        assert len(store.claim("w", 9, NOW)) == 1
        assert ledger.resolve("rejected", "retry") == 2
        assert len(store.claim("w", 9, NOW)) == 1
        assert ledger.resolve("in_doubt", "assume_sent") == 1


def test_a_decision_comes_before_the_first_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/spring.db"
    with Ledger.open(url) as ledger:
        store = ledger.store("spring", identify)
        finish(store, claim(store, 1)[0], State.IN_DOUBT, doubts=1)
    with Ledger.open(url) as ledger:
        assert ledger.resolve("in_doubt", "resend") == 1
        assert len(ledger.store("spring", identify).claim("w", 9, NOW)) == 1


@pytest.mark.parametrize(("state", "resolution"), [("sent", "resend"), ("in_doubt", "retry")])
def test_an_unknown_decision_is_an_error(state: str, resolution: str) -> None:
    with Ledger.memory() as ledger, pytest.raises(ValueError, match="cannot be resolved by"):
        ledger.resolve(state, resolution)


# --- the ledger of a campaign folder


def test_a_second_process_sees_the_owner(campaign: Settings) -> None:
    with Ledger.of(campaign):
        with pytest.raises(LedgerHeld, match="is being sent by process"):
            Ledger.of(campaign)
        Ledger.of(campaign, "sandbox").close()
    Ledger.of(campaign).close()


def test_a_renamed_folder_keeps_its_deliveries(campaign: Settings) -> None:
    unnamed = replace(campaign, campaign=CampaignSection())
    with Ledger.of(unnamed) as ledger:
        store = ledger.store("kept", identify)
        finish(store, claim(store, 2)[0], State.SENT)
    with Ledger.of(unnamed) as ledger:
        assert counts(ledger.store("renamed", identify)) == {"sent": 1, "pending": 1}
    assert counts(read_ledger(unnamed)) == {"sent": 1, "pending": 1}


def test_another_chosen_name_begins_another_mailing_if_asked(campaign: Settings) -> None:
    old, new = (replace(campaign, campaign=CampaignSection(name=name)) for name in ("old", "new"))
    with Ledger.of(old) as ledger:
        store = ledger.store("old", identify)
        finish(store, claim(store, 2)[0], State.SENT)
    with Ledger.of(new) as ledger, pytest.raises(Declined, match='has sent "old"') as caught:
        ledger.store("new", identify)
    assert caught.value.problem.code == "other-mailing"
    assert counts(read_ledger(new)) == {}
    assert (read_ledger(old).begun, read_ledger(new).begun) == (True, False)
    with Ledger.of(new, begin=True) as ledger:
        finish(
            ledger.store("new", identify), claim(ledger.store("new", identify), 3)[0], State.SENT
        )
    assert counts(read_ledger(new)) == {"sent": 1, "pending": 2}
    assert counts(read_ledger(old)) == {"sent": 1, "pending": 1}


def test_ledger_of_the_sandbox_has_one_mailing(campaign: Settings) -> None:
    old, new = (replace(campaign, campaign=CampaignSection(name=name)) for name in ("old", "new"))
    with Ledger.of(old, "sandbox") as ledger:
        finish(
            ledger.store("old", identify), claim(ledger.store("old", identify), 2)[0], State.SENT
        )
    reader = Ledger.read(new, "sandbox")
    assert reader is not None
    assert counts(reader) == {"sent": 1, "pending": 1}


def test_a_fresh_ledger_is_empty_with_a_new_secret(campaign: Settings) -> None:
    ids = list[str]()
    for fresh in (False, False, True):
        with Ledger.of(campaign, "sandbox", fresh=fresh) as ledger:
            store = store_of(ledger, campaign)
            assert bool(counts(store)) is (len(ids) == 1)
            ids.append(claim(store, 1)[0].message_id)
    assert ids[0] == ids[1] != ids[2]
    assert Ledger.read(campaign) is None


def test_a_fresh_ledger_leaves_other_journals_alone(campaign: Settings) -> None:
    with Ledger.of(campaign, "sandbox2") as other:
        [one, _] = claim(store_of(other, campaign), 2)
        finish(store_of(other, campaign), one, State.SENT)
        with Ledger.of(campaign, "sandbox", fresh=True):
            pass
        reader = Ledger.read(campaign, "sandbox2")
        assert reader is not None
        assert counts(reader) == {"sent": 1, "pending": 1}


@pytest.mark.parametrize("kind", ["sqlite with journal", "plain sqlite"])
def test_everything_in_the_folder_is_for_the_user_alone(campaign: Settings, kind: str) -> None:
    with open_store(campaign, kind) as store:
        claim(store, 1)
        assert_private(campaign.state_folder)
        names = {path.name for path in campaign.state_folder.iterdir()}
        assert {"ledger.sqlite", "ledger.lock"} <= names
        assert_private(*(campaign.state_folder / name for name in names))


def test_a_folder_that_is_open_to_others_is_narrowed(campaign: Settings) -> None:
    campaign.state_folder.mkdir()
    campaign.state_folder.chmod(0o777)
    Ledger.of(campaign).close()
    assert_private(campaign.state_folder)


def test_a_folder_that_cannot_be_made_is_one_clear_line(campaign: Settings) -> None:
    campaign.state_folder.write_text("a file where the folder should be")
    with pytest.raises(LedgerError, match="cannot be made"):
        Ledger.of(campaign)


def test_a_damaged_ledger_is_reported_and_not_changed(campaign: Settings) -> None:
    Ledger.of(campaign).close()
    path = campaign.state_folder / "ledger.sqlite"
    path.write_bytes(b"this is no database" * 100)
    for attempt in (Ledger.of, lambda campaign: by_key(Ledger.read(campaign))):
        with pytest.raises(LedgerError, match="is damaged") as error:
            attempt(campaign)
        assert error.value.problem.code == "ledger-damaged"
        assert error.value.problem.file == "ledger.sqlite"
    assert path.read_bytes().startswith(b"this is no database")


def test_a_failed_opening_releases_the_lock(campaign: Settings) -> None:
    campaign.state_folder.mkdir()
    path = campaign.state_folder / "ledger.sqlite"
    path.write_bytes(b"this is no database" * 100)
    for _ in range(2):
        with pytest.raises(LedgerError, match="is damaged"):
            Ledger.of(campaign)


def test_paths_may_have_spaces_and_special_characters(tmp_path: Path) -> None:
    campaign = make_campaign(tmp_path / f"a {'' if ON_WINDOWS else '?'}mode=memory&#%20 ü")
    with open_store(campaign) as store:
        claim(store, 1)
    assert (campaign.state_folder / "ledger.sqlite").stat().st_size > 0
    reader = Ledger.read(campaign)
    assert reader is not None
    assert counts(reader) == {"pending": 1}


def test_the_options_choose_how_long_a_claim_lasts(campaign: Settings) -> None:
    with open_store(campaign, options=LedgerOptions(lease=10.0)) as store:
        claim(store, 1)
        assert store.expire(NOW + 9) == 0
        assert store.expire(NOW + 10) == 1
