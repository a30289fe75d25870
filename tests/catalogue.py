"""The catalogues of texts: from the source to locales/LANGUAGE/LC_MESSAGES/mailmerge.po and .mo.

    python -m tests.catalogue update [OTHER.po ...]   # take in new texts, leave out old ones
    python -m tests.catalogue compile                 # .po -> .mo
    python -m tests.catalogue check                   # print all problems

`update` sorts the texts and writes no places and no dates, so that the texts of two branches can be
merged: after a conflict, give it the other version of the file. A text that is translated in
several files has the translation of the last one.
"""

from __future__ import annotations

import inspect
import io
import re
import string
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from mailmerge import language

PACKAGE = Path(language.__file__).parent
LOCALES = PACKAGE / "locales"
LANGUAGES = [name for name in language.LANGUAGES if name != language.ENGLISH]

_KEYWORDS: dict[str, tuple[int, ...] | None] = {"tr": None, "trn": (1, 2), "marked": None}
_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = """\
# Texts of mailmerge in LANGUAGE. python -m tests.catalogue keeps this file;
# CONTRIBUTING.md says how, and which words to use.
"""

_UNUSED_HEADERS = (
    b"Project-Id-Version|Report-|POT-Creation|PO-Revision|Last-Tr|Language-Team|Generated-By"
)

Key = str | tuple[str, str]
"""A text, or the two forms of a text with a number."""


class Form(NamedTuple):
    """A placeholder: its name, and how its value is written."""

    name: str
    conversion: str
    format: str


def source_texts() -> set[Key]:
    """Every text of the source: of tr, trn, marked, and the help of the commands."""
    found = extract_from_dir(PACKAGE, [("**.py", "python")], keywords=_KEYWORDS)
    return {_key(message) for _, _, message, _, _ in found} | set(help_texts())


def help_texts() -> Iterator[str]:
    """The help of every command, of its arguments and its options."""
    from typer.main import get_command

    from mailmerge.cli import app

    yield from _help_of(get_command(app))


def _help_of(command: Any) -> Iterator[str]:
    if command.help:
        yield inspect.cleandoc(command.help)
    yield from (one.help for one in command.params if one.help and not one.hidden)
    for inner in getattr(command, "commands", {}).values():
        yield from _help_of(inner)


def _key(message: str | Sequence[str]) -> Key:
    return message if isinstance(message, str) else (message[0], message[1])


def po_file(name: str) -> Path:
    """The catalogue of a language."""
    return LOCALES / name / "LC_MESSAGES" / "mailmerge.po"


def read(file: Path) -> Catalog:
    """Read a catalogue."""
    with file.open("rb") as stream:
        return read_po(stream, ignore_obsolete=False, abort_invalid=True)


def updated(name: str, texts: Iterable[Key], known: Iterable[Catalog]) -> Catalog:
    """A catalogue of exactly these texts, with the translations that are known."""
    catalog = _empty(name)
    translated: dict[Any, Any] = {}
    for one in known:
        translated |= {
            message.id: message.string for message in one if message.id and _is_translated(message)
        }
    for text in sorted(texts, key=lambda key: key if isinstance(key, str) else key[0]):
        message = catalog.add(text, translated.get(text, "" if isinstance(text, str) else ("",)))
        message.flags.clear()  # Babel guesses at formats with %
    return catalog


def _empty(name: str) -> Catalog:
    return Catalog(
        locale=name, header_comment=_HEADER.replace("LANGUAGE", name), fuzzy=False,
        creation_date=_DATE, revision_date=_DATE,
    )  # fmt: skip


def as_po(catalog: Catalog) -> bytes:
    """The bytes of a .po file."""
    stream = io.BytesIO()
    write_po(stream, catalog, width=100, no_location=True, ignore_obsolete=True)
    return re.sub(rb'"(?:%s).*\n' % _UNUSED_HEADERS, b"", stream.getvalue())


def as_mo(catalog: Catalog) -> bytes:
    """The bytes of a .mo file."""
    stream = io.BytesIO()
    write_mo(stream, catalog)
    return stream.getvalue()


def update(others: Iterable[Path] = ()) -> None:
    """Write the catalogues again: with the texts of the source, and what others translated."""
    texts = source_texts()
    for name in LANGUAGES:
        file = po_file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        files = [one for one in (file, *others) if one.exists()]
        file.write_bytes(as_po(updated(name, texts, map(read, files))))
    compile_all()


def compile_all() -> None:
    """Write the .mo file of every .po file."""
    for name in LANGUAGES:
        file = po_file(name)
        file.with_suffix(".mo").write_bytes(as_mo(read(file)))


def problems(name: str) -> Iterator[str]:
    """Yield what is wrong with a catalogue, one line each."""
    catalog = read(po_file(name))
    texts = source_texts()
    yield from (f"unused: {key!r}" for key in catalog.obsolete)
    for message in catalog:
        if not message.id:
            continue
        if message.id not in texts:
            yield f"not in the source: {message.id!r}"
        if message.fuzzy:
            yield f"fuzzy: {message.id!r}"
        yield from _wrong_forms(message.id, message.string)
    known = {message.id for message in catalog}
    yield from (f"missing: {text!r}" for text in sorted(map(str, texts - known)))
    if _translations(po_file(name).with_suffix(".mo"), read_mo) != _translations(
        po_file(name), read_po
    ):
        yield "the .mo file is not of this .po file: run python -m tests.catalogue compile"


def _translations(file: Path, reader: Callable[[Any], Catalog]) -> dict[Key, Key]:
    with file.open("rb") as stream:
        known = [one for one in reader(stream) if one.id and _is_translated(one)]
    return {_hashable(one.id): _hashable(one.string) for one in known}


def _hashable(text: Any) -> Any:
    return text if isinstance(text, str) else tuple(text)


def _is_translated(message: Any) -> bool:
    return any(message.string)


def _wrong_forms(key: Any, string_: Any) -> Iterator[str]:
    forms = [key] if isinstance(key, str) else list(key)
    translations = [string_] if isinstance(string_, str) else list(string_)
    expected = set().union(*map(placeholders, forms))
    for one in translations:
        if not one.strip():
            yield f"not translated: {key!r}"
        elif placeholders(one) != expected:
            yield f"other placeholders: {key!r}: {one!r}"


def placeholders(text: str) -> set[Form]:
    """The placeholders of a text; the braces of a text without values are not placeholders."""
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError:
        return set()
    return {Form(name, how or "", form or "") for _, name, form, how in parsed if name is not None}


def main(arguments: list[str]) -> int:
    """Run a command of this module; the exit status."""
    match arguments:
        case ["update", *others]:
            update(map(Path, others))
        case ["compile"]:
            compile_all()
        case ["check"]:
            found = [f"{name}: {one}" for name in LANGUAGES for one in problems(name)]
            print(*found, sep="\n")
            return bool(found)
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
