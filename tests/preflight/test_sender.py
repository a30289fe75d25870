"""What is wrong with the addresses of [message], and with the name of the sender."""

from __future__ import annotations

import json

import pytest

from mailmerge.preflight.rules import Setup
from mailmerge.preflight.sender import sender_of
from tests.preflight.checked import Folder, place

TOML = "campaign.toml"


def dumps(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def test_the_sender_is_the_mailbox_of_from(folder: Folder) -> None:
    sender = sender_of(Setup(folder.campaign))
    assert sender is not None
    assert (sender.display_name, sender.address) == ("News", "news@x-firma.de")
    folder.configure(message={"from": '"news"'})
    assert sender_of(Setup(folder.campaign)) is None


def test_a_sender_that_is_no_address_is_an_error(folder: Folder) -> None:
    folder.configure(message={"from": '"News <news@localhost>"'})
    problem = folder.problem()
    assert place(problem) == ("from-address", TOML, None, "message.from")
    assert "has no dot" in problem.message


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("reverse_path", "bounces", "reverse-path-address"),
        ("reverse_path", "Bounces <b@x-firma.de>", "reverse-path-address"),
        ("reply_to", "desk@@x-firma.de", "reply-to-address"),
        ("reply_to", "desk@x-firma.de, ann", "reply-to-address"),
        ("reply_to", "Desk: ann@x-firma.de;", "reply-to-address"),
    ],
)
def test_other_addresses_are_checked(folder: Folder, key: str, value: str, code: str) -> None:
    folder.configure(message={key: dumps(value)})
    problem = folder.problem()
    assert problem.severity == "error"
    assert place(problem) == (code, TOML, None, f"message.{key}")


@pytest.mark.parametrize("value", ["a@x-firma.de, B <b@x-firma.de>", "All: a@x-firma.de;"])
def test_a_from_with_several_senders_names_reply_to(folder: Folder, value: str) -> None:
    folder.configure(message={"from": dumps(value)})
    problem = folder.problem()
    assert "more than one sender" in problem.message
    assert "the others in reply_to" in problem.hint


@pytest.mark.parametrize(
    "value",
    [
        "Desk <desk@x-firma.de>",
        "{{ name }}@x-firma.de",
        "Desk <desk@x-firma.de>, Zoë <zoe@x-firma.de>",
        "{{ name }}@x-firma.de; desk@x-firma.de",
    ],
)
def test_a_reply_to_may_have_a_name_or_be_a_template(folder: Folder, value: str) -> None:
    folder.configure(message={"reply_to": dumps(value)})
    assert folder.problems() == []


@pytest.mark.parametrize(
    "name",
    ["News ★", "🎉 Party", "boss@bank.com", "Ann (2)", "Re: your order", "News (1)"],
)
def test_a_deceptive_name_is_a_warning(folder: Folder, name: str) -> None:
    folder.configure(message={"from": dumps(f'"{name}" <news@x-firma.de>')})
    problem = folder.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("from-name", TOML, None, "message.from")
    assert name in problem.message


@pytest.mark.parametrize("name", ["Müller & Söhne", "王小明", "news@x-firma.de", "O'Brien, Ann"])
def test_an_honest_name_is_accepted(folder: Folder, name: str) -> None:
    folder.configure(message={"from": dumps(f'"{name}" <news@x-firma.de>')})
    assert folder.problems() == []


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("news@firma.cmo", "unknown-tld"),
        ("news@gmial.com", "likely-typo"),
        ("news@pаypal-firma.de", "mixed-scripts"),  # with a Cyrillic letter
    ],
)
def test_the_domain_of_the_sender_is_checked(folder: Folder, address: str, code: str) -> None:
    folder.configure(message={"from": f'"{address}"'})
    problem = folder.problem()
    assert problem.severity == "warning"
    assert place(problem) == (code, TOML, None, "message.from")


def test_a_reserved_sender_is_an_error_of_a_real_send_only(folder: Folder) -> None:
    folder.configure(message={"from": '"news@example.org"'})
    assert folder.problems() == []
    problem = folder.problem(for_real=True)
    assert problem.severity == "error"
    assert place(problem) == ("reserved-domain", TOML, None, "message.from")
    folder.recipients("email,name\na@example.org,A\n")
    assert [p.row for p in folder.problems(for_real=True)] == [2]
