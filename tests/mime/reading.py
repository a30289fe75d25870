"""Read messages with the standard library, and build what EmailMessage would have built."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

from hypothesis import strategies as st

from mailmerge.mime.encoding import compile_text

# Texts that lines, encodings and readers have trouble with.
_TROUBLE = [
    "\n", "\r", "\r\n", " ", "\t", ".", "..", "From ", "F", "ro", "m ", "=", "=\n", "=20", "--",
    "--=_mixed", "\x00", "\x0b", "\x0c", "\x1b", "\x85", "\u2028", "x" * 76, "word " * 40, "é",
    "中文字", "😀", "שלום", "a\u0301", "\ufeff", "=?utf-8?q?=0A?=",
]  # fmt: skip
CHINESE = "您好，欢迎阅读本期通讯。" * 20
_characters = st.characters(codec="utf-8")


def texts(max_size: int = 8) -> st.SearchStrategy[str]:
    """Texts in any script, made of known trouble and of anything else."""
    fragment = st.sampled_from(_TROUBLE) | st.text(_characters, max_size=12) | st.text("abc .")
    return st.lists(fragment, max_size=max_size).map("".join)


def structures() -> st.SearchStrategy[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Static texts, and one value less."""
    pairs = st.lists(st.tuples(texts(), texts(4)), max_size=5)
    return st.tuples(pairs, texts()).map(
        lambda drawn: (
            (*(static for static, _ in drawn[0]), drawn[1]),
            tuple(value for _, value in drawn[0]),
        )
    )


def header_texts() -> st.SearchStrategy[str]:
    """Texts that a header field may hold, in any script."""
    allowed = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
    trouble = ["=?", "?=", "=?UTF-8?Q?=0A?=", '"', "\\", ",", "<@", "  ", "x" * 90, "é", "中" * 30]
    fragment = st.sampled_from(trouble) | st.text(allowed, max_size=20)
    return st.lists(fragment, max_size=6).map(" ".join)


def canonical(text: str) -> str:
    """The text as the wire has it: CRLF, also at the end."""
    lines = re.sub(r"\r\n|\r|\n", "\n", text)
    return (lines if lines.endswith("\n") else lines + "\n").replace("\n", "\r\n")


def parse(content: bytes) -> EmailMessage:
    """Read a message with the standard library."""
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def built(text: str, subtype: str = "plain") -> EmailMessage:
    """A body part as EmailMessage builds it, written and read again."""
    message = EmailMessage(SMTP)
    message.set_content(text, subtype=subtype)
    return parse(message.as_bytes())


def assert_canonical(content: bytes, longest: int = 998) -> None:
    """Lines end with CRLF and with nothing else; none is too long or begins with a dot."""
    assert content.endswith(b"\r\n")
    lines = content.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= longest
    assert not any(line.startswith((b".", b"From ")) for line in lines)


def read_field(field: bytes) -> str:
    """The value of one header field, read with the standard library."""
    message = parse(field + b"\r\n")
    assert len(message.keys()) == 1
    return str(message[message.keys()[0]])


def encoded_text(static: tuple[str, ...], values: tuple[str, ...] = ()) -> bytes:
    """A body with its transfer encoding, as the composer writes it."""
    return b"".join(compile_text(static).encode(values))


def encoding_of(body: bytes) -> str:
    """The transfer encoding of such a body."""
    return body.partition(b"\r\n")[0].removeprefix(b"Content-Transfer-Encoding: ").decode()


def decoded_text(body: bytes) -> str:
    """The text of such a body, read with the standard library."""
    part = parse(b'Content-Type: text/plain; charset="utf-8"\r\n' + body)
    text = part.get_content()
    assert isinstance(text, str)
    return text
