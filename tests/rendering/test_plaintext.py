"""Plain text made from a page: readable even where newsletters are tables within tables."""

from __future__ import annotations

import pytest

from mailmerge.rendering.plaintext import text_of_page

RULE = "-" * 40


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<!-- x -->", ""),
        ("<p> a\n b</p><p>c</p>", "a b\n\nc\n"),
        ("<p>a<br>b</p>", "a\nb\n"),
        ("<p>a</p><hr><p>b</p>", f"a\n\n{RULE}\n\nb\n"),
        ("<ul><li>a<li>b</ul><ol><li>c</ol>", "  * a\n  * b\n 1. c\n"),
        ("<h1>T</h1><div>a</div><div>b</div>", "T\n\na\nb\n"),
        ('<div style="display:none">hidden</div>seen', "seen\n"),
        ("<title>t</title><style>p{}</style>seen<script>x</script>", "seen\n"),
        ("<p>AT&amp;T &amp;copy &lt;b&gt;</p>", "AT&T &copy <b>\n"),
        ("a&nbsp;&nbsp;b", "a b\n"),
        ("a<!-- c -->b<?pi x?>c", "abc\n"),
        ("<p>\x01a</p>", "a\n"),
    ],
)
def test_page_becomes_lines(html: str, text: str) -> None:
    assert text_of_page(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            '<a href="https://x.example/?a=1&amp;copy=2">go</a>',
            "go <https://x.example/?a=1&copy=2>\n",
        ),
        (
            '<a href="https://x.example/?q=a&lt;b&gt;&quot;c&quot;">go</a>',
            "go <https://x.example/?q=a%3Cb%3E%22c%22>\n",
        ),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example\n"),
        ('<a href="mailto:a@b.c">a@b.c</a>', "a@b.c\n"),
        ('<a href="#top">up</a><a name="x">y</a><a href="">z</a>', "upyz\n"),
        (
            '<a href="https://x.example"><img src="i.png" alt="Logo"></a>',
            "[Logo] <https://x.example>\n",
        ),
        ('<img src="i.png" alt=""><img src="j.png">x', "x\n"),
    ],
)
def test_links_show_targets_and_images_their_alternative_text(html: str, text: str) -> None:
    assert text_of_page(html) == text


def test_layout_table_becomes_lines() -> None:
    html = """
    <table width="100%" role="presentation"><tr><td>&nbsp;</td><td width="600">
      <table><tr><td><img src="l.png" alt="Logo"></td></tr>
      <tr><td><h1>News</h1><p>First <b>thing</b>.</p></td></tr>
      <tr><td height="20">&nbsp;</td></tr>
      <tr><td>Home</td><td> <a href="https://x.example/s">Shop</a> </td><td></td><td>Help</td></tr>
      </table></td><td>&nbsp;</td></tr></table>"""
    assert text_of_page(html) == (
        "[Logo]\n\nNews\n\nFirst thing.\n\nHome | Shop <https://x.example/s> | Help\n"
    )


def test_data_table_keeps_its_columns() -> None:
    html = (
        "<div><table role=presentation><tr><td><table>"
        "<thead><tr><th>Item</th><th>Price</th></tr></thead>"
        "<tr><td>A long name</td><td>1</td></tr><tr><td>"
        "B</td><td>22</td></tr></table></td></tr></table></div>"
    )
    assert text_of_page(html) == "Item         Price\nA long name  1\nB            22\n"


def test_padding_of_a_preheader_is_left_out() -> None:
    html = "<div>Preview</div><div>" + "&zwnj;&nbsp;&#847; " * 30 + "</div><p>Dear</p>"
    assert text_of_page(html) == "Preview\n\nDear\n"


def test_caller_may_decide_whether_targets_are_shown() -> None:
    html = '<a href="https://x.example">go</a> <a href="https://y.example">y.example</a>'
    decided = {("go", "https://x.example"): False, ("y.example", "https://y.example"): True}
    assert text_of_page(html, decided) == "go y.example <https://y.example>\n"
    assert text_of_page(html, decided, str.upper) == "go y.example <HTTPS://Y.EXAMPLE>\n"


def test_a_page_with_very_many_elements_is_written_line_by_line() -> None:
    style = "<style>p{top:0}</style><p style='display:none'>hidden</p>"
    text = text_of_page(f"<head><title>t</title></head>{style}{'<p>x &amp; <b>y</b></p>' * 12_000}")
    assert set(text.split("\n")) == {"x & y", ""}
    assert text.count("x & y") == 12_000
    assert text_of_page(f"<ul>{'<li>a<br>b</li>' * 12_000}</ul>").startswith("* a\nb\n* a\n")
