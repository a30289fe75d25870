"""Rules are put on elements, and the page stays the page that was written."""

from __future__ import annotations

import logging
import re
import time

import pytest

from mailmerge.rendering.document import parse
from mailmerge.rendering.inlining import inline_rules, unused_rules


def inlined(css: str, body: str = "<p>x</p>", *, attributes: bool = True) -> str:
    page = f"<!doctype html><html><head><style>{css}</style></head><body>{body}</body></html>"
    return inline_rules(parse(page), attributes=attributes).html


def body_of(html: str) -> str:
    return html.partition("<body>")[2].partition("</body>")[0]


def styles_of(html: str) -> str:
    return html.partition("<style>")[2].partition("</style>")[0]


def test_rules_are_put_on_elements() -> None:
    html = inlined("p { color: red }")
    assert (
        html == '<!doctype html><html><head></head><body><p style="color:red">x</p></body></html>'
    )


@pytest.mark.parametrize(
    ("css", "body", "expected"),
    [
        ("p{color:red} .a{color:blue}", "<p class=a>x", '<p class=a style="color:blue">x'),
        (".a{color:blue} p{color:red}", "<p class=a>x", '<p class=a style="color:blue">x'),
        ("p{color:red!important} .a{color:blue}", "<p class=a>x", '<p class=a style="color:red">x'),
        ("p{color:red}", "<p style='color: Blue ;'>x", "<p style='color: Blue ;'>x"),
        ("p{margin:1px}", "<p style='color:Blue;'>x", '<p style="margin:1px; color:Blue">x'),
        (
            "p{color:red!important}", "<p style='color: blue'>x",
            '<p style="color: blue; color:red">x',
        ),
        (
            "p{color:red!important}", "<p style='color: blue!important'>x",
            "<p style='color: blue!important'>x",
        ),
        ("p{margin:0;margin-top:1px}", "<p>x", '<p style="margin:0; margin-top:1px">x'),
        ("p{color:#000;color:rgba(0,0,0,.5)}",
            "<p>x", '<p style="color:#000; color:rgba(0,0,0,.5)">x'),
        ("p{width:100%;width:calc(1px + 2px)}",
            "<p>x", '<p style="width:100%; width:calc(1px + 2px)">x'),
        (
            "p{color:rgb(0 102 204 / 50%)}", "<p>x",
            '<p style="color:rgba(0, 102, 204, 0.5); color:rgb(0 102 204 / 50%)">x',
        ),
        ("p{background:url(a;b.png)}", "<p>x", '<p style="background:url(a;b.png)">x'),
        ("[title*=b]{top:0} a:link{left:0}", "<a href=x title=abc>y",
            '<a href=x title=abc style="top:0; left:0">y'),
        ("p:not(.b, .c):is(p, a){top:0}", "<p>x", '<p style="top:0">x'),
        ("li:nth-child(2){top:0}", "<li>x<li>y", '<li>x<li style="top:0">y'),
        ("*{top:0}", "<p>x", '<p style="top:0">x'),
    ],
)  # fmt: skip
def test_cascade_decides_what_is_inlined(css: str, body: str, expected: str) -> None:
    assert expected in inlined(css, body)


@pytest.mark.parametrize(
    ("css", "stays"),
    [
        ("a:hover{color:red}", "a:hover{color:red}"),
        ("p{color:blue} p:hover{color:red}", "p:hover {color:red !important}"),
        ("a.b{color:blue} a:hover{color:red}", "a:hover {color:red !important}"),
        ("#i{color:blue} a:hover{color:red}", "a:hover{color:red}"),
        ("a{color:blue!important} a:hover{color:red}", "a:hover{color:red}"),
        (
            "@media print{p{margin:0;color:red}} .x{margin:1px}",
            "@media print{p{margin:0;color:red}}",
        ),
        (
            "p{margin:1px} @media print{p{margin-top:0;color:red}}",
            "@media print {\np {margin-top:0 !important; color:red}\n}",
        ),
        ("p::before{content:'x'} p{color:red}", "p::before{content:'x'}"),
    ],
)
def test_rule_that_stays_is_raised_only_where_it_would_lose(css: str, stays: str) -> None:
    html = inlined(css, "<p class=x>x</p><a class=b id=i href=y>z</a>")
    assert styles_of(html) == stays


