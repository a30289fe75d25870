"""`check --dns` against a real name server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mailmerge.campaign import Campaign
from mailmerge.credentials import Server
from mailmerge.deliverability.resolver import DnsOptions
from mailmerge.preflight.check import check
from mailmerge.recipients.collection import read_recipients
from mailmerge.signing.keys import new_key
from tests.forked import run
from tests.preflight.checked import Folder
from tests.servers.name_server import name_server

KEY = new_key("ed25519")
ZONES: dict[str, str | None] = {
    "sender.eu": f"""
@ IN MX 10 mx
@ IN TXT "v=spf1 include:spf.protection.outlook.com -all"
s1._domainkey IN TXT "{KEY.record()}"
old._domainkey IN TXT "v=DKIM1; k=ed25519; p="
_dmarc IN TXT "v=DMARC1; p=reject; pct=50"
out IN A 5.9.9.9
default._bimi IN TXT "v=BIMI1; l=https://sender.eu/logo.svg"
""",
    "outlook.com": 'spf.protection IN TXT "v=spf1 ip4:5.9.0.0/24 -all"\n',
    "gmail.com": "@ IN MX 5 gmail-smtp-in.l.google.com.\n",
    "yahoo.com": "@ IN MX 1 mta5.am0.yahoodns.net.\n",
    "company.de": "@ IN A 5.9.0.1\n",
    "null.de": "@ IN MX 0 .\n",
    "empty.de": '@ IN TXT "nothing"\n',
    "failing.de": None,
    "eu": "",
    "de": 'gone IN TXT "not this"\n',
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with name_server(ZONES) as address:
        yield address


@pytest.fixture
def sender(folder: Folder) -> Folder:
    (folder.path / "dkim.pem").write_bytes(KEY.pem())
    folder.configure(
        message={
            "from": '"Ann <ann@sender.eu>"',
            "dkim": '{ selector = "s1", key_file = "dkim.pem" }',
        },
        smtp={
            "provider": '"office365"',
            "host": "",
            "port": "",
            "security": "",
            "username": '"ann@sender.eu"',
        },
    )
    folder.recipients(
        "email,name\na@gmail.com,A\nb@gmail.com,B\nc@yahoo.com,C\nd@company.de,D\n"
        "e@null.de,E\nf@empty.de,F\ng@missing.de,G\nh@failing.de,H\n"
    )
    return folder


@pytest.mark.real
def test_check_lists_records_receivers_and_dead_domains(sender: Folder, server: str) -> None:
    report = sender.check(dns=DnsOptions(server))
    dead = [(one.row, one.column, one.message) for one in report.problems
            if one.code == "recipient-domain"]  # fmt: skip
    assert dead == [
        (6, "email", "the domain 'null.de' takes no mail (RFC 7505)"),
        (7, "email", "the domain 'empty.de' has no mail server"),
        (8, "email", "the domain 'missing.de' does not exist"),
    ]
    others = [one.code for one in report.problems if one.code != "recipient-domain"]
    assert others == ["dkim-ed25519-only", "dmarc-obsolete"]
    notes = [one.message for one in report.notes]
    assert notes[:5] == [
        "2 recipients at Gmail",
        "1 recipient at Yahoo and AOL",
        "2 recipients at other servers",
        "not known: whether 1 domain of recipients takes mail",
        "SPF of sender.eu needs 1 of 10 look-ups: v=spf1 include:spf.protection.outlook.com -all",
    ]
    assert "sender.eu publishes a BIMI logo" in notes
    assert "Gmail demands: SPF or DKIM passes: met" in notes
    assert (report.errors, report.general_errors) == (3, 0)
    assert (sorted(report.invalid), report.invalid_recipients) == ([6, 7, 8], 3)


@pytest.mark.real
def test_revoked_key_and_missing_include_are_named(sender: Folder, server: str) -> None:
    sender.configure(
        message={"dkim": '{ selector = "old", key_file = "dkim.pem" }'},
        smtp={"provider": '"gmail"'},
    )
    found = {one.code: one for one in sender.check(dns=DnsOptions(server)).problems}
    assert found["dkim-record"].severity == "error"
    assert "revoked" in found["dkim-record"].message
    assert found["spf-server"].hint == "add include:_spf.google.com"
    assert "dmarc-alignment" not in found  # the provider may sign


@pytest.mark.real
def test_own_server_that_nothing_allows_is_an_error(sender: Folder, server: str) -> None:
    sender.configure(
        message={"dkim": '{ selector = "old", key_file = "dkim.pem" }'},
        smtp={"provider": "", "host": '"out.sender.eu"', "security": '"tls"'},
    )
    found = {one.code: one for one in sender.check(dns=DnsOptions(server)).problems}
    assert found["dmarc-alignment"].severity == "error"
    assert found["spf-server"].hint == "add a:out.sender.eu, if the messages leave from there"
    rules = [one for one in sender.check(dns=DnsOptions(server)).problems
             if one.code == "receiver-rule"]  # fmt: skip
    assert [one.message for one in rules] == [
        "Gmail demands: SPF or DKIM passes: not met",
        "Yahoo and AOL demands: SPF or DKIM passes: not met",
    ]
    assert all(one.hint for one in rules)


def test_nothing_is_asked_without_dns(sender: Folder) -> None:
    report = sender.check()
    assert not any(one.code.startswith(("dns-", "receiver-")) for one in report.notes)
    assert "recipient-domain" not in {one.code for one in report.problems}


@pytest.mark.real
def test_unanswered_questions_are_no_problem(sender: Folder, server: str) -> None:
    sender.configure(message={"from": '"Ann <ann@failing.de>"', "dkim": ""},
                     smtp={"username": '"ann@failing.de"'})  # fmt: skip
    sender.recipients("email,name\nh@failing.de,H\n")
    report = sender.check(dns=DnsOptions(server))
    assert report.problems == ()
    assert any("SERVFAIL" in one.message for one in report.notes)


@pytest.mark.real
def test_command_takes_a_name_server(sender: Folder, server: str) -> None:
    done = run("check", sender.path, "--dns", "--name-server", server, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 3
    assert "recipient-domain" in {one["code"] for one in document["problems"]}
    assert "dns-receivers" in {one["code"] for one in document["notes"]}


def test_name_server_needs_dns(sender: Folder) -> None:
    done = run("check", sender.path, "--name-server", "127.0.0.1")
    assert done.returncode == 2
    assert "--name-server is used with --dns only" in done.stderr.decode()


@pytest.mark.real
def test_python_api_asks_the_dns(server: str) -> None:
    campaign = Campaign(name="x", sender="Ann <ann@sender.eu>", subject="Hi",
                        text="Hello")  # fmt: skip
    people = read_recipients([{"email": "g@missing.de"}])
    report = check(campaign, people, Server(provider="office365", username="ann@sender.eu"),
                   dns=DnsOptions(server))  # fmt: skip
    assert "recipient-domain" in {one.code for one in report.problems}
