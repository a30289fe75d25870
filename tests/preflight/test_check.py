"""The whole check: it goes on, tells each thing once, and remembers what it has passed."""

from __future__ import annotations

import json

import pytest

from mailmerge.credentials import find_account
from mailmerge.errors import CampaignError, Problem
from mailmerge.mime import folding
from mailmerge.preflight.check import Check, CheckOptions, check_campaign, check_digest
from mailmerge.recipients.audience import Selection
from tests.preflight.conftest import PEOPLE, Office, place

PAGE = "<html><body><p>Dear {{ name }},</p>\n%s</body></html>"
KEYS = {"severity", "code", "message", "file", "row", "column", "line", "hint"}


def test_a_good_campaign_has_no_problem(office: Office) -> None:
    report = office.check()
    assert (report.problems, report.recipients) == ((), 2)
    assert report.subjects == ("Hello Ann", "Hello Bob")
    assert report.passed(strict=True)
    assert report.largest * 2 >= report.octets > report.largest > 0


def test_one_check_finds_what_is_wrong_everywhere(office: Office) -> None:
    office.configure(
        message={"from": '"news"', "html": '"body.html"', "attachments": '["no.pdf"]'},
        recipients={"suppress": '"out.csv"'},
    )
    office.write("body.html", PAGE % "{% if name == 'Cy' %}{{ nmae }}{% endif %}")
    office.people(PEOPLE.replace("bob@", "bob@@") + "cy@gmial.com,Cy\ndi@x-firma.de,#N/A\n")
    office.write("out.csv", "email\nann@x-firma.de\n")
    report = office.refuse_by_check()
    assert {(p.code, p.row) for p in report.problems} == {
        ("from-address", None),
        ("address-two-at", 3),
        ("likely-typo", 4),
        ("undefined-variable", 4),
        ("formula-error", 5),
    }
    assert report.suppressed == 1


def test_every_composed_message_is_looked_at_for_its_files(office: Office) -> None:
    office.configure(message={"html": '"body.html"', "attachments": '["no.pdf", "{{ name }}"]'})
    office.write("body.html", PAGE % '<img src="a.png" alt="">')
    office.write("a.png", b"")
    report = office.refuse()
    assert sorted((p.code, p.row or 0) for p in report.problems) == [
        ("asset-empty", 0),
        ("asset-missing", 0),
        ("asset-missing", 2),
        ("asset-missing", 3),
    ]


def test_an_empty_subject_does_not_hide_a_missing_attachment(office: Office) -> None:
    office.configure(message={"subject": '" "', "attachments": '["no.pdf"]'})
    assert sorted({p.code for p in office.refuse().problems}) == ["asset-missing", "empty-subject"]


def test_reserved_domains_are_noted_where_a_real_send_would_refuse_them(office: Office) -> None:
    office.configure(smtp={"host": '"smtp.x-firma.de"'})
    office.people("email,name\nann@example.org,Ann\nbob@example.com,Bob\n")
    report = office.check(account=find_account(office.campaign.smtp, office.folder))
    (note,) = [one for one in report.problems if one.code == "reserved-for-examples"]
    assert note.message.startswith("2 addresses")
    assert report.passed()
    assert office.problems(account=None) == []


def test_what_was_found_before_is_in_the_report(office: Office) -> None:
    known = Problem("error", "unknown-provider", "there is no provider 'x'")
    assert office.problems(known=(known,)) == [known]


@pytest.mark.parametrize("selection", [Selection(where="name =="), Selection(only="bob")])
def test_a_selection_of_the_command_line_that_means_nothing_is_its_own_error(
    office: Office, selection: Selection
) -> None:
    with pytest.raises(CampaignError):
        office.check(selection=selection)


def test_a_condition_that_leaves_nobody_is_an_error(office: Office) -> None:
    office.configure(recipients={"where": "\"name == 'Zoe'\""})
    problem = office.problem()
    assert (problem.severity, problem.code) == ("error", "none-selected")


def test_a_list_of_suppressed_people_only_is_an_error(office: Office) -> None:
    office.write("suppressed.csv", "email\nann@x-firma.de\nbob@x-firma.de\n")
    problem = office.problem()
    assert (problem.severity, problem.code) == ("error", "nobody")
    assert "2 suppressed" in problem.message


def test_with_a_list_of_suppressed_people_that_is_none_the_rows_are_looked_at_all_the_same(
    office: Office,
) -> None:
    office.write("suppressed.csv", "address\nann@x-firma.de\n")
    office.people("email,name\nann@x-firma.de,Ann\nbob(at)x-firma.de,Bob\n")
    report = office.refuse()
    assert {problem.file for problem in report.problems} == {"suppressed.csv", "recipients.csv"}
    assert report.recipients == 1


