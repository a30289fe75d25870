"""The server's id of a message is read out of its reply, and not looked for in vain."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.providers.server_ids import ServerIds, server_id_of

MICROSOFT = "<AM0PR10MB1234ABCD@AM0PR10MB1234.EURPRD10.PROD.OUTLOOK.COM>"
SES = "0100018f3c2a1b4d-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000"

REPLIES = [
    (f"250 2.0.0 OK {MICROSOFT} [Hostname=AM0PR10MB1234.EURPRD10.PROD.OUTLOOK.COM]", MICROSOFT),
    ("250 2.6.0 <1@x.org> [InternalId=12, Hostname=e.x.org] Queued mail for delivery", "<1@x.org>"),
    (f"250 Ok {SES}", SES),
    ("250 2.0.0 Ok: queued as 4XyZ1b2c3dz9", "4XyZ1b2c3dz9"),
    ("250 OK queued as 0a1b2c3d-4e5f-6071", "0a1b2c3d-4e5f-6071"),
    ("250 Mail OK queued as smtp12,xxx4CgC3aB_1.5S2 1700000000", "smtp12,xxx4CgC3aB_1.5S2"),
    ("250 2.0.0 OK: queued as <2026.12@smtp-relay.mailin.fr>", "<2026.12@smtp-relay.mailin.fr>"),
    ("250 Data Ok: queued as freedom ###envid=15678901", "15678901"),
    ("250 OK id=1rABCd-0001yT-2f", "1rABCd-0001yT-2f"),
    ("250 Requested mail action okay, completed: id=0MabCD-1aBc-00AbCd", "0MabCD-1aBc-00AbCd"),
    ("250 2.0.0 3AQ1B2c3012345 Message accepted for delivery", "3AQ1B2c3012345"),
    ("250 2.0.0 6f4a5b2d Message accepted for delivery", "6f4a5b2d"),
    ("250 2.0.0 OK  1700000000 a1-20020a0560wmb.3 - gsmtp", "a1-20020a0560wmb.3"),
    ("250 ok 1700000000 qp 12345", "1700000000 qp 12345"),
    ("250 Message Queued (0A1B2C3D-4E5F-6071.1)", "0A1B2C3D-4E5F-6071.1"),
    ("250 2.0.0 Ok: queued on mx-1.yandex.net 1700000000-abcDEF1ghi", "1700000000-abcDEF1ghi"),
    ("250 2.0.0 <bob@example.org> 4RkkBdkMAGD5AgAAqdGRaw Saved", "4RkkBdkMAGD5AgAAqdGRaw"),
    ("250 2.0.0 OK 12/34-56789-ABCDEF12", "12/34-56789-ABCDEF12"),
    ("250 2.0.0 Message queued with id 1a2b3c4d.", "1a2b3c4d"),
    ("250 2.0.0 Ok", ""),
    ("250 OK, completed", ""),
    ("250 Great success", ""),
    ("250 OK: queued as.", ""),
    ("250 Queued (0.047 seconds)", ""),
    ("250 2.1.5 <bob2@example.org> Recipient ok", ""),
    ("250", ""),
    ("", ""),
]


@pytest.mark.parametrize(("reply", "wanted"), REPLIES)
def test_id_is_read_out_of_the_known_forms(reply: str, wanted: str) -> None:
    assert server_id_of(reply) == ServerIds()(reply) == wanted


@pytest.mark.parametrize("queue_id", ["1" * 201, '1"2', "1\\2", "1\u00e9", "<1"])
def test_what_is_no_id_is_not_kept(queue_id: str) -> None:
    found = server_id_of(f"250 Ok: queued as {queue_id}")
    assert found in {"", "1"}
    assert len(found) <= 200


@given(st.text())
def test_id_is_always_short_printable_ascii(text: str) -> None:
    for reply in (f"250 OK {text}", f"250 queued as {text}", f"250 OK id={text}"):
        found = server_id_of(reply)
        assert re.fullmatch(r"[!#-\[\]-~]{0,200}|\d+ qp \d+", found)
        assert found in reply


def test_each_message_of_a_server_has_its_own_id() -> None:
    ids = ServerIds()
    assert [ids(f"250 2.0.0 Ok: queued as A{number}") for number in range(3)] == ["A0", "A1", "A2"]


def test_another_form_of_the_same_server_is_read() -> None:
    ids = ServerIds()
    assert [ids("250 Ok: queued as A1"), ids("250 OK id=B2"), ids("250 Ok: queued as A3")] == [
        "A1", "B2", "A3",
    ]  # fmt: skip


def test_first_reply_without_an_id_does_not_end_the_search() -> None:
    ids = ServerIds()
    assert [ids("250 Ok"), ids("250 Ok"), ids("250 Ok: queued as A1")] == ["", "", "A1"]


def test_server_that_gives_no_ids_is_not_asked_again() -> None:
    ids = ServerIds()
    for number in range(16):
        assert ids(f"250 accepted in {number} ms") == ""
    assert ids("250 Ok: queued as A1") == ""
