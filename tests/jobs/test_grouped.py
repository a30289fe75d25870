"""A campaign whose rows are grouped, from the check to the exports."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest

from mailmerge.campaign import Campaign
from mailmerge.errors import CampaignError
from mailmerge.export import sample_messages
from mailmerge.jobs.targets import DryRun, NoServer
from mailmerge.jobs.test_message import send_test_message
from mailmerge.messages import message_factory
from mailmerge.preflight.check import check_campaign
from mailmerge.preview.background_check import BackgroundCheck
from mailmerge.preview.snapshot import CampaignSnapshot, take_snapshot
from mailmerge.recipients.audience import open_audience
from mailmerge.reports.export import export, export_failed
from mailmerge.reports.groups import outcomes_by
from mailmerge.reports.planned import PlannedDeliveries
from mailmerge.sandbox import Sandbox
from tests.jobs.campaigns import job_of

CAMPAIGN = """
[campaign]
name = "invoices"
[message]
from = "Example News <news@example.org>"
subject = "{{ rows|length }} invoices for {{ customer }}"
text = "body.txt"
attachments = ["{{ row.nr }}.pdf", "terms.txt", { file = "{{ nr }}-x.txt", as = "Note" }]
[recipients]
group_by = "customer"
"""
BODY = (
    "Dear {{ customer }},\n"
    "{% for row in rows %}{{ row.nr }}: {{ row.amount }}\n{% endfor %}"
    "Total {{ rows|sum('amount') }}\n"
)
LIST = "{% for row in rows %}{{ row.nr }}: {{ row.amount }}\n{% endfor %}"
ROWS = [
    ("ann@x-firma.de", "Ann", "1", "10.50"),
    ("bob@x-firma.de", "Bob", "2", "3"),
    ("ann@x-firma.de", "Ann", "3", "4"),
]


def write_rows(folder: Path, rows: Sequence[tuple[str, ...]]) -> None:
    lines = ["email,customer,nr,amount", *map(",".join, rows)]
    (folder / "recipients.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path: Path, server: Sandbox) -> Path:
    folder = tmp_path / "invoices"
    folder.mkdir()
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {server.server.port}\nsecurity = "none"\n'
    (folder / "campaign.toml").write_text(CAMPAIGN + smtp)
    (folder / "body.txt").write_text(BODY)
    (folder / "terms.txt").write_text("terms\n")
    for number in "123":
        (folder / f"{number}.pdf").write_bytes(b"%PDF-1.4 " + number.encode())
        (folder / f"{number}-x.txt").write_text(f"note {number}\n")
    write_rows(folder, ROWS)
    return folder


def text_of(message: EmailMessage) -> str:
    body = message.get_body()
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")


def attached(message: EmailMessage) -> list[str | None]:
    return [part.get_filename() for part in message.iter_attachments()]


def test_each_group_gets_one_message_with_all_rows(folder: Path, server: Sandbox) -> None:
    with job_of(Campaign.load(folder)) as job:
        assert job.plan().to_send == 2
        assert job.plan().subjects == ("2 invoices for Ann", "1 invoices for Bob")
        assert job.run_all().sent == 2
    ann, bob = sorted(server.messages, key=lambda one: str(one["To"]))
    assert text_of(ann) == "Dear Ann,\n1: 10.50\n3: 4\nTotal 14.5\n"
    assert attached(ann) == ["1.pdf", "3.pdf", "terms.txt", "Note.txt", "Note (2).txt"]
    assert attached(bob) == ["2.pdf", "terms.txt", "Note.txt"]
    assert "2: 3\nTotal 3\n" in text_of(bob)


def test_exports_have_the_outcome_of_each_row(folder: Path, tmp_path: Path) -> None:
    with job_of(Campaign.load(folder), limit=1) as job:
        assert job.run_all().sent == 1
        assert job.export(tmp_path / "out.csv") == 3
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:4] == ["email", "customer", "nr", "amount"]
    assert [(one["nr"], one["status"]) for one in rows] == [
        ("1", "sent"), ("2", "pending"), ("3", "sent"),
    ]  # fmt: skip
    assert rows[0]["message-id"] == rows[2]["message-id"] != ""


def test_own_workbook_has_the_outcome_of_each_row(folder: Path, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [("email", "customer", "nr", "amount"), *ROWS]:
        book.active.append(row)
    book.save(folder / "recipients.xlsx")
    text = (folder / "campaign.toml").read_text()
    more = '[recipients]\nfile = "recipients.xlsx"'
    (folder / "campaign.toml").write_text(text.replace("[recipients]", more))
    campaign = Campaign.load(folder)
    with job_of(campaign) as job:
        assert job.run_all().sent == 2
        assert job.export(tmp_path / "out.xlsx") == 3
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    assert [row[4] for row in sheet.iter_rows(values_only=True)] == ["status", *["sent"] * 3]


def test_edited_row_changes_its_recipient(folder: Path) -> None:
    with job_of(Campaign.load(folder)) as job:
        job.run_all()
    write_rows(folder, [*ROWS, ("ann@x-firma.de", "Ann", "2", "1")])
    with job_of(Campaign.load(folder), accept_changes=True) as job:
        difference = job.enrol()
    assert (difference.added, difference.changed, difference.changed_sent) == (0, 1, 1)


def test_column_that_differs_is_an_error_with_both_rows(folder: Path) -> None:
    (folder / "body.txt").write_text("Invoice {{ nr }} {{ row.amount }}\n{{ rows|length }}\n")
    report = check_campaign(Campaign.load(folder).settings)
    [problem] = [one for one in report.problems if one.severity == "error"]
    assert problem.code == "group-differs"
    assert (problem.file, problem.line, problem.row) == ("body.txt", 1, 2)
    assert '"nr" differs' in problem.message
    assert 'row 2 has "1", row 4 has "3"' in problem.message
    assert "rows" in problem.hint
    (folder / "body.txt").write_text("{{ row.amount }}{{ nr|default('x') }}\n")
    report = check_campaign(Campaign.load(folder).settings)
    assert [one.code for one in report.problems if one.row == 2] == ["group-differs"]


def test_check_names_the_row_of_each_cell(folder: Path) -> None:
    (folder / "body.txt").write_text(LIST)
    write_rows(folder, [*ROWS, ("ann@x-firma.de", "Ann", "2", "#REF!")])
    report = check_campaign(Campaign.load(folder).settings)
    broken = [one for one in report.problems if one.code == "formula-error"]
    assert [(one.row, one.column) for one in broken] == [(5, "amount")]
    assert 2 in report.invalid
    with job_of(Campaign.load(folder), skip_invalid=True) as job:
        summary = job.run_all()
    assert summary.states["sent"] == 1
    assert summary.states["skipped"] == 1


def test_rows_without_group_by_have_a_hint(folder: Path) -> None:
    text = (folder / "campaign.toml").read_text()
    (folder / "campaign.toml").write_text(text.replace('group_by = "customer"', 'key = "nr"'))
    report = check_campaign(Campaign.load(folder).settings)
    assert not report.passed()
    (folder / "body.txt").write_text("{% if false %}{{ rows }}{% endif %}Hello\n")
    text = (folder / "campaign.toml").read_text().replace("{{ rows|length }} ", "")
    (folder / "campaign.toml").write_text(text)
    report = check_campaign(Campaign.load(folder).settings)
    [problem] = [one for one in report.problems if one.code == "missing-column"]
    assert "group_by" in problem.hint


def test_status_before_and_after_counts_groups_by_a_column(folder: Path, tmp_path: Path) -> None:
    campaign = Campaign.load(folder)
    planned = PlannedDeliveries(campaign.settings)
    assert [len(one.rows) for one in planned.iterate()] == [2, 1]
    assert export(planned, tmp_path / "out.csv") == 3
    counted = outcomes_by(planned.iterate, "NR")
    assert {value: sum(states.values()) for value, states in counted.values.items()} == {
        "1": 1, "2": 1, "3": 1,
    }  # fmt: skip


def test_failed_groups_are_exported_with_all_rows(folder: Path, tmp_path: Path) -> None:
    campaign = Campaign.load(folder)
    write_rows(folder, [*ROWS, ("ann@x-firma.de", "Ann", "9", "1")])  # there is no 9.pdf
    with job_of(campaign, skip_invalid=True) as job:
        assert job.run_all().states["skipped"] == 1
        assert export_failed(job.ledger.records(), tmp_path / "failed.csv") == 3


def test_preview_shows_a_group_as_one_entry(folder: Path) -> None:
    (folder / "body.txt").write_text(LIST)
    write_rows(folder, [*ROWS, ("ann@x-firma.de", "Ann", "2", "#REF!"), ("", "Eve", "2", "1")])
    snapshot = take_snapshot(folder, CampaignSnapshot())
    ann, bob, eve = list(snapshot.rows)
    assert (ann.number, ann.note) == (2, "3 rows: 2, 4, 5")
    assert ann.cells[2] == "1; 3; 2"
    assert ann.group is not None
    assert snapshot.recipient(ann) == ann.group
    assert (bob.number, bob.note, eve.number) == (3, "1 row: 3", 6)
    checks = BackgroundCheck(snapshot)
    checks.run()
    assert {one.row for one in checks.problems_of(2)} == {5}
    assert checks.problems_of(5) == []


def test_render_finds_a_group_by_any_of_its_rows(folder: Path) -> None:
    settings = Campaign.load(folder).settings
    factory = message_factory(settings)
    [(one, _)] = sample_messages(open_audience(settings), factory, row=4)
    assert one.key == "Ann"
    with pytest.raises(CampaignError):
        list(sample_messages(open_audience(settings), factory, row=99))


def test_approval_covers_all_rows(folder: Path) -> None:
    codes = []
    for amount in ("4", "5"):
        write_rows(folder, [*ROWS[:2], ("ann@x-firma.de", "Ann", "3", amount)])
        with job_of(Campaign.load(folder), DryRun(NoServer())) as job:
            codes.append(job.approve().code)
    assert codes[0] != codes[1]


def test_test_message_of_a_group_has_all_rows(folder: Path, server: Sandbox) -> None:
    campaign = Campaign.load(folder)
    one = campaign.recipients()[0]
    send_test_message(campaign.settings, campaign.messages, one, "me@example.net")
    [message] = server.messages
    assert "1: 10.50\n3: 4\n" in text_of(message)