def test_an_address_of_ones_own_that_is_none_is_told_with_all_else(office: Office) -> None:
    office.configure(message={"from": '"News <news@localhost>"'})
    office.people("email,name\nann(at)x-firma.de,Ann\n")
    told = {(problem.file, problem.column) for problem in office.refuse().problems}
    assert ("campaign.toml", "message.from") in told
    assert ("recipients.csv", "email") in told


def test_notes_do_not_stand_against_anything(office: Office) -> None:
    office.people(PEOPLE.replace(",", "\t"))
    report = office.check()
    assert [note.code for note in report.notes] == ["delimiter-chosen"]
    assert report.passed(strict=True)


def test_progress_counts_people(office: Office) -> None:
    office.people("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(1_100)))
    seen: list[int] = []
    check_campaign(office.campaign, progress=seen.append)
    assert seen == [500, 1_000, 1_100]


def test_message_factory_is_left_for_the_run(office: Office) -> None:
    check = Check(office.campaign, CheckOptions())
    check.run()
    assert check.messages is not None
    assert check.messages.variables == {"name"}


def test_the_digest_changes_with_people_templates_files_and_questions(office: Office) -> None:
    def digest(**options: object) -> str:
        return check_digest(office.campaign, CheckOptions(**options))  # type: ignore[arg-type]  # as named

    account = find_account(office.campaign.smtp, office.folder)
    digests = [digest(), digest(for_real=True), digest(selection=Selection(only="a@x.de"))]
    for name in ("recipients.csv", "body.txt", "suppressed.csv", "terms.pdf"):
        office.write(name, f"changed {name}")
        digests.append(digest(account=account))
    assert len(set(digests)) == len(digests)
    assert digest(account=account) == digests[-1]
    office.configure(recipients={"file": '"-"'})
    assert digest() == ""


def test_json_is_complete(office: Office) -> None:
    office.people(PEOPLE + "".join(f"x{n},X\n" for n in range(20)))
    status, out, _ = office.run("check", "--json")
    document = json.loads(out)
    assert status == 3
    assert document["recipients"] == 2
    assert document["errors"] == len(document["problems"]) == 20
    assert all(problem.keys() == KEYS for problem in document["problems"])
    (group,) = document["groups"]
    assert group.keys() == KEYS | {"count", "rows"}
    assert (group["count"], group["rows"], group["row"]) == (20, [4, 5, 6], None)
    assert document["notes"] == []


def test_strict_makes_warnings_count(office: Office) -> None:
    office.people(PEOPLE + "cy@gmial.com,Cy\n")
    assert office.run("check")[0] == 0
    status, _, told = office.run("check", "--strict")
    assert status == 3
    assert "gmail.com" in told


def test_a_wrong_provider_is_one_problem_among_others(office: Office) -> None:
    office.configure(smtp={"provider": '"gmale"'}, message={"attachments": '["no.pdf"]'})
    status, out, _ = office.run("check", "--json")
    assert status == 3
    codes = {problem["code"] for problem in json.loads(out)["problems"]}
    assert codes == {"unknown-provider", "asset-missing"}


def test_a_composer_that_fails_for_no_known_reason_is_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise CampaignError("no", code="other")

    monkeypatch.setattr("mailmerge.preflight.check.Composer", refuse)
    assert place(office.problem())[0] == "other"


def test_a_content_base_that_cannot_be_written_is_told_with_all_else(office: Office) -> None:
    base = f'"https://x-firma.de/{"x" * 1000}/"'
    office.configure(
        message={"from": '"news"', "related_by": '"content-location"', "content_base": base}
    )
    told = {problem.code for problem in office.refuse_by_check().problems}
    assert told == {"from-address", "field-too-long"}


def test_what_the_engine_would_not_send_is_found_before_it_is_asked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the composer overlooks: here it knows no bound of a line."""
    monkeypatch.setattr(folding, "LONGEST_LINE", 5_000)
    office.configure(message={"to_name": '"{{ name }}"', "subject": '"Hello"'})
    office.people(PEOPLE + f"cy@x-firma.de,{'C' * 1200}\n")
    (problem,) = (one for one in office.refuse().problems if one.severity == "error")
    assert (problem.code, problem.row) == ("long-line", 4)
    assert "line of 1204 bytes" in problem.message


@pytest.mark.parametrize(("seconds", "noted"), [(2.0, True), (0.001, False)])
def test_what_holds_up_the_making_of_messages_is_noted_with_its_rate(
    office: Office, seconds: float, noted: bool
) -> None:
    office.write("body.html", "<style>p { color: {{ name }} }</style><p>Hello</p>")
    office.configure(message={"html": '"body.html"'})
    office.people("email,name\nann@x-firma.de,red\nbob@x-firma.de,blue\n")
    times = iter((10.0, 10.0 + seconds))
    check = Check(office.campaign, CheckOptions(), clock=lambda: next(times))
    report = check.run()
    told = [note.message for note in report.notes if note.code == "styles-per-row"]
    wanted = "styles depend on the row: a value stands in <style>; about 1 message a second"
    assert told == ([wanted] if noted else [])
    assert report.passed(strict=True)
