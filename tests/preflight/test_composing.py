"""Where a message cannot be composed or sent, every reason is found, and each in its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mailmerge.messages import MessageFactory
from mailmerge.mime.message import Composer, Message
from mailmerge.mime.parts import PartStore
from mailmerge.preflight.composing import ExplainingComposer
from mailmerge.recipients.audience import Recipient, open_audience
from mailmerge.rendering.content import Content, Renderer
from tests.preflight.checked import Folder


def composing(folder: Folder, kind: type[Composer] = Composer) -> ExplainingComposer:
    campaign, parts = folder.campaign, PartStore(folder.path)
    messages = MessageFactory.of(Renderer(campaign), kind(campaign, parts))
    return ExplainingComposer(campaign, messages, parts)


def first(folder: Folder) -> tuple[Recipient, Content]:
    recipient = next(iter(open_audience(folder.campaign)))
    assert isinstance(recipient, Recipient)
    return recipient, Renderer(folder.campaign).render(recipient)


def test_a_good_message_has_no_problem(folder: Folder) -> None:
    message, problems = composing(folder).compose(*first(folder))
    assert message is not None
    assert b"Subject: Hello Ann\r\n" in bytes(message)
    assert problems == []


def test_an_empty_subject_hides_no_missing_attachment(folder: Folder) -> None:
    folder.configure(message={"subject": '" "', "attachments": '["no.pdf"]'})
    assert sorted({p.code for p in folder.refuse().problems}) == ["asset-missing", "empty-subject"]


def test_every_unusable_file_is_reported_for_all_or_for_its_row(folder: Folder) -> None:
    folder.configure(message={"attachments": '["no.pdf", "{{ name }}"]'})
    folder.page('<img src="a.png" alt="">')
    folder.write("a.png", b"")
    assert sorted((p.code, p.row or 0) for p in folder.refuse().problems) == [
        ("asset-empty", 0),
        ("asset-missing", 0),
        ("asset-missing", 2),
        ("asset-missing", 3),
    ]


def test_a_reply_to_that_is_no_address_on_one_row(folder: Folder) -> None:
    folder.configure(message={"reply_to": '"{{ name }}@x-firma.de"'})
    folder.recipients("email,name\na@x-firma.de,Ann\nb@x-firma.de,B b\n")
    (problem,) = folder.refuse().problems
    assert (problem.file, problem.row, problem.column) == ("campaign.toml", 3, "message.reply_to")


class Careless(Composer):
    """A composer that overlooks a line that is too long."""

    def compose(
        self, recipient: Recipient, content: Content, *, message_id: str, date: datetime
    ) -> Message:
        made = super().compose(recipient, content, message_id=message_id, date=date)
        line = b"X: " + b"x" * 1_201 + b"\r\n"
        return replace(made, chunks=(line,), size=len(line))


def test_content_that_smtp_refuses_is_found_in_its_row(folder: Folder) -> None:
    message, (problem,) = composing(folder, Careless).compose(*first(folder))
    assert message is not None
    assert (problem.code, problem.row) == ("long-line", 2)
    assert "line of 1204 bytes" in problem.message
    assert problem.hint == "shorten the texts in the cells of this row"
