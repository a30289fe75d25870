"""The delimiter is the one that makes a table."""

from __future__ import annotations

import pytest

from mailmerge.recipients.formats.delimiter import choose_delimiter


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("email\na@x.org\n", ","),
        ("email,name\na,b\n", ","),
        ("email;name\na;b\n", ";"),
        ("email\tname\na\tb\n", "\t"),
        ("email|name\na|b\n", "|"),
        ('email,tags\na,"x;y;z"\nb,"x;y;z"\n', ","),
        ("email;price\na;1,50\nb;2,50\n", ";"),
        ("price,total;email\n1,5;a\n", ";"),
        ('email;say\na;"He said ""hi"", twice"\n', ";"),
        ("Our guests, all of them\nemail;name;town\na;b;c\n", ";"),
        ("mail;name\na;b\n", ";"),
        ("email,note\na,x|y\nb,x|y\n", ","),
        ("", ","),
        ("\n\n", ","),
    ],
)
def test_the_table_decides(sample: str, delimiter: str) -> None:
    assert choose_delimiter(sample, "email") == delimiter
