"""The whole check: it goes on after each problem, and remembers what it has passed."""

from __future__ import annotations

import json

import pytest

from mailmerge.campaign import Campaign
from mailmerge.credentials import Server, find_account
from mailmerge.errors import CampaignError, Problem
from mailmerge.preflight.check import Check, CheckOptions, check, check_campaign, check_digest
from mailmerge.recipients.audience import Selection
from mailmerge.recipients.collection import read_recipients
from tests.campaign_folder import SHEET
from tests.preflight.checked import Folder, place

PAGE = "<html><body><p>Dear {{ name }},</p>\n%s</body></html>"
KEYS = {
    *("severity", "code", "message", "file", "row", "column", "line", "character", "excerpt"),
    "hint",
}


def test_a_good_campaign_has_no_problem(folder: Folder) -> None:
    report = folder.check()
    assert (report.problems, report.recipients) == ((), 2)
    assert report.subjects == ("Hello Ann", "Hello Bob")
    assert report.passed(strict=True)
    sizes = report.sizes
    assert sizes.largest * 2 >= sizes.total > sizes.largest > 0


def test_one_check_finds_problems_of_every_kind(folder: Folder) -> None:
    folder.configure(
        message={"from": '"news"', "html": '"body.html"', "attachments": '["no.pdf"]'},
        recipients={"suppress": '"out.csv"'},
    )
    folder.write("body.html", PAGE % "{% if name == 'Cy' %}{{ nmae }}{% endif %}")
    folder.recipients(SHEET.replace("bob@", "bob@@") + "cy@gmial.com,Cy\ndi@x-firma.de,#N/A\n")
    folder.write("out.csv", "email\nann@x-firma.de\n")
    report = folder.refuse_by_check()
    assert {(p.code, p.row) for p in report.problems} == {
        ("from-address", None),
        ("address-two-at", 3),
        ("likely-typo", 4),
        ("undefined-variable", 4),
        ("formula-error", 5),
    }
    assert report.suppressed == 1


def test_reserved_domains_are_counted_before_a_real_send(
    folder: Folder,
) -> None:
    folder.configure(smtp={"host": '"smtp.x-firma.de"'})
    folder.recipients("email,name\nann@example.org,Ann\nbob@example.com,Bob\n")
    report = folder.check(account=find_account(folder.campaign.smtp, folder.path))
    (note,) = [one for one in report.problems if one.code == "reserved-for-examples"]
    assert note.message.startswith("2 addresses")
    assert report.passed()
    assert folder.problems(account=None) == []


def test_problems_found_before_are_in_the_report(folder: Folder) -> None:
    known = Problem("error", "unknown-provider", "there is no provider 'x'")
    assert folder.problems(known=(known,)) == [known]


@pytest.mark.parametrize("selection", [Selection(where="name =="), Selection(only="bob")])
def test_a_wrong_selection_of_the_command_line_is_raised(
    folder: Folder, selection: Selection
) -> None:
    with pytest.raises(CampaignError):
        folder.check(selection=selection)


def test_a_condition_that_selects_no_recipient_is_an_error(folder: Folder) -> None:
    folder.configure(recipients={"where": "\"name == 'Zoe'\""})
    problem = folder.problem()
    assert (problem.severity, problem.code) == ("error", "none-selected")


def test_suppressing_every_recipient_is_an_error(folder: Folder) -> None:
    folder.write("suppressed.csv", "email\nann@x-firma.de\nbob@x-firma.de\n")
    problem = folder.problem()
    assert (problem.severity, problem.code) == ("error", "no-recipients-left")
    assert "2 suppressed" in problem.message


def test_an_unreadable_suppression_list_does_not_stop_the_check(
    folder: Folder,
) -> None:
    folder.write("suppressed.csv", "address\nann@x-firma.de\n")
    folder.recipients("email,name\nann@x-firma.de,Ann\nbob(at)x-firma.de,Bob\n")
    report = folder.refuse()
    assert {problem.file for problem in report.problems} == {"suppressed.csv", "recipients.csv"}
    assert report.recipients == 1


def test_a_wrong_sender_does_not_stop_the_check(folder: Folder) -> None:
    folder.configure(message={"from": '"News <news@localhost>"'})
    folder.recipients("email,name\nann(at)x-firma.de,Ann\n")
    found = {(problem.file, problem.column) for problem in folder.refuse().problems}
    assert ("campaign.toml", "message.from") in found
    assert ("recipients.csv", "email") in found


def test_notes_are_not_warnings(folder: Folder) -> None:
    folder.recipients(SHEET.replace(",", "\t"))
    report = folder.check()
    assert [note.code for note in report.notes] == ["delimiter-chosen"]
    assert report.passed(strict=True)


