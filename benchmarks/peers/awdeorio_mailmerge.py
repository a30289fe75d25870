"""awdeorio/mailmerge by its Python interface; it opens one connection a message."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from newsletter import Order, letters, main

from mailmerge import SendmailClient, TemplateMessage  # type: ignore[attr-defined]

_HEAD = """TO: {{to}}
SUBJECT: {{subject}}
FROM: letter@example.org
ATTACHMENT: images/logo.png
ATTACHMENT: images/photo.jpg
Content-Type: text/html

{{html}}
"""


def send(order: Order) -> int:
    """Send everybody their letter; the HTML goes in ready-made: it knows no macros."""
    (order.campaign / "awdeorio.txt").write_text(_HEAD)
    with tempfile.TemporaryDirectory() as folder:
        server = Path(folder) / "server.conf"
        server.write_text(f"[smtp_server]\nhost = 127.0.0.1\nport = {order.port}\n")
        client = SendmailClient(server, dry_run=False)
        template = TemplateMessage(order.campaign / "awdeorio.txt")
        sent = 0
        for letter in letters(order):
            row = {"to": letter.to, "subject": letter.subject, "html": letter.html}
            sender, recipients, message = template.render(row)
            client.sendmail(sender, recipients, message)
            sent += 1
    return sent


if __name__ == "__main__":
    csv.field_size_limit(10**9)
    main(send)
