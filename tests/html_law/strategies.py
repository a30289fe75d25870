"""Random pages: pieces of markup in any order for the parser, random style sheets for the cascade.

A page is a tuple of pieces. Joined, they are the page; without some of them they are a smaller
page, so that a failing page can be made small by deleting pieces (search.py).
"""

from __future__ import annotations

from html import escape
from typing import Final

from hypothesis import strategies as st

Pieces = tuple[str, ...]

FRAME: Final = ("<!doctype html><html><head><style>", "</style></head>", "</body></html>")
"""Pieces that a styled page always has."""

_BLOCKS: Final = (
    *(
        "div",
        "p",
        "blockquote",
        "center",
        "h1",
        "h3",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "pre",
        "hr",
    ),
    *("section", "article", "header", "footer", "nav", "main", "aside", "figure", "figcaption"),
    *("address", "details", "summary", "fieldset", "legend", "form", "dialog", "menu", "search"),
)
_INLINE: Final = (
    *(
        "a",
        "b",
        "i",
        "em",
        "strong",
        "font",
        "span",
        "u",
        "s",
        "small",
        "big",
        "tt",
        "nobr",
        "code",
    ),
    *(
        "sup",
        "sub",
        "abbr",
        "q",
        "cite",
        "label",
        "mark",
        "time",
        "bdi",
        "ins",
        "del",
        "kbd",
        "var",
    ),
    *("ruby", "rb", "rt", "rp", "o:p", "v:rect", "x-card", "acronym", "strike", "wbr", "br", "img"),
)
_TABLES: Final = (
    *("table", "tbody", "thead", "tfoot", "tr", "td", "th", "caption", "colgroup", "col"),
    *("table", "tr", "td"),  # the usual ones more often
)
_OTHER: Final = (
    *(
        "input",
        "button",
        "select",
        "option",
        "optgroup",
        "textarea",
        "object",
        "svg",
        "math",
        "video",
    ),
    *("source", "picture", "map", "area", "template", "applet", "marquee", "html", "body", "head"),
    *(
        "meter",
        "progress",
        "output",
        "datalist",
        "audio",
        "iframe",
        "noscript",
        "title",
        "style",
        "image",
    ),
)
_NAME = st.one_of(
    *(st.sampled_from(names) for names in (_BLOCKS, _INLINE, _TABLES, _TABLES, _OTHER))
)
_VALUE = st.sampled_from(
    (
        "x",
        "a b",
        "100%",
        "A&amp;B",
        "a&b",
        "&quot;q&quot;",
        "é",
        "a>b",
        "a'b",
        "",
        "https://x.example/?a=1&b=2",
        "&copy",
    )
)
_ATTRIBUTE = st.sampled_from(
    (
        "class",
        "id",
        "title",
        "href",
        "align",
        "width",
        "dir",
        "lang",
        "alt",
        "data-x",
        "DATA-Y",
        "checked",
        "o:x",
        "@x",
    )
)


@st.composite
def _attribute(draw: st.DrawFn) -> str:
    name, value = draw(_ATTRIBUTE), draw(_VALUE)
    quoting = draw(st.sampled_from(('"', '"', "'", "", None)))
    if quoting is None:
        return f" {name}"
    if quoting == "":
        return f" {name}={value}" if value and not set(value) & set(" >'") else f" {name}"
    return f" {name}={quoting}{value}{quoting}" if quoting not in value else f" {name}"


@st.composite
def _start(draw: st.DrawFn) -> str:
    name = draw(_NAME)
    attributes = draw(st.lists(_attribute(), max_size=2))
    name = name.upper() if draw(st.integers(0, 9)) == 0 else name
    end = "/>" if draw(st.integers(0, 9)) == 0 else ">"
    return f"<{name}{''.join(attributes)}{' ' if end == '/>' else ''}{end}"