def test_rule_that_beats_a_raised_one_is_kept_beside() -> None:
    css = "a{color:black} a:hover{color:red} .b{color:white} "
    html = inlined(css, "<a href=x>y</a><a href=x class='b c'>y</a>")
    assert styles_of(html) == "a:hover {color:red !important}"
    css = "a{color:black} a:hover{color:red} .b.c{color:white}"
    html = inlined(css, "<a href=x>y</a><a href=x class='b c' style='top:0'>y</a>")
    assert styles_of(html) == "a:hover {color:red !important}\n.b.c {color:white !important}"


def test_style_attribute_that_beats_a_raised_rule_becomes_important() -> None:
    html = inlined("a{color:black} a:hover{color:red}", "<a>x</a><a style='color:white'>y</a>")
    assert '<a style="color:white !important">y</a>' in html


CLIENT_RULES = (
    "#outlook a{padding:0}", ".ExternalClass{width:100%}", "u + .body .gw{min-width:320px}",
    "[data-ogsc] .txt{color:#fff !important}", "#MessageViewBody a{color:inherit}",
    "a[x-apple-data-detectors]{color:inherit !important}", 'div[style*="margin: 16px 0"]{margin:0}',
)  # fmt: skip


@pytest.mark.parametrize("rule", CLIENT_RULES)
def test_rule_for_one_client_stays(rule: str) -> None:
    html = inlined(f"{rule} .txt{{color:#333}}", "<div class='body gw'><p class=txt>x</p></div>")
    assert styles_of(html) == rule


def test_rule_that_nothing_can_match_goes() -> None:
    assert "<style>" not in inlined(
        ".columns-7 { top: 0 } h1 p { left: 0 } #none.x .y { top: 0 }"[:45]
    )


def test_rule_for_outlook_stays_besides() -> None:
    body = "<!--[if mso]><table class=o><![endif]--><p class=p>x</p>"
    html = inlined(".o{width:600px} .p{color:red}", body)
    assert styles_of(html) == ".o{width:600px}"


def test_variables_are_resolved_and_kept() -> None:
    html = inlined(":root{--c:#c00;--d:var(--c)} p{color:var(--d);margin:var(--e, 2px)}")
    assert '<p style="color:#c00; margin:2px">' in html
    assert styles_of(html) == ":root{--c:#c00;--d:var(--c)}"


def test_variable_that_a_media_rule_changes_is_kept_in_use() -> None:
    html = inlined(
        ":root{--c:#c00} p{color:var(--c)} @media (prefers-color-scheme:dark){:root{--c:#fff}}"
    )
    assert '<p style="color:#c00">' in html
    assert "p {color:var(--c) !important}" in styles_of(html)


@pytest.mark.parametrize(
    "css",
    [
        "p{color:red;& b{top:0}}",
        "p, b:unknown{color:red}",
        "--x|y{color:red}",
        "p:nth-child{top:0}",
    ],
)
def test_rule_that_is_not_understood_stays_as_written(css: str) -> None:
    assert styles_of(inlined(css, "<p><b>x</b></p>")) == css


def test_repeated_formatting_keeps_its_rule_where_styles_differ() -> None:
    html = inlined("p > b { color: red }", "<b>1<p>2</b>3")
    assert body_of(html) == "<b>1<p>2</b>3"
    assert styles_of(html) == "p > b { color: red }"


def test_implied_elements_get_a_start_tag_if_they_have_a_style() -> None:
    html = inlined("tbody { color: red }", "<table><tr><td>x</table>")
    assert '<table><tbody style="color:red"><tr><td>x</table>' in html


@pytest.mark.parametrize("html", ["<html ⚡4email><style amp-custom>p{top:0}</style><p>x", "<p>x"])
def test_amp_and_pages_without_styles_stay(html: str) -> None:
    assert inline_rules(parse(html)).html == html


def test_content_of_a_template_stays() -> None:
    body = "<template><p>x</p></template>"
    assert body_of(inlined("p{color:red}", body)) == body


def test_ignored_style_element_stays() -> None:
    page = '<style data-premailer="ignore">p{top:0}</style><p>x'
    assert inline_rules(parse(page)).html == page


def test_conditional_comments_are_not_touched() -> None:
    body = "<!--[if mso]><p>a</p><![endif]--><![if !mso]><p>b</p><![endif]>"
    assert body_of(inlined("p{top:0}", body)) == body.replace("<p>b", '<p style="top:0">b')


