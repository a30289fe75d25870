"""The sentences of the SMTP library in the language of the user."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge import smtp
from mailmerge.language import use
from mailmerge.library_messages import smtp_message, sqlite_message
from mailmerge.providers.hints import as_user_error
from mailmerge.smtp.state import Awaited

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ERRORS = {
    "AuthenticationRefused", "ConnectionLost", "RemoteProtocolError", "ServerRefused",
    "ServerUnreachable",
}  # fmt: skip
"""A LocalProtocolError is a defect of the program, and stays in English."""

ELSEWHERE = {"{x}", 'the server {x}: "{x}"', 'the server sent {x}: "{x}"'}
"""Sentences whose words are elsewhere; the test below has them."""


def sentences() -> Iterator[str]:
    """The message of every error that the library raises, with {x} for each value."""
    for path in sorted(Path(smtp.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                yield from shapes(node.args[0])


def shapes(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(one.value) if isinstance(one, ast.Constant) else "{x}" for one in node.values
        )


def test_every_error_of_the_library_has_a_translation() -> None:
    found = sorted(set(sentences()) - ELSEWHERE)
    found.remove("the mechanism {x} needs a {x}, and a {x} is configured")
    found.append("the mechanism {x} needs a password, and a token is configured")
    assert len(found) > 20
    use("zh_CN")
    said = [re.sub(r'(?<=")\{x\}$', " (said)", one).replace("{x}", "token") for one in found]
    assert [one for one in said if not CHINESE.search(smtp_message(one))] == []


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            "no connection to localhost port 25: Connection refused",
            "无法连接 localhost 端口 25：连接被拒绝",
        ),
        (
            'the server refuses this session: "554 go away: really"',
            '服务器拒绝此会话："554 go away: really"',
        ),
        (
            'the server sent a line that is not an SMTP reply: "x"',
            '服务器发送的一行不是 SMTP 应答："x"',
        ),
        ("the greeting did not come within 30 seconds", "30 秒内没有收到问候语"),
        (
            "the TLS handshake with a.example took more than 5 seconds",
            "与 a.example 的 TLS 握手超过 5 秒",
        ),
        (
            'the log-in as u was refused: "535 no" (bad token)',
            '以 u 登录被拒："535 no"（bad token）',
        ),
        ("in doubt, assumed sent", "结果未知，视为已发送"),
        ("550 5.1.1 No such user", "550 5.1.1 No such user"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_sentence_is_translated_with_its_values(english: str, chinese: str) -> None:
    assert smtp_message(english) == english
    use("zh_CN")
    assert smtp_message(english) == chinese


def test_every_reply_that_can_be_late_has_a_name() -> None:
    use("zh_CN")
    for one in Awaited:
        text = smtp_message(f"{one} did not come within 3 seconds")
        assert not re.search(r"\b(the|reply|end)\b", text), text


def test_a_user_error_has_message_and_hint_in_the_language() -> None:
    error = smtp.errors.ServerUnreachable(
        "no connection to localhost port 25: Connection refused", code="no-connection"
    )
    english = as_user_error(error)
    use("zh_CN")
    chinese = as_user_error(error)
    assert english.problem.message == error.message
    assert english.problem.code == chinese.problem.code
    assert chinese.problem.message.startswith("无法连接 localhost")
    assert CHINESE.search(chinese.problem.hint)


def test_reasons_of_the_database_are_translated() -> None:
    assert sqlite_message("database or disk is full") == "database or disk is full"
    use("zh_CN")
    assert sqlite_message("database or disk is full") == "数据库或磁盘已满"
    assert sqlite_message("no such table: x") == "no such table: x"


def test_a_very_long_message_is_not_compared() -> None:
    use("zh_CN")
    reply = "the server offers " * 5_000
    assert smtp_message(reply) == reply
