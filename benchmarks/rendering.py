"""The cost of one message's content: plain Jinja2, the Renderer, and Jinja2 with premailer.

The campaign is like a real newsletter: a template of 40 KB, 33 KB of it styles, and about twenty
values. Run it with `python benchmarks/rendering.py`; it prints processor time and ratios.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jinja2
from premailer import Premailer

from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Renderer
from mailmerge.rendering.document import parse
from mailmerge.rendering.inlining import inline_rules
from mailmerge.rendering.settings import templates_of
from mailmerge.settings import load_settings

CAMPAIGN = """
[campaign]
name = "benchmark"
[message]
from = "Example News <news@example.org>"
subject = "{{ first_name }}, your news of {{ month }}"
to_name = "{{ first_name }} {{ last_name }}"
html = "body.html"
%s
[message.headers]
List-Unsubscribe = "<https://example.org/leave?token={{ token }}>"
X-Campaign = "{{ campaign.name }}"
"""

STYLES = 33_000
TEMPLATE = 40_000

PARAGRAPH = (
    '<tr class="row c{n}"><td class="cell c{n}"><p class="text c{n}">Our workshop has been busy:'
    " this is what we made since we last wrote.</p></td></tr>\n"
)

BODY = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>News for {{ first_name }}</title>
<style>%s</style></head>
<body class="body"><table class="frame" role="presentation">
<tr><td class="cell"><h1 class="c1">Dear {{ first_name }} {{ last_name }},</h1></td></tr>
<tr><td class="cell"><p>It is {{ month }}, and you live in {{ city }}, {{ country }}.</p>
{%% if premium == "yes" %%}<p class="c2">You are a member since {{ since }}.</p>{%% endif %%}
<p><a class="c3" href="https://example.org/offer?code={{ code }}&amp;u={{ token }}">Your offer</a>
</p><ul>
{%% for item in items.split(";") %%}<li class="c4">{{ loop.index }}. {{ item }}</li>{%% endfor %%}
</ul>
</td></tr>
%s
<tr><td class="cell"><p>{{ sender }} wrote this to {{ email }} ({{ language }}).
<a href="https://example.org/leave?token={{ token }}">Leave</a>
<img src="https://example.org/open/{{ token }}.gif" alt=""></p></td></tr>
</table></body></html>
"""

TEXT = """Dear {{ first_name }} {{ last_name }},

it is {{ month }}, and you live in {{ city }}, {{ country }}.
{% if premium == "yes" %}
You are a member since {{ since }}.
{% endif %}
{% for item in items.split(";") %}
* {{ item }}
{% endfor %}

https://example.org/offer?code={{ code }}&u={{ token }}
"""


def _styles() -> str:
    rules: list[str] = []
    number = 0
    while sum(map(len, rules)) < STYLES - 300:
        number += 1
        rules.append(
            f".c{number} {{ color: #{number % 4096:03x}; padding: {number % 20}px; "
            "font-family: Georgia, serif }\n"
        )
    return (
        "".join(rules)
        + "@media (max-width: 600px) { .cell { padding: 4px } }\na:hover { color: red }\n"
    )


def _body() -> str:
    rows: list[str] = []
    while STYLES + len(BODY) + sum(map(len, rows)) < TEMPLATE:
        rows.append(PARAGRAPH.format(n=len(rows) % 50 + 5))
    return BODY % (_styles(), "".join(rows))


def _renderer(folder: Path, text: str) -> Renderer:
    (folder / "campaign.toml").write_text(CAMPAIGN % text, encoding="utf-8")
    return Renderer(templates_of(load_settings(folder)))


def _recipient(number: int) -> Recipient:
    cells = {
        "email": f"recipient{number}@example.org",
        "first_name": "Zoë", "last_name": f"O'Brien {number}",
        "month": "November", "city": "Sankt Gallen", "country": "Schweiz & Co", "since": "2019",
        "premium": "yes" if number % 3 else "no", "code": f"N{number:06d}",
        "token": f"{number:x}" * 4,
        "items": "a hammer;a saw;nails <fine>", "sender": "Ada", "language": "de",
    }  # fmt: skip
    address = cells["email"]
    return Recipient(number, cells, Mailbox(address, address, address), address)


def _microseconds(job: Callable[[Recipient], object], recipients: list[Recipient]) -> float:
    """Microseconds of processor time per message, in the least disturbed of seven rounds."""
    for recipient in recipients[:3]:
        job(recipient)
    rounds = []
    for _ in range(7):
        begin = time.thread_time()
        for recipient in recipients:
            job(recipient)
        rounds.append((time.thread_time() - begin) / len(recipients) * 1e6)
    return min(rounds)


def main() -> None:
    """Measure, and print one table."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        body = _body()
        (folder / "body.html").write_text(body, encoding="utf-8")
        (folder / "body.txt").write_text(TEXT, encoding="utf-8")
        plain = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        ).get_template("body.html")

        premailer = Premailer(allow_network=False, cssutils_logging_level=logging.CRITICAL)

        def naive(recipient: Recipient) -> object:
            return premailer.transform(plain.render(recipient.cells))

        def one_structure(recipient: Recipient) -> str:
            return inline_rules(parse(plain.render(recipient.cells))).html

        recipients = [_recipient(number) for number in range(2, 1002)]
        with_text = _renderer(folder, 'text = "body.txt"')
        made_text = _renderer(folder, "")
        jinja = _microseconds(lambda one: plain.render(one.cells), recipients)
        rows = [
            ("Jinja2 alone, HTML only", jinja),
            ("Renderer: HTML, text, header fields", _microseconds(with_text.render, recipients)),
            ("Renderer: text made from the HTML", _microseconds(made_text.render, recipients)),
            ("A structure, made once for many", _microseconds(one_structure, recipients[:20])),
            ("Jinja2 and premailer, HTML only", _microseconds(naive, recipients[:3])),
        ]
    print(f"template {len(body):,} characters")
    for name, cost in rows:
        print(f"{name:40} {cost:12,.0f} us {cost / jinja:10,.1f} x Jinja2")


if __name__ == "__main__":
    main()
