"""Cc, Bcc and further addresses of a cell -> the mailboxes that get the message."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AddressError, TemplateError
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.recipient import Recipient
from mailmerge.rendering.content import Renderer
from mailmerge.rendering.copies import (
    NO_COPIES,
    Copies,
    CopySources,
    CopyTemplates,
    SuppressedCopies,
    copy_templates,
)
from mailmerge.rendering.settings import BodySource, Templates
from mailmerge.rendering.variables import CampaignView, variables_of

ANN = "ann@x.example"


def templates(folder: Path) -> Templates:
    return Templates(
        subject="Hello",
        text=BodySource("body", "text"),
        folder=ContentFiles(folder),
        file="campaign.toml",
    )


def recipient(email: str = ANN, **cells: str) -> Recipient:
    mailbox = parse_mailbox(email.partition(";")[0])
    return Recipient(2, {"email": email, **cells}, mailbox, mailbox.identity)


def copies(
    folder: Path, one: Recipient, *cc: str, suppressed: frozenset[str] = frozenset(), **more: object
) -> Copies:
    sources = CopySources(cc, suppressed=SuppressedCopies(lambda: suppressed), **more)  # type: ignore[arg-type]
    made = CopyTemplates(templates(folder), sources)
    return made.render(one, variables_of(one.row, one.cells, CampaignView("c", str)))


def addresses(mailboxes: tuple[object, ...]) -> list[str]:
    return [str(getattr(one, "address", "")) for one in mailboxes]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", []),
        (" ; , \n", []),
        ("a@x.example", ["a@x.example"]),
        ("a@x.example;b@x.example,c@x.example\nd@x.example;", [f"{n}@x.example" for n in "abcd"]),
        ('"Boss, The" <a@x.example>; <b@x.example>', ["a@x.example", "b@x.example"]),
        ("Doe, Ann <a@x.example>", ["a@x.example"]),
        ("A@X.example; a@x.example", ["a@x.example"]),
        (f"{ANN}; a@x.example", ["a@x.example"]),
    ],
)
def test_a_template_gives_any_number_of_mailboxes(
    tmp_path: Path, cell: str, expected: list[str]
) -> None:
    found = copies(tmp_path, recipient(boss=cell), "{{ boss }}")
    assert addresses(found.cc) == expected
    assert found.mailboxes == found.cc


def test_names_are_kept(tmp_path: Path) -> None:
    found = copies(tmp_path, recipient(), 'The "Boss" <a@x.example>')
    assert found.cc[0].display_name == 'The "Boss"'


def test_an_address_is_in_one_field_only(tmp_path: Path) -> None:
    found = copies(
        tmp_path,
        recipient(f"{ANN};pete@x.example"),
        "pete@x.example; a@x.example",
        "b@x.example",
        bcc=("b@x.example", "c@x.example; " + ANN),
        together="email",
    )
    assert addresses(found.to) == ["pete@x.example"]
    assert addresses(found.cc) == ["a@x.example", "b@x.example"]
    assert addresses(found.bcc) == ["c@x.example"]


def test_a_suppressed_address_gets_no_copy(tmp_path: Path) -> None:
    one = recipient(f"{ANN}; gone@x.example")
    gone = frozenset({"gone@x.example"})
    found = copies(tmp_path, one, "Gone@x.example, a@x.example", together="email", suppressed=gone)
    assert (addresses(found.to), addresses(found.cc)) == ([], ["a@x.example"])
    assert addresses(found.dropped) == ["gone@x.example"]


def test_loose_suppression_ignores_tags(tmp_path: Path) -> None:
    del tmp_path
    strict, loose = (
        SuppressedCopies(lambda: frozenset({"a+x@x.example"}), loose=loose)
        for loose in (False, True)
    )
    assert parse_mailbox("a+y@x.example") in loose
    assert parse_mailbox("a+y@x.example") not in strict
    assert parse_mailbox("a@x.example") not in CopySources().suppressed


def test_errors_name_key_and_row(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match=r"message\.cc") as raised:
        copies(tmp_path, recipient(), "a@x.example; nobody")
    assert (raised.value.problem.row, raised.value.problem.file) == (2, "campaign.toml")
    with pytest.raises(TemplateError) as failed:
        copies(tmp_path, recipient(), bcc=("{{ 1 // 0 }}",))
    assert "message.bcc" in str(failed.value)
    with pytest.raises(AddressError, match="email"):
        copies(tmp_path, recipient(f"{ANN}; pete"), together="email")


def test_a_row_without_the_column_has_one_address(tmp_path: Path) -> None:
    assert copies(tmp_path, recipient(), together="address") == Copies()


def test_a_campaign_without_copies_has_no_templates(tmp_path: Path) -> None:
    plain = templates(tmp_path)
    assert copy_templates(plain, None) is None
    assert copy_templates(plain, CopySources()) is None
    renderer = Renderer(plain)
    assert not renderer.has_copies
    assert renderer.copies(recipient()) is NO_COPIES
    assert renderer.render(recipient()).copies is NO_COPIES


def test_the_renderer_knows_the_copies_and_their_variables(tmp_path: Path) -> None:
    renderer = Renderer(templates(tmp_path), copies=CopySources(("{{ boss }}",)))
    one = recipient(boss="a@x.example")
    assert "boss" in renderer.variables
    assert renderer.has_copies
    assert renderer.copies(one) == renderer.render(one).copies
    assert addresses(renderer.copies(one).cc) == ["a@x.example"]


lists = st.lists(st.sampled_from([ANN, *(f"{n}@x.example" for n in "abcdef")]), max_size=6)


@given(lists, lists, lists)
def test_no_address_is_in_a_message_twice(cc: list[str], bcc: list[str], cell: list[str]) -> None:
    one = recipient(";".join([ANN, *cell]))
    found = copies(
        Path(), one, ";".join(cc), bcc=tuple(bcc), together="email",
        suppressed=frozenset({"f@x.example"}),
    )  # fmt: skip
    every = [ANN, *addresses(found.mailboxes)]
    assert len(set(every)) == len(every)
    assert set(every) == {ANN, *cc, *bcc, *cell} - {"f@x.example"}
