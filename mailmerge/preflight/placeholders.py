"""Placeholders of other programs, such as `{name}` or `«name»`: they would be sent as they stand.

Word writes `«name»`, Mailchimp `*|NAME|*`, Python `{name}`, Outlook and many others `[[name]]`,
`%name%` or `<<name>>`. To Jinja2 all of these are text. So each template is searched for such marks
around a name. If a column has this name, nobody means the text: that is an error. Around any other
words the marks may be right, so that is a warning, and none where the text is evidently the code of
a program.

The same marks occur in CSS, JavaScript, Python and JSON. Style sheets and scripts are not searched;
elsewhere a name has to stand alone between its marks, as in no declaration and no object.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailmerge.errors import Problem
from mailmerge.language import listed, tr, trn
from mailmerge.preflight.rules import MadeMessage, Setup, Totals
from mailmerge.preflight.shown_text import ShownText, shown_texts
from mailmerge.preflight.template_texts import MASK, TemplateText, template_texts
from mailmerge.recipients.recipient import Row

_NAME = r"[^\W\d_](?:[\w .:&/'\u00a0\u2019-]{0,60}[\w.])?"
_FIELD = re.compile(r"\A(?:MERGEFIELD\s+)?[\"“”]?([^\\]*)")
_LONGEST = 80
_LISTED = 4
_NEARBY = 400
"""The characters before and after a placeholder that say whether its line is code."""

_MARKS = re.compile(
    rf"""
      \*\|\s*+(?P<stars>[^|*\n]{{1,{_LONGEST}}})\s*+\|\*
    | (?<!\{{)\{{\{{++\s*+(?P<braces>[^{{}}\n]{{1,{_LONGEST}}}?)\s*+\}}\}}++
    | (?<!｛)｛++\s*+(?P<wide>[^｛｝\n]{{1,{_LONGEST}}}?)\s*+｝++
    | «\s*+(?P<guillemets>[^«»\n]{{1,{_LONGEST}}}?)\s*+»
    | ‹‹?\s*+(?P<single_guillemets>[^‹›\n]{{1,{_LONGEST}}}?)\s*+››?
    | \[\[\s*+(?P<brackets>[^\[\]\n]{{1,{_LONGEST}}}?)\s*+\]\]
    | <<\s*+(?P<angles>[^<>\n]{{1,{_LONGEST}}}?)\s*+>>
    | <%=?\s*+(?P<server>[^<>%\n]{{1,{_LONGEST}}}?)\s*+%>
    | %\((?P<python>[^()%\n]{{1,{_LONGEST}}}?)\)s
    | (?P<dollar>[$#%@]\{{\s*+[^{{}}\n]{{1,{_LONGEST}}}?\s*+\}})
    | \{{\s*+[$!@]?(?P<brace>[^{{}}\n]{{1,{_LONGEST}}}?)\s*+\}}
    | (?<![\w%])%%?(?P<percent>[^\W\d_][^%\n]{{0,{_LONGEST}}}?)%%?(?![\w%])
    | (?<![\w\[\]])\[(?P<bracket>[^\W\d_][^\[\]\n]{{0,{_LONGEST}}}?)\](?![(\[\w])
    | 【(?P<lenticular>[^【】\n]{{1,{_LONGEST}}}?)】
    | [＜〈《［〔](?P<wide_angle>[^＜〈《［〔＞〉》］〕\n]{{1,{_LONGEST}}}?)[＞〉》］〕]
    | (?<![\w\#@$^:])(?P<sign>\#\#|@@|\$\$|\^\^|::|[\#@$^])(?P<same>{_NAME})(?P=sign)(?![\w\#@$^:])
    | (?<![\w$])\$(?P<variable>[^\W\d]\w{{0,40}})(?![\w(\[$])
    | <(?P<angle>[^\W\d_][^<>@\n]{{0,{_LONGEST}}}?)>
    """,
    re.VERBOSE,
)
_QUIET = frozenset({
    "bracket", "lenticular", "angle", "single_guillemets", "wide_angle", "same", "variable",
})  # fmt: skip
"""Marks that say something only around the name of a column."""

_EXTRA_BRACE = re.compile(MASK + r"\}")
_WORD = re.compile(r"[^\W\d_]\w{1,40}(?:[._-]\w{1,40}){0,3}")
_CODE_LINE = re.compile(
    rf"""=>|\bf["']|`|==|&&|\|\||\w\(|\);|;\s*$|^\s*(?:def|class|import|from|export|const|let|var
    |return|function|if|for|while|echo|print|\#include|\$|@\w+)\b.*[({{=;]
    |(?<![\w-])[\w-]++\s*+:\s*+[^\s;]{{1,{_LONGEST}}}+;
    |\bfrom\s+["']|^\s*[.\#@]?[\w-]+\s*\{{|"\s*:\s*["{{\[\d]""",
    re.VERBOSE,
)
_QUOTED_CODE = re.compile(
    r"""\b[fF]["']|`|=>|&&|==|\);|\bs?printf?\(|\bconsole\.|\.format\(|^\s*(?:echo|const|let|var|def
    |return|import|function|public|private)\s[^.!?]*[=({"'$]""",
    re.VERBOSE,
)
"""What stands in lines of Python, JavaScript, PHP and shells, and hardly in a letter."""

_OF_SYSTEMS = frozenset({
    "appdata", "localappdata", "userprofile", "username", "temp", "tmp", "windir", "systemroot",
    "programfiles", "programdata", "home", "homepath", "homedrive", "path", "computername",
    "public", "comspec",
})  # fmt: skip
_OF_MERGES = frozenset({
    "name", "names", "fname", "lname", "first", "last", "firstname", "lastname", "fullname",
    "surname", "email", "mail", "company", "address", "title", "salutation", "greeting",
    "vorname", "nachname", "anrede", "firma", "titel", "ort", "plz", "strasse", "straße", "betrag",
    "prenom", "prénom", "nom", "societe", "société", "civilite", "nombre", "apellido", "apellidos",
    "empresa", "nome", "cognome", "sobrenome", "unsubscribe", "unsub", "date", "datum", "city",
})  # fmt: skip
"""Words that programs name their fields by, folded; a quotation consists of others."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder of another program.

    Attributes:
        written: as it stands in the text.
        name: what is between its marks.
        column: the column that it means; "" if no column has this name.
        offset: where it begins.
        certain: whether the marks have hardly another meaning around the name of a column.
    """

    written: str
    name: str
    column: str
    offset: int
    certain: bool = True


class ColumnNames:
    """Finds the column that a placeholder means, whatever another program made of its name."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self._by_name: Mapping[str, str] = {_folded(name): name for name in reversed(columns)}

    def find(self, name: str) -> str:
        """The column of this name; "" if there is none.

        Case, accents' Unicode form, and the signs that other programs put in place of spaces make
        no difference; a default value after `|`, `:` or `,` is left out, and so is a prefix as in
        `contact.name`.
        """
        field = _FIELD.match(name.strip().lstrip("$!=").strip())
        whole = field[1].strip().rstrip('"“”').rstrip() if field else name
        shortened = re.split(r"[|:!]", whole)[0]
        after_dot = re.split(r"[.:]", shortened)[-1]
        for spelling in (whole, shortened, after_dot):
            column = self._by_name.get(_folded(spelling), "")
            if column:
                return column
        return ""

    def near(self, name: str) -> str:
        """A column whose name is almost this one; "" if there is none."""
        close = difflib.get_close_matches(_folded(name), self._by_name, n=1, cutoff=0.8)
        return self._by_name[close[0]] if close else ""


def _folded(name: str) -> str:
    joined = re.sub(r"[\s_.-]+", " ", unicodedata.normalize("NFKC", name)).strip()
    return joined.casefold()


def find_placeholders(text: str, names: ColumnNames, *, as_code: bool = False) -> list[Placeholder]:
    """The placeholders of other programs in a text.

    `as_code` says that the text is shown as the code of a program; then only the names of columns
    count.
    """
    found = []
    for match in _MARKS.finditer(text):
        kind = match.lastgroup or ""
        name = match[kind]
        if kind == "dollar":
            name = name[2:-1].strip()
        if kind == "bracket" and "=" in name:  # a default, as in [name,fallback=friend]
            name = name.partition(",")[0]
        if MASK in name or _is_escape(kind, name):
            continue
        column = names.find(name)
        if column and kind == "brace" and _is_object(name, column):
            continue
        if column or (kind not in _QUIET and not as_code and _looks_meant(text, match, kind, name)):
            certain = kind not in _QUIET
            found.append(Placeholder(match[0], name.strip(), column, match.start(), certain))
    return found


def _is_escape(kind: str, name: str) -> bool:
    """Whether `%..%` is a part of two percent-escapes of a URL."""
    return kind == "percent" and re.fullmatch(r"[0-9A-Fa-f]{2}", name) is not None


def _is_object(name: str, column: str) -> bool:
    """Whether `{name: value}` is an object of JavaScript or a declaration of CSS."""
    rest = name.strip()[len(column) :].lstrip()
    return rest.startswith(":") and re.fullmatch(r":[^\s]{0,12}", rest) is None


def _looks_meant(text: str, match: re.Match[str], kind: str, name: str) -> bool:
    """Whether marks around a word that is no column look like a placeholder nevertheless."""
    name = name.strip()
    if kind == "stars":
        return True
    if not _WORD.fullmatch(name) or _is_code(text, match):
        return False
    if kind == "percent":
        return name.casefold() not in _OF_SYSTEMS
    if kind == "guillemets":  # also the quotation marks of French, Russian, Greek ...
        return "_" in name or any(map(str.isdigit, name)) or name.casefold() in _OF_MERGES
    return True


def _blank(match: re.Match[str]) -> str:
    """What stands for marks around a word; other marks, such as `{return}` with code, stay."""
    kind = match.lastgroup or ""
    word = match[kind].strip("$#%@{} ")
    return " " if kind not in _QUIET and _WORD.fullmatch(word) else match[0]


def _is_code(text: str, match: re.Match[str]) -> bool:
    around = slice(max(match.start() - _NEARBY, 0), match.end() + _NEARBY)
    before, after = text[around.start : match.start()], text[match.end() : around.stop]
    line = before[before.rfind("\n") + 1 :] + match[0] + after.partition("\n")[0]
    # Other placeholders of the line are no code either: `Dear {title} {name}` is no style rule.
    outside = _MARKS.sub(_blank, line)
    return _CODE_LINE.search(outside) is not None or _follows_code(text, match)


def _follows_code(text: str, match: re.Match[str]) -> bool:
    """Whether the name is called, indexed or assigned, as in `a[[x]]` or `{x} = y`."""
    before, after = text[max(match.start() - 1, 0) : match.start()], text[match.end() :][:3]
    return before.isalnum() or before in {")", "]", "\\"} or after.lstrip().startswith(("=", "("))


# -- the rules -------------------------------------------------------------------------------------


def check_placeholders(totals: Totals, setup: Setup) -> Iterator[Problem]:
    """No template has a placeholder of another program."""
    names = ColumnNames(totals.columns)
    for template in template_texts(setup.campaign):
        others: dict[str, tuple[Placeholder, int]] = {}
        seen: set[str] = set()
        for found, offset, as_code in _in_template(template, names):
            if not found.column and template.key != "message.from":
                others.setdefault(found.written, (found, offset))
            elif found.written not in seen:
                seen.add(found.written)
                yield _problem(found, template, offset, as_code=as_code)
        if others:
            yield _like_placeholders(others, template, names)


def check_extra_braces(setup: Setup) -> Iterator[Problem]:
    """No brace is left over behind a value, as in `{{ name }}}`."""
    for template in template_texts(setup.campaign):
        for offset in _extra_braces(template):
            yield Problem(
                "warning",
                "extra-brace",
                tr("there is a brace too many: } is sent as it stands"),
                template.file,
                column=template.key,
                hint=tr("a value has two braces on each side: {{ name }}"),
                line=template.line(offset),
                character=template.character(offset),
                excerpt=template.excerpt(offset),
            )
            break


def _extra_braces(template: TemplateText) -> Iterator[int]:
    """The places of closing braces behind a value that no brace opens in their line."""
    if template.kind != "html":
        yield from _unopened(template.text)
        return
    for shown in shown_texts(template.text):
        yield from map(shown.offset, _unopened(shown.text))


def _unopened(text: str) -> Iterator[int]:
    for match in _EXTRA_BRACE.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        line = text[start:].partition("\n")[0]
        if line.count("}") > line.count("{"):
            yield match.start() + 1


def _in_template(
    template: TemplateText, names: ColumnNames
) -> Iterator[tuple[Placeholder, int, bool]]:
    """Each placeholder of a template, its place there, and whether it is shown as code."""
    if template.kind != "html":
        for found in find_placeholders(template.text, names):
            yield found, found.offset, _is_shown_as_code(template.text, found)
        return
    for match in re.finditer(r"<<\s*([^<>\n]{1,80}?)\s*>>", template.text):
        if column := names.find(match[1]):
            yield Placeholder(match[0], match[1], column, match.start()), match.start(), False
    for shown in shown_texts(template.text):
        yield from _in_shown(shown, names)


def _in_shown(shown: ShownText, names: ColumnNames) -> Iterator[tuple[Placeholder, int, bool]]:
    text = shown.text
    for found in find_placeholders(text, names, as_code=shown.as_code):
        yield found, shown.offset(found.offset), shown.as_code or _is_shown_as_code(text, found)


def _is_shown_as_code(text: str, found: Placeholder) -> bool:
    """Whether the line of a placeholder is one of a program, which a text may quote."""
    before = text[max(found.offset - 1, 0) : found.offset]
    if before == "\\" or (before.isalnum() and found.written.startswith("[[")):
        return True
    start = text.rfind("\n", 0, found.offset) + 1
    line = text[start:].split("\n", 1)[0]
    return _QUOTED_CODE.search(line.replace(found.written, " ")) is not None


def _problem(found: Placeholder, template: TemplateText, offset: int, *, as_code: bool) -> Problem:
    """The problem of a placeholder with the name of a column; in `from` that of any."""
    certain = (found.certain and not as_code) or template.key == "message.from"
    column = spelling(found.column)
    hint = tr("write {{{{ {column} }}}}", column=column)
    if found.written.startswith("{{") and not found.written.startswith("{{{"):
        hint = tr(
            "an editor has encoded the braces or put tags between them: write {{{{ {column} }}}}",
            column=column,
        )
    if template.key == "message.from":
        hint = tr("write the same sender for all recipients")
    return Problem(
        "error" if certain else "warning",
        "foreign-placeholder",
        tr("{found} is sent as it stands", found=_shown(found)),
        template.file,
        column=template.key,
        hint=hint,
        line=template.line(offset),
        character=template.character(offset),
        excerpt=template.excerpt(offset),
    )


def _like_placeholders(
    others: Mapping[str, tuple[Placeholder, int]], template: TemplateText, names: ColumnNames
) -> Problem:
    """One warning for all words of a template that are in such marks and no column."""
    first, offset = next(iter(others.values()))
    shown = listed(_shown(found) for found, _ in list(others.values())[:_LISTED])
    if len(others) > _LISTED:
        shown = tr("{listed} and {count} more", listed=shown, count=len(others) - _LISTED)
    near = names.near(first.name)
    columns = listed(names.columns[:12])
    hint = (
        tr("did you mean {{{{ {near} }}}}?", near=spelling(near))
        if near
        else tr("the columns are {columns}", columns=columns)
    )
    return Problem(
        "warning",
        "placeholder-like",
        trn(
            "{listed} is sent as it stands, and looks like a placeholder of another program",
            "{listed} are sent as they stand, and look like placeholders of another program",
            len(others),
            listed=shown,
        ),
        template.file,
        column=template.key,
        hint=hint,
        line=template.line(offset),
        character=template.character(offset),
        excerpt=template.excerpt(offset),
    )


def _shown(found: Placeholder) -> str:
    return " ".join(found.written.split())[:60]


def spelling(column: str) -> str:
    """How a template writes a column: `name`, or `row["first name"]`."""
    return column if column.isidentifier() else f'row["{column}"]'


_EMPTY_WORDS = frozenset({
    "\\N", "(null)", "(NULL)", "<NULL>", "<null>", "[NULL]", "<NA>", "[object Object]",
})  # fmt: skip


def check_cells_mean_text(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """No cell has the word of a program for an empty cell, and none has a placeholder."""
    for row in made.recipient.all_rows:
        yield from _check_cells(row, setup.campaign.recipients.file)


def _check_cells(row: Row, file: str) -> Iterator[Problem]:
    number, cells = row
    joined = "\x1f".join(cells.values())
    if "\\" in joined or "(" in joined or "<" in joined or "[" in joined:
        for column, text in cells.items():
            if text in _EMPTY_WORDS:
                message = tr(
                    'the cell says "{text}", which programs write for an empty cell', text=text
                )
                hint = tr("empty the cell, or write the text that is meant")
                yield Problem("warning", "cell-null", message, file, number, column, hint)
    if "{" in joined or "*|" in joined or "«" in joined:
        yield from _placeholders_of_cells(row, file)


def _placeholders_of_cells(row: Row, file: str) -> Iterator[Problem]:
    names = ColumnNames(tuple(row.cells))
    for column, text in row.cells.items():
        for found in find_placeholders(text, names)[:1]:
            message = tr(
                'the cell has "{written}", which is sent as it stands', written=found.written[:60]
            )
            hint = tr("a cell is text and no template: write the value")
            yield Problem("warning", "placeholder-like", message, file, row.number, column, hint)
