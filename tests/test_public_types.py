"""The types of the public interface: a program that uses every name, as `mypy --strict` reads it.

mypy checks this module with the others. `assert_type` fails there where a value has become Any or
another type. The program runs, too, so that the types are those of the values.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import assert_never, assert_type

import pytest

import mailmerge as mm
from mailmerge.engine import events
from tests.test_python_docs import folder as folder  # noqa: PLC0414 - a fixture


def read_guests() -> mm.Recipients:
    """A file with options, and what it gives."""
    people = mm.read_recipients(
        Path("guests.xlsx"), where="country == 'FR'", required=["name"], dedupe="loose"
    )
    assert_type(people, mm.Recipients)
    assert_type(people[0], mm.Recipient)
    assert_type(people[:2], list[mm.Recipient])
    assert_type(people[0].cells, Mapping[str, str])
    assert_type(people[0].mailbox.address, str)
    for row in people.skipped:
        assert_type(row, mm.Skipped)
        assert_type(row.number, int)
        assert_type(row.problem, mm.Problem | None)
    for problem in people.problems:
        assert_type(problem, mm.Problem)
    return people


def read_members() -> list[mm.Recipients]:
    """Mappings of several kinds."""

    def generated() -> Iterator[dict[str, object]]:
        yield {"email": "ann@example.org", "age": 7}

    texts: list[dict[str, str]] = [{"email": "ann@example.org"}]
    mixed: tuple[Mapping[str, str | int | None], ...] = ({"email": "bob@example.org", "n": None},)
    return [mm.read_recipients(rows) for rows in (texts, mixed, generated())]


def read_answers(campaign: mm.Campaign, ledger: mm.Ledger) -> list[str]:
    """What came back from the recipients."""
    found = mm.read_replies(campaign, [], ledger)
    assert_type(found.document(), dict[str, int])
    for one in ledger.deliveries("spring"):
        if one.after is not None:
            assert_type(one.after.hard, bool)
    return [reply.address for reply in found.replies]


def check_all(campaign: mm.Campaign, people: mm.Recipients) -> None:
    """The report of a check, and a message."""
    report = mm.check(campaign, people)
    assert_type(report, mm.CheckReport)
    assert_type(report.problems, tuple[mm.Problem, ...])
    assert_type(report.errors, int)
    report.raise_for_errors()
    message = campaign.message(people[0])
    assert_type(message, mm.Message)
    assert_type(bytes(message), bytes)
    assert_type(message.html, str | None)
    assert_type(message.attachments, tuple[str, ...])


def describe(event: events.Event) -> str:
    """Every type of event: `assert_never` fails in mypy where one is missing."""
    match event:
        case (
            mm.Sent()
            | mm.Rejected()
            | mm.Deferred()
            | mm.InDoubt()
            | events.Skipped()
            | events.Drafted()
        ):
            assert_type(event.row, int)
            return event.address + event.reply
        case mm.Slowed():
            assert_type(event.per_second, float | None)
            return event.reply
        case mm.Waiting():
            return event.what
        case events.Began() | events.Opened() | events.Closed() | events.Recovered():
            return ""
        case events.Ended():
            assert_type(event.summary, mm.Summary)
            return event.summary.campaign
        case _:
            assert_never(event)


def send(campaign: mm.Campaign, people: mm.Recipients, done: Path) -> list[str]:
    """A run in the sandbox, its plan, its summary and its ledger."""
    with mm.Sandbox() as sandbox, mm.Ledger.open("sqlite:///types.db") as ledger:
        assert_type(ledger, mm.Ledger)
        job = mm.Job(
            campaign, people, sandbox.server, ledger, rate=["6000/minute"], wait="1 minute"
        )
        assert_type(job.plan(), mm.Plan)
        assert_type(job.plan().to_send, int)
        said = [describe(event) for event in job.run()]
        assert_type(job.summary, mm.Summary)
        assert_type(job.summary.states, Mapping[str, int])
        assert_type(job.summary.error, mm.MailmergeError | None)
        assert_type(job.run_all(), mm.Summary)
        assert_type(job.export(done), int)
        assert_type(ledger.resolve("in_doubt", "resend"), int)
        for one in ledger.deliveries(campaign.name):
            assert_type(one, mm.Delivery)
            assert_type(one.changed_at, float | None)
            assert one.state == "sent"
        assert_type(sandbox.messages, Sequence[EmailMessage])
        to_me = mm.TestTo("me@example.net", sandbox.server, count=1)
        with mm.Ledger.memory() as memory:
            assert mm.Job(campaign, people, to_me, memory).run_all().sent == 1
    return said


def refuse() -> mm.Problem:
    """An error in parts."""
    try:
        mm.Campaign(name="x", sender="news@example.org", subject="Hello")
    except mm.MailmergeError as error:
        assert_type(error.problem.row, int | None)
        return error.problem
    raise AssertionError


def test_typed_program_runs(folder: Path) -> None:
    campaign = mm.Campaign.load("spring")
    assert_type(campaign.recipients(), mm.Recipients)
    people = read_guests()
    check_all(campaign, people)
    said = send(campaign, people, folder / "done.xlsx")
    assert sum(text.startswith(("ann@", "bob@")) for text in said) == 2
    assert [len(members) for members in read_members()] == [1, 1, 1]
    assert refuse().code == "wrong-value"
    server = mm.Server("smtp.example.org", username="news", password="not-a-real-one")
    assert_type(server.account.server_name, str)


def test_typed_program_uses_every_public_name() -> None:
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "mm"
    }
    assert used - {"__all__", "__file__"} == set(mm.__all__)


def test_types_are_shipped_with_the_package() -> None:
    assert (Path(mm.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", mm.__all__)
def test_every_public_member_has_a_docstring(name: str) -> None:
    value = getattr(mm, name)
    for member, found in inspect.getmembers(value) if inspect.isclass(value) else ():
        own = getattr(found, "fget", None) or getattr(found, "func", None) or found
        module = getattr(own, "__module__", None) or ""
        if not member.startswith("_") and callable(own) and module.startswith("mailmerge"):
            assert inspect.getdoc(own), f"{name}.{member}"