def test_too_many_rules_leave_the_page_as_it_is() -> None:
    css = "".join(f"p{{--a{n}:0;x{n}:1}}" for n in range(3000))
    page = parse(f"<style>{css}</style>" + "<p>x" * 500)
    result = inline_rules(page)
    assert result.html == page.source
    assert result.reason == "there are too many style rules"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            "<html><head><style>body{color:red}</style></head>\n<p>x",
            '<html><head></head><body style="color:red">\n<p>x',
        ),
        ("<style>html{color:red}</style><p>x</p>", '<html style="color:red"><p>x</p>'),
        (
            "<style>tbody{color:red}</style><table><tr><td>x</td></tr></table>",
            '<table><tbody style="color:red"><tr><td>x</td></tr></table>',
        ),
    ],
)
def test_style_of_an_element_without_a_tag_gets_one(html: str, expected: str) -> None:
    assert inline_rules(parse(html)).html == expected


@pytest.mark.parametrize(
    "html",
    [
        "<style>body{color:red}</style>only a text",
        "<table>x<tr><td>y</td></tr></table><style>tbody{color:red}</style>",
        "<style>colgroup{color:red}</style><table><col><tr><td>y</td></tr></table>",
    ],
)
def test_page_stays_the_page_with_its_implied_elements(html: str) -> None:
    made = inline_rules(parse(html)).html
    before, after = parse(html), parse(made)
    assert before is not None
    assert after is not None
    assert [one.tag for one in after.tree.select("body *:not(style)")] == [
        one.tag for one in before.tree.select("body *:not(style)")
    ]
    assert "color:red" in made


def test_value_of_an_unknown_variable_stays() -> None:
    assert body_of(inlined("p { color: var(--x) }")) == '<p style="color:var(--x)">x</p>'


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        inlined("p { colour: red; color: red }")
    assert caplog.records == []


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ("<style>:root{--x:red}</style><p style='color:var(--x)'>y", 'style="color:red"'),
        ("<style>:root{--x:red}</style><p style='top:0;color:var(--y,#123)!important'>y",
         'style="top:0; color:#123 !important"'),
        ("<style>:root{--x:red}@media x{:root{--x:blue}}</style><p style='color:var(--x)'>y",
         'style="color:var(--x, red)"'),
        ("<style>:root{--x:red}@media x{:root{--x:initial}}</style><p style='color:var(--x)'>y",
         "style='color:var(--x)'"),
        ("<style>:root{--x:red}@media x{*{--x:blue}}</style><p style='color:var(--z,var(--x))'>y",
         'style="color:var(--z,var(--x, red))"'),
    ],
)  # fmt: skip
def test_custom_properties_in_a_style_attribute_have_their_values(html: str, wanted: str) -> None:
    assert wanted in inline_rules(parse(html)).html


def test_important_rule_of_a_client_still_wins_over_a_raised_one() -> None:
    sheet = "a{top:0} a:hover{top:1px} .c .d a{top:2px} a[data-x]{top:3px!important}"
    html = inline_rules(
        parse(f"<style>{sheet}</style><p class=c><b class=d><a href=x>y</a></b>")
    ).html
    assert ".c .d a {top:2px !important}" in html
    assert "a[data-x]:not(#_) {top:3px !important}" in html


def test_page_of_styles_alone_stays() -> None:
    assert inline_rules(parse("<style>p{top:0}</style>")).html == "<style>p{top:0}</style>"


def test_language_is_matched_where_it_is_written() -> None:
    html = inline_rules(parse("<style>:lang(en){top:0}</style><p lang=en-GB>x")).html
    assert html == '<p style="top:0" lang=en-GB>x' or html == '<p lang=en-GB style="top:0">x'


def test_rules_that_match_nothing_are_listed_by_selector() -> None:
    css = ".a, .b{top:0} @media print{.c{top:0}} .ExternalClass{top:0} p{top:0}"
    page = parse(f"<!doctype html><style>{css}</style><p class='a'>x</p>")
    assert unused_rules(page) == [(".b", ".a, .b{top:0}")]


