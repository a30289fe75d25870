"""The catalogue: both languages have every message, with the same values in it."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any

import pytest

from mailmerge.language import use
from mailmerge.providers.catalogue import chosen_language, known_text, rates_in_words, text

MESSAGES: dict[str, Any] = tomllib.loads(
    resources.files("mailmerge.providers").joinpath("messages.toml").read_text("utf-8")
)
KEYS = [f"{section}.{name}" for section, names in MESSAGES.items() for name in names]
CHINESE = re.compile(r"[\u4e00-\u9fff、]")


@pytest.mark.parametrize("key", KEYS)
def test_both_languages_say_the_same(key: str) -> None:
    english, chinese = text(key), text(key, "zh")
    assert not CHINESE.search(english.replace("用户@example.org", ""))
    assert CHINESE.search(chinese)
    values = [sorted(re.findall(r"\{\w+\}", words)) for words in (english, chinese)]
    assert values[0] == values[1]


@pytest.mark.parametrize("section", ["success", "advice"])
def test_sentences_end_with_a_full_stop(section: str) -> None:
    for name in MESSAGES[section]:
        assert text(f"{section}.{name}").endswith(".")
        assert text(f"{section}.{name}", "zh").endswith("。")


def test_values_are_put_into_the_message() -> None:
    assert text("offer.SIZE", value="10 MB") == "messages of up to 10 MB, attachments encoded"
    assert "window = 4" in text("advice.window-in-vain", "zh", window=4)
    with pytest.raises(KeyError):
        text("advice.window-in-vain", other=4)


def test_an_unknown_key_is_an_error_unless_it_may_be_unknown() -> None:
    with pytest.raises(KeyError):
        text("offer.XCLIENT")
    assert known_text("offer.XCLIENT") == ""
    assert known_text("missing.DSN", "zh") == ""
    assert "sender" in known_text("success.MAIL")


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (["30/minute"], "每分钟 30 封"),
        (["10000/day", "50/5 minutes"], "每天 10,000 封、每 5 分钟 50 封"),
        (["3/0.5 seconds", "1/hour"], "每 0.5 秒 3 封、每小时 1 封"),
        (["soon"], "soon"),
        ([], ""),
    ],
)
def test_rates_are_written_in_chinese(rates: list[str], words: str) -> None:
    assert rates_in_words(rates, "zh") == words
    assert rates_in_words(rates) == ", ".join(rates)


@pytest.mark.parametrize(("name", "known_as"), [("en", "en"), ("zh_CN", "zh")])
def test_the_language_of_the_user_decides(name: str, known_as: str) -> None:
    use(name)
    assert chosen_language() == known_as
