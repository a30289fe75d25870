"""A value of campaign.toml with a wrong type, the place of a key, and a folder without the file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mailmerge.errors import CampaignError
from mailmerge.language import marked, tr

_SHOWN_FOLDERS = 6
_LOOKED_AT = 200


OTHER_NAMES = {
    "user": "username",
    "login": "username",
    "server": "host",
    "hostname": "host",
    "tls": "security",
    "ssl": "security",
    "encryption": "security",
    "attachment": "attachments",
    "body": "text",
    "template": "html",
    "sender": "from",
    "to": "to_name",
    "csv": "file",
    "filter": "where",
    "separator": "delimiter",
    "speed": "rate",
    "limit": "rate",
    "mail": "message",
    "email": "message",
    "server_settings": "smtp",
    "contacts": "recipients",
    "headers_": "headers",
    "betreff": "subject",
    "sujet": "subject",
    "objet": "subject",
    "asunto": "subject",
    "oggetto": "subject",
    "assunto": "subject",
    "主题": "subject",
    "件名": "subject",
    "von": "from",
    "absender": "from",
    "expéditeur": "from",
    "remitente": "from",
    "mittente": "from",
    "发件人": "from",
    "anhang": "attachments",
    "anhänge": "attachments",
    "pièces_jointes": "attachments",
    "adjuntos": "attachments",
    "附件": "attachments",
    "antwort_an": "reply_to",
    "répondre_à": "reply_to",
    "回复": "reply_to",
    "datei": "file",
    "fichier": "file",
    "archivo": "file",
    "文件": "file",
    "empfänger": "recipients",
    "destinataires": "recipients",
    "收件人": "recipients",
    "benutzername": "username",
    "benutzer": "username",
    "utilisateur": "username",
}
"""Names that other programs use, and the key that means the same."""


@dataclass(frozen=True, slots=True)
class WrongType:
    """What is expected instead of a value, and how it is written.

    `reason` is "" if pydantic's own reason says it.
    """

    reason: str
    hint: str


def wrong_type(kind: str, key: str, found: object) -> WrongType | None:
    """The fix of a value of a wrong type; None for another fault.

    `kind` is the type of pydantic's error, `key` the last part of the key's name.
    """
    for kinds, explain in _EXPLANATIONS:
        if kind in kinds:
            return explain(key, found)
    return None


def _no_list(key: str, found: object) -> WrongType:
    return WrongType(
        tr("expected a list"), tr("write {key} = [{found}]", key=key, found=_as_toml(found))
    )


def _no_text(key: str, found: object) -> WrongType:
    if isinstance(found, list):
        one = found[0] if len(found) == 1 else "..."
        return WrongType(
            tr("expected a text, and no list"),
            tr("write {key} = {value}", key=key, value=_as_toml(str(one))),
        )
    if isinstance(found, dict):
        return WrongType(tr("expected a text, and no table"), tr('write {key} = "..."', key=key))
    return WrongType(
        tr("expected a text"),
        tr('write it in quotes: {key} = "{found}"', key=key, found=_plain(found)),
    )


def _no_integer(key: str, found: object) -> WrongType:
    number = str(found).strip()
    fits = re.fullmatch(r"-?\d+(?:\.0+)?", number) is not None
    hint = (
        tr("write {key} = {value}, without quotes", key=key, value=number.partition(".")[0])
        if fits
        else tr("write {key} = {value}", key=key, value="1")
    )
    return WrongType(tr("expected a valid integer"), hint)


def _no_truth(key: str, found: object) -> WrongType:
    yes = str(found).casefold() in {"true", "yes", "on", "1"}
    hint = tr("write {key} = {value}, without quotes", key=key, value="true" if yes else "false")
    return WrongType(tr("expected true or false"), hint)


_SECURITIES = {
    "ssl": "tls", "ssl/tls": "tls", "tls/ssl": "tls", "smtps": "tls", "true": "tls", "yes": "tls",
    "implicit": "tls", "start_tls": "starttls", "start-tls": "starttls", "explicit": "starttls",
    "false": "none", "no": "none", "plain": "none", "off": "none", "": "none",
}  # fmt: skip
"""What other programs call the kinds of TLS."""


def _no_word(key: str, found: object) -> WrongType:
    """One of a few words is expected, and pydantic's own reason lists them."""
    word = str(found).casefold()
    if key == "security":
        word = _SECURITIES.get(word, word)
        if word in _SECURITIES.values():
            return WrongType("", tr('write {key} = "{word}"', key=key, word=word))
    elif word != found:
        return WrongType("", tr("write the word in small letters"))
    return WrongType("", "")


