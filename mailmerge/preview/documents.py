"""What the page is told, as JSON: plain values from the session, and no markup anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailmerge.credentials import find_account
from mailmerge.errors import InputError, MailmergeError, Problem
from mailmerge.preflight.findings import Group
from mailmerge.preflight.html import links_of
from mailmerge.preflight.report import problem_to_json
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.runner import RowChecker
from mailmerge.preview.anatomy import (
    SHOWN_OCTETS,
    Anatomy,
    BodyPart,
    find_picture,
    pictures,
    take_apart,
)
from mailmerge.preview.caught import Opened
from mailmerge.preview.draft import Draft, problem_of
from mailmerge.preview.frame import count_remote
from mailmerge.preview.messages import ShownMessage
from mailmerge.preview.people import PAGE_LENGTH, Mark, Person
from mailmerge.preview.session import Session
from mailmerge.preview.survey import Survey

Document = dict[str, Any]

EXCERPT = 2
"""Lines of a template shown before and after the one that is wrong."""

LONGEST_TEMPLATE = 2 * 1024 * 1024


def campaign_document(session: Session) -> Document:
    """What stands above and beside the message: names, counts, the review set, all problems."""
    draft, survey = session.draft, session.survey
    people = draft.people
    return {
        "name": draft.campaign.name if draft.campaign else session.folder.resolve().name,
        "server": _server_name(draft),
        "generation": draft.generation,
        "broken": _located(draft.broken, session.folder),
        "counts": {"all": len(people)}
        | {mark.value: count for mark, count in people.counts.items() if mark is not Mark.MEANT},
        "caught": len(session.sandbox),
        "review": _review_document(draft, survey),
        "problems": _problems_document(session),
    }


@dataclass(frozen=True, slots=True)
class Question:
    """What the list at the side is asked for: a search, a filter, and where to open it.

    `around` is the key of a person who is to be on the page, `row` a row to jump to.
    """

    search: str = ""
    among: str = "all"
    offset: int = 0
    around: str = ""
    row: int | None = None


def people_document(session: Session, question: Question) -> Document:
    """One page of the list at the side, or the key of the person in a row."""
    people = session.draft.people
    if question.row is not None:
        found = people.at_row(question.row)
        return {"found": found.key if found else None}
    if question.among == "caught":
        return _caught_document(session, question)
    reviewed = session.survey.reviewed if question.among == "review" else ()
    rows, mark = chosen_rows(session.survey, question.among)
    page = people.page(
        question.search, among=rows, mark=mark, offset=question.offset, around=question.around
    )
    causes = {one.key: one.causes for one in reviewed}
    return {
        "people": [
            {**person_document(person, session.survey), "reason": causes.get(person.key)}
            for person in page.people
        ],
        "offset": page.offset,
        "total": page.total,
        "length": PAGE_LENGTH,
    }


def person_document(person: Person, survey: Survey) -> Document:
    """A person as the list shows them."""
    counted = survey.counted(person.row)
    return {
        "key": person.key,
        "row": person.row,
        "name": person.name,
        "address": person.address,
        "mark": person.mark.value,
        "note": person.note,
        "errors": counted["error"],
        "warnings": counted["warning"],
    }


def message_document(session: Session, person: Person, search: str, among: str) -> Document:
    """Everything the page shows of one person."""
    draft, survey = session.draft, session.survey
    rows, mark = chosen_rows(survey, among)
    before, after = draft.people.neighbours(person.key, search, among=rows, mark=mark)
    made, broken = try_to_make(draft, person)
    found = [*survey.problems_of(person.row)]
    found += [one for one in problems_of(draft, made) if one not in found]
    if broken is not None and broken not in found:
        found.append(broken)
    return {
        **person_document(person, survey),
        "before": before.key if before else None,
        "after": after.key if after else None,
        "cells": _cells(draft, person),
        "otherVariables": _other_variables(draft),
        "broken": _located(broken, session.folder),
        "problems": [_located(problem, session.folder) for problem in found],
        "message": _made_document(draft, made) if made else None,
    }


def caught_message_document(session: Session, name: str, caught: Opened) -> Document:
    """Everything the page shows of one message in the sandbox."""
    before, after = session.sandbox.neighbours(name)
    anatomy = take_apart(caught.octets)
    envelope = {
        "reversePath": caught.reverse_path,
        "forwardPath": caught.forward_path,
        "eightbit": not caught.octets.isascii(),
        "smtputf8": not caught.forward_path.isascii(),
    }
    return {
        "key": name,
        "row": None,
        "name": anatomy.header("Subject"),
        "address": anatomy.header("To"),
        "mark": "",
        "note": "",
        "errors": 0,
        "warnings": 0,
        "before": before,
        "after": after,
        "cells": [],
        "otherVariables": [],
        "broken": None,
        "problems": [],
        "message": {**anatomy_document(anatomy, caught.octets), "envelope": envelope},
    }


def chosen_rows(survey: Survey, among: str) -> tuple[Sequence[int] | None, Mark | None]:
    """What a filter of the list means: some rows, or one mark."""
    if among == "review":
        return [one.row for one in survey.reviewed], None
    if among == "problems":
        return survey.rows_with_problems, None
    known = {mark.value: mark for mark in Mark if mark is not Mark.MEANT}
    return None, known.get(among)


def try_to_make(draft: Draft, person: Person) -> tuple[ShownMessage | None, Problem | None]:
    """The person's message, or why there is none; neither for a row that is not meant."""
    recipient = draft.recipient(person)
    if recipient is None:
        return None, None
    if draft.messages is None:
        return None, draft.broken
    try:
        return draft.messages.find(recipient), None
    except InputError as error:
        return None, problem_of(error, recipient)


