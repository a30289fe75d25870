"""An approval is for exactly one set of messages, and names what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailmerge.campaign import Campaign
from mailmerge.engine.limits import Limits
from mailmerge.errors import NotApproved
from mailmerge.jobs.approval import Approval, RecipientDigests, make_approval, normal_code
from mailmerge.jobs.job import Job
from mailmerge.jobs.targets import DryRun, RealServer
from mailmerge.ledger.states import State
from mailmerge.recipients.audience import Selection
from mailmerge.settings import Rate
from tests.campaign_folder import CampaignFolder, make_campaign_folder

Change = Callable[[CampaignFolder], object]
SHEET = "email,name,note\nann@x-firma.de,Ann,a\nbob@x-firma.de,Bob,b\n"


@pytest.fixture
def folder(tmp_path: Path, smtp_port: int) -> CampaignFolder:
    made = make_campaign_folder(tmp_path / "spring", port=smtp_port, attachments='["terms.pdf"]')
    made.write("terms.pdf", b"%PDF terms")
    made.recipients(SHEET)
    return made


@pytest.fixture
def smtp_port(server) -> int:  # type: ignore[no-untyped-def]  # the fixture of conftest.py
    return int(server.server.port)


def job_of(folder: CampaignFolder, approved: str = "", **options: Any) -> Job:
    target = RealServer.of_settings(folder.campaign)
    dry = bool(options.pop("dry", False))
    campaign = Campaign.of(folder.campaign)
    selection = Selection(where=str(options.pop("where", "")))
    return Job(
        campaign,
        selection,
        DryRun(target) if dry else target,
        approved=approved,
        **options,
    )


def approve(folder: CampaignFolder, **options: Any) -> Approval:
    with job_of(folder, dry=True, **options) as job:
        return job.approve()


def refused(folder: CampaignFolder, code: str, enrolled: int = 0, **options: Any) -> NotApproved:
    with job_of(folder, code, **options) as job:
        with pytest.raises(NotApproved) as caught:
            job.run_all()
        counts = job.ledger.store().counts()
        assert counts[State.PENDING] + counts[State.SENT] == enrolled
    return caught.value


def test_what_was_approved_is_sent(folder: CampaignFolder) -> None:
    code = approve(folder).code
    with job_of(folder, code.lower().replace("-", " ")) as job:
        assert job.run_all().sent == 2
    with job_of(folder, code) as job:
        assert job.run_all().sent == 0, "a later run continues under the same code"


def test_the_code_depends_on_the_content_alone(folder: CampaignFolder, tmp_path: Path) -> None:
    code = approve(folder).code
    assert approve(folder).code == code
    other = make_campaign_folder(
        tmp_path / "copy", port=folder.campaign.smtp.port, attachments='["terms.pdf"]'
    )
    other.write("terms.pdf", b"%PDF terms")
    header, ann, bob, _ = SHEET.split("\n")
    other.recipients(f"{header}\n{bob}\n{ann}\n")
    assert approve(other).code == code


def change_recipients(folder: CampaignFolder) -> None:
    folder.recipients("email,name,note\nbob@x-firma.de,Bob,x\ncy@x-firma.de,Cy,c\n")


def write(name: str, text: str) -> Change:
    return lambda folder: folder.write(name, text)


def configure(section: str, **keys: str) -> Change:
    return lambda folder: folder.configure(**{section: keys})


CHANGES: dict[str, tuple[Change, str, str, str]] = {
    "recipients": (
        change_recipients, "recipients", "", "1 recipient more, 1 recipient fewer, 1 row changed",
    ),
    "text": (
        write("body.txt", "Dear {{ name }},\nhello!\n"), "files", "body.txt",
        "body.txt has changed",
    ),
    "attachment": (
        write("terms.pdf", "%PDF other"), "files", "terms.pdf", "terms.pdf has changed",
    ),
    "subject": (
        configure("message", subject='"Hi {{ name }}"'), "content", "message.subject",
        "message.subject has changed",
    ),
    "header": (
        configure("message", headers='{ X-A = "1" }'), "content", "message.headers",
        "message.headers has changed",
    ),
    "name": (
        configure("campaign", name='"summer"'), "content", "campaign.name",
        "campaign.name has changed",
    ),
    "from": (
        configure("message", **{"from": '"Other <news@x-firma.de>"'}), "sender", "message.from",
        "message.from is Other <news@x-firma.de>, approved was News <news@x-firma.de>",
    ),
    "user": (
        configure("smtp", username='"ann"', plain_text_login="true"), "sender", "smtp.username",
        "smtp.username is ann, approved was none",
    ),
    "rate": (
        configure("delivery", rate='"5/second"'), "limits", "rate",
        "rate is 5/second, approved was none",
    ),
    "connections": (
        configure("delivery", connections="3"), "limits", "connections",
        "connections is 3, approved was 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_refused_by_name(folder: CampaignFolder, change: str) -> None:
    code = approve(folder).code
    apply, part, name, words = CHANGES[change]
    apply(folder)
    error = refused(folder, code)
    (found,) = error.differences
    assert (found["part"], found["name"]) == (part, name)
    assert words in found["message"]
    assert words in str(error)


def test_changed_recipients_are_counted_and_found(folder: CampaignFolder) -> None:
    code = approve(folder).code
    change_recipients(folder)
    (found,) = refused(folder, code).differences
    assert (found["more"], found["fewer"], found["changed"]) == (1, 1, 1)
    assert str(found["message"]).endswith("(first in row 2)")


def test_options_of_the_send_are_part_of_it(folder: CampaignFolder) -> None:
    code = approve(folder, limit=1).code
    assert "limit is none, approved was 1" in str(refused(folder, code))
    with job_of(folder, code, limit=1) as job:
        assert job.run_all().sent == 1
    code = approve(folder, where="name == 'Bob'").code
    (found,) = refused(folder, code, enrolled=2).differences
    assert found["more"] == 1


def test_a_dry_run_compares_as_well(folder: CampaignFolder) -> None:
    code = approve(folder).code
    with job_of(folder, code, dry=True) as job:
        assert job.plan().to_send == 2
    folder.write("body.txt", "other\n")
    with job_of(folder, code, dry=True) as job, pytest.raises(NotApproved, match=r"body\.txt"):
        job.plan()


def test_without_its_record_a_wrong_code_is_still_refused(folder: CampaignFolder) -> None:
    code = approve(folder).code
    for path in (folder.path / ".mailmerge" / "approvals").iterdir():
        path.unlink()
    with job_of(folder, code, dry=True) as job:
        assert job.plan().to_send == 2
    folder.write("body.txt", "other\n")
    error = refused(folder, code)
    assert list(error.differences) == []
    assert "no record of the approval" in str(error)


@pytest.mark.parametrize("text", ["", "K7QM-2XRA", "K7QM-2XRA-9PZU", "../../etc/passwd"])
def test_other_texts_are_no_code(text: str) -> None:
    assert normal_code(text) == ""


def test_letters_that_look_alike_are_the_same() -> None:
    assert normal_code("kiqm 2xra-9pzo") == "K1QM-2XRA-9PZ0"


def test_files_that_come_and_go_are_named(folder: CampaignFolder) -> None:
    code = approve(folder).code
    folder.write("more.pdf", b"%PDF more")
    folder.configure(message={"attachments": '["more.pdf"]'})
    told = str(refused(folder, code))
    assert "more.pdf is new" in told
    assert "terms.pdf is not used any more" in told


def test_rate_of_a_domain_is_part_of_it(folder: CampaignFolder) -> None:
    code = approve(folder).code
    folder.configure(delivery={"domain_rates": '{ "gmail.com" = "10/minute" }'})
    assert "rate of gmail.com" in str(refused(folder, code))


def test_secrets_are_not_part_of_it(folder: CampaignFolder) -> None:
    settings = folder.campaign
    digests = RecipientDigests().recipients()
    limits = Limits(rates=(Rate(60, 60.0),))
    first = make_approval(settings, digests, {}, "server", limits)
    smtp = settings.smtp.model_copy(update={"password_command": "pass show smtp"})
    assert make_approval(replace(settings, smtp=smtp), digests, {}, "server", limits) == first
    assert first.limits["rate"] == "60/minute"
