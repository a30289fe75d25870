"""Campaigns for the tests of the preview, and a preview that runs in a thread."""

from __future__ import annotations

import contextlib
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from mailmerge.preview.access import Access
from mailmerge.preview.server import open_server
from mailmerge.preview.session import PreviewSession

PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

CAMPAIGN = """\
[campaign]
name = "autumn-news"
[recipients]
file = "recipients.csv"
where = "country != 'ZZ'"
[message]
from = "Example News <news@example.org>"
subject = "{{ name }}, your invoice {{ invoice }}"
html = "body.html"
text = "body.txt"
attachments = ["terms.txt"]
"""

BODY = """\
<!doctype html>
<html><head><title>Invoice</title><link rel="stylesheet" href="style.css">
<style>@media (prefers-color-scheme: dark) { body { background: #101010 } }</style></head>
<body>
<img src="images/logo.png" alt="Logo" width="40" height="40">
<p>Dear {{ name }},</p>
{% if country == 'FR' %}<p>Bonjour!</p>{% elif country == 'DE' %}<p>Guten Tag!</p>{% endif %}
{% for thing in range(things|int) %}<p class="thing">thing {{ thing }}</p>{% endfor %}
<p><a href="https://example.org/pay?i={{ invoice }}">Pay</a></p>
<p><a href="https://example.org/unsubscribe?u={{ email }}">Unsubscribe</a></p>
</body></html>
"""

RECIPIENTS = """\
email,name,country,invoice,things,notes
anna@example.org,Anna Schmidt,DE,1001,3,regular
bernard@example.org,Bernard Dupont,FR,1002,0,
not an address,Chris Miller,GB,1003,1,
anna@example.org,Anna Again,DE,1004,1,
eve@example.org,Eve Long-Name-Indeed,GB,1005,1,x
fred@example.org,Fred,ZZ,1006,1,left out
gina@example.org,Gina Rossi,IT,1007,1,suppressed
王@例子.测试,王小明,CN,1009,2,中文
"""

TEXT = "Dear {{ name }},\nhere is invoice {{ invoice }}.\n"


def write_campaign(
    folder: Path, *, recipients: str = RECIPIENTS, body: str = BODY, campaign: str = CAMPAIGN
) -> Path:
    """A small campaign with a row of every status: a recipient, a duplicate, suppressed, ..."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "images" / "logo.png").write_bytes(PIXEL)
    files = {
        "campaign.toml": campaign,
        "recipients.csv": recipients,
        "body.html": body,
        "body.txt": TEXT,
        "style.css": "p { margin: 1em 0 }\n",
        "terms.txt": "The terms.\n",
        "suppressed.csv": "email,reason\ngina@example.org,asked\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


HOSTILE_BODY = """\
<!doctype html>
<html><head><title>Hostile</title>
<meta http-equiv="refresh" content="0;url=https://evil.invalid/refresh">
<base href="https://evil.invalid/base/">
<style>@import url("https://evil.invalid/import.css");
body { background: url(https://evil.invalid/bg.png) }</style>
</head>
<body onload="parent.document.title = 'taken'; console.log('ran: onload')">
<p>Dear {{ name|safe }},</p>
<script>console.log('ran: script'); parent.document.body.remove()</script>
<img src="https://evil.invalid/picture.png" srcset="https://evil.invalid/large.png 2x"
 alt="A picture">
<p><a href="{{ site }}">your page</a> <a href="javascript:console.log('ran: link')">a link</a></p>
<p><a href="https://evil.invalid/away" target="_top">away</a></p>
<form action="https://evil.invalid/form" method="post">
<input name="a"><button>Send it</button></form>
<iframe src="https://evil.invalid/frame"></iframe>
<svg><a xlink:href="javascript:console.log('ran: svg')"><text y="10">svg</text></a></svg>
</body></html>
"""

HOSTILE_NAME = (
    "<script>console.log('ran: cell')</script>"
    "<img src=https://evil.invalid/x onerror='console.log(`ran: onerror`)'>"
)

HOSTILE_RECIPIENTS = f"""\
email,name,site,invoice
eve@example.org,"{HOSTILE_NAME}","javascript:console.log('ran: cell link')",<b>1</b>
frank@example.org,Frank,https://example.org/frank,2
"""

HOSTILE = CAMPAIGN.replace("where = \"country != 'ZZ'\"\n", "").replace(
    'attachments = ["terms.txt"]\n', 'attachments = ["page.html"]\n'
)


def write_hostile(folder: Path) -> Path:
    """A campaign whose template and rows try to run scripts, load files, submit and navigate."""
    write_campaign(folder, recipients=HOSTILE_RECIPIENTS, body=HOSTILE_BODY, campaign=HOSTILE)
    (folder / "page.html").write_text("<script>console.log('ran: attachment')</script>")
    return folder


def loaded_session(where: Path) -> PreviewSession:
    """A session of the campaign with its checks finished."""
    session = PreviewSession(where)
    session.reload()
    session.checks.join()
    return session


@dataclass(frozen=True, slots=True)
class Running:
    """A running preview."""

    session: PreviewSession
    access: Access

    @property
    def address(self) -> str:
        return self.access.address

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: str | bytes | None = None,
        token: str | None = None,
    ) -> tuple[HTTPResponse, bytes]:
        """One request, with any header fields; `path` is the part after the token."""
        connection = HTTPConnection("127.0.0.1", self.access.port, timeout=30)
        try:
            target = f"/{self.access.token if token is None else token}/{path}"
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


@contextlib.contextmanager
def running(where: Path, *, watch: bool = True) -> Iterator[Running]:
    """Serve the preview of a campaign in a thread; its checks are finished on entry."""
    session = PreviewSession(where)
    with open_server(session, watch=watch) as server:
        session.reload()
        session.checks.join()
        thread = threading.Thread(target=server.serve_until_stopped)
        thread.start()
        try:
            until(lambda: server.started)
            yield Running(session, server.access)
        finally:
            server.should_exit = True
            thread.join(60)
            session.checks.join()


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