def problems_of(draft: Draft, made: ShownMessage | None) -> list[Problem]:
    """What the check says of this one message."""
    if made is None or draft.campaign is None:
        return []
    checker = RowChecker(Setup(draft.campaign))
    found = checker.check_message(made.recipient, made.message.content, made.message)
    return [*checker.check_recipient(made.recipient), *found]


def anatomy_document(anatomy: Anatomy, octets: bytes) -> Document:
    """A message taken apart."""
    html = anatomy.html
    carried = pictures(octets)
    return {
        "size": anatomy.size,
        "htmlSize": len(html.encode("utf-8", "replace")) if html is not None else 0,
        "from": anatomy.header("From"),
        "to": anatomy.header("To"),
        "replyTo": anatomy.header("Reply-To"),
        "subject": anatomy.header("Subject"),
        "preheader": anatomy.preheader,
        "html": html,
        "text": anatomy.text,
        "raw": anatomy.raw,
        "rawCut": len(octets) > SHOWN_OCTETS,
        "headers": [
            {"name": field.name, "value": field.value, "written": field.written}
            for field in anatomy.headers
        ],
        "parts": [_part_document(part) for part in anatomy.parts],
        "links": [
            {"url": link.url, "text": link.text, "unsubscribes": link.unsubscribes}
            for link in links_of(html or "")
        ],
        "remotePictures": count_remote(html or "", lambda name: find_picture(carried, name)),
        "envelope": None,
    }


def _made_document(draft: Draft, made: ShownMessage) -> Document:
    assert draft.messages is not None
    octets = bytes(made)
    return {
        **anatomy_document(take_apart(octets), octets),
        "envelope": {
            "reversePath": draft.messages.factory.reverse_path,
            "forwardPath": made.recipient.mailbox.forward_path,
            "eightbit": made.message.eightbit,
            "smtputf8": made.message.smtputf8,
        },
    }


def _part_document(part: BodyPart) -> Document:
    return {
        "number": part.number,
        "depth": part.depth,
        "contentType": part.content_type,
        "charset": part.charset,
        "encoding": part.encoding,
        "disposition": part.disposition,
        "filename": part.filename,
        "contentId": part.content_id,
        "location": part.location,
        "encoded": part.encoded,
        "size": part.size,
    }


def _cells(draft: Draft, person: Person) -> list[Document]:
    used = draft.messages.factory.variables if draft.messages else None
    return [
        {"column": column, "value": value, "used": None if used is None else column in used}
        for column, value in draft.cells(person).items()
    ]


def _other_variables(draft: Draft) -> list[str]:
    if draft.messages is None:
        return []
    return sorted(draft.messages.factory.variables - set(draft.people.columns))


def _server_name(draft: Draft) -> str:
    campaign = draft.campaign
    try:
        account = find_account(campaign.smtp, campaign.folder) if campaign else None
    except MailmergeError:
        return ""
    return account.server_name if account else ""


def _review_document(draft: Draft, survey: Survey) -> Document:
    return {
        "keys": [one.key for one in survey.reviewed],
        "examined": survey.examined,
        "of": draft.people.counts[Mark.MEANT],
        "done": survey.review_done,
    }


def _problems_document(session: Session) -> Document:
    survey = session.survey
    report = survey.report
    return {
        "done": survey.done,
        "checked": survey.checked,
        "people": len(survey.rows_with_problems),
        "errors": report.errors if report else 0,
        "warnings": report.warnings if report else 0,
        "groups": [_group_document(group, session) for group in report.groups] if report else [],
    }


def _group_document(group: Group, session: Session) -> Document:
    rows = [one.row for one in group.examples if one.row is not None]
    people = session.draft.people
    examples = [(row, people.at_row(row)) for row in rows]
    return {
        **(_located(group.first, session.folder) or {}),
        "count": group.count,
        "examples": [
            {"row": row, "key": person.key if person and person.row == row else None}
            for row, person in examples
        ],
    }


def _located(problem: Problem | None, folder: Path) -> Document | None:
    """A problem with the lines of the file around it, where it names a line."""
    if problem is None:
        return None
    return {**problem_to_json(problem), "excerpt": excerpt(folder, problem.file, problem.line)}


def excerpt(folder: Path, file: str, line: int | None) -> list[Document]:
    """A few lines of a file of the campaign around `line`; [] where there is no such file."""
    path = (folder / file).resolve()
    if line is None or not file or not path.is_relative_to(folder.resolve()):
        return []
    try:
        if path.stat().st_size > LONGEST_TEMPLATE:
            return []
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    first, last = max(0, line - 1 - EXCERPT), min(len(lines), line + EXCERPT)
    return [
        {"number": at + 1, "text": lines[at][:400], "here": at + 1 == line}
        for at in range(first, last)
    ]


def _caught_document(session: Session, question: Question) -> Document:
    caught, total = session.sandbox.page(question.offset, PAGE_LENGTH, question.search)
    return {
        "people": [
            {
                "key": one.name,
                "row": None,
                "name": one.subject,
                "address": one.to,
                "mark": "",
                "note": "",
                "errors": 0,
                "warnings": 0,
            }
            for one in caught
        ],
        "offset": question.offset,
        "total": total,
        "length": PAGE_LENGTH,
    }