def test_styles_that_took_too_long_are_not_tried_again() -> None:
    rules = "".join(f"p{{x{number}:1}}" for number in range(3000))
    page = f"<!doctype html><style>{rules}</style>" + "<p>x</p>" * 500
    first = inline_rules(parse(page)).reason
    started = time.process_time()
    assert inline_rules(parse(page)).reason == first != ""
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "css",
    [
        "&copy</th><!--[if gte mso 9]><xml><o:p>1</o:p></xml><![endif]-->end",
        "<!--[if mso]>p{top:0}<![endif]-->",
        "p{top:0}<!--[if mso]>q{top:0}<![endif]-->p{left:0}",
        "p{top:0;<!--[if mso]>left:0<![endif]-->}",
        "@media print{<!--[if mso]> p{top:0} <![endif]-->}",
    ],
)
@pytest.mark.parametrize("end", ["</style><p>x", ""])
def test_conditional_comment_within_a_style_stays(css: str, end: str) -> None:
    html = inline_rules(parse(f"<!doctype html><p>a</p><style>{css}{end}")).html
    for mark in re.findall(r"<!--\[if.*?\]>|<!\[endif\](?:-->)?", css):
        assert html.count(mark) == css.count(mark), html


@pytest.mark.parametrize(
    ("svg", "wanted"),
    [
        ("<style>p{top:0}</style>", "<style>p{top:0}</style>"),
        ("<style>&#8212;</style>", "<style>&#8212;</style>"),
        ("<template><style>p{top:0}</style></template>", "<style>p{top:0}</style>"),
        ("<style><![CDATA[b>p,p{top:0}]]></style>", "<style><![CDATA[b>p,p{top:0}]]></style>"),
        (
            "<style>p{top:0}b &gt; p:hover{top:1px}</style>",
            "<style>p{top:0}\nb &gt; p:hover {top:1px !important}</style>",
        ),
        ("<style />", "<style />"),
        ("<style>.none{left:0}</style>", "<style>.none{left:0}</style>"),
        ("<style>p,.none{top:0}</style>", "<style>p,.none{top:0}</style>"),
    ],
)
def test_style_of_an_svg_stays_and_is_inlined(svg: str, wanted: str) -> None:
    html = inline_rules(parse(f"<!doctype html><svg>{svg}</svg><b><p>x</p></b>")).html
    assert wanted in html
    assert html.count('<p style="top:0">') == ("top:0" in svg)


def test_rule_of_an_svg_is_never_unused() -> None:
    assert unused_rules(parse("<svg><style>.none{left:0}</style></svg>")) == []


def test_style_of_mathml_is_no_style_sheet() -> None:
    page = "<!doctype html><math><style>p{top:0}</style></math><p>x"
    assert inline_rules(parse(page)).html == page


@pytest.mark.parametrize(
    "svg", ["<svg><style>p{top:0}<g>x</g></style></svg>", "<svg><style>p{top:0}"]
)
def test_page_whose_svg_has_a_broken_style_stays_as_it_is(svg: str) -> None:
    page = f"<!doctype html><style>p{{left:0}}</style>{svg}<p>x</p>"
    found = inline_rules(parse(page))
    assert found.html == page
    assert found.reason == "the elements of the page are misnested"


def test_rule_that_stays_for_a_comment_loses_to_an_important_one() -> None:
    html = inlined(
        "p{color:red!important} .a{color:blue!important}",
        "<!--[if mso]><p>x</p><![endif]--><p class=a>y",
    )
    assert styles_of(html) == "p{color:red!important} .a{color:blue!important}"
    assert '<p class=a style="color:blue">' in html


def test_rule_for_every_element_shows_the_head() -> None:
    page = "<!doctype html><html><head><title>x</title><style>*{display:block}</style></head>y"
    html = inline_rules(parse(page)).html
    assert '<head style="display:block"><title style="display:block">' in html
    assert '<style style="display:block">*{display:block}</style>' in html


def test_rule_that_hides_nothing_of_the_head_leaves_it_alone() -> None:
    page = "<!doctype html><head><title>x</title><style>*{margin:0}</style></head><p>y"
    assert '<head><title>x</title></head><body style="margin:0">' in inline_rules(parse(page)).html


def test_head_that_is_not_written_is_shown_too() -> None:
    page = "<!doctype html><title>x</title><style>:first-child{all:initial}</style><style></style>y"
    html = inline_rules(parse(page)).html
    assert '<head style="all:initial"><title style="all:initial">' in html


def test_svg_gets_no_declaration_that_only_quirks_mode_knows() -> None:
    css = "g{margin:12;color:fff;padding:0 1px;line-height:1.5}"
    html = inlined(css, "<svg><g>x</g></svg>")
    assert '<g style="padding:0 1px; line-height:1.5">' in html
    html = inline_rules(parse(f"<style>{css}</style><svg><g>x</g></svg>")).html
    assert "margin:12; color:fff" in html
