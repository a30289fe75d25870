"""A mailing from its orders to its summary, without a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.cli.send import plan_lines
from mailmerge.engine.summary import Summary
from mailmerge.errors import (
    AddressError,
    CampaignError,
    CheckFailed,
    Declined,
    Interrupted,
    MailmergeError,
    RunStopped,
)
from mailmerge.jobs import ROUNDS, Mailing, summary_document, unsent_document
from mailmerge.ledger.interface import InDoubt
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.quota import open_quotas
from mailmerge.ledger.states import State
from mailmerge.orders import Orders
from mailmerge.sandbox import Sandbox
from mailmerge.settings import Settings, load_settings, parse_rate
from tests.scripted_server import Reply, Rule, ScriptedServer, Stage, When, serve
from tests.scripted_server.faults import end_of_data_faults

CAMPAIGN = """
[campaign]
name = "spring"
[message]
from = "Example News <news@example.org>"
subject = "Hello {{ name }}"
text = "body.txt"
"""
PEOPLE = 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sandbox]:
    """The server of the account."""
    with Sandbox(tmp_path / "real") as running:
        yield running


def make(
    folder: Path,
    server: Sandbox | ScriptedServer | None = None,
    more: str = "",
    people: int = PEOPLE,
) -> Settings:
    folder.mkdir(exist_ok=True)
    smtp = (
        f'[smtp]\nhost = "127.0.0.1"\nport = {port_of(server)}\nsecurity = "none"\n'
        if server
        else ""
    )
    (folder / "campaign.toml").write_text(CAMPAIGN + smtp + more)
    rows = "".join(f"u{number}@example.org,U{number}\n" for number in range(people))
    (folder / "recipients.csv").write_text("email,name\n" + rows)
    (folder / "body.txt").write_text("Dear {{ name }},\n\nspring is here.\n")
    return load_settings(folder)


def port_of(server: Sandbox | ScriptedServer) -> int:
    return server.server.port if isinstance(server, Sandbox) else server.port


@pytest.fixture
def campaign(tmp_path: Path, server: Sandbox) -> Settings:
    """Four people and a server."""
    return make(tmp_path / "spring", server)


def do(campaign: Settings, orders: Orders) -> tuple[Summary, Mailing]:
    """All steps; what the person would have said yes to."""
    with Mailing(campaign, orders) as mailing:
        mailing.check()
        mailing.enrol()
        assert mailing.plan().to_send > 0
        summary = mailing.prepare().execute()
        while mailing.goes_on(summary):
            summary = mailing.resume().execute()
        summary = mailing.conclude(summary)
        assert summary_document(summary, mailing)["total"] == summary.total
        return summary, mailing


def test_everybody_is_sent_to_and_the_day_of_the_account_counts_them(
    tmp_path: Path, server: Sandbox
) -> None:
    campaign = make(tmp_path / "spring", server, '[delivery]\nrate = "100/day"\n')
    summary, mailing = do(campaign, Orders())
    assert summary.states[State.SENT] == len(server.messages) == PEOPLE
    account = mailing.account
    assert account is not None
    usage = open_quotas()
    left, _ = usage.take_quota(f"{account.name} 100/day", 100, 86_400.0, 100, time.time())
    usage.close()
    assert left == 100 - PEOPLE


def test_again_nobody_is_left_and_nothing_is_checked(campaign: Settings, server: Sandbox) -> None:
    do(campaign, Orders())
    with Mailing(campaign, Orders()) as mailing:
        assert mailing.check() is None
        assert not mailing.enrol()
        plan = mailing.plan()
        assert plan.to_send == 0
        assert plan.subjects == ()
        summary = mailing.summary()
        assert summary.states[State.SENT] == PEOPLE
        assert summary.error is None
    assert len(server.messages) == PEOPLE


def test_a_resumed_run_makes_its_own_renderer(campaign: Settings, server: Sandbox) -> None:
    do(campaign, Orders(limit=1))
    summary, _ = do(campaign, Orders())
    assert summary.states[State.SENT] == len(server.messages) == PEOPLE


def test_a_changed_list_needs_a_yes(campaign: Settings) -> None:
    do(campaign, Orders(limit=1))
    with (campaign.folder / "recipients.csv").open("a") as sheet:
        sheet.write("new@example.org,New\n")
    with pytest.raises(Declined, match=r"\+1 new"):
        do(campaign, Orders())
    summary, _ = do(campaign, Orders(accept_changes=True))
    assert summary.states[State.SENT] == PEOPLE + 1


def test_who_was_rejected_is_tried_again_on_demand(tmp_path: Path) -> None:
    once = Rule(When(Stage.RCPT, recipient="u1@*", times=1), (Reply(550, "5.1.1 No"),))
    with serve(once) as server:
        campaign = make(tmp_path / "spring", server)
        first, _ = do(campaign, Orders())
        assert first.states[State.REJECTED] == 1
        summary, _ = do(campaign, Orders(retry_rejected=True))
    assert summary.states[State.SENT] == PEOPLE


def test_a_plan_shows_the_subjects_of_those_who_are_left(campaign: Settings) -> None:
    do(campaign, Orders(limit=2))
    with Mailing(campaign, Orders()) as mailing:
        mailing.check()
        mailing.enrol()
        assert mailing.plan().subjects == ("Hello U2", "Hello U3")


def test_a_plan_says_what_holds_up_the_making_of_messages(tmp_path: Path) -> None:
    with serve() as server:
        campaign = make(tmp_path / "spring", server)
        (campaign.folder / "body.html").write_text("<style>p { color: {{ name }} }</style><p>Hi")
        text = (campaign.folder / "campaign.toml").read_text()
        (campaign.folder / "campaign.toml").write_text(
            text.replace("[message]", '[message]\nhtml = "body.html"')
        )
        campaign = load_settings(campaign.folder)
        for checked_before in (False, True):
            with Mailing(campaign, Orders()) as mailing:
                assert (mailing.check() is None) == checked_before
                if mailing.report is not None:
                    mailing.report = replace(mailing.report, recipients=320, seconds=8.0)
                mailing.enrol()
                plan = mailing.plan()
            why = "styles depend on the row (a value stands in <style>)"
            told = f"  speed      about 40 a second: {why}" in list(plan_lines(plan))
            assert told != checked_before
            assert plan.per_second == (0 if checked_before else 40)


def test_saying_no_to_a_retry_leaves_the_rejected_rejected(tmp_path: Path) -> None:
    once = Rule(When(Stage.RCPT, recipient="u1@*", times=1), (Reply(550, "5.1.1 No"),))
    with serve(once) as server:
        campaign = make(tmp_path / "spring", server)
        do(campaign, Orders())
        with Mailing(campaign, Orders(retry_rejected=True)) as mailing:
            mailing.check()
            mailing.enrol()
            assert mailing.plan().to_send == 1
        record = Ledger.read(campaign)
    assert record is not None
    assert record.counts()[State.REJECTED] == 1


@pytest.fixture
def doubtful(tmp_path: Path) -> Iterator[Settings]:
    """Everybody is sent to but one, who is in doubt: the server took it and never said so."""
    silent = Rule(
        When(Stage.END_OF_DATA, recipient="u1@*", times=1),
        end_of_data_faults()["taken-and-closed"],
    )
    with serve(silent) as server:
        campaign = make(tmp_path / "spring", server)
        summary, _ = do(campaign, Orders())
        assert summary.states[State.IN_DOUBT] == 1
        assert summary.states[State.SENT] == PEOPLE - 1
        yield campaign


def test_a_resend_of_the_last_in_doubt_is_planned_and_sent(doubtful: Settings) -> None:
    with Mailing(doubtful, Orders(in_doubt="resend")) as mailing:
        mailing.check()
        mailing.enrol()
        assert mailing.plan().to_send == 1
        summary = mailing.prepare().execute()
    assert (summary.sent, summary.states[State.SENT]) == (1, PEOPLE)


@pytest.mark.parametrize(("choice", "sent"), [("hold", PEOPLE - 1), ("assume-sent", PEOPLE)])
def test_the_last_in_doubt_are_held_or_assumed_sent(
    doubtful: Settings, choice: InDoubt, sent: int
) -> None:
    with Mailing(doubtful, Orders(in_doubt=choice)) as mailing:
        mailing.check()
        mailing.enrol()
        assert mailing.plan().to_send == 0
        assert mailing.summary().states[State.SENT] == sent


def test_what_is_wrong_is_found_before_a_connection(campaign: Settings, server: Sandbox) -> None:
    (campaign.folder / "body.txt").write_text("{{ nmae }}")
    with Mailing(campaign, Orders()) as mailing:
        with pytest.raises(CheckFailed, match="nothing was sent"):
            mailing.check()
        document = unsent_document(mailing)
    assert document["problems"]
    assert len(server.messages) == 0


@pytest.mark.parametrize("begun", [False, True])
def test_a_dry_run_only_reads(campaign: Settings, begun: bool) -> None:
    if begun:
        do(campaign, Orders(limit=1))
    with Mailing(campaign, Orders(dry_run=True)) as mailing:
        mailing.check()
        assert mailing.enrol().first
        plan = mailing.plan()
        assert plan.to_send == PEOPLE - begun
        assert unsent_document(mailing, plan)["to_send"] == plan.to_send
    assert (Ledger.read(campaign) is not None) is begun


def test_without_a_server_only_what_stays_here_is_done(tmp_path: Path) -> None:
    campaign = make(tmp_path / "spring")
    with pytest.raises(CampaignError, match="no server"), Mailing(campaign, Orders()):
        pass
    with Mailing(campaign, Orders(dry_run=True)) as mailing:
        assert mailing.plan().server == "none is named yet"
        assert unsent_document(mailing)["total"] == 0
    summary, mailing = do(campaign, Orders(sandbox=True))
    assert summary.states[State.SENT] == PEOPLE
    assert mailing.sandbox is not None
    assert mailing.sandbox.caught == PEOPLE
    assert Ledger.read(campaign) is None


def test_the_providers_rules_and_limits_go_to_the_run(tmp_path: Path) -> None:
    campaign = make(tmp_path / "spring", more='[smtp]\nprovider = "163"\nusername = "me@163.com"\n')
    with Mailing(campaign, Orders(connections=1)) as mailing:
        limits = mailing.limits()
        assert limits.rules(550, "MI:DMC") == "reconnect"
        assert limits.account.startswith("me@163.com@")
    by_host = make(tmp_path / "host", more='[smtp]\nhost = "smtp.qq.com"\nport = 465\n')
    with Mailing(by_host, Orders(rates=(parse_rate("1/second"),))) as mailing:
        assert mailing.limits().rules(550, "Mailbox frequency limited") == "pause"
        assert mailing.limits().rates == mailing.plan().rates == (parse_rate("1/second"),)


def test_a_test_is_for_me_only(campaign: Settings, server: Sandbox) -> None:
    summary, mailing = do(campaign, Orders(test_to="me@example.net", limit=2))
    assert summary.states[State.SENT] == len(server.messages) == 2
    assert summary_document(summary, mailing)["test_to"] == "me@example.net"
    assert Ledger.read(campaign) is None
    with Mailing(campaign, Orders(test_to="me@example.net", dry_run=True)) as mailing:
        mailing.check()
        plan = mailing.plan()
    assert (plan.to_send, plan.test_to) == (3, "me@example.net")
    assert plan.subjects[0] == "[test for u0@example.org] Hello U0"


def test_a_test_to_the_row_itself_goes_to_nobody(campaign: Settings, server: Sandbox) -> None:
    orders = Orders(test_to="U1@Example.ORG", only="u1@example.org")
    with Mailing(campaign, orders) as mailing, pytest.raises(AddressError, match="row itself"):
        mailing.enrol()
    assert len(server.messages) == 0


def test_orders_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(CampaignError, match="--faults"):
        Orders(faults=1)
    with pytest.raises(CampaignError, match="--test-to"):
        Orders(sandbox=True, test_to="me@example.net")


def test_what_is_no_address_gets_no_test(campaign: Settings) -> None:
    with pytest.raises(CampaignError, match="--test-to"), Mailing(campaign, Orders(test_to="me")):
        pass


def test_a_rehearsal_with_faults_ends_with_its_books(tmp_path: Path) -> None:
    rate = '[delivery]\nrate = "60/minute"\n'
    campaign = make(tmp_path / "spring", more=rate, people=150)
    summary, mailing = do(campaign, Orders(sandbox=True, faults=3))
    assert summary.error is None
    assert summary.states[State.PENDING] == summary.states[State.DEFERRED] == 0
    assert summary.sent == summary.states[State.SENT] < 150
    assert 1 < mailing.rounds < ROUNDS


def test_a_rehearsal_that_does_not_balance_or_end_says_so(tmp_path: Path) -> None:
    orders = Orders(sandbox=True, faults=3)
    with Mailing(make(tmp_path / "spring"), orders) as mailing:
        mailing.check()
        mailing.enrol()
        summary = mailing.prepare().execute()
        mailing.rounds = ROUNDS
        unfinished = replace(summary, states={**summary.states, State.PENDING: 2}, error=None)
        assert not mailing.goes_on(unfinished)
        assert isinstance(mailing.conclude(unfinished).error, RunStopped)
        stopped = replace(unfinished, error=Interrupted("stopped"))
        assert mailing.conclude(stopped).error is stopped.error
        mailing._enrolled += 1
        error = mailing.conclude(summary).error
    assert type(error) is MailmergeError
    assert "--seed 3" in str(error)
