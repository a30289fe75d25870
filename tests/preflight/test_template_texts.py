"""What of a template is sent as it is written."""

from __future__ import annotations

import pytest

from mailmerge.preflight.template_texts import MASK, masked, template_texts
from tests.preflight.checked import Folder


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("a {{ b }} c", "a  c"),
        ("a {%- if x %}b{% endif %} c", "a b c"),
        ("a {# {{ x }} #}b", "a b"),
        ("{% raw %}{x}{% endraw %}y", "y"),
        ('{{ "}}" }}z', "z"),
        ("a {{ b", "a "),
        ("{a}", "{a}"),
    ],
)
def test_syntax_is_masked_and_places_stay(source: str, left: str) -> None:
    text = masked(source)
    assert len(text) == len(source)
    assert text.replace(MASK, "") == left


def test_every_template_of_a_campaign_is_listed(folder: Folder) -> None:
    folder.write("foot.txt", "bye")
    folder.write("body.txt", "{{ name }}\n{% include 'foot.txt' %}")
    folder.configure(message={"html": '"body.html"', "headers": '{ X-A = "b" }'})
    folder.write("body.html", "<p>{{ name }}</p>")
    listed = {one.key or one.file for one in template_texts(folder.campaign)}
    assert {"message.from", "message.subject", "message.headers.X-A"} <= listed
    assert {"body.txt", "foot.txt", "body.html"} <= listed
