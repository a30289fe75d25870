"""Examples of a starter in a real send."""

from __future__ import annotations

import pytest

from mailmerge.credentials import find_account
from mailmerge.errors import Problem
from mailmerge.preflight.leftovers import is_dummy
from tests.preflight.checked import Folder


def leftovers(folder: Folder, *, for_real: bool = True) -> dict[str, Problem]:
    campaign = folder.campaign
    account = find_account(campaign.smtp, campaign.folder)
    found = folder.problems(account=account, for_real=for_real)
    wanted = [one for one in found if one.code in {"leftover", "reserved-domain"}]
    return {one.column or one.file: one for one in wanted}


@pytest.fixture
def real(folder: Folder) -> Folder:
    folder.configure(smtp={"host": '"smtp.x-firma.de"', "port": "587", "security": '"starttls"'})
    folder.configure(message={"from": '"Ann <ann@x-firma.de>"'})
    return folder


def test_own_sender_and_server_are_no_leftovers(real: Folder) -> None:
    assert leftovers(real) == {}


@pytest.mark.parametrize(
    "domain", ["example.org", "example.com", "yourdomain.com", "my-company.org"]
)
def test_example_as_sender_and_server_is_an_error_of_a_real_send(real: Folder, domain: str) -> None:
    real.configure(message={"from": f'"Ann <ann@{domain}>"'}, smtp={"host": f'"smtp.{domain}"'})
    found = leftovers(real)
    assert {key: one.severity for key, one in found.items()} == {
        "message.from": "error", "smtp.host": "error",
    }  # fmt: skip
    checked = leftovers(real, for_real=False)
    assert {one.severity for one in checked.values()} == {"warning"}
    assert checked.keys() == found.keys()


def test_name_of_an_example_as_sender_is_a_warning(real: Folder) -> None:
    real.configure(message={"from": '"Your Name <ann@x-firma.de>"'})
    found = leftovers(real)["message.from"]
    assert found.severity == "warning"
    assert 'the sender\'s name "Your Name" is an example' in found.message


def test_sender_that_is_no_address_has_no_leftover(real: Folder) -> None:
    real.configure(message={"from": '"ann at x-firma.de"'})
    assert "message.from" not in leftovers(real)


def test_examples_elsewhere_are_warnings(real: Folder) -> None:
    real.page(
        '<a href="https://www.example.org/{{ name }}">x</a>\n<p>1 Orchard Road, Exampleton</p>'
    )
    real.configure(
        message={
            "reply_to": '"a@example.org"',
            "headers": '{ List-Unsubscribe = "<https://www.example.org/u>" }',
        }
    )
    found = leftovers(real)
    assert set(found) == {"message.reply_to", "message.headers.List-Unsubscribe", "body.html"}
    assert {one.severity for one in found.values()} == {"warning"}
    assert found["body.html"].line == 4


def test_a_starter_with_its_own_recipients_is_quiet(real: Folder) -> None:
    real.configure(message={"from": '"Your Name <you@example.org>"'})
    real.recipients("email,name\na@example.org,A\n")
    assert leftovers(real, for_real=False) == {}


def test_a_server_on_this_machine_is_for_tests(folder: Folder) -> None:
    folder.configure(message={"from": '"Your Name <you@example.org>"'})
    assert leftovers(folder, for_real=False) == {}


@pytest.mark.parametrize("domain", ["x-firma.de", "mydomains.org.uk", "company.com", "your.org"])
def test_real_domains_are_no_examples(domain: str) -> None:
    assert not is_dummy(domain)


def test_an_example_as_reverse_path_loses_the_bounces(real: Folder) -> None:
    real.configure(message={"reverse_path": '"bounces@example.com"'})
    found = leftovers(real)
    assert {key: one.severity for key, one in found.items()} == {"message.reverse_path": "error"}
    checked = leftovers(real, for_real=False)
    assert checked["message.reverse_path"].severity == "warning"