_TEXT = st.sampled_from(
    (
        *(
            "word",
            " ",
            "\n",
            "a b",
            "&nbsp;",
            "&zwnj;",
            "&amp;",
            "&lt;b&gt;",
            "&copy",
            "&notin;",
            "&#8212;",
        ),
        *(
            "&#x80;",
            "&#0;",
            "&unknown;",
            "&",
            "<",
            "< b",
            "</",
            "a<b",
            "é",
            "\u00a0",
            "\u200c",
            "😀",
            "]]>",
            "&AMP",
        ),
    )
)
_COMMENT = st.sampled_from(
    (
        *(
            "<!-- c -->",
            "<!---->",
            "<!-->",
            "<!-- a -- b -->",
            "<!-- < > & -->",
            "<? php ?>",
            "<!x>",
        ),
        *(
            "<!--[if mso]><table><tr><td><![endif]-->",
            "<!--[if mso]></td></tr></table><![endif]-->",
        ),
        *("<!--[if !mso]><!-->", "<!--<![endif]-->", "<![if !mso]>", "<![endif]>", "<![CDATA[x]]>"),
        *(
            "<!--[if gte mso 9]><xml><o:p>1</o:p></xml><![endif]-->",
            "<!--[if (mso)|(IE)]>a<![endif]-->",
        ),
    )
)
_PIECE = st.one_of(
    *(_start(), _start(), _start(), _TEXT, _TEXT, _COMMENT),
    *(_NAME.map(lambda name: f"</{name}>"), _NAME.map(lambda name: f"</{name}>")),
)
_TRANSITIONAL = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"'
    ' "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
    '<html xmlns="http://www.w3.org/1999/xhtml"><body>'
)
_PROLOGUE = st.sampled_from(
    (
        *(
            "",
            "<!doctype html>",
            "<!DOCTYPE html><html lang=en><head><title>T</title></head><body>",
        ),
        _TRANSITIONAL,
        "<html><body bgcolor=#ffffff>",
    )
)


@st.composite
def markup(draw: st.DrawFn) -> Pieces:
    """A page of misnested, unclosed and unknown markup; one word is always there."""
    pieces = draw(st.lists(_PIECE, min_size=1, max_size=24))
    return (draw(_PROLOGUE), *pieces, "end")


@st.composite
def balanced(draw: st.DrawFn) -> Pieces:
    """A page in which every element is closed, in the right order; the nesting may be wrong."""

    def grow(depth: int) -> list[str]:
        pieces: list[str] = []
        for _ in range(draw(st.integers(1, 3))):
            if depth == 0 or draw(st.integers(0, 2)) == 0:
                pieces.append(draw(_TEXT))
                continue
            start = draw(_start())
            name = start.strip("</ >").split()[0].strip("/>").lower()
            pieces += [start, *grow(depth - 1), f"</{name}>"]
        return pieces

    return (draw(_PROLOGUE), *grow(4), "end")


# -- the cascade ----------------------------------------------------------------------------------

_SIMPLE = st.sampled_from(
    (
        *(
            "p",
            "div",
            "td",
            "a",
            "span",
            "table",
            "*",
            "body",
            "html",
            "img",
            ":root",
            "h1",
            "P",
            "x-none",
        ),
        *(".a", ".b", ".c", ".A", "#one", "#two", "p.a", "td.b", "a.c", ".a.b", "div#one", ".none"),
        *(
            "[title]",
            "[title=x]",
            "[title^=x]",
            "[title$='y']",
            '[title*="x" i]',
            "[class~=a]",
            "[lang|=en]",
        ),
        *("[width]", "[style]", '[style*="color"]', "[data-x='1']", "a[href]", "a[href*=example]"),
        *(":first-child", ":last-child", "p:first-of-type", ":nth-child(2n+1)", "td:nth-child(2)"),
        *(
            ":nth-last-child(1)",
            ":only-child",
            ":empty",
            ":not(.a)",
            ":not(.a, .b)",
            "p:not([title])",
        ),
        *(
            ":is(p, .b)",
            ":where(.a, td)",
            ":nth-child(1 of .a)",
            ":has(> a)",
            "div:has(.b)",
            ":lang(en)",
        ),
        *(
            "a:link",
            ":any-link",
            "a:visited",
            "a:hover",
            "p:hover",
            ":focus",
            "a:active",
            "td:hover",
        ),
        *(
            "p::before",
            ".a::after",
            "p::first-line",
            ":unknown",
            "::-moz-selection",
            "p:first-letter",
        ),
        *(
            "u + .body",
            "#outlook a",
            ".ExternalClass p",
            "[data-ogsc] .a",
            "a[x-apple-data-detectors]",
        ),
    )
)
_COMBINATOR = st.sampled_from((" ", " ", " > ", " + ", " ~ ", ">", "\n"))


@st.composite
def _selector(draw: st.DrawFn) -> str:
    text = draw(_SIMPLE)
    for _ in range(draw(st.integers(0, 2))):
        text += draw(_COMBINATOR) + draw(_SIMPLE)
    return text


