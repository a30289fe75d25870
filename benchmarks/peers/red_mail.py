"""red-mail (the package `redmail`) on its reused connection."""

from __future__ import annotations

from newsletter import Order, images, letters, main, with_cid
from redmail import EmailSender  # type: ignore[import-not-found]


def send(order: Order) -> int:
    """Send everybody their letter."""
    pictures = images(order.campaign)
    sent = 0
    sender = EmailSender(host="127.0.0.1", port=order.port, use_starttls=False)
    with sender:
        for letter in letters(order):
            sender.send(
                subject=letter.subject,
                sender="letter@example.org",
                receivers=[letter.to],
                text=letter.text,
                html=with_cid(letter.html)
                .replace("cid:logo", "{{ logo.src }}")
                .replace("cid:photo", "{{ photo.src }}"),
                body_images={"logo": pictures["logo"], "photo": pictures["photo"]},
            )
            sent += 1
    return sent


if __name__ == "__main__":
    main(send)
