"""The includes of providers."""

from __future__ import annotations

from mailmerge.deliverability.sending_services import has_own_reverse_path, includes_of
from mailmerge.providers.lookup import load_providers


def test_services_are_providers() -> None:
    known = [name for name in load_providers() if includes_of(name)]
    assert {"gmail", "office365", "ses", "web.de"} & set(known) == {"gmail", "office365", "ses"}
    assert len(known) == 30
    assert has_own_reverse_path("sendgrid")
    assert not has_own_reverse_path("gmail")
    assert includes_of("") == ()
