"""The loop that a good programmer writes first: Jinja2, premailer, EmailMessage, smtplib."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, make_msgid

from newsletter import SENDER, Letter, Order, images, inlined, letters, main, with_cid


def _message(letter: Letter, order: Order, pictures: dict[str, bytes]) -> EmailMessage:
    html = inlined(letter.html) if order.inline else letter.html
    message = EmailMessage(policy=SMTP)
    message["From"] = SENDER
    message["To"] = formataddr((letter.name, letter.to))
    message["Subject"] = letter.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="example.org")
    message.set_content(letter.text)
    message.add_alternative(with_cid(html), subtype="html")
    related = message.get_payload()[1]  # type: ignore[index]
    related.add_related(pictures["logo"], "image", "png", cid="<logo>")  # type: ignore[union-attr]
    related.add_related(pictures["photo"], "image", "jpeg", cid="<photo>")  # type: ignore[union-attr]
    return message


def send(order: Order) -> int:
    """Send each recipient its message over one connection."""
    pictures = images(order.campaign)
    sent = 0
    with smtplib.SMTP("127.0.0.1", order.port) as server:
        for letter in letters(order):
            message = _message(letter, order, pictures)
            server.sendmail("letter@example.org", [letter.to], message.as_bytes(policy=SMTP))
            sent += 1
    return sent


if __name__ == "__main__":
    main(send)
