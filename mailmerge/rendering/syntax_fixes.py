"""A template that Jinja2 cannot parse -> the place in its line, the cause in words, and the fix.

Jinja2 says what its parser met (`unexpected '}'`), and not which mistake that is. As for
campaign.toml (settings/toml_errors.py), each known mistake has a function that corrects the line,
and only a correction that the parser gets over is suggested.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import jinja2
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from mailmerge.language import tr
from mailmerge.library_messages import jinja_message

_CHARACTER = re.compile(r"unexpected char (?P<sign>'.*'|\".*\") at (?P<offset>\d+)", re.DOTALL)
_DOUBLE: Final = "“”„‟«»″＂「」"
_SINGLE: Final = "‘’‚‛′´｀＇"
_QUOTES = str.maketrans({**dict.fromkeys(_DOUBLE, '"'), **dict.fromkeys(_SINGLE, "'")})
_SYNTAX = re.compile(r"\{\{[^\n]*?(?:\}\}|\}|$)|\{%[^\n]*?(?:%\}|\}|$)")
_SEVERAL_WORDS = re.compile(r"\{\{-?\s*(?P<words>[^\W\d]\w*(?:[ \-]+\w+)+)\s*(?=[|}])")
_END_OF_SYNTAX = re.compile(r"(?<!\s)(?!(?<=\))\))\s*+(\)*+\s*+-?[%}]\})$")
_WORDS_OF_JINJA: Final = frozenset({"if", "else", "and", "or", "not", "in", "is"})


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """What is wrong with a template.

    Attributes:
        message: the cause.
        hint: the fix; "" if it is not known.
        line: from 1.
        character: the place in the line, from 1; None if it is not known.
        excerpt: the text of the line.
    """

    message: str
    hint: str
    line: int
    character: int | None
    excerpt: str


@dataclass(frozen=True, slots=True)
class _Fix:
    cause: str
    hint: str
    line: str
    at: int = 0


def explain_syntax(error: jinja2.TemplateSyntaxError) -> SyntaxFault:
    """What is wrong with the template, from the error of Jinja2 and the source that it carries."""
    source = error.source or ""
    lines = source.split("\n")
    number = min(max(error.lineno, 1), len(lines))
    message = (error.message or "syntax error").removesuffix(".")
    character = None
    found = _CHARACTER.fullmatch(message)
    if found is not None and int(found["offset"]) < len(source):
        offset = int(found["offset"])
        number = source.count("\n", 0, offset) + 1
        character = offset - source.rfind("\n", 0, offset)
        message = f"unexpected character {found['sign'][1:-1]}"
    elif "{" not in lines[number - 1] and not _is_of_a_block(message):
        number = _opening_line(lines, number)
    fix = next(_working_fixes(lines, number, message), None)
    if fix is not None:
        at = character or fix.at + 1
        return SyntaxFault(fix.cause, fix.hint, number, at, lines[number - 1])
    hint = _general_hint(message)
    if character is None:
        character = _likely_place(lines[number - 1], message)
    return SyntaxFault(jinja_message(message), hint, number, character, lines[number - 1])


def _opening_line(lines: list[str], number: int) -> int:
    """The line of the braces that are still open in a line without any."""
    for earlier in range(number - 1, 0, -1):
        line = lines[earlier - 1]
        if line.rfind("{{") > line.rfind("}}") or line.rfind("{%") > line.rfind("%}"):
            return earlier
    return number


def _working_fixes(lines: list[str], number: int, message: str) -> Iterator[_Fix]:
    line = lines[number - 1]
    for finder in _FINDERS:
        fix = finder(line, message)
        if fix is not None and fix.line != line and _gets_further(lines, number, fix.line, message):
            yield fix


def _gets_further(lines: list[str], number: int, line: str, message: str) -> bool:
    corrected = "\n".join([*lines[: number - 1], line, *lines[number:]])
    try:
        jinja2.Environment(autoescape=True).parse(corrected)
    except jinja2.TemplateSyntaxError as error:
        if error.lineno > number:
            return True
        later = (error.message or "").removesuffix(".")
        return later != message and error.lineno == number and _is_of_a_block(later)
    except RecursionError:  # the rest of the line nests too deep
        return False
    return True


def _is_of_a_block(message: str) -> bool:
    """Whether the error is about blocks, which a correct expression may still lack."""
    return message.startswith(("Encountered unknown tag", "Unexpected end of template"))


# -- one function for each mistake -----------------------------------------------------------------


def _in_syntax(line: str, change: Callable[[str], str]) -> str:
    return _SYNTAX.sub(lambda found: change(found[0]), line)


def _first_difference(line: str, other: str) -> int:
    pairs = enumerate(zip(line, other, strict=False))
    at = next((at for at, (one, two) in pairs if one != two), min(len(line), len(other)))
    doubled = at > 0 and other[at : at + 1] == line[at - 1] and line[at - 1] in "=}"
    return at - 1 if doubled else at  # the one sign, and not what follows it


def _made(cause: str, line: str, fixed: str, hint: str = "") -> _Fix:
    hint = hint or tr("write {shown}", shown=_changed(line, fixed))
    return _Fix(cause, hint, fixed, _first_difference(line, fixed))


def _changed(line: str, fixed: str) -> str:
    """The first expression that a fix changes, as it should be; else the line."""
    pairs = zip(_SYNTAX.finditer(line), _SYNTAX.finditer(fixed), strict=False)
    return next((new[0] for old, new in pairs if old[0] != new[0]), fixed.strip())[:80]


def _curly_quotes(line: str, _: str) -> _Fix | None:
    inside = "".join(_SYNTAX.findall(line))
    curly = next((one for one in inside if one in _DOUBLE + _SINGLE), "")
    if not curly:
        return None
    fixed = _in_syntax(line, lambda syntax: syntax.translate(_QUOTES))
    name = re.search(rf"\{{\{{\s*[{_DOUBLE}{_SINGLE}](\w+)[{_DOUBLE}{_SINGLE}]\s*\}}\}}", line)
    cause = tr("{curly} is a typographic quotation mark", curly=curly)
    if name is not None:
        hint = tr("write {{{{ {name} }}}} for the column, without quotation marks", name=name[1])
        return _made(cause, line, fixed, hint)
    hint = tr("write straight quotation marks: {shown}", shown=_changed(line, fixed))
    return _made(cause, line, fixed, hint)


def _tags_inside(line: str, _: str) -> _Fix | None:
    """Tags and character references that an editor has put between the braces."""
    fixed = _in_syntax(line, _without_html)
    if fixed == line:
        return None
    fixed = _in_syntax(fixed, lambda syntax: re.sub(r"\s{2,}", " ", syntax))
    return _made(tr("there is HTML between the braces"), line, fixed)


def _without_html(syntax: str) -> str:
    syntax = re.sub(r"<[^<>]*>|&nbsp;|&#160;|\u200b|\ufeff", " ", syntax)
    for name, sign in (
        ("&quot;", '"'),
        ("&#39;", "'"),
        ("&gt;", ">"),
        ("&lt;", "<"),
        ("&amp;", "&"),
    ):
        syntax = syntax.replace(name, sign)
    return syntax


def _several_words(line: str, _: str) -> _Fix | None:
    found = _SEVERAL_WORDS.search(line)
    if found is None or _WORDS_OF_JINJA & set(found["words"].split()):
        return None
    words = found["words"].strip()
    fixed = line[: found.start("words")] + f'row["{words}"]' + line[found.end("words") :]
    hint = tr('write a name of several words as row["{words}"]', words=words)
    return _Fix(
        tr("{words!r} is more than one word", words=words), hint, fixed, found.start("words")
    )


def _one_equals_sign(line: str, _: str) -> _Fix | None:
    def twice(syntax: str) -> str:
        if not re.match(r"\{%-?\s*(?:el)?if\b|\{\{", syntax):
            return syntax
        return re.sub(r"(?<![=!<>])=(?!=)", "==", syntax.translate(_QUOTES))

    fixed = _in_syntax(line, twice)
    cause = tr("= does not compare: two values are compared by ==")
    return _made(cause, line, fixed) if fixed != line else None


def _three_equals_signs(line: str, _: str) -> _Fix | None:
    fixed = _in_syntax(line, lambda syntax: re.sub(r"([=!])==", r"\1=", syntax))
    return _made(tr("values are compared by == or !="), line, fixed) if fixed != line else None


def _three_braces(line: str, _: str) -> _Fix | None:
    fixed = re.sub(r"(?<!\{)\{\{\{++([^{}\n]*)\}\}\}+", r"{{\1}}", line)
    cause = tr("there are more than two braces")
    return _made(cause, line, fixed) if fixed != line else None


def _closing_braces(line: str, _: str) -> _Fix | None:
    """An expression that `}` closes, or a block, or the wrong one of both, or nothing."""
    candidates = (
        re.sub(r"(\{\{[^{}\n]*?)(?<!\s)\s*+%?\}(?!\})", r"\1 }}", line),
        re.sub(r"(\{%[^{}%\n]*?)(?<!\s)\s*+(?:\}\}|(?<!%)\})", r"\1 %}", line),
        re.sub(r"(\{\{[^{}<\n]*?)(?<!\s)\s*+(?=<|\{|$)", r"\1 }}", line),
        re.sub(r"(\{\{-?\s*[\w.|\"'()\[\]]+)(?=[\s,.;:!?]|$)(?!.*\}\})", r"\1 }}", line),
        re.sub(r"(\{%[^{}<%\n]*?)(?<!\s)\s*+(?=<|\{|$)(?!.*%\})", r"\1 %}", line),
    )
    for fixed in candidates:
        if fixed != line and _parses_alone(fixed):
            what = "%}" if fixed.count("%}") > line.count("%}") else "}}"
            return _made(tr("{what} is missing", what=what), line, fixed)
    return None


def _parses_alone(line: str) -> bool:
    try:
        jinja2.Environment(autoescape=True).parse(line)
    except jinja2.TemplateSyntaxError as error:
        return _is_of_a_block(error.message or "")
    except RecursionError:
        return False
    return True


def _tag_for_a_value(line: str, message: str) -> _Fix | None:
    """`{% name %}` for `{{ name }}`, `elseif` for `elif`, `end if` for `endif`."""
    tag = re.search(r"[Uu]nknown tag '(\w+)'", message)
    fixed = re.sub(r"\{%(-?\s*)(?:elseif|elsif|else\s+if)\b", r"{%\1elif", line)
    fixed = re.sub(r"\{%(-?\s*)end[\s_](if|for)\b", r"{%\1end\2", fixed)
    if fixed != line:
        return _made(tr("Jinja2 knows this tag by another name"), line, fixed)
    fixed = re.sub(
        r"\{\{(-?\s*(?:if|elif|else|endif|for|endfor|set)\b[^{}]*?)\}\}", r"{%\1%}", line
    )
    if fixed != line:
        return _made(tr("a tag is written in {% %}"), line, fixed)
    if tag is None or tag[1].startswith("end"):
        return None
    name = tag[1]
    fixed = re.sub(rf"\{{%-?\s*({re.escape(name)})\s*-?%\}}", r"{{ \1 }}", line)
    if fixed != line:
        return _made(tr("there is no tag {name!r}", name=name), line, fixed)
    return None


_OPERATORS = (
    (r"&&", " and "), (r"\|\|", " or "), (r"!(?!=)", " not "), (r"<>", "!="), (r"\$\{?", ""),
    (r"[;?§€#@\\]", ""), (r"＝", "="), (r"｜", "|"), (r"[，]", ","), (r"[（]", "("), (r"[）]", ")"),
)  # fmt: skip


def _other_operators(line: str, _: str) -> _Fix | None:
    """Operators and signs of other languages."""
    for pattern, instead in _OPERATORS:
        fixed = _in_syntax(line, lambda text, p=pattern, to=instead: re.sub(p, to, text))  # type: ignore[misc]  # bound now
        fixed = _in_syntax(fixed, lambda syntax: re.sub(r" {2,}", " ", syntax))
        sign = re.search(pattern, "".join(_SYNTAX.findall(line)))
        if sign is not None and _parses_alone(fixed):
            return _made(tr("Jinja2 has no {sign}", sign=sign[0]), line, fixed)
    return None


def _quote_missing(line: str, _: str) -> _Fix | None:
    for found in _SYNTAX.finditer(line):
        for mark in "\"'":
            if found[0].count(mark) % 2:
                fixed_syntax = _END_OF_SYNTAX.sub(rf"{mark} \1", found[0])
                fixed_syntax = fixed_syntax.replace(f"{mark} )", f"{mark})")
                fixed = line[: found.start()] + fixed_syntax + line[found.end() :]
                if _parses_alone(fixed):
                    return _made(tr("a quotation mark ({mark}) is missing", mark=mark), line, fixed)
    return None


_HANDLEBARS = (
    (r"\{\{~?!(?:--)?(.*?)(?:--)?~?\}\}", r"{#\1#}"),
    (r"\{\{~?#\s*(?:if|with)\s+([^{}]+?)~?\}\}", r"{% if \1 %}"),
    (r"\{\{~?#\s*unless\s+([^{}]+?)~?\}\}", r"{% if not \1 %}"),
    (r"\{\{~?#\s*each\s+([^{}]+?)~?\}\}", r"{% for item in \1 %}"),
    (r"\{\{~?#\s*([\w.]+)\s*~?\}\}", r"{% if \1 %}"),
    (r"\{\{~?\^\s*([\w.]+)\s*~?\}\}", r"{% if not \1 %}"),
    (r"\{\{~?(?:else|\^)\s*~?\}\}", "{% else %}"),
    (r"\{\{~?/\s*each\s*~?\}\}", "{% endfor %}"),
    (r"\{\{~?/\s*[\w.]+\s*~?\}\}", "{% endif %}"),
    (r"\{\{~?>\s*[\"']?([\w./-]+)[\"']?\s*~?\}\}", r'{% include "\1" %}'),
)


def _handlebars(line: str, _: str) -> _Fix | None:
    """The tags of Handlebars and Mustache, which are `{{#if a}}` and `{{/if}}`."""
    if not re.search(r"\{\{~?[#^/>!]", line):
        return None
    fixed = line
    for pattern, instead in _HANDLEBARS:
        fixed = re.sub(pattern, instead, fixed)
    if fixed == line:
        return None
    return _made(tr("this is a tag of Handlebars or Mustache"), line, fixed)


def _value_of_a_filter(line: str, _: str) -> _Fix | None:
    """`name|default:"x"`, as Django and Liquid write it."""
    value = r"\"[^\"]*\"|'[^']*'|[\w.]+"
    pattern = rf"(\|\s*\w+)\s*:\s*({value})((?:\s*,\s*(?:{value}))*)"
    fixed = _in_syntax(line, lambda syntax: re.sub(pattern, r"\1(\2\3)", syntax))
    if fixed == line:
        return None
    return _made(tr("the value of a filter stands in parentheses"), line, fixed)


def _question_mark(line: str, _: str) -> _Fix | None:
    """`a ? b : c`, as in C."""
    pattern = r"\{\{\s*([^?{}]+?)\s*\?\s*([^:{}]+?)\s*:\s*([^{}]+?)\s*\}\}"
    fixed = re.sub(pattern, r"{{ \2 if \1 else \3 }}", line)
    return _made(tr("Jinja2 has no ? and :"), line, fixed) if fixed != line else None


_WORDS_OF_OTHERS = (
    (r"(\{%-?\s*for\s+[\w, ]+?)\s+of\s+", r"\1 in ", "of"),
    (r"(\{%-?\s*(?:if|elif)\b[^{}%]*?)\s+then(\s*-?%\})", r"\1\2", "then"),
    (r"(\{%-?\s*)else\s+if\b", r"\1elif", "else if"),
)
"""What stands in a tag, what Jinja2 writes instead, and the words."""


def _words_of_others(line: str, _: str) -> _Fix | None:
    """`for x of y`, `if x then` and `else if`."""
    for pattern, instead, words in _WORDS_OF_OTHERS:
        fixed = re.sub(pattern, instead, line)
        if fixed != line:
            return _made(tr('Jinja2 has no "{words}" in a tag', words=words), line, fixed)
    return None


def _value_in_a_value(line: str, _: str) -> _Fix | None:
    """`{{ {{ name }} }}`, and `{% if {{ name }} %}`."""
    fixed = re.sub(r"\{\{\s*\{\{([^{}]*)\}\}\s*\}\}", r"{{\1}}", line)
    fixed = re.sub(r"(\{%[^{}%]*)\{\{\s*([^{}]*?)\s*\}\}", r"\1\2", fixed)
    return _made(tr("braces stand inside of braces"), line, fixed) if fixed != line else None


_OPERATORS_IN_WORDS = {
    "eq": "==", "ne": "!=", "neq": "!=", "gt": ">", "lt": "<", "gte": ">=", "ge": ">=",
    "lte": "<=", "le": "<=", "AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IS": "is",
}  # fmt: skip


def _operators_in_words(line: str, _: str) -> _Fix | None:
    words = "|".join(_OPERATORS_IN_WORDS)
    pattern = rf"(?<=[\s)])({words})(?=\s)"

    def replaced(syntax: str) -> str:
        return re.sub(pattern, lambda found: _OPERATORS_IN_WORDS[found[1]], syntax)

    fixed = _in_syntax(line, replaced)
    if fixed == line:
        return None
    return _made(tr("Jinja2 writes this operator in another way"), line, fixed)


def _name_of_the_row(line: str, _: str) -> _Fix | None:
    """`row.first name` and `row[first name]`."""
    words = r"([^\W\d][\w-]*(?:[ -]+\w+)*)"
    fixed = _in_syntax(
        line, lambda text: re.sub(rf"\brow(?:\.{words}(?=\s*[|}}])|\[{words}\])", _in_row, text)
    )
    if fixed == line:
        return None
    return _made(tr("a name in row[...] stands in quotation marks"), line, fixed)


def _in_row(found: re.Match[str]) -> str:
    return f'row["{found[1] or found[2]}"]'


def _tags_of_others(line: str, _: str) -> _Fix | None:
    """`{% assign x = 1 %}` of Liquid, `{% load x %}` of Django."""
    fixed = re.sub(r"\{%(-?\s*)assign\b", r"{%\1set", line)
    if fixed != line:
        return _made(tr("Jinja2 knows this tag by another name"), line, fixed)
    fixed = re.sub(r"\{%-?\s*load\b[^{}]*%\}", "", line)
    if fixed != line:
        return _made(tr("this is a tag of Django"), line, fixed, tr("remove it"))
    return None


def _dashes(line: str, _: str) -> _Fix | None:
    fixed = _in_syntax(line, lambda syntax: re.sub("[–—−]", "-", syntax))
    return _made(tr("a minus sign is written -"), line, fixed) if fixed != line else None


_FINDERS: Final[tuple[Callable[[str, str], _Fix | None], ...]] = (
    _curly_quotes, _tags_inside, _handlebars, _value_in_a_value, _words_of_others,
    _several_words, _name_of_the_row, _value_of_a_filter, _question_mark,
    _operators_in_words, _tags_of_others, _dashes,
    _one_equals_sign, _three_equals_signs, _three_braces, _tag_for_a_value,
    _closing_braces, _other_operators, _quote_missing,
)  # fmt: skip


def _general_hint(message: str) -> str:
    """The fix of an error that no correction of one line removes."""
    unclosed = re.search(r"innermost block that needs to be closed is '(\w+)'", message)
    if unclosed is not None:
        return tr("write {{% end{tag} %}} where the block ends", tag=unclosed[1])
    if "Unexpected end of template" in message or "unexpected end of template" in message:
        return tr(
            "close each {value} by {value_end} and each {tag} by {tag_end}",
            value="{{",
            value_end="}}",
            tag="{%",
            tag_end="%}",
        )
    if "Missing end of comment tag" in message:
        return tr("write #} where the comment ends")
    return _hint_of_a_name(message) or (
        tr("a value is written {{ name }}, a condition {% if name %} ... {% endif %}")
    )


def _hint_of_a_name(message: str) -> str:
    """The fix of an unknown filter, test or tag; "" for another error."""
    stray = re.search(r"unknown tag '(end\w+)'", message)
    if stray is not None:
        return tr(
            "remove {{% {end} %}}, or write the {{% {tag} %}} that it ends",
            end=stray[1],
            tag=stray[1][3:],
        )
    missing = re.search(r"[Nn]o (filter|test) named '([^']*)'", message)
    if missing is None:
        return ""
    known = (FILTERS if missing[1] == "filter" else TESTS).keys()
    if missing[2] in known:
        return tr("it is left out here: its result would differ in each run")
    near = difflib.get_close_matches(missing[2].casefold(), known, n=1, cutoff=0.6)
    return (
        tr("did you mean {name}?", name=near[0])
        if near
        else tr("docs/campaign.md lists the filters")
    )


def _likely_place(line: str, message: str) -> int | None:
    """The place of the token that the message names, inside of braces; else of the first brace."""
    got = re.search(r"(?:got|unexpected|tag|named) '([^']+)'", message)
    for found in _SYNTAX.finditer(line):
        if got is not None and got[1] in found[0]:
            return found.start() + found[0].index(got[1]) + 1
    brace = re.search(r"\{[{%#]", line)
    return brace.start() + 1 if brace else None
