"""Microseconds per message: the compiled message against EmailMessage, and the cost of chunks.

    python benchmarks/mime.py [--messages N] [--profile] [--chunks]

The message is a newsletter: 45 KB of HTML with 20 values, 4 KB of text with 8 values, an image of
20 KB. The values differ for every recipient; every seventh name is not ASCII. The figures are
medians of several rounds; the two ways take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import random
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from mailmerge.mime.headers import make_message_id
from mailmerge.mime.message import Composer
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import sender_of
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Body, Content, RelatedImage, Structure
from mailmerge.settings import Settings, load_settings

_ROUNDS = 7
_DATE = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
_CELL = '<td style="color:#334; font:14px/20px Arial, sans-serif; padding:8px 12px">'
_CAMPAIGN = """
[campaign]
name = "newsletter"
[message]
from = "Example News <news@example.org>"
reply_to = "editor@example.org"
subject = "Hello {{ name }}"
html = "body.html"
text = "body.txt"
"""
_Rendered = tuple[Recipient, Content]


def _html_structure() -> Structure:
    sentence = "A paragraph of a newsletter, as long as they are, dear reader."
    paragraph = f"<tr>{_CELL}{sentence}</td></tr>\n"
    static = [paragraph * 15 + f"<tr>{_CELL}" for _ in range(20)]
    return Structure(
        (*static, '</td></tr>\n<img src="cid:logo.png@newsletter"></table></body></html>\n'),
        (RelatedImage("logo.png", "logo.png@newsletter"),),
    )


def _text_structure() -> Structure:
    line = "A paragraph of a newsletter, with lines as short as lines should be.\n"
    static = [f"\n\n{line * 7}\nDear " for _ in range(8)]
    return Structure((*static, ",\n\nYours, the editors\n"))


def rendered(count: int) -> list[_Rendered]:
    """Recipients with their contents; all share the two structures."""
    html, text = _html_structure(), _text_structure()
    made = []
    for number in range(count):
        name = f"Zoë Łukasz {number}" if number % 7 == 0 else f"Ann Example {number}"
        cells = [f"value {place} of {name}" for place in range(18)]
        urls = [f"https://example.org/?recipient={number}&issue={place}" for place in range(2)]
        content = Content(
            f"Hello {name}",
            Body(text, tuple(cells[:8])),
            Body(html, (*cells, *urls)),
            to_name=name,
            reply_to="editor@example.org",
            headers=(("List-Unsubscribe", f"<https://example.org/unsubscribe/{number}>"),),
        )
        mailbox = parse_mailbox(f"recipient{number}@example.org")
        made.append((Recipient(number + 2, {}, mailbox, mailbox.identity), content))
    return made


def write_campaign(folder: Path) -> Settings:
    """A campaign folder with an image of 20 KB."""
    (folder / "campaign.toml").write_text(_CAMPAIGN, encoding="utf-8")
    image = b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(20_000)
    (folder / "logo.png").write_bytes(image)
    return load_settings(folder)


def compiled(composer: Composer, messages: Sequence[_Rendered]) -> Iterator[int]:
    """The sizes of the messages, composed with what is compiled."""
    for recipient, content in messages:
        message_id = make_message_id(b"secret", "newsletter", recipient.key, "example.org")
        message = composer.compose(recipient, content, message_id=message_id, date=_DATE)
        yield message.size


def built(image: bytes, messages: Sequence[_Rendered]) -> Iterator[int]:
    """The sizes of the messages, each built with the standard library."""
    for recipient, content in messages:
        message = EmailMessage(SMTP)
        message["From"] = "Example News <news@example.org>"
        message["To"] = f"{content.to_name} <{recipient.mailbox.address}>"
        message["Reply-To"] = content.reply_to
        message["Subject"] = content.subject
        message["Date"] = format_datetime(_DATE)
        message["Message-ID"] = "<1@example.org>"
        for name, value in content.headers:
            message[name] = value
        message.set_content(str(content.text))
        message.add_alternative(str(content.html), subtype="html")
        html = message.get_payload()[1]  # type: ignore[index]
        html.add_related(image, "image", "png", cid="<logo.png@newsletter>")  # type: ignore[union-attr]
        yield len(message.as_bytes())


def microseconds(way: Callable[[], Iterator[int]], messages: int) -> tuple[float, int]:
    """Microseconds per message, and the size of the average one in bytes."""
    start = time.perf_counter()
    size = sum(way())
    return (time.perf_counter() - start) / messages * 1e6, size // messages


def compare(campaign: Settings, messages: int) -> None:
    """Print the table."""
    recipients = rendered(messages)
    composer = Composer(sender_of(campaign), PartStore(campaign.folder))
    image = (campaign.folder / "logo.png").read_bytes()
    few = recipients[: max(messages // 50, 10)]
    ours, theirs = [], []
    for _ in range(_ROUNDS):
        ours.append(microseconds(lambda: compiled(composer, recipients), messages))
        theirs.append(microseconds(lambda: built(image, few), len(few)))
    our_time = statistics.median(time for time, _ in ours)
    their_time = statistics.median(time for time, _ in theirs)
    print(f"{'':24}{'us a message':>14}{'bytes':>10}")
    print(f"{'mailmerge.mime':24}{our_time:14.1f}{ours[0][1]:10}")
    print(f"{'EmailMessage':24}{their_time:14.1f}{theirs[0][1]:10}")
    print(f"{'ratio':24}{their_time / our_time:14.1f}")
    message = composer.compose(*recipients[0], message_id="<1@x>", date=_DATE)
    print(f"chunks of one message: {[len(chunk) for chunk in message.chunks]}")


def profile(campaign: Settings, messages: int) -> None:
    """Print the ten functions that take longest."""
    recipients = rendered(messages)
    composer = Composer(sender_of(campaign), PartStore(campaign.folder))
    profiler = cProfile.Profile()
    profiler.runcall(lambda: sum(compiled(composer, recipients)))
    pstats.Stats(profiler).sort_stats("tottime").print_stats(10)


def chunks(rounds: int = 3000) -> None:
    """Print the cost of 75,000 bytes in chunks of one size: joined first, or handed to sendmsg."""
    ours, theirs = socket.socketpair()
    threading.Thread(target=_drain, args=(theirs,), daemon=True).start()
    print(f"{'bytes a chunk':>14}{'sendmsg us':>12}{'join + send us':>16}")
    for size in (250, 1000, 4000, 16_000, 32_000):
        pieces = [os.urandom(size) for _ in range(75_000 // size)]
        apart = _timed(lambda pieces=pieces: _send_all(ours, pieces), rounds)  # type: ignore[misc]
        joined = _timed(lambda pieces=pieces: _send_all(ours, [b"".join(pieces)]), rounds)  # type: ignore[misc]
        print(f"{size:14}{apart:12.1f}{joined:16.1f}")
    ours.close()


def _send_all(connection: socket.socket, pieces: list[bytes]) -> None:
    sent = connection.sendmsg(pieces)
    total = sum(map(len, pieces))
    if sent < total:
        connection.sendall(b"".join(pieces)[sent:])


def _drain(connection: socket.socket) -> None:
    while connection.recv(1 << 20):
        pass


def _timed(job: Callable[[], None], rounds: int) -> float:
    start = time.perf_counter()
    for _ in range(rounds):
        job()
    return (time.perf_counter() - start) / rounds * 1e6


def main() -> None:
    """Read the arguments and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--profile", action="store_true", help="show where our time goes")
    parser.add_argument("--chunks", action="store_true", help="measure sizes of chunks")
    arguments = parser.parse_args()
    if arguments.chunks:
        chunks()
        return
    with tempfile.TemporaryDirectory() as folder:
        campaign = write_campaign(Path(folder))
        (profile if arguments.profile else compare)(campaign, arguments.messages)


if __name__ == "__main__":
    main()
