"""What is wrong with the header fields of single messages, and with the cells in them."""

from __future__ import annotations

import pytest

from tests.preflight.checked import Folder, place

TOML = "campaign.toml"


def test_an_unseen_error_of_a_formula_is_a_warning(folder: Folder) -> None:
    folder.recipients("email,name,sum\na@x-firma.de,A,#REF!\n")
    folder.write("body.txt", "Dear {{ name }},\n{% if sum == '1' %}one{% endif %}\n")
    problem = folder.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("formula-error", "recipients.csv", 2, "sum")


def test_an_error_of_a_formula_in_a_message_is_an_error(folder: Folder) -> None:
    folder.recipients("email,name\na@x-firma.de,#DIV/0!\n")
    problem = folder.problem()
    assert problem.severity == "error"
    assert place(problem) == ("formula-error", "recipients.csv", 2, "name")
    assert problem.hint == "fix the formula in the sheet"


@pytest.mark.parametrize("subject", ["Re: your order", "FWD: news", "AW: Frage", "回复：你好"])
def test_a_subject_that_pretends_to_be_a_reply_is_a_warning(folder: Folder, subject: str) -> None:
    folder.configure(message={"subject": f'"{subject}"'})
    (group,) = folder.check().groups
    assert place(group.shared) == ("false-reply", TOML, None, "message.subject")


@pytest.mark.parametrize(
    ("length", "severity"), [(150, None), (151, "warning"), (998, "warning"), (999, "error")]
)
def test_a_long_subject_is_reported(folder: Folder, length: int, severity: str | None) -> None:
    folder.configure(message={"subject": f'"{("Hello " * 170)[: length - 1]}!"'})
    groups = [group for group in folder.check().groups if group.first.code == "long-subject"]
    assert [group.first.severity for group in groups] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("<https://x.de/u>, <mailto:u@x.de>", ""),
        ("https://x.de/u", "not a list of <URL>"),
        ("<https://x.de/u,v>", "not a list of <URL>"),
        ("<http://x.de/u>", "is not https"),
        ("<ftp://x.de/u>", "ftp"),
        ("<u.html>", "is relative and does not work"),
    ],
)
def test_an_unsubscribe_link_must_work(folder: Folder, value: str, says: str) -> None:
    folder.configure(message={"headers": f'{{ List-Unsubscribe = "{value}", X-Empty = "" }}'})
    groups = folder.check().groups
    assert len(groups) == bool(says)
    assert all(says in group.first.message for group in groups)


def test_one_click_needs_an_https_link(folder: Folder) -> None:
    post = 'List-Unsubscribe-Post = "List-Unsubscribe=One-Click"'
    folder.configure(message={"headers": f'{{ List-Unsubscribe = "<mailto:u@x.de>", {post} }}'})
    (group,) = folder.check().groups
    assert "needs an https link" in group.first.message


def test_one_click_needs_its_exact_words(folder: Folder) -> None:
    folder.configure(
        message={"headers": '{ List-Unsubscribe = "<https://x-firma.de/u>", '
                            'List-Unsubscribe-Post = "One-Click" }'},
    )  # fmt: skip
    assert place(folder.error())[3] == "message.headers.List-Unsubscribe-Post"


def test_an_address_outside_ascii_is_a_warning(folder: Folder) -> None:
    folder.recipients("email,name\n王@x-firma.de,Wang\n")
    problem = folder.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("needs-smtputf8", "recipients.csv", 2, "email")
