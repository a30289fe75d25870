"""What a rule is given."""

from __future__ import annotations

import pytest

from mailmerge.credentials import find_account
from mailmerge.preflight.positions import Place
from mailmerge.preflight.rules import Page, Setup
from mailmerge.rendering.document import parse
from tests.preflight.checked import Folder


def test_without_an_account_no_limit_is_known(folder: Folder) -> None:
    setup = Setup(folder.campaign)
    assert setup.size_limit is None
    assert setup.is_local
    assert setup.now.tzinfo is not None


@pytest.mark.parametrize(
    ("smtp", "limit", "local"),
    [
        ({}, None, True),
        ({"host": '"smtp.x-firma.de"'}, None, False),
        ({"host": "", "provider": '"gmail"', "username": '"a@gmail.com"'}, 26_214_400, False),
    ],
)
def test_the_account_tells_limit_and_place(
    folder: Folder, smtp: dict[str, str], limit: int | None, local: bool
) -> None:
    folder.configure(smtp={**smtp, **({"port": "", "security": ""} if smtp else {})})
    setup = Setup(folder.campaign, find_account(folder.campaign.smtp, folder.path))
    assert (setup.size_limit, setup.is_local) == (limit, local)


def test_a_page_knows_its_values() -> None:
    document = parse("<p>x</p>")
    page = Page(document, lambda _: Place("body.html"), value="\ue000")
    assert page.has_value("https://\ue000/")
    assert not page.has_value("https://x.org/")
    assert not Page(document, lambda _: Place("body.html")).has_value("https://x.org/")
