"""Placeholders of other programs -> columns of the test's own row.

The templates of the corpus are stored as their authors published them. Each is made a template of
this project by one deterministic step, `harmless`:

1. Comments and control blocks of other template languages are deleted, their content stays:
   `{{#if x}}`, `{{/if}}`, `{{else}}`, `{{!-- --}}`, `{% ... %}`, `{# ... #}`, `<% ... %>`,
   `*|IF:X|*`.
2. Each value becomes a column, by the place where it stands:

   | place | example | becomes |
   |---|---|---|
   | a style sheet or a style attribute | `color: {{accent}}` | `#336699` |
   | the beginning of a URL | `href="*|ARCHIVE|*"` | `{{ link }}` |
   | the rest of a URL | `href="https://x/?u={{id}}"` | `{{ width }}` |
   | an attribute of a number or a word | `width="{{w}}"` | `{{ width }}` |
   | text, title, alt | `Hi {{user.name}}` | `{{ name }}` |

3. A path of an image or style sheet that leads out of the folder (`/static/a.png`, `../a.css`)
   loses the part that does.
4. What would begin an expression of Jinja2 and is none, such as `{#` in a minified style sheet,
   gets a space between its two characters.
"""

from __future__ import annotations

import re
from typing import Final

_DELETED = re.compile(
    r"\{\{!--.*?--\}\}|\{\{![^}]*\}\}|\{\{\{?~?\s*(?:[#/^>&]|else\b)[^}]*\}\}\}?"
    r"|\{%.*?%\}|\{#\s.*?\s#\}"
    r"|<%[^=\-].*?%>|\*\|(?:IF|ELSE|ELSEIF|END|IFNOT|INTERESTED)[:|][^|]*\|?\*?",
    re.DOTALL,
)
_VALUE = re.compile(
    r"\{\{\{.*?\}\}\}|\{\{.*?\}\}|<%[=\-].*?%>|\*\|[\w:.,\- ]+\|\*|%%[\w:.]+%%"
    r"|%recipient\.\w+%|\$\{[^}\n]*\}",
    re.DOTALL,
)
_OUTSIDE = re.compile(
    r"""((?:\b(?:src|background)|<link\b[^>]*\bhref)\s*=\s*["']?)(?:/(?!/)|(?:\.\./)+)""",
    re.IGNORECASE,
)
_JINJA_START = re.compile(r"\{(?=[{%#])")
_URLS: Final = ("href", "src", "background", "action", "poster", "content")
_TEXTS: Final = ("title", "alt", "summary", "aria-label")
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)|'([^']*)|([^\s"'>]*))\Z""")


def harmless(template: str) -> str:
    """The template with the columns of this project in place of foreign placeholders."""
    text = _OUTSIDE.sub(r"\1", _DELETED.sub("", template))
    pieces: list[str] = []
    end = 0
    for found in _VALUE.finditer(text):
        pieces.append(_escaped(text[end : found.start()]))
        pieces.append(_column(text, found.start()))
        end = found.end()
    return "".join([*pieces, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return _JINJA_START.sub("{ ", text)


def _column(text: str, at: int) -> str:
    before = text[:at]
    lowered = before.lower()
    if lowered.rfind("<style") > lowered.rfind("</style"):
        return "#336699"
    tag = before[max(before.rfind("<"), 0) :]
    attribute = _ATTRIBUTE.search(tag) if ">" not in tag.replace("=>", "") else None
    if attribute is None or not tag.startswith("<"):
        return "{{ name }}"
    name, value = attribute[1].lower(), "".join(filter(None, attribute.groups()[1:]))
    if name == "style":
        return "#336699"
    if name in _URLS:
        return "{{ link }}" if not value.strip() else "{{ width }}"
    return "{{ name }}" if name in _TEXTS else "{{ width }}"
