"""Pages that cost more than they seem: deep, wide, with long attributes, with many rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


def _styled(css: str, body: str) -> str:
    return f"<!doctype html><html><head><style>{css}</style></head><body>{body}</body></html>"


def _doubling_variables() -> str:
    steps = "".join(f"--v{n}:var(--v{n + 1}) var(--v{n + 1});" for n in range(40))
    return _styled(f"p{{{steps}--v40:x;color:var(--v0)}}", "<p>x</p>")


PAGES: Final[dict[str, Callable[[], str]]] = {
    "nested elements": lambda: "<div>" * 100_000 + "x",
    "nested formatting": lambda: "<b>" * 100_000 + "x",
    "formatting around blocks": lambda: "<b><p>" * 20_000 + "x",
    "nested links": lambda: "<a href='https://x.org/'>x" * 50_000,
    "nested tables": lambda: "<table><tr><td>" * 20_000 + "x",
    "nested lists": lambda: "<ul><li>" * 50_000 + "x",
    "nested quotations": lambda: "<blockquote>" * 50_000 + "x",
    "nested svg": lambda: "<svg>" * 50_000 + "x",
    "elements side by side": lambda: "<p>x" * 100_000,
    "styled elements side by side": lambda: _styled(
        "p{color:red;margin:0}.a b{top:0}", "<div class=a>" + "<p><b>x</b></p>" * 50_000
    ),
    "plain text": lambda: "<p>" + "word " * 400_000,
    "line breaks": lambda: "<p>" + "x<br>" * 200_000,
    "preformatted text": lambda: "<pre>" + "x  y\n" * 200_000,
    "references": lambda: "<p>" + "&nbsp;&zwnj;&amp;" * 50_000,
    "rows of a table": lambda: "<table>" + "<tr><td>a<td>b<td>c" * 30_000,
    "cells of a row": lambda: "<table><tr>" + "<td>x" * 50_000,
    "wide cells": lambda: "<table>" + "<tr><td colspan=999999999 rowspan=99999>x" * 200,
    "misnested elements": lambda: "<b><i>x</b></i>" * 30_000,
    "misnested blocks": lambda: "<b>x<p>y</b>z" * 5_000,
    "stray end tags": lambda: "x" + "</center>" * 100_000,
    "outside of cells": lambda: "<table>" + "<div>x</div>" * 50_000 + "<tr><td>y</table>",
    "comments": lambda: "x" + "<!-- a -->" * 100_000,
    "open comment": lambda: "x" + "<!--[if mso]>" * 100_000,
    "conditional comments": lambda: _styled(
        "p{top:0}", "<!--[if mso]><p>x</p><![endif]-->" * 30_000
    ),
    "long attribute": lambda: f"<p title='{'x' * 1_000_000}'>x",
    "long style": lambda: _styled("p{top:0}", f"<p style='{'color:red;' * 100_000}'>x"),
    "long class": lambda: _styled(
        ".c1{top:0}", f"<p class='{' '.join(f'c{n}' for n in range(100_000))}'>x"
    ),
    "long link": lambda: f"<a href='https://x.org/{'{' * 500_000}'>x</a>",
    "many attributes": lambda: "<p " + " ".join(f"data-a{n}=1" for n in range(100_000)) + ">x",
    "unknown attributes": lambda: "".join(f"<p a{chr(97 + n % 26) * 9}=1>x" for n in range(50_000)),
    "repeated attributes": lambda: "<p id=a id=b>x" * 30_000,
    "repeated ids": lambda: "<p id=a>x" * 100_000,
    "images": lambda: "<img src='http://x.org/a.png'>x" * 50_000,
    "relative links": lambda: "".join(f"<a href='p{n}.html'>x</a>" for n in range(50_000)),
    "backgrounds": lambda: "<p style='background:url(http://x.org/a.png)'>x" * 30_000,
    "sources": lambda: f"<img alt='' src='cid:a@b' srcset='{'a.png 2x, ' * 50_000}'>x",
    "values": lambda: "<p>{{ name }}</p>" * 20_000,
    "values in links": lambda: "<a href='https://x.org/?a={{ name }}'>x</a>" * 10_000,
    "rules": lambda: _styled("".join(f".c{n}{{color:red}}" for n in range(50_000)), "<p>x</p>"),
    "rules that match": lambda: _styled("p{color:red}" * 50_000, "<p>x</p>"),
    "rules with names of the page": lambda: _styled(
        "".join(f".c{n}{{color:red}}" for n in range(50_000)),
        "".join(f"<p class=c{n}>x" for n in range(50_000)),
    ),
    "rules of descendants": lambda: _styled(
        "".join(f"div p:nth-child({n}){{color:red}}" for n in range(5_000)),
        "<div>" + "<p>x</p>" * 5_000,
    ),
    "rules of every element": lambda: _styled(
        "".join(f"*{{x{n}:1}}" for n in range(1_000)), "<p>x" * 2_000
    ),
    "rules of a few properties": lambda: _styled(
        "".join(f"p:not(.n{n}){{color:#{n:06x}}}" for n in range(300)), "<p>x" * 2_000
    ),
    "rules with :has()": lambda: _styled(
        "".join(f"div:has(.c{n} ~ p){{color:red}}" for n in range(500)),
        "<div>" * 300 + "<p>x" * 3_000,
    ),
    "rules for a state": lambda: _styled(
        "".join(f"p:hover{{x{n}:1}}" for n in range(3_000)) + "p{x1:1}", "<p>x" * 300
    ),
    "raised rules": lambda: _styled(
        "".join(f"@media print{{p{{color:red}}}}p.a{{color:#{n:06x}}}" for n in range(2_000)),
        "<p class=a>x" * 50,
    ),
    "list of selectors": lambda: _styled(
        ",".join(f".c{n}" for n in range(50_000)) + "{color:red}", "<p class=c1>x"
    ),
    "long selector": lambda: _styled("div " * 50_000 + "{top:0}", "<div>" * 400 + "x"),
    "long selectors": lambda: _styled(
        "".join("div " * 300 + f".c{n}{{top:0}}" for n in range(500)),
        "<div>" * 400 + "".join(f"<p class=c{n}>x" for n in range(500)),
    ),
    "open brackets": lambda: _styled("p{top:" + "(" * 500_000, "<p>x"),
    "open braces": lambda: _styled("{" * 500_000, "<p>x"),
    "nested conditions": lambda: _styled("@media all{" * 50_000 + "p{top:0}", "<p>x"),
    "nested rules": lambda: _styled("p{" * 50_000, "<p>x"),
    "quotation marks": lambda: _styled("p{top:" + "\"'" * 200_000, "<p>x"),
    "open style comment": lambda: _styled("/*" * 300_000, "<p>x"),
    "backslashes": lambda: _styled("p{top:" + "\\" * 500_000, "<p>x"),
    "urls": lambda: _styled("p{background:" + "url(" * 100_000, "<p>x"),
    "imports": lambda: _styled("@import url(https://x.org/);" * 30_000, "<p>x"),
    "doubling variables": _doubling_variables,
    "variables": lambda: _styled(
        ":root{" + "".join(f"--v{n}:var(--v{n + 1});" for n in range(20_000)) + "}"
        "p{color:var(--v0)}", "<p>x" * 100
    ),
    "style elements": lambda: "<style>p{top:0}</style><p>x" * 5_000,
}  # fmt: skip
"""By name: each makes one page."""
