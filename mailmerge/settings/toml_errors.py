"""A campaign.toml that is no TOML -> the cause, and the line as it should be.

The parser of Python says where it gave up, and not why: `Invalid value` is a curly quotation mark,
a text without marks, or `True`. So each known mistake has a function that looks at the line and
returns it corrected. The first correction with which the parser gets beyond the line is the cause:
nothing is suggested that would not work.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mailmerge.errors import CampaignError
from mailmerge.language import marked, tr
from mailmerge.library_messages import toml_message
from mailmerge.settings.toml_values import OTHER_NAMES

_POSITION = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_CURLY: Final = "“”„‟«»″‶＂「」『』"
_CURLY_SINGLE: Final = "‘’‚‛′`´＇"
_STRAIGHT = str.maketrans({**dict.fromkeys(_CURLY, '"'), **dict.fromkeys(_CURLY_SINGLE, "'")})
_INVISIBLE = re.compile("[\u00a0\u00ad\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060\u3000\ufeff]")
_KEY = r"""(?P<key>\s*[^=\[\]#"'\s][^=\[\]#"']*?)"""
_ASSIGNMENT = re.compile(r"""^(\s*+[^=\[\]#"'\s][^=\[\]#"']*+)=\s*+(.*)$""")


_COMMENT = re.compile(r"^(\s*)(?:;|//|--|%|/\*|<!--|[\u2013\u2014*])\s*(.*)$")


@dataclass(frozen=True, slots=True)
class _Fix:
    """The cause of an error, how to correct it in words, and the corrected line."""

    cause: str
    hint: str
    line: str


def toml_error(text: str, error: tomllib.TOMLDecodeError, file: str) -> CampaignError:
    """The error of a text that is no TOML: line, column, cause and fix."""
    other = _other_language(text, file)
    if other is not None:
        return other
    lines = text.split("\n")
    number, column = _place(str(error), lines)
    line = lines[number - 1]
    reason = _POSITION.sub("", str(error))
    fix = next(_working_fixes(lines, number, column, reason), None)
    if fix is None:
        return CampaignError(
            tr("not TOML: {reason}", reason=_in_words(reason)),
            file=file,
            line=number,
            character=column,
            excerpt=line,
            hint=tr(_GENERAL.get(reason, _ANY_LINE)),
            code="not-toml",
        )
    return CampaignError(
        tr("not TOML: {reason}", reason=fix.cause), file=file, line=number, character=column,
        excerpt=line, hint=fix.hint, code="not-toml",
    )  # fmt: skip


def _other_language(text: str, file: str) -> CampaignError | None:
    """The error of a file in another format; None if it is none that is known."""
    begin = text.lstrip()[:5].casefold()
    if begin == "{\\rtf":
        what = tr("this is a document of a word processor (RTF)")
        hint = tr("save it as plain text: in TextEdit with Format, Make Plain Text")
    elif re.match(r'\{\s*["}]', text.lstrip()):
        what, hint = tr("this is JSON, and not TOML"), tr("write [message] and from = ...")
    elif begin.startswith(("<?xml", "<html", "<!doc")):
        what, hint = tr("this is XML or HTML, and not TOML"), tr("write [message] and from = ...")
    else:
        return None
    return CampaignError(what, file=file, line=1, hint=hint, code="not-toml")


def _place(message: str, lines: list[str]) -> tuple[int, int]:
    """Line and column of an error, from 1; the last line with a text for the end of the file."""
    found = _POSITION.search(message)
    if found is not None and found["line"]:
        number, column = int(found["line"]), int(found["column"])
        if number <= len(lines) and (lines[number - 1].strip() or number == 1):
            return number, column
    else:
        number = len(lines)
    while number > 1 and not lines[number - 1].strip():
        number -= 1
    return number, len(lines[number - 1]) + 1


def _in_words(reason: str) -> str:
    reason = reason.replace("Illegal character '\\n'", "the text is not closed")
    return toml_message(reason[:1].lower() + reason[1:])


_ANY_LINE: Final = marked("correct the line; text values must be in quotes")
_GENERAL = {
    "Unclosed array": marked("write ] at the end of the list, and a comma between its items"),
    "Unclosed inline table": marked("write } at the end of the table, in the same line"),
    "Invalid initial character for a key part": marked(
        "a table in braces has to stand in one line"
    ),
}


def _working_fixes(lines: list[str], number: int, column: int, reason: str) -> Iterator[_Fix]:
    twice = _written_twice(lines[number - 1], reason)
    if twice is not None:
        yield twice
    for finder in _FINDERS:
        fix = finder(lines[number - 1], column, reason)
        if fix is not None and _gets_further(lines, number, fix.line):
            yield fix


def _gets_further(lines: list[str], number: int, line: str) -> bool:
    """Whether the parser gets beyond the line if it is replaced."""
    corrected = [*lines[: number - 1], line, *lines[number:]]
    try:
        tomllib.loads("\n".join(corrected))
    except tomllib.TOMLDecodeError as error:
        later, _ = _place(str(error), corrected)
        overwritten = "overwrite" in str(error) or "twice" in str(error)
        return later > number or (later == number and overwritten)
    return True


# -- one function for each mistake -----------------------------------------------------------------


def _curly_quotes(line: str, _: int, __: str) -> _Fix | None:
    curly = next((one for one in line if one in _CURLY + _CURLY_SINGLE), "")
    if not curly:
        return None
    straight = line.translate(_STRAIGHT)
    if curly in _CURLY_SINGLE or straight.count('"') % 2:
        straight = re.sub(rf"[{_CURLY}]", '"', line)
    for candidate in (
        straight,
        line.translate({**_STRAIGHT, **dict.fromkeys(map(ord, _CURLY_SINGLE), '"')}),
    ):
        if _parses(candidate):
            hint = tr(
                'write straight quotation marks (") instead of {curly}: {candidate}',
                curly=curly,
                candidate=candidate.strip(),
            )
            return _Fix(tr("{curly} is a typographic quotation mark", curly=curly), hint, candidate)
    return None


def _invisible(line: str, _: int, __: str) -> _Fix | None:
    found = _INVISIBLE.search(line)
    if found is None:
        return None
    name = f"U+{ord(found[0]):04X}"
    tidy = _INVISIBLE.sub(lambda one: " " if one[0] in "\u00a0\u3000" else "", line)
    return _Fix(
        tr("the line has the invisible character {name}", name=name),
        tr("type the line again"),
        tidy,
    )


def _backslash(line: str, _: int, __: str) -> _Fix | None:
    if "\\" not in line:
        return None
    slashes = re.sub(r"\\+", "/", line)
    return _Fix(
        tr("\\ has a meaning of its own in a text"),
        tr("write / instead of \\: {slashes}", slashes=slashes.strip()),
        slashes,
    )


def _comma_in_list(line: str, column: int, reason: str) -> _Fix | None:
    """A comma that is missing before the place where the parser gave up, or in the same line."""
    if reason != "Unclosed array":
        return None
    before, after = line[: column - 1].rstrip(), line[column - 1 :]
    if before.strip():
        fixed = f"{before}, {after}"
        left, right = _last_item(before), _first_item(after)
        hint = tr("write a comma: {fixed}", fixed=fixed.strip())
        return _Fix(
            tr("a comma is missing between {left} and {right}", left=left, right=right), hint, fixed
        )
    return None


def _comma_above(line: str, _: int, reason: str) -> _Fix | None:
    """A comma that is missing at the end of the line above: any fix of this line shows it."""
    if reason != "Unclosed array" or not re.match(r"""\s*["'\[{\d]""", line):
        return None
    item = _first_item(line.strip())
    hint = tr("write a comma at the end of the line above")
    return _Fix(tr("a comma is missing before {item}", item=item), hint, f", {line}")


def _bracket_missing(line: str, _: int, reason: str) -> _Fix | None:
    if reason == "Unclosed array":
        fixed = f"{line.rstrip().rstrip(',')}]"
        return _Fix(
            tr("the list has no end"), tr("write ] at its end: {fixed}", fixed=fixed.strip()), fixed
        )
    if reason.startswith("Expected ']'"):
        fixed = f"{line.rstrip()}]"
        return _Fix(
            tr("the name of the table has no end"), tr("write {fixed}", fixed=fixed.strip()), fixed
        )
    return None


_SIGNS: Final = {",": marked("comma"), ";": marked("semicolon"), ".": marked("full stop")}


def _trailing(line: str, _: int, __: str) -> _Fix | None:
    found = re.match(r"(.*?)\s*([,;.])\s*$", line)
    if found is None:
        return None
    sign = tr(_SIGNS[found[2]])
    return _Fix(
        tr("a {sign} follows the value", sign=sign),
        tr("delete it: {found}", found=found[1].strip()),
        found[1],
    )


def _comment_of_others(line: str, _: int, __: str) -> _Fix | None:
    found = re.match(r"(.*?)\s*(?://|/\*|--|<!--)\s*(.*?)\s*(?:\*/|-->)?\s*$", line)
    if found is None:
        return None
    fixed = " # ".join(filter(None, [found[1], found[2]])) if found[1] else f"# {found[2]}"
    what = tr("a comment begins with #")
    return _Fix(what, tr("write {fixed}", fixed=fixed.strip()), fixed)


def _quotes_in_quotes(line: str, _: int, __: str) -> _Fix | None:
    found = re.match(rf'^{_KEY}\s*=\s*"(?P<inner>.*)"\s*$', line)
    if found is None or '"' not in found["inner"]:
        return None
    inner = found["inner"]
    quoted = f"'{inner}'" if "'" not in inner else '"' + re.sub(r'(?<!\\)"', r"\"", inner) + '"'
    fixed = f"{found['key']} = {quoted}"
    return _Fix(tr('the text has " inside'), tr("write {fixed}", fixed=fixed.strip()), fixed)


def _single_in_single(line: str, _: int, __: str) -> _Fix | None:
    found = re.match(rf"^{_KEY}\s*=\s*'(?P<inner>.*)'\s*$", line)
    if found is None or "'" not in found["inner"] or '"' in found["inner"]:
        return None
    fixed = f'{found["key"]} = "{found["inner"]}"'
    return _Fix(tr("the text has ' inside"), tr("write {fixed}", fixed=fixed.strip()), fixed)


def _quote_missing(line: str, _: int, __: str) -> _Fix | None:
    found = _assignment(line)
    if found is None or not found[1]:
        return None
    value, mark = found[1], found[1][0]
    closed = []
    if mark in "\"'":
        closed.append(value + mark)
    elif mark == "[" and value.count('"') % 2:
        closed += [re.sub(r"\s*\]$", '"]', value), value + '"]']
    if value[-1] in "\"'" and mark not in "\"'[":
        closed.append(value[-1] + value)
    for one in closed:
        fixed = f"{found[0]} = {one}"
        if _parses(fixed):
            which = one[0] if one[1:] == value else one[-1].replace("]", '"')
            return _Fix(
                tr("a quotation mark ({which}) is missing", which=which),
                tr("write {fixed}", fixed=fixed.strip()),
                fixed,
            )
    return None


def _assignment(line: str) -> tuple[str, str] | None:
    """The key, with the spaces before it, and the value of a line; None if it has none."""
    found = _ASSIGNMENT.match(line)
    return None if found is None else (found[1].rstrip(), found[2].rstrip())


def _no_value(line: str, _: int, __: str) -> _Fix | None:
    """A number with separators, `null`, or a list whose texts have no quotes."""
    found = _assignment(line)
    value = re.sub(r"\s+#.*$", "", found[1]) if found is not None else ""
    if found is None or not value:
        return None
    number = _as_number(value)
    if number is not None:
        cause, digits = number
    elif value.lower() in {"null", "none", "nil"}:
        hint = tr("write a value, or delete the line")
        return _Fix(tr("TOML has no {word}", word=value), hint, f'{found[0]} = ""')
    elif re.fullmatch(r"\[[^\[\]{}]*\]", value):
        cause = tr("a text in the list is not in quotes")
        digits = f"[{', '.join(map(_quoted_item, value[1:-1].split(',')))}]"
    else:
        return None
    fixed = f"{found[0]} = {digits}"
    return _Fix(cause, tr("write {fixed}", fixed=fixed.strip()), fixed)


def _not_quoted(line: str, _: int, __: str) -> _Fix | None:
    found = _assignment(line)
    if found is None:
        return None
    value = re.sub(r"\s+#.*$", "", found[1])
    if not value:
        fixed = f'{found[0]} = ""'
        return _Fix(
            tr("{key} has no value", key=found[0].strip()),
            tr("write a value, or delete the line"),
            fixed,
        )
    if value.lower() in {"true", "false", "yes", "no", "on", "off"}:
        wanted = "true" if value.lower() in {"true", "yes", "on"} else "false"
        fixed = f"{found[0]} = {wanted}"
        return _Fix(
            tr("{value} is no value of TOML", value=value),
            tr("write {fixed}", fixed=fixed.strip()),
            fixed,
        )
    if re.fullmatch(r'"[^"]*"\s*<[^<>]*>', value):
        value = value.replace('"', "")
    elif re.fullmatch(r"-?\d+,\d+", value):
        fixed = f"{found[0]} = {value.replace(',', '.')}"
        return _Fix(
            tr("a decimal has a point in TOML"), tr("write {fixed}", fixed=fixed.strip()), fixed
        )
    elif value[0] in "\"'[{":
        return None
    quoted = f"'{value}'" if '"' in value or "\\" in value else f'"{value}"'
    fixed = f"{found[0]} = {quoted}"
    return _Fix(tr("the text is not in quotes"), tr("write {fixed}", fixed=fixed.strip()), fixed)


def _as_number(value: str) -> tuple[str, str] | None:
    """What is wrong with a number, and the number as TOML writes it; None if it is none."""
    if re.fullmatch(r"\d{1,3}(?:[.,'\u2019 ]\d{3})+", value):
        return tr("a number has no sign between thousands"), re.sub(r"\D", "", value)
    if re.fullmatch(r"0\d+", value):
        return tr("a number does not begin with 0"), value.lstrip("0") or "0"
    return None


def _quoted_item(item: str) -> str:
    item = item.strip()
    return item if not item or item[0] in "\"'" or item.isdigit() else f'"{item}"'


def _other_signs(line: str, _: int, __: str) -> _Fix | None:
    """Comments and assignments as other languages write them."""
    comment = _COMMENT.match(line)
    if comment is not None:
        inner = comment[2].removesuffix("*/").removesuffix("-->").strip()
        fixed = f"{comment[1]}# {inner}"
        return _Fix(tr("a comment begins with #"), tr("write {fixed}", fixed=fixed.strip()), fixed)
    joined = re.match(r"""^(\s*[\w-]+)\s+("[^"]*"|'[^']*'|\[.*\]|\d+|true|false)\s*$""", line)
    if joined is not None:
        fixed = f"{joined[1]} = {joined[2]}"
        return _Fix(tr("= is missing"), tr("write {fixed}", fixed=fixed.strip()), fixed)
    colon = re.match(r"^(\s*[\w-]+)\s*(?::=|:|=>|==|＝|：)\s*(.+)$", line)
    if colon is not None:
        for value in (colon[2].strip(), f'"{colon[2].strip()}"'):
            fixed = f"{colon[1]} = {value}"
            if _parses(fixed):
                return _Fix(
                    tr("a key and its value are joined by ="),
                    tr("write {fixed}", fixed=fixed.strip()),
                    fixed,
                )
    words = re.match(r"^(\s*)([^=\[\]#\"']+?)\s*=\s*(.*)$", line)
    if words is not None and not re.fullmatch(r"[\w-]+", words[2], re.ASCII):
        fixed = f'{words[1]}"{words[2].strip()}" = {words[3]}'
        hint = tr("keys are one word of letters, digits, _ and -, such as reply_to")
        known = OTHER_NAMES.get(words[2].strip().casefold().replace(" ", "_"))
        if known is not None:
            right = f"{known} = {words[3].strip()}"
            hint = tr("write {fixed}", fixed=right)
        return _Fix(tr("{words!r} is no key", words=words[2].strip()), hint, fixed)
    if re.match(r"^\s*[\w-]+\s*$", line):
        hint = tr('write {line} = "..." or [{line}] for a table', line=line.strip())
        return _Fix(tr("the line has no value"), hint, f'{line.strip()} = ""')
    return None


def _table_name(line: str, _: int, __: str) -> _Fix | None:
    found = re.match(r"^\s*[\[(<{]+\s*([^\[\]#]*?)\s*[\])>}]*\s*:?\s*$", line)
    found = found or re.match(r"^\s*([\w.]+)\s*:\s*$", line)
    if found is None or not found[1]:
        return None
    fixed = f"[{found[1]}]"
    return _Fix(tr("this is no name of a table"), tr("write {fixed}", fixed=fixed), fixed)


def _braces(line: str, _: int, __: str) -> _Fix | None:
    if "{" in line and line.count("{") > line.count("}"):
        fixed = f"{line.rstrip().rstrip(',')} }}"
        name = line.partition("=")[0].strip()
        hint = tr(
            "write all of it in one line, or a table [... {name}] with one key in each line",
            name=name,
        )
        return _Fix(tr("a table in braces has to end in its line"), hint, fixed)
    return None


_FINDERS: Final[tuple[Callable[[str, int, str], _Fix | None], ...]] = (
    _curly_quotes, _invisible, _backslash, _comma_in_list, _trailing, _comment_of_others,
    _quotes_in_quotes, _single_in_single, _quote_missing, _no_value, _not_quoted,
    _bracket_missing, _comma_above, _other_signs, _table_name, _braces,
)  # fmt: skip


def _written_twice(line: str, reason: str) -> _Fix | None:
    if reason == "Cannot overwrite a value" or "mutate" in reason:
        what = line.partition("=")[0].strip() or tr("a key")
        return _Fix(
            tr("{what} is written twice", what=what), tr("delete one of the two lines"), line
        )
    declared = re.match(r"Cannot declare \((.*)\) twice", reason)
    if declared is not None:
        name = ".".join(re.findall(r"'([^']*)'", declared[1]))
        hint = tr("put all keys of [{name}] below the first one", name=name)
        return _Fix(tr("the table [{name}] is written twice", name=name), hint, line)
    return None


def _parses(line: str) -> bool:
    try:
        tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _last_item(text: str) -> str:
    found = re.search(r"""("[^"]*"|'[^']*'|[^\s,\[]+)$""", text)
    return found[0] if found else tr("the items")


def _first_item(text: str) -> str:
    found = re.match(r"""("[^"]*"|'[^']*'|[^\s,\]]+)""", text)
    return found[0] if found else tr("the next one")