_KEPT_SELECTOR = _selector().filter(lambda text: "[style" not in text)
"""For rules that stay in a style sheet: an added style attribute would change what they match."""

_STATIC_SELECTOR = _selector().filter(lambda text: "[style" not in text or ":" not in text)


_COLOUR = st.sampled_from(
    (
        *(
            "red",
            "#00f",
            "#0a0b0c",
            "rgb(1, 2, 3)",
            "rgb(0 102 204 / 50%)",
            "rgba(9,9,9,.5)",
            "hsl(120 50% 50%)",
        ),
        *(
            "transparent",
            "currentColor",
            "inherit",
            "initial",
            "oklch(60% 0.1 200)",
            "#11223344",
            "unset",
        ),
        *(
            "color-mix(in srgb, red, blue)",
            "light-dark(#111, #eee)",
            "notacolor",
            "var(--main)",
            "var(--no, #123)",
        ),
    )
)
_LENGTH = st.sampled_from(
    (
        "0",
        "4px",
        "10px",
        "1em",
        "5%",
        "1.5rem",
        "calc(1em + 2px)",
        "min(5%, 9px)",
        "12",
        "-3px",
        "auto",
        "var(--space)",
    )
)
_LINE = st.sampled_from(
    ("1px solid red", "2px dashed", "none", "0", "3px double #00f", "solid", "inherit", "1px")
)


@st.composite
def _declaration(draw: st.DrawFn) -> str:
    name, values = draw(
        st.sampled_from(
            (
                *(
                    ("color", _COLOUR),
                    ("background-color", _COLOUR),
                    ("background", _COLOUR),
                    ("Color", _COLOUR),
                ),
                *(
                    ("margin", _LENGTH),
                    ("margin-left", _LENGTH),
                    ("padding", _LENGTH),
                    ("padding-top", _LENGTH),
                ),
                *(
                    ("border", _LINE),
                    ("border-top", _LINE),
                    ("border-color", _COLOUR),
                    ("border-width", _LENGTH),
                ),
                *(
                    ("width", _LENGTH),
                    ("max-width", _LENGTH),
                    ("height", _LENGTH),
                    ("font-size", _LENGTH),
                ),
                (
                    "margin",
                    st.sampled_from(("0 auto", "1px 2px", "1px 2px 3px", "1px 2px 3px 4px")),
                ),
                ("padding", st.sampled_from(("1px 2px", "0 0 4px", "1px 2px 3px 4px"))),
                (
                    "font",
                    st.sampled_from(
                        ("bold 12px/1.5 Arial, sans-serif", "italic 1em serif", "12px", "inherit")
                    ),
                ),
                (
                    "font-family",
                    st.sampled_from(('"A B", serif', "'X', monospace", "Arial", "sans-serif")),
                ),
                ("font-weight", st.sampled_from(("bold", "400", "bolder", "inherit"))),
                ("line-height", st.sampled_from(("1.2", "120%", "20px", "normal", "0"))),
                ("text-align", st.sampled_from(("left", "center", "right", "start", "justify"))),
                ("vertical-align", st.sampled_from(("top", "middle", "4px", "baseline"))),
                (
                    "text-decoration",
                    st.sampled_from(("none", "underline", "underline dotted red", "line-through")),
                ),
                (
                    "display",
                    st.sampled_from(("block", "inline-block", "none", "table-cell", "flex")),
                ),
                ("float", st.sampled_from(("left", "right", "none"))),
                (
                    "background",
                    st.sampled_from(
                        (
                            *(
                                "linear-gradient(red, blue)",
                                'url("a.png") no-repeat',
                                "url(a.png) #eee",
                                "#c00",
                            ),
                            "url(https://x.example/a.png?x=1;y=2) center / cover",
                        )
                    ),
                ),
                ("list-style", st.sampled_from(("none", "square inside", "disc"))),
                ("text-transform", st.sampled_from(("uppercase", "none"))),
                ("border-radius", st.sampled_from(("4px", "1px 2px", "50%", "1px / 3px"))),
                ("all", st.sampled_from(("unset", "initial"))),
                ("--main", st.sampled_from(("red", "#00f"))),
                ("--space", st.sampled_from(("3px", "1em"))),
                ("mso-line-height-rule", st.just("exactly")),
                ("-webkit-text-size-adjust", st.just("100%")),
            )
        )
    )
    important = draw(st.sampled_from(("", "", "", "!important", " ! important")))
    return f"{name}:{draw(st.sampled_from(('', ' ')))}{draw(values)}{important}"


