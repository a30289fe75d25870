"""The library's errors: one tree, plain fields, codes that differ."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Awaited, Reply, Stage, errors
from mailmerge.smtp.errors import SmtpError

KINDS: list[type[SmtpError]] = [SmtpError, *SmtpError.__subclasses__()]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_its_message_and_plain_fields(kind: type[SmtpError]) -> None:
    reply = Reply(451, ("later",))
    error = kind("it broke", reply=reply, stage=Stage.DATA, awaited=Awaited.DATA)
    assert str(error) == error.message == "it broke"
    assert error.code == kind.default_code
    assert (error.reply, error.stage, error.awaited) == (reply, Stage.DATA, Awaited.DATA)
    assert kind("it broke", code="special").code == "special"
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__


def test_a_field_that_is_not_known_is_none() -> None:
    error = SmtpError("it broke")
    assert (error.reply, error.stage, error.awaited) == (None, None, None)


def test_every_kind_has_a_code_of_its_own() -> None:
    assert len({kind.default_code for kind in KINDS}) == len(KINDS)
