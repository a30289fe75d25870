"""The messages of libraries: English as they are, Chinese by their templates."""

from __future__ import annotations

import inspect
import io
import json
import re
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from xml.parsers import expat

import email_validator
import email_validator.syntax
import jinja2
import jinja2.lexer
import jinja2.parser
import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mailmerge.language import use
from mailmerge.library_messages import (
    address_message,
    hint_for_held,
    jinja_message,
    pydantic_message,
    reader_message,
    system_reason,
    toml_message,
)

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    use("en")


def messages_of(module: object, call: str) -> list[str]:
    """The messages in the source of a library, with `x` for each value."""
    source = inspect.getsource(module)  # type: ignore[arg-type]
    found = re.findall(rf'{call}\([^"()]*f?"((?:[^"\\]|\\.)*)"', source)
    found = [text.replace("{reason}", "(3 characters too many)") for text in found]
    return [re.sub(r"\{[^{}]*\}", "'x'", text) for text in found]


def jinja_error(text: str) -> str:
    with pytest.raises(jinja2.TemplateSyntaxError) as caught:
        jinja2.Environment(autoescape=True).from_string(text)
    return (caught.value.message or "").removesuffix(".")


def test_each_message_of_tomllib_has_a_template() -> None:
    found = messages_of(inspect.getmodule(tomllib.loads), "suffixed_err")
    assert len(found) > 20
    use("zh_CN")
    for message in found:
        lowered = message[:1].lower() + message[1:].replace("\\\\", "\\")
        assert CHINESE.search(toml_message(lowered)), message


def test_a_value_in_a_toml_message_stays() -> None:
    use("zh_CN")
    assert toml_message("cannot declare ('smtp',) twice") == "('smtp',) 不能声明两次"


@pytest.mark.parametrize(
    "text",
    [
        "{{ a b }}", "{{ a", "{{ }}", "{% if a %}", "{% foo %}", "{% endif %}", "{# x",
        "{{ a|foo }}", "{{ a is foo }}", "{% for x in y %}{% endif %}", "{{ (a }}", "{{ a) }}",
        "{{ a. }}", "{% set 1 = 2 %}", "{% block a %}{% endblock %}{% block a %}{% endblock %}",
        "{{ a is string is string }}", "{% if %}", "{{ f(a=1, 2) }}", "{% %}",
    ],
)  # fmt: skip
def test_messages_of_jinja_are_translated(text: str) -> None:
    message = jinja_error(text)
    assert jinja_message(message) == message
    use("zh_CN")
    assert CHINESE.search(jinja_message(message)), message


def test_the_parts_of_a_template_are_translated() -> None:
    message = jinja_error("{{ a b }}")
    use("zh_CN")
    assert "'输出语句的结尾'" in jinja_message(message) or "输出语句的结尾" in jinja_message(
        message
    )
    assert "print statement" not in jinja_message(message)


class Section(BaseModel):
    model_config = ConfigDict(strict=True)

    port: int = Field(default=1, ge=1, le=9)
    sign: str = Field(default="", max_length=1)
    name: str = Field(default="abc", max_length=3, pattern="^[a-z]*$")
    flag: bool = False


@pytest.mark.parametrize(
    "values",
    [{"port": 0}, {"port": 10}, {"sign": "ab"}, {"name": "abcd"}, {"name": "A"}, {"flag": 1}],
)
def test_messages_of_pydantic_are_translated(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        Section.model_validate(values)
    message = caught.value.errors()[0]["msg"].replace("Input should be", "expected")
    assert pydantic_message(message) == message
    use("zh_CN")
    assert CHINESE.search(pydantic_message(message)), message


def test_choices_stay_as_they_are_written() -> None:
    use("zh_CN")
    said = pydantic_message("expected 'tls', 'starttls' or 'none'")
    assert said == "应为 'tls', 'starttls' 或 'none'"


def test_each_message_about_an_address_has_a_template() -> None:
    found = messages_of(email_validator.syntax, "EmailSyntaxError")
    use("zh_CN")
    # What can follow from the options with which addresses are read here.
    never = re.compile(
        "IPv|brackets|Internationalized|display name contains|commercial at|full-width"
        "|angle bracket"
    )
    for message in found:
        if not never.search(message):
            whole = f"{message}x" if message.endswith(" ") else message.rstrip(".")
            assert CHINESE.search(address_message(whole)), message


@pytest.mark.parametrize(
    "address", ["a b@x.org", "a@x_y.org", "a@-x.org", "a@x-.org", "é\u0300@x..y"]
)
def test_a_real_refusal_of_an_address_is_translated(address: str) -> None:
    with pytest.raises(email_validator.EmailNotValidError) as caught:
        email_validator.validate_email(address, check_deliverability=False)
    use("zh_CN")
    assert CHINESE.search(address_message(str(caught.value).rstrip("."))), str(caught.value)


def test_reasons_of_the_system_are_translated() -> None:
    missing = FileNotFoundError(2, "No such file or directory")
    assert system_reason(missing) == "No such file or directory"
    assert system_reason(OSError("odd")) == "odd"
    use("zh_CN")
    assert system_reason(missing) == "没有这个文件或文件夹"
    assert system_reason(OSError("odd")) == "odd"


@pytest.mark.parametrize(
    "function", [toml_message, jinja_message, pydantic_message, address_message]
)
def test_an_unknown_message_is_shown_as_it_is(function: Callable[[str], str]) -> None:
    use("zh_CN")
    assert function("something quite new {x}") == "something quite new {x}"


@pytest.mark.parametrize(
    "text", ["", "{", '{"a" 1}', '{"a": 1 "b"}', "{a: 1}", '{"a": "', "1 2", '{"a": "\\x"}']
)
def test_messages_of_json_are_translated(text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text)
    message = str(caught.value)
    assert reader_message(message) == message
    use("zh_CN")
    assert CHINESE.search(reader_message(message)), message


@pytest.mark.parametrize("text", [b"", b"<a", b"<a></b>", b"<a b='1' b='2'/>", b"<a>\x01</a>"])
def test_messages_of_expat_are_translated(text: bytes) -> None:
    with pytest.raises(expat.ExpatError) as caught:
        expat.ParserCreate().Parse(text, True)
    use("zh_CN")
    assert CHINESE.search(reader_message(str(caught.value))), str(caught.value)


def test_messages_of_zipfile_are_translated() -> None:
    with pytest.raises(zipfile.BadZipFile) as caught:
        zipfile.ZipFile(io.BytesIO(b"no archive"))
    use("zh_CN")
    assert reader_message(str(caught.value)) == "不是 ZIP 文件"


def test_a_size_in_a_message_is_translated() -> None:
    use("zh_CN")
    said = address_message(
        "The email address is too long before the @-sign (3 characters too many)"
    )
    assert said == "邮箱地址 @ 之前的部分过长（超出 3 个字符）"


@pytest.mark.parametrize(
    ("error", "platform", "says"),
    [
        (PermissionError(13, "Permission denied"), "win32", "close it in the program"),
        (PermissionError(13, "Permission denied"), "linux", "otherwise"),
        (FileNotFoundError(2, "No such file"), "win32", "otherwise"),
    ],
)
def test_a_file_that_another_program_may_hold_has_its_own_hint(
    error: OSError, platform: str, says: str
) -> None:
    assert hint_for_held(error, "otherwise", platform).startswith(says)