_DECLARATIONS = st.lists(_declaration(), min_size=1, max_size=4)


@st.composite
def _rule(draw: st.DrawFn, selector: st.SearchStrategy[str] = _STATIC_SELECTOR) -> str:
    selectors = draw(st.lists(selector, min_size=1, max_size=2))
    separator = draw(st.sampled_from(("; ", ";", ";\n  ", ";/* c */")))
    declarations = separator.join(draw(_DECLARATIONS)) + draw(st.sampled_from(("", ";")))
    return f"{', '.join(selectors)} {{ {declarations} }}"


_CONDITION = st.sampled_from(
    (
        *(
            "@media (max-width: 400px)",
            "@media only screen and (min-width:500px)",
            "@media print",
            "@media screen",
        ),
        *(
            "@supports (display: grid)",
            "@supports not (display: grid)",
            "@media (prefers-color-scheme: dark)",
        ),
        *(
            "@media all and (max-width: 640px)",
            "@media (width < 700px)",
            "@media not screen",
            "@layer base",
        ),
    )
)
_SHEET_PIECE = st.one_of(
    *(_rule(), _rule(), _rule(), _rule()),
    st.tuples(_CONDITION, st.lists(_rule(_KEPT_SELECTOR), min_size=1, max_size=2)).map(
        lambda two: f"{two[0]} {{ {' '.join(two[1])} }}"
    ),
    st.sampled_from(
        (
            *(
                "/* a comment */",
                "<!--",
                "-->",
                "@font-face { font-family: X; src: url(x.woff) }",
                "} ",
                "@charset 'x';",
            ),
            *(
                "@unknown { p { color: red } }",
                "@keyframes k { from { color: red } }",
                ";",
                "p { color: red",
                "@page { margin: 0 }",
            ),
            ":root { --main: #0a0; --space: 7px }",
        )
    ),
)
_ATTRIBUTES = st.sampled_from(
    (
        *(
            "",
            "",
            ' class="a"',
            ' class="b"',
            ' class="a b"',
            ' class="c" title="x"',
            ' id="one"',
            ' id="two" class="c"',
        ),
        *(
            ' title="xy"',
            ' lang="en-GB"',
            ' width="50"',
            ' data-x="1"',
            ' align="right"',
            ' bgcolor="#ffeecc"',
            ' class=""',
        ),
    )
)


@st.composite
def _styled(draw: st.DrawFn) -> str:
    attributes = draw(_ATTRIBUTES)
    if draw(st.integers(0, 3)) == 0:
        style = draw(st.sampled_from(("; ", ";"))).join(draw(_DECLARATIONS)).replace('"', "'")
        attributes += f' style="{style}"'
    return attributes


@st.composite
def styled(draw: st.DrawFn) -> Pieces:
    """A well-formed page with a random style sheet."""

    def grow(depth: int) -> list[str]:
        pieces: list[str] = []
        for _ in range(draw(st.integers(1, 3))):
            name = draw(st.sampled_from(("p", "div", "table", "a", "span", "h1", "img", "svg")))
            attributes = draw(_styled())
            if name == "svg":
                css = escape(" ".join(draw(st.lists(_rule(), max_size=2))), quote=False)
                pieces.append(f"<svg{attributes}><style>{css}</style></svg>")
            elif name == "img":
                pieces.append(f'<img src="a.png"{attributes}>')
            elif name == "table":
                cells = "".join(
                    f"<td{draw(_styled())}>cell</td>" for _ in range(draw(st.integers(1, 2)))
                )
                pieces.append(f"<table{attributes}><tr{draw(_styled())}>{cells}</tr></table>")
            elif name == "a":
                pieces.append(f'<a href="https://x.example/"{attributes}>link</a>')
            elif name == "div" and depth:
                pieces += [f"<div{attributes}>", *grow(depth - 1), "</div>"]
            else:
                pieces.append(f"<{name}{attributes}>text</{name}>")
        return pieces

    sheet = draw(st.lists(_SHEET_PIECE, min_size=1, max_size=6))
    rules = [piece + "\n" for piece in sheet]
    body = f'<body class="body"{draw(_styled())}>'.replace(' class="body" class="', ' class="body ')
    start, end, last = FRAME
    return (start, *rules, end, body, *grow(2), last)
