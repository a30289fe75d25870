"""Parameters of MIME fields, such as file names (RFC 2045, 5.1; RFC 2231)."""

from __future__ import annotations

from urllib.parse import quote

from mailmerge.mime.encoded_words import encoded_words, is_plain
from mailmerge.mime.folding import LINE, split_by_size
from mailmerge.mime.headers import quoted_string


def parameter(name: str, value: str) -> list[str]:
    """A parameter, by RFC 2231 if the value is not plain ASCII.

    Returns: one text, or several where the value is continued (RFC 2231, 3); each fits a line.
    """
    if is_plain(value):
        return [f"{name}={quoted_string(value)}"]
    whole = f"{name}*=utf-8''{_percent(value)}"
    if len(whole) < LINE - 1:
        return [whole]
    room = LINE - len(f" {name}*00*=;")
    parts = split_by_size(
        value, room - len("utf-8''"), room, lambda character: len(_percent(character))
    )
    sections = [_percent(part) for part in parts]
    sections[0] = f"utf-8''{sections[0]}"
    return [f"{name}*{number}*={section}" for number, section in enumerate(sections)]


def _percent(text: str) -> str:
    return quote(text, safe="!#$&+-.^_`{|}~")


def name_parameter(value: str) -> list[str]:
    """`name` of Content-Type, for readers that do not know RFC 2231 or ignore the disposition.

    RFC 2047, 5 forbids encoded-words in quotes. Gmail, Outlook and nodemailer still write them
    here, because old versions of Outlook and some web mailers show the file under this name and
    read no other. Current readers use the file name of Content-Disposition, which follows RFC 2231.
    """
    if is_plain(value):
        return [f"name={quoted_string(value)}"]
    words = "\r\n ".join(encoded_words(value, LINE - len(' name="";')))
    return [f'name="{words}"']


def parameterised_field(name: str, value: str, *parameters: str) -> bytes:
    """Content-Type or Content-Disposition: each parameter on the line where it fits."""
    lines = [f"{name}: {value}"]
    for text in parameters:
        lines[-1] += ";"
        if len(lines[-1]) + len(text) + 2 <= LINE:
            lines[-1] += f" {text}"
        else:
            lines.append(f" {text}")
    return "\r\n".join([*lines, ""]).encode("ascii")
