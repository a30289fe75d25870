from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmerge.mime.parameters import name_parameter, parameter, parameterised_field
from tests.mime.reading import header_texts, parse

FILE_NAMES = header_texts().map(lambda text: text.strip(" ")).filter(bool)


@given(header_texts().filter(lambda text: text.strip(" ") == text != ""))
@example("报价单.pdf")
@example('q"u\\o.pdf')
@example("=?utf-8?q?a?=.pdf")
@example("é" * 120 + ".pdf")
@example("a*b%20'c';d.pdf")
def test_file_name_is_read_as_it_was(name: str) -> None:
    field = parameterised_field("Content-Disposition", "attachment", *parameter("filename", name))
    message = parse(field + b"\r\n")
    assert message["Content-Disposition"].params["filename"] == name
    assert message.get_content_disposition() == "attachment"
    assert not message["Content-Disposition"].defects
    assert field.isascii()
    if "=?" in name or not name.isascii():
        assert max(map(len, field.split(b"\r\n"))) <= 76


@given(header_texts().filter(lambda text: text.strip(" ") == text != ""))
def test_name_for_older_readers_is_the_same(name: str) -> None:
    field = parameterised_field("Content-Type", "application/pdf", *name_parameter(name))
    assert parse(field + b"\r\n")["Content-Type"].params["name"] == name
    assert field.isascii()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a.pdf", ['filename="a.pdf"']),
        ('q"u\\o', ['filename="q\\"u\\\\o"']),
        ("é.pdf", ["filename*=utf-8''%C3%A9.pdf"]),
    ],
)
def test_short_parameter_is_one_text(value: str, written: list[str]) -> None:
    assert parameter("filename", value) == written


@given(st.text("é中a*'%;", min_size=40, max_size=200).map(lambda text: text + "é"))
def test_long_parameter_is_continued_in_numbered_sections(value: str) -> None:
    sections = parameter("filename", value)
    assert len(sections) > 1
    for number, section in enumerate(sections):
        assert section.startswith(f"filename*{number}*=")
        assert len(f" {section};") <= 76
    assert sections[0].startswith("filename*0*=utf-8''")


def test_parameter_begins_a_new_line_where_it_does_not_fit() -> None:
    field = parameterised_field("Content-Type", "text/plain", f"a={'x' * 66}", "b=1", "c=2")
    assert field == f"Content-Type: text/plain;\r\n a={'x' * 66}; b=1;\r\n c=2\r\n".encode()