def test_progress_counts_recipients(folder: Folder) -> None:
    folder.recipients("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(1_100)))
    seen: list[int] = []
    check_campaign(folder.campaign, progress=seen.append)
    assert seen == [500, 1_000, 1_100]


def test_the_message_factory_is_left_for_the_run(folder: Folder) -> None:
    check = Check(folder.campaign)
    check.run()
    assert check.messages is not None
    assert check.messages.variables == {"name"}


def test_the_digest_changes_with_every_input(
    folder: Folder,
) -> None:
    def digest(**options: object) -> str:
        return check_digest(folder.campaign, CheckOptions(**options))  # type: ignore[arg-type]  # as named

    account = find_account(folder.campaign.smtp, folder.path)
    digests = [digest(), digest(for_real=True), digest(selection=Selection(only="a@x.de"))]
    for name in ("recipients.csv", "suppressed.csv"):
        folder.write(name, f"changed {name}")
        digests.append(digest(account=account))
    assert len(set(digests)) == len(digests)
    assert digest(account=account) == digests[-1]
    folder.configure(recipients={"file": '"-"'})
    assert digest() == ""


def test_content_is_what_the_messages_were_made_of(folder: Folder) -> None:
    folder.configure(message={"attachments": '["terms.pdf", "{{ name }}.pdf"]'})
    for name in ("terms.pdf", "Ann.pdf", "Bob.pdf", "unused.pdf", "send.log"):
        folder.write(name, "x")
    folder.recipients("email,name\na@x-firma.de,Ann\n")
    check = Check(folder.campaign)
    assert check.run().passed()
    assert set(check.content.files) == {"body.txt", "terms.pdf", "Ann.pdf"}
    assert folder.campaign.fingerprint_now(check.content) == check.content


def test_json_is_complete(folder: Folder) -> None:
    folder.recipients(SHEET + "".join(f"x{n},X\n" for n in range(20)))
    status, out, _ = folder.run("check", "--json")
    document = json.loads(out)
    assert status == 3
    assert document["recipients"] == 2
    assert document["errors"] == len(document["problems"]) == 20
    assert all(problem.keys() == KEYS for problem in document["problems"])
    (group,) = document["groups"]
    assert group.keys() == KEYS | {"count", "rows"}
    assert (group["count"], group["rows"], group["row"]) == (20, [4, 5, 6], None)
    assert document["notes"] == []


def test_strict_makes_warnings_count(folder: Folder) -> None:
    folder.recipients(SHEET + "cy@gmial.com,Cy\n")
    assert folder.run("check")[0] == 0
    status, _, found = folder.run("check", "--strict")
    assert status == 3
    assert "gmail.com" in found


def test_a_wrong_provider_does_not_stop_the_check(folder: Folder) -> None:
    folder.configure(smtp={"provider": '"gmale"'}, message={"attachments": '["no.pdf"]'})
    status, out, _ = folder.run("check", "--json")
    assert status == 3
    codes = {problem["code"] for problem in json.loads(out)["problems"]}
    assert codes == {"unknown-provider", "asset-missing"}


def test_a_composer_that_fails_is_reported(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise CampaignError("no", code="other")

    monkeypatch.setattr("mailmerge.preflight.making.Composer", refuse)
    assert place(folder.problem())[0] == "other"


def test_a_wrong_content_base_is_reported(folder: Folder) -> None:
    base = f'"https://x-firma.de/{"x" * 1000}/"'
    folder.configure(
        message={"from": '"news"', "related_by": '"content-location"', "content_base": base}
    )
    found = {problem.code for problem in folder.refuse_by_check().problems}
    assert found == {"from-address", "field-too-long"}


@pytest.mark.parametrize(("seconds", "noted"), [(2.0, True), (0.001, False)])
def test_slow_rendering_is_noted_with_its_rate(folder: Folder, seconds: float, noted: bool) -> None:
    folder.write("body.html", "<style>p { color: {{ name }} }</style><p>Hello</p>")
    folder.configure(message={"html": '"body.html"'})
    folder.recipients("email,name\nann@x-firma.de,red\nbob@x-firma.de,blue\n")
    times = iter((10.0, 10.0 + seconds))
    check = Check(folder.campaign, clock=lambda: next(times))
    report = check.run()
    found = [note.message for note in report.notes if note.code == "styles-per-row"]
    wanted = "styles depend on the row: a value stands in <style>; about 1 message a second"
    assert found == ([wanted] if noted else [])
    assert report.passed(strict=True)


def test_public_check_looks_at_the_given_recipients(folder: Folder) -> None:
    campaign = Campaign.of(folder.campaign)
    folder.write(
        "others.csv", "email,name\nann@x-firma.de,Ann\nbob@@x-firma.de,Bob\ncy@x.test,Cy\n"
    )
    people = read_recipients(folder.path / "others.csv")
    seen: list[int] = []
    report = check(campaign, people, progress=seen.append)
    assert [(p.code, p.file, p.row) for p in report.problems if p.severity == "error"] == [
        ("address-two-at", "others.csv", 3)
    ]
    assert (report.recipients, seen[-1]) == (2, 2)
    away = check(campaign, people, Server("smtp.x-firma.de"))
    assert "reserved-domain" in {p.code for p in away.problems if p.severity == "error"}
    here = check(campaign, people, Server("127.0.0.1"))
    assert {p.code for p in here.problems if p.severity == "error"} == {"address-two-at"}


def test_limit_of_given_recipients_ends_the_check(folder: Folder) -> None:
    people = read_recipients(folder.path / "recipients.csv")
    options = CheckOptions(selection=Selection(limit=1), recipients=people)
    assert check_campaign(folder.campaign, options).recipients == 1
    assert check_campaign(folder.campaign, CheckOptions(recipients=people)).recipients == 2