def _no_table(key: str, found: object) -> WrongType:
    del found
    hint = tr("write [{key}] in a line of its own, and its keys below", key=key)
    return WrongType(tr("expected a table"), hint)


_EXPLANATIONS: tuple[tuple[frozenset[str], Callable[[str, object], WrongType]], ...] = (
    (frozenset({"tuple_type", "list_type"}), _no_list),
    (frozenset({"string_type"}), _no_text),
    (frozenset({"int_type", "int_parsing", "int_from_float"}), _no_integer),
    (frozenset({"bool_type", "bool_parsing"}), _no_truth),
    (frozenset({"literal_error"}), _no_word),
    (frozenset({"model_type", "dict_type"}), _no_table),
)
"""pydantic's types of errors, and what explains them."""


def _as_toml(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"' if '"' not in value and "\\" not in value else f"'{value}'"
    return f'"{_plain(value)}"'


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def find_key(text: str, parts: list[str]) -> tuple[int, int] | None:
    """Line and column of a key in the text of a file, from 1; else those of its table.

    `parts` are the names of its tables and its own.
    """
    table: list[str] = []
    of_table: tuple[int, int] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        header = re.match(r"^\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header is not None:
            table = [part.strip(" \"'") for part in header[1].split(".")]
            if table == parts[: len(table)]:
                of_table = number, len(line) - len(line.lstrip()) + 1
                if table == parts:
                    return of_table
            continue
        key = re.match(
            r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*)\s*=""", line
        )
        if key is None:
            continue
        names = [*table, *(part.strip(" \"'") for part in key[1].split("."))]
        if names == parts[: len(names)] and len(names) > len(table):
            return number, key.start(1) + 1
    return of_table


def no_campaign(path: Path) -> CampaignError:
    """The error of a missing campaign.toml: the folder that was meant, or how to make one."""
    folder = path.parent
    if folder.is_file():
        beside = folder.parent / path.name
        hint = (
            tr("name its folder: {parent}", parent=_quoted(folder.parent))
            if beside.is_file()
            else tr(_MAKE)
        )
        return CampaignError(
            tr("{folder} is a file, and no campaign", folder=folder), hint=hint, code="no-campaign"
        )
    if not folder.exists():
        near = _near(folder, path.name)
        hint = tr("did you mean {name}?", name=_quoted(near)) if near is not None else tr(_MAKE)
        return CampaignError(
            tr("there is no folder {folder}", folder=folder), hint=hint, code="no-campaign"
        )
    below = _campaigns_in(folder, path.name)
    hint = tr(_MAKE)
    if below:
        names = ", ".join(_quoted(one) for one in below[:_SHOWN_FOLDERS])
        hint = (
            tr("name one of its campaigns: {names} and others", names=names)
            if len(below) > _SHOWN_FOLDERS
            else tr("name one of its campaigns: {names}", names=names)
        )
    return CampaignError(
        tr("there is no {name} in {folder}", name=path.name, folder=folder.resolve()),
        hint=hint,
        code="no-campaign",
    )


_MAKE = marked('create a campaign with "mailmerge init DIR"')


def _near(folder: Path, name: str) -> Path | None:
    """A folder beside a missing one whose name is almost the same."""
    if not folder.parent.is_dir():
        return None
    others = {one.name.casefold(): one for one in _campaigns_in(folder.parent, name)}
    close = difflib.get_close_matches(folder.name.casefold(), others, n=1, cutoff=0.6)
    return others[close[0]] if close else None


def _campaigns_in(folder: Path, name: str) -> list[Path]:
    try:
        entries = sorted(islice(folder.iterdir(), _LOOKED_AT))
        return [one for one in entries if not one.name.startswith(".") and (one / name).is_file()]
    except OSError:
        return []


def _quoted(path: Path) -> str:
    text = str(path)
    return f'"{text}"' if " " in text else text
