"""What campaign.toml and the account alone show to be wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from mailmerge.credentials import find_account
from mailmerge.preflight.check import Check, CheckOptions
from mailmerge.preflight.settings import check_columns
from tests.preflight.conftest import Office, place

TOML = "campaign.toml"
AWAY = {"host": '"mail.x-firma.de"', "port": "", "security": ""}


def dumps(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def provided(office: Office, provider: str, username: str, sender: str) -> None:
    empty = dict.fromkeys(("host", "port", "security"), "")
    smtp = {**empty, "provider": f'"{provider}"', "username": f'"{username}"'}
    office.configure(smtp=smtp, message={"from": f'"{sender}"'})


@pytest.mark.parametrize(
    ("provider", "username", "sender", "severity"),
    [
        ("gmail", "ann@gmail.com", "bob@x-firma.de", "error"),
        ("qq", "12345@qq.com", "67890@foxmail.com", "error"),
        ("workspace", "ann@x-firma.de", "news@x-firma.de", "warning"),
    ],
)
def test_a_from_that_is_not_the_log_in_is_refused_by_the_provider(
    office: Office, provider: str, username: str, sender: str, severity: str
) -> None:
    provided(office, provider, username, sender)
    problem = office.problem()
    assert problem.severity == severity
    assert place(problem) == ("from-differs-from-login", TOML, None, "message.from")
    assert username in problem.hint


@pytest.mark.parametrize(
    ("provider", "username", "sender"),
    [
        ("gmail", "Ann@gmail.com", "Ann <ann@gmail.com>"),
        ("qq", "12345", "12345@qq.com"),
        ("sendgrid", "apikey", "news@x-firma.de"),
    ],
)
def test_a_from_that_is_the_log_in_is_fine(
    office: Office, provider: str, username: str, sender: str
) -> None:
    provided(office, provider, username, sender)
    assert office.problems() == []


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.fr", "hotmail.com", "qq.com", "web.de"])
def test_a_public_mailbox_through_a_foreign_server_is_an_error(office: Office, domain: str) -> None:
    office.configure(message={"from": f'"news@{domain}"'}, smtp=AWAY)
    problem = office.problem()
    assert problem.severity == "error"
    assert place(problem) == ("foreign-from", TOML, None, "message.from")
    assert domain in problem.message


def test_a_public_mailbox_through_its_own_server_or_a_local_one_is_fine(office: Office) -> None:
    office.configure(message={"from": '"news@gmx.de"'})
    assert office.problems() == []
    office.configure(smtp={"host": '"mail.gmx.net"', "port": "", "security": ""})
    assert office.problems() == []


@pytest.mark.parametrize(
    "name",
    ["News ★", "🎉 Party", "boss@bank.com", "Ann (2)", "Re: your order", "News (1)"],
)
def test_a_name_that_deceives_is_a_warning(office: Office, name: str) -> None:
    office.configure(message={"from": dumps(f'"{name}" <news@x-firma.de>')})
    problem = office.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("from-name", TOML, None, "message.from")
    assert name in problem.message


@pytest.mark.parametrize("name", ["Müller & Söhne", "王小明", "news@x-firma.de", "O'Brien, Ann"])
def test_an_honest_name_is_fine(office: Office, name: str) -> None:
    office.configure(message={"from": dumps(f'"{name}" <news@x-firma.de>')})
    assert office.problems() == []


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("news@firma.cmo", "unknown-tld"),
        ("news@gmial.com", "likely-typo"),
        ("news@pаypal-firma.de", "mixed-scripts"),  # with a Cyrillic letter
    ],
)
def test_the_domain_of_the_sender_is_looked_at(office: Office, address: str, code: str) -> None:
    office.configure(message={"from": f'"{address}"'})
    problem = office.problem()
    assert problem.severity == "warning"
    assert place(problem) == (code, TOML, None, "message.from")


def test_a_reserved_sender_is_an_error_of_a_real_send_only(office: Office) -> None:
    office.configure(message={"from": '"news@example.org"'})
    assert office.problems() == []
    problem = office.problem(for_real=True)
    assert problem.severity == "error"
    assert place(problem) == ("reserved-domain", TOML, None, "message.from")
    office.people("email,name\na@example.org,A\n")
    assert [p.row for p in office.problems(for_real=True)] == [2]


@pytest.mark.parametrize(
    ("port", "security", "says"),
    [("465", "starttls", "port 465 speaks TLS"), ("587", "tls", "port 587 speaks STARTTLS")],
)
def test_a_port_and_a_security_that_do_not_go_together(
    office: Office, port: str, security: str, says: str
) -> None:
    office.configure(smtp={"host": '"mail.x-firma.de"', "port": port, "security": f'"{security}"'})
    problem = office.problem()
    assert place(problem) == ("port-security", TOML, None, "smtp.security")
    assert says in problem.message


def test_a_password_never_goes_without_tls(office: Office) -> None:
    office.configure(
        smtp={"host": '"mail.x-firma.de"', "security": '"none"', "username": '"ann"', "port": "25"}
    )
    problem = office.problem()
    assert problem.severity == "error"
    assert place(problem) == ("plain-text-login", TOML, None, "smtp.security")


def test_a_missing_certificate_file_is_found(office: Office) -> None:
    office.configure(smtp={"ca_file": '"ca.pem"'})
    assert place(office.problem()) == ("ca-file", TOML, None, "smtp.ca_file")
    office.write("ca.pem", "x")
    assert office.problems() == []


def test_more_people_than_a_day_allows_come_with_the_day_of_the_last(office: Office) -> None:
    office.people("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(25)))
    office.configure(delivery={"rate": '["10/minute", "10/day"]'})
    now = datetime(2036, 11, 24, 9, tzinfo=UTC)
    options = CheckOptions(account=find_account(office.campaign.smtp, office.folder))
    (problem,) = Check(office.campaign, options, now=lambda: now).run().problems
    assert place(problem) == ("daily-limit", TOML, None, "delivery.rate")
    assert problem.message == "25 people at 10/day take 3 days, until Wednesday 2036-11-26"
    office.configure(delivery={"rate": '"25/day"'})
    assert office.problems() == []


def test_many_messages_want_one_click_unsubscribing(office: Office) -> None:
    office.people("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(5_001)))
    assert office.problem().code == "one-click"
    office.configure(
        message={
            "headers": '{ List-Unsubscribe = "<https://x-firma.de/u>", '
            'List-Unsubscribe-Post = "List-Unsubscribe=One-Click" }'
        }
    )
    assert office.problems() == []


# -- columns --------------------------------------------------------------------------------------


def test_a_variable_of_an_untaken_branch_is_a_warning_with_the_nearest_column(
    office: Office,
) -> None:
    office.write("body.txt", "Dear {{ name }},\n{% if name == 'Cy' %}{{ nmae }}{% endif %}\n")
    problem = office.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("missing-column", "recipients.csv", None, "")
    assert problem.hint == "did you mean 'name'?"


def test_a_variable_is_told_of_once(office: Office) -> None:
    office.write("body.txt", "Dear {{ nmae }}\n")
    assert {problem.code for problem in office.problems()} == {"undefined-variable"}


def test_columns_that_nothing_uses_are_named_together(office: Office) -> None:
    office.people("email,name,phone,zip\na@x-firma.de,A,1,2\n")
    problem = office.problem()
    assert problem.message == "no template uses: phone, zip"
    office.configure(recipients={"where": "\"zip != ''\"", "required": '["PHONE"]'})
    assert office.problems() == []


def test_a_template_that_takes_the_whole_row_uses_all_of_it(office: Office) -> None:
    campaign = office.campaign
    assert not list(check_columns(("email", "a"), frozenset({"row"}), campaign, "r.csv"))


def test_a_wrong_condition_is_one_problem_among_others(office: Office) -> None:
    office.configure(recipients={"where": '"nmae == 1"'}, message={"reply_to": '"x"'})
    assert {place(problem) for problem in office.problems()} == {
        ("where-column", TOML, None, ""),
        ("reply-to-address", TOML, None, "message.reply_to"),
    }
