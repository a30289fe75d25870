"""python-emails (the package `emails`) on its reused connection."""

from __future__ import annotations

import emails  # type: ignore[import-not-found]
from emails.backend.smtp import SMTPBackend  # type: ignore[import-not-found]
from newsletter import Order, images, letters, main, with_cid


def send(order: Order) -> int:
    """Send everybody their letter; `--inline` uses its own transform()."""
    backend = SMTPBackend(host="127.0.0.1", port=order.port)
    pictures = images(order.campaign)
    sent = 0
    for letter in letters(order):
        html = with_cid(letter.html)
        message = emails.Message(
            html=html, text=letter.text, subject=letter.subject, mail_from="letter@example.org"
        )
        message.attach(filename="logo", data=pictures["logo"], content_disposition="inline")
        message.attach(filename="photo", data=pictures["photo"], content_disposition="inline")
        if order.inline:
            message.transform(load_images=False, images_inline=False)
        response = message.send(to=letter.to, smtp=backend)
        assert response.status_code == 250, response
        sent += 1
    return sent


if __name__ == "__main__":
    main(send)
