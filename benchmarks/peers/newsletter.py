"""What all Python peers share: the rows, and the plain Jinja2 templates of the campaign."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

SENDER = "Slowline <letter@example.org>"


@dataclass(frozen=True)
class Order:
    """What a peer is asked to do."""

    campaign: Path
    port: int
    people: int
    inline: bool


@dataclass(frozen=True)
class Letter:
    """One person's rendered newsletter."""

    to: str
    name: str
    subject: str
    text: str
    html: str


LINK = '<link rel="stylesheet" href="style.css">'


def letters(order: Order) -> Iterator[Letter]:
    """Read the rows with pandas and render the templates, as any script would.

    The style sheet stands in the page: no mail reader fetches a relative link.
    """
    rows = pd.read_csv(
        order.campaign / "recipients.csv", dtype=str, keep_default_na=False, nrows=order.people
    )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(order.campaign), autoescape=True
    )
    plain = jinja2.Environment(loader=jinja2.FileSystemLoader(order.campaign))
    source = (order.campaign / "body.html").read_text(encoding="utf-8")
    sheet = (order.campaign / "style.css").read_text(encoding="utf-8")
    html = environment.from_string(source.replace(LINK, f"<style>{sheet}</style>"))
    text = plain.get_template("body.txt")
    subject = plain.from_string("{{ name ~ ', the' if name else 'The' }} night train is back")
    for row in rows.to_dict("records"):
        cells: dict[str, Any] = {str(key): value for key, value in row.items()}
        yield Letter(
            cells["email"],
            cells["name"],
            subject.render(cells),
            text.render(cells),
            html.render(cells),
        )


def inlined(html: str) -> str:
    """The HTML with its CSS inlined by premailer."""
    from premailer import Premailer

    return str(
        Premailer(
            html, allow_network=False, cssutils_logging_level=50, keep_style_tags=True
        ).transform()
    )


def with_cid(html: str) -> str:
    """The local images as cid: references."""
    return html.replace("images/logo.png", "cid:logo").replace("images/photo.jpg", "cid:photo")


def images(campaign: Path) -> dict[str, bytes]:
    """The two images by their Content-ID."""
    return {
        "logo": (campaign / "images/logo.png").read_bytes(),
        "photo": (campaign / "images/photo.jpg").read_bytes(),
    }


def main(send: Callable[[Order], int]) -> None:
    """Run one peer and print what it did."""
    parser = argparse.ArgumentParser()
    parser.add_argument("campaign", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("people", type=int)
    parser.add_argument("--inline", action="store_true")
    asked = parser.parse_args()
    order = Order(asked.campaign, asked.port, asked.people, asked.inline)
    started = time.perf_counter()
    messages = send(order)
    print(json.dumps({"messages": messages, "seconds": time.perf_counter() - started}))
