"""What the check says about Cc, Bcc and several addresses in a cell."""

from __future__ import annotations

import pytest

from mailmerge.errors import Problem
from tests.preflight.checked import Folder, place

TOML = "campaign.toml"
UNSUBSCRIBE = {
    "url": '"https://x-firma.de/u"',
    "secret_command": '"echo 0123456789abcdef0123456789abcdef"',
}


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [one.code for one in problems]


def test_copies_are_counted(folder: Folder) -> None:
    folder.recipients("email,name,boss\nann@x-firma.de,Ann,boss@x-firma.de;b@x-firma.de\n")
    folder.configure(message={"cc": '"{{ boss }}"', "bcc": '["archive@x-firma.de"]'})
    report = folder.check()
    assert report.copies == 3
    assert report.to_json()["copies"] == 3
    assert "unused-column" not in codes(report.problems)


@pytest.mark.parametrize(
    ("keys", "column"),
    [
        ({"message": {"cc": '"boss@x-firma.de"'}}, "message.cc"),
        ({"message": {"bcc": '"boss@x-firma.de"'}}, "message.bcc"),
        ({"recipients": {"several": '"together"'}}, "recipients.several"),
    ],
)
def test_a_copy_with_the_unsubscribe_link_is_an_error(
    folder: Folder, keys: dict[str, dict[str, str]], column: str
) -> None:
    folder.configure(**keys, **{"message.unsubscribe": UNSUBSCRIBE})
    [problem] = [one for one in folder.check().problems if one.code == "copy-sees-unsubscribe"]
    assert place(problem) == ("copy-sees-unsubscribe", TOML, None, column)
    assert problem.severity == "error"
    assert "cc_sees_unsubscribe = true" in problem.hint
    folder.configure(message={"cc_sees_unsubscribe": "true"})
    assert "copy-sees-unsubscribe" not in codes(folder.check().problems)


def test_an_own_unsubscribe_field_counts_as_a_link(folder: Folder) -> None:
    folder.configure(message={"cc": '"boss@x-firma.de"'})
    assert "copy-sees-unsubscribe" not in codes(folder.check().problems)
    folder.configure(
        **{"message.headers": {"List-Unsubscribe": '"<https://x-firma.de/{{ email }}>"'}}
    )
    assert "copy-sees-unsubscribe" in codes(folder.check().problems)


def test_a_suppressed_copy_is_named(folder: Folder) -> None:
    folder.configure(message={"cc": '"gone@x-firma.de"'})
    folder.write("suppressed.csv", "email\ngone@x-firma.de\n")
    found = [one for one in folder.check().problems if one.code == "copy-suppressed"]
    assert [(one.severity, one.row, one.column) for one in found] == [
        ("warning", 2, "message.cc"),
        ("warning", 3, "message.cc"),
    ]
    assert "gone@x-firma.de" in found[0].message


def test_a_list_with_a_bad_address_names_the_row(folder: Folder) -> None:
    folder.recipients(
        "email,name,boss\nann@x-firma.de,Ann,boss@x-firma.de\nbob@x-firma.de,Bob,ann\n"
    )
    folder.configure(message={"cc": '"{{ boss }}"'})
    [problem] = [one for one in folder.check().problems if one.severity == "error"]
    assert (problem.row, problem.code) == (3, "address-no-at")
    assert "message.cc" in problem.message


def test_suspicious_copies_are_reported(folder: Folder) -> None:
    folder.configure(message={"cc": '["boss@gmial.com", "jürgen@x-firma.de"]'})
    found = codes(folder.check().problems)
    assert {"likely-typo", "needs-smtputf8"} <= set(found)
    folder.configure(message={"cc": '"boss@example.org"'})
    assert "reserved-domain" not in codes(folder.check().problems)
    assert "reserved-domain" in codes(folder.check(for_real=True).problems)


def test_more_than_a_hundred_addresses_are_a_warning(folder: Folder) -> None:
    many = ";".join(f"b{number}@x-firma.de" for number in range(100))
    folder.configure(message={"cc": f'"{many}"'})
    assert "many-copies" in codes(folder.check().problems)


def test_the_daily_limit_counts_copies(folder: Folder) -> None:
    folder.configure(delivery={"rate": '"3/day"'})
    assert "daily-limit" not in codes(folder.check().problems)
    folder.configure(message={"cc": '"boss@x-firma.de"'})
    assert "daily-limit" in codes(folder.check().problems)
