"""The rows that failed come back from an export changed, and another mailbox gets the mail."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest

from mailmerge.ledger.states import State
from mailmerge.recipients.audience import Recipient, open_audience
from mailmerge.reports.export import export, export_failed
from mailmerge.settings import RecipientsSection, load_settings
from tests.reports.deliveries import Ledger, delivery

HOSTILE = {
    "plus": "+49 170 1234567",
    "minus": "-x@example.org",
    "equals": "=1+1",
    "at": "@SUM(A1)",
    "link": '=HYPERLINK("https://evil.example","click")',
    "full width": "＝1+1",
    "apostrophe": "'=1+1",
    "tab": "\t=1+1",
    "lines": "one\ntwo\n\nthree",
    "line ends": "a\r\nb",
    "quotes": "say \"hello\", 'you'",
    "only quotes": '""',
    "spaces": "  two  spaces  ",
    "semicolon": "a;b;c",
    "long digits": "12345678901234567890",
    "zeros": "007",
    "date": "2026-11-26",
    "slash date": "3/4/2026",
    "exponent": "1e5",
    "yes": "TRUE",
    "unicode": "Łódź 张伟 😀",
    "decomposed": "Zoe\u0308",
    "coded": "_x0041_ and _x000D_",
    "markup": "<b>&amp;</b>",
    "missing": "NA",
    "empty": "",
}
ADDRESSES = ("-x@example.org", "+news@example.org", "=a@example.org", "'ann@example.org")


def failed_ledger() -> Ledger:
    return Ledger(
        *(
            delivery(number, State.REJECTED, **{**HOSTILE, "address": address})
            for number, address in enumerate(ADDRESSES)
        )
    )


def campaign_with(folder: Path, file: str, recipients: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "campaign.toml").write_text(
        f"""[campaign]
name = "again"
[recipients]
file = "{file}"
address = "address"
{recipients}
[message]
from = "A <a@example.org>"
subject = "News"
text = "body.txt"
""",
        encoding="utf-8",
    )
    (folder / "body.txt").write_text("phone: {{ plus }}\n", encoding="utf-8")
    return folder


def read_again(folder: Path) -> list[dict[str, str]]:
    found = list(open_audience(load_settings(folder)))
    assert all(isinstance(one, Recipient) for one in found), found
    rows = [dict(one.cells) for one in found if isinstance(one, Recipient)]
    for row in rows:
        row.pop("mailmerge reason", None)  # test_export.py asserts it
    return rows


@pytest.mark.parametrize("file", ["again.csv", "again.xlsx"])
@pytest.mark.parametrize(
    ("settings", "section"),
    [
        ("", RecipientsSection()),
        ('delimiter = ";"', RecipientsSection(delimiter=";")),
        ("skip_rows = 2", RecipientsSection(skip_rows=2)),
        ('encoding = "gb18030"', RecipientsSection(encoding="gb18030")),
        ('sheet = "Gäste & \\"co\\""', RecipientsSection(sheet='Gäste & "co"')),
    ],
    ids=["plain", "delimiter", "skip", "encoding", "sheet"],
)
def test_failed_rows_come_back_unchanged(
    tmp_path: Path, file: str, settings: str, section: RecipientsSection
) -> None:
    if section.sheet and file.endswith(".csv"):
        pytest.skip("a CSV file has no sheets")
    if (section.encoding or section.delimiter) and file.endswith(".xlsx"):
        pytest.skip("a workbook has neither")
    folder = campaign_with(tmp_path / "c", file, settings)
    ledger = failed_ledger()
    assert export_failed(ledger, folder / file, section) == len(ADDRESSES)
    expected = [dict(one.cells) for one in ledger.iterate()]
    assert read_again(folder) == expected


def test_sheet_with_outcomes_comes_back_unchanged(tmp_path: Path) -> None:
    folder = campaign_with(tmp_path / "c", "report.xlsx")
    ledger = failed_ledger()
    export(ledger, folder / "report.xlsx")
    columns = list(next(iter(ledger.iterate())).cells)
    again = [{name: row[name] for name in columns} for row in read_again(folder)]
    assert again == [dict(one.cells) for one in ledger.iterate()]


def test_report_to_look_at_holds_no_formula(tmp_path: Path) -> None:
    export(failed_ledger(), tmp_path / "report.csv")
    text = (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    for row in csv.reader(io.StringIO(text, newline="")):
        for cell in row:
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


def test_column_of_a_later_row_is_kept(tmp_path: Path) -> None:
    ledger = Ledger(delivery(0, State.REJECTED), delivery(1, State.REJECTED, added="later"))
    export_failed(ledger, tmp_path / "a.csv")
    export(ledger, tmp_path / "b.csv")
    for name in ("a.csv", "b.csv"):
        header = (tmp_path / name).read_text(encoding="utf-8-sig").splitlines()[0]
        assert "added" in header


def test_too_long_cell_is_refused_and_not_cut(tmp_path: Path) -> None:
    from mailmerge.errors import CampaignError

    ledger = Ledger(delivery(0, State.REJECTED, note="x" * 40_000))
    with pytest.raises(CampaignError, match=r"more than 32,767 characters.*\.csv"):
        export_failed(ledger, tmp_path / "a.xlsx")
    assert export_failed(ledger, tmp_path / "a.csv") == 1


def test_workbook_has_no_formula_after_another_program_saved_it(tmp_path: Path) -> None:
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    export_failed(failed_ledger(), tmp_path / "again.xlsx")
    out = tmp_path / "out"
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    subprocess.run(
        [office, profile, "--headless", "--convert-to", "xlsx", "--outdir", str(out),
         str(tmp_path / "again.xlsx")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    with zipfile.ZipFile(out / "again.xlsx") as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    assert not re.search(r"<f[ >/]", sheet)
    active = openpyxl.load_workbook(out / "again.xlsx").active
    assert active is not None
    saved = {str(cell.value) for row in active.iter_rows() for cell in row}
    assert {"=1+1", "+49 170 1234567", "-x@example.org", "007", "1e5"} <= saved
