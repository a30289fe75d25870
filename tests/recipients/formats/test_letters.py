"""The likelihood of a text in a language, and what it decides about encodings."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.formats.encoding import decide_encoding
from mailmerge.recipients.formats.letters import likelihood

COUNTRIES = Path(__file__).parents[2] / "data" / "recipients" / "countries.tsv"
"""Names of countries in many languages (Unicode CLDR); no figure was counted in them."""


@pytest.mark.parametrize(
    ("right", "wrong", "languages"),
    [
        ("Flöha", "Flšha", ("de", "cs")),
        ("Łowicz", "£owicz", ("pl", "de")),
        ("Слава Іванчук", "Слава ╢ванчук", ("ru", "uk")),
        ("Yılmaz Ayşe", "Yýlmaz Ayþe", ("tr", "is")),
        ("Дарья", "„арьЯ", ("ru",)),
    ],
)
def test_the_right_letters_are_more_likely(
    right: str, wrong: str, languages: tuple[str, ...]
) -> None:
    assert likelihood(right, languages) > likelihood(wrong, languages)


def test_a_foreign_name_costs_little() -> None:
    swedish = "Malmö Örebro Västerås Växjö Jönköping"
    mixed = likelihood(f"{swedish} São Tomé", ("sv", "pt"))
    assert mixed > likelihood(f"{swedish} São Tomé", ("sv",))
    assert mixed < likelihood(swedish, ("sv",))


def test_ascii_has_no_likelihood_of_its_own() -> None:
    assert likelihood("Berlin, Paris", ("de", "fr")) == 0


def readings() -> list[tuple[str, str, str]]:
    lines = COUNTRIES.read_text(encoding="utf-8").splitlines()
    return [
        (language, codec, names)
        for language, codecs, names in (line.split("\t") for line in lines)
        for codec in codecs.split(" ")
    ]


def test_names_from_another_source_are_read_in_nearly_all_encodings() -> None:
    wrong = []
    for language, codec, names in readings():
        rows = "".join(f"a{at}@x.org;{name}\r\n" for at, name in enumerate(names.split("|")))
        text = f"email;land\r\n{rows}"
        try:
            found = decide_encoding(io.BytesIO(text.encode(codec)), "r.csv")
        except SpreadsheetError:
            continue  # refused, and not guessed
        if text.encode(codec).decode(found.codec) != text:
            wrong.append((language, codec, found.codec))
            assert found.notice is not None, "a wrong guess is never silent"
    assert len(readings()) > 60
    assert len(wrong) <= len(readings()) * 0.05, wrong
