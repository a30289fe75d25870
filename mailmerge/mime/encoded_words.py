"""Text outside ASCII in header fields: encoded-words (RFC 2047).

An encoded-word is `=?charset?encoding?text?=`, with at most 75 characters (2), a text that is
not empty, and no part of a character (5). A reader drops the spaces between two of them. So a
run of words that need encoding is encoded as one text, with the spaces in it, and then cut into
encoded-words; the words around the run stay readable.

An address is never encoded, since a mailbox in an encoded-word is no mailbox (5, rule 3).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import lru_cache

from mailmerge.mime.folding import LINE, LONGEST_LINE, split_by_size

_LONGEST_WORD = 75  # RFC 2047, 2
_AROUND_TEXT = len("=?utf-8?q??=")
_LEAST_ROOM = 30  # with less than that left in a line, an encoded-word begins a new one

# RFC 2047, 5 (3): the characters that need no encoding in a phrase, and so nowhere.
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_Q = [
    "_" if byte == 0x20 else chr(byte) if byte in _SAFE else f"={byte:02X}" for byte in range(256)
]


def is_plain(text: str) -> bool:
    """Printable ASCII that cannot be read as an encoded-word."""
    return text.isascii() and text.isprintable() and "=?" not in text


def encode_where_needed(name: str, text: str) -> str:
    """The value of a field with encoded-words for the words that need them, before folding."""
    words = text.split(" ")
    written: list[str] = []
    done, column = 0, len(name) + len(": ")
    for first, end in _runs_to_encode(words, LONGEST_LINE - column):
        between = words[done:first]
        column += _length(between)
        # A new line can begin after other words, but not directly after the name of the field.
        room = LINE - column if first else max(LINE - column, _LEAST_ROOM)
        encoded = encoded_words(" ".join(words[first:end]), room)
        column += _length(encoded)
        written += [*between, *encoded]
        done = end
    return " ".join([*written, *words[done:]])


def _length(words: list[str]) -> int:
    """The length of some words with a space behind each."""
    return sum(map(len, words)) + len(words)


def _runs_to_encode(words: list[str], longest: int) -> list[tuple[int, int]]:
    """The (begin, end) of each run of words to encode.

    Runs are merged with the words between them, unless these contain an address. An empty word
    comes from several spaces in a row, which readers keep only within an encoded-word. It is
    encoded with the word before it, so that no run is an empty text.
    """
    to_encode = [
        position
        for position, word in enumerate(words)
        if not word or not word.isascii() or "=?" in word or len(word) > longest
    ]
    runs: list[tuple[int, int]] = []
    for position in to_encode:
        start = position if words[position] else position - 1
        if runs and "@" not in "".join(words[runs[-1][1] : start]):
            start = runs.pop()[0]
        runs.append((start, position + 1))
    return runs


def encoded_words(text: str, room: int = _LONGEST_WORD) -> list[str]:
    """Encoded-words of at most 75 characters, the first of at most `room` (RFC 2047, 2 and 5).

    The encoding is Q if most of the text stays readable, else B. If `room` is too small for a
    word, the first one must begin a new line. `text` is not empty.
    """
    assert text, "RFC 2047, 2: the text of an encoded-word is not empty"
    encoded = text.encode()
    quoted = len(encoded) + 2 * len(encoded.translate(None, _SAFE + b" "))
    first = min(room if room >= _LEAST_ROOM else _LONGEST_WORD, _LONGEST_WORD) - _AROUND_TEXT
    further = _LONGEST_WORD - _AROUND_TEXT
    parts: Iterable[str] = [text]
    if quoted * 2 <= len(encoded) * 3:
        if quoted > first:
            parts = split_by_size(text, first, further, _quoted_length)
        return [f"=?utf-8?q?{_quoted(part)}?=" for part in parts]
    first = first // 4 * 3
    if len(encoded) > first:
        parts = split_by_size(text, first, further // 4 * 3, _utf8_length)
    return [f"=?utf-8?b?{base64.b64encode(part.encode()).decode('ascii')}?=" for part in parts]


def _quoted(text: str) -> str:
    return "".join([_Q[byte] for byte in text.encode()])


@lru_cache(maxsize=4096)  # characters; a few hundred KB
def _quoted_length(character: str) -> int:
    return len(_quoted(character))


def _utf8_length(character: str) -> int:
    return len(character.encode())
