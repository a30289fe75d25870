"""Each mistake of TOML has its own fix, and the fix works."""

from __future__ import annotations

import tomllib

import pytest

from mailmerge.errors import Problem
from mailmerge.settings.toml_errors import toml_error


def problem_of(text: str) -> Problem:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    return toml_error(text, caught.value, "campaign.toml").problem


@pytest.mark.parametrize(
    ("line", "cause", "fix"),
    [
        ("a = “Hallo”", "“ is a typographic quotation mark", 'a = "Hallo"'),
        ("a = „Hallo“", "„ is a typographic quotation mark", 'a = "Hallo"'),
        ("a = ‘Hallo’", "‘ is a typographic quotation mark", 'a = "Hallo"'),
        ("a = «Hallo»", "« is a typographic quotation mark", 'a = "Hallo"'),
        ("a = “It’s me”", "“ is a typographic quotation mark", 'a = "It\'s me"'),
        ('a = ["x" "y"]', 'a comma is missing between "x" and "y"', 'a = ["x", "y"]'),
        ('a = "x",', "a comma follows the value", 'a = "x"'),
        ('a = "x";', "a semicolon follows the value", 'a = "x"'),
        ('a = "x', 'a quotation mark (") is missing', 'a = "x"'),
        ('a = x"', 'a quotation mark (") is missing', 'a = "x"'),
        ('a = ["x", "y]', 'a quotation mark (") is missing', 'a = ["x", "y"]'),
        (r'a = "C:\Users\x"', "\\ has a meaning of its own", 'a = "C:/Users/x"'),
        (r'a = "Rechnungen\Rechnung"', "\\ has a meaning", 'a = "Rechnungen/Rechnung"'),
        ("a = Hallo Welt", "the text is not in quotes", 'a = "Hallo Welt"'),
        ("a = 60/minute", "the text is not in quotes", 'a = "60/minute"'),
        ('a = "A B" <a@b.de>', "the text is not in quotes", 'a = "A B <a@b.de>"'),
        ("a = True", "True is no value of TOML", "a = true"),
        ("a = 1,5", "a decimal has a point", "a = 1.5"),
        ('a = "Say "hi" now"', 'the text has " inside', "a = 'Say \"hi\" now'"),
        ("a =", "a has no value", "write a value"),
        ('a: "x"', "joined by =", 'a = "x"'),
        ("// note", "a comment begins with #", "# note"),
        ("[smtp", "the name of the table has no end", "[smtp]"),
        ('reply to = "x"', "'reply to' is no key", "reply_to"),
        ('\u00a0a = "x"', "invisible character U+00A0", "type the line again"),
        ("a = 'It's'", "the text has ' inside", 'a = "It\'s"'),
        ('a "x"', "= is missing", 'a = "x"'),
        ("a = [x.pdf, y.pdf]", "not in quotes", 'a = ["x.pdf", "y.pdf"]'),
        ("a = 2,525", "no sign between thousands", "a = 2525"),
        ("a = 025", "does not begin with 0", "a = 25"),
        ("a = null", "TOML has no null", "delete the line"),
        ('a = "x" // note', "a comment begins with #", 'a = "x" # note'),
        ("a = 5 <!-- note -->", "a comment begins with #", "a = 5 # note"),
        ("/* note */", "a comment begins with #", "# note"),
        ("– note", "a comment begins with #", "# note"),
        ("smtp:", "no name of a table", "[smtp]"),
        ("(smtp)", "no name of a table", "[smtp]"),
        ('a = ["x", "y"', "the list has no end", 'a = ["x", "y"]'),
    ],
)
def test_each_mistake_has_its_fix(line: str, cause: str, fix: str) -> None:
    problem = problem_of(f'[campaign]\nname = "x"\n{line}\n')
    assert cause in problem.message
    assert fix in problem.hint
    assert problem.line == 3
    assert problem.marked_line is not None
    assert problem.marked_line[0] == line.replace("\u00a0", "").strip() or "\u00a0" in line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{\\rtf1 [message]}", "word processor (RTF)"),
        ('{"message": {"from": "x"}}', "JSON"),
        ('{\n  "message": 1\n}', "JSON"),
        ("<?xml version='1.0'?><a/>", "XML"),
    ],
)
def test_a_file_in_another_format_is_named(text: str, says: str) -> None:
    problem = problem_of(text)
    assert says in problem.message
    assert problem.hint


def test_a_comma_that_is_missing_above_is_named() -> None:
    problem = problem_of('a = [\n"x",\n"y"\n"z",\n]\n')
    assert (problem.line, problem.message) == (4, 'not TOML: a comma is missing before "z"')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('a = "x"\na = "y"\n', "a is written twice"),
        ("[smtp]\n[message]\n[smtp]\n", "the table [smtp] is written twice"),
    ],
)
def test_what_is_written_twice_is_named(text: str, says: str) -> None:
    assert says in problem_of(text).message


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("[smtp]\nhost\n", "the line has no value", 'write host = "..." or [host]'),
        (
            'a = { b = "c",\n d = "e" }\n',
            "a table in braces has to end in its line",
            "a table [... a] with one key in each line",
        ),
        ("a = “x\n", "the text is not in quotes", 'write a = "“x"'),
        ("\n\na = [1,\n\n\n", "invalid value", "correct the line"),
    ],
)
def test_a_line_that_is_not_complete_is_named(text: str, says: str, hint: str) -> None:
    problem = problem_of(text)
    assert says in problem.message
    assert hint in problem.hint
    assert problem.line == next(
        n for n, one in enumerate(text.split("\n"), 1) if one[:1] not in ("", "[")
    )


def test_an_unknown_mistake_has_place_and_line() -> None:
    problem = problem_of('a = 1 \x01 2\nb = "x"\n')
    assert (problem.line, bool(problem.hint)) == (1, True)


def test_the_caret_is_below_the_mistake_of_a_long_line() -> None:
    line = 'a = "' + "x" * 200 + '" oops'
    marked = problem_of(line + "\n").marked_line
    assert marked is not None
    assert len(marked[0]) <= 100
    assert marked[0][marked[1].index("^") :].startswith("oops")
