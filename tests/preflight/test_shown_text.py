"""The texts of a page as readers see them, each with its place."""

from __future__ import annotations

from mailmerge.preflight.shown_text import shown_texts


def texts(source: str) -> list[str]:
    return [one.text.strip() for one in shown_texts(source) if one.text.strip()]


def test_tags_of_a_line_do_not_separate_and_blocks_do() -> None:
    assert texts("<p>a<b>b</b>c</p><p>d<br>e</p>") == ["abc", "d", "e"]


def test_attributes_that_are_read_or_followed_are_texts() -> None:
    source = '<a href="https://x.de/%7Bx%7D" class="y"><img alt="z" style="q"></a>'
    assert texts(source) == ["https://x.de/{x}", "z"]


def test_styles_scripts_and_comments_are_left_out_but_not_conditional_ones() -> None:
    source = "<style>a</style><script>b</script><!-- c --><!--[if mso]><p>d</p><![endif]-->"
    assert texts(source) == ["d"]


def test_each_text_knows_its_place() -> None:
    source = "<p>x</p>\n<p>{<b>na</b>me &amp; y}</p>"
    (shown,) = [one for one in shown_texts(source) if "name" in one.text]
    assert shown.offset(shown.text.index("{")) == source.index("{")
    assert shown.offset(shown.text.index("me")) == source.index("me &amp;")
    assert shown.offset(shown.text.index("&")) == source.index("&amp;")


def test_code_is_marked() -> None:
    marked = {one.text: one.as_code for one in shown_texts("a<code>b</code>c") if one.text}
    assert marked == {"a": False, "b": True, "c": False}
