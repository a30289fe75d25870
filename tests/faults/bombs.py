"""Templates that try to use up memory or time, and a program that runs them under limits.

`python -m tests.faults.bombs` renders every bomb in one process, and prints one JSON object a line:
name, seconds of the processor, peak (MB of memory), code, message, file, line, row.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LINE: Final = 2
"""The line of every bomb."""

_NESTED = "{% for i in range(40) %}{% set ns.x = BODY %}{% endfor %}"


def _doubling(start: str, body: str, end: str = "{{ ns.x|length }}") -> str:
    """A loop that replaces ns.x forty times."""
    loop = _NESTED.replace("BODY", body)
    return f"{{% set ns = namespace(x={start}) %}}{loop}{end}"


def _loop(turns: int, body: str) -> str:
    return f"{{% for i in range({turns}) %}}{body}{{% endfor %}}"


_BIG = "{% set b = 'a' * 5000000 %}"

BOMBS: Final[dict[str, str]] = {
    # one operation
    "percent width": "{{ '%999999999d' % 1 }}",
    "percent precision": "{{ '%.999999999f' % 1 }}",
    "percent star": "{{ '%*d' % (999999999, 1) }}",
    "percent mapping": "{{ '%(x)999999999s' % {'x': 1} }}",
    "percent repeated": _BIG + "{{ ('%(x)s' * 1000) % {'x': b} }}",
    "format filter": "{{ '%999999999s'|format('a') }}",
    "format width": "{{ '{:999999999}'.format(1) }}",
    "format fill": "{{ '{:>999999999}'.format(name) }}",
    "format nested width": "{{ '{:{}}'.format(1, 999999999) }}",
    "format precision": "{{ '{:.999999999f}'.format(1.5) }}",
    "format_map": "{{ '{x:>999999999}'.format_map({'x': 1}) }}",
    "format repeated": _BIG + "{{ ('{0}' * 1000).format(b) }}",
    "markup format": "{{ ('{:>999999999}'|safe).format(1) }}",
    "attr format": "{{ ('{:>999999999}'|attr('format'))(1) }}",
    "center": "{{ name.center(999999999) }}",
    "center filter": "{{ name|center(999999999) }}",
    "constant center filter": "{{ 'a'|center(999999999) }}",
    "ljust": "{{ name.ljust(999999999) }}",
    "rjust": "{{ name.rjust(999999999, '*') }}",
    "zfill": "{{ name.zfill(999999999) }}",
    "markup zfill": "{{ (name|safe).zfill(999999999) }}",
    "expandtabs": "{{ '\\t'.expandtabs(999999999) }}",
    "indent": "{{ name|indent(999999999, true) }}",
    "indent with a text": _BIG + "{{ ('a\\n' * 1000)|indent(b) }}",
    "wordwrap": _BIG + "{{ b|wordwrap(1, true, b) }}",
    "wordwrap small": "{{ ('a ' * 2000000)|wordwrap(1) }}",
    "batch": "{{ [1]|batch(999999999, 'x')|list|length }}",
    "slice": "{{ [1]|slice(999999999)|list|length }}",
    "slice searched": "{{ 7 in [1]|slice(999999999) }}",
    "replace": _BIG + "{{ b.replace('a', b) }}",
    "replace filter": _BIG + "{{ b|replace('', b) }}",
    "translate": _BIG + "{{ b.translate({97: b}) }}",
    "join": _BIG + "{{ b.join(b) }}",
    "join filter": _BIG + "{{ range(1000)|map('string')|join(b) }}",
    "times": "{{ 'a' * 999999999 }}",
    "times a list": "{{ ([1] * 999999999)|length }}",
    "times a list twice": "{{ (([1] * 10000) * 10000)|length }}",
    "times the other way": "{{ (999999999 * 'a')|length }}",
    "power": "{{ 10 ** 999999999 }}",
    "power of power": "{{ 9 ** (9 ** (9 ** 9)) }}",
    "power modulo": "{{ (7 ** 99999999) % 10 }}",
    "integer of base 16": _BIG + "{{ b|int(0, 16) * 2 }}",
    "to_bytes": "{{ (1).to_bytes(999999999, 'big')|length }}",
    "from_bytes": _BIG + "{{ (1).from_bytes(b.encode(), 'big') * 3 }}",
    "round": "{{ 1|round(-999999999) }}",
    "round up": "{{ 1|round(999999999, 'ceil') }}",
    "tojson indent": "{{ [[1]]|tojson(999999999) }}",
    "range": "{{ range(999999999)|list|length }}",
    "range of ranges": "{{ range(99999)|map('string')|map('center', 99999)|list|length }}",
    "map center": "{{ [1, 2]|map('center', 999999999)|list }}",
    "list of a text": "{{ ('\N{SNOWMAN}' * 2000000)|list|length }}",
    "urlize": "{{ ('www.a.org ' * 900000)|urlize(10, true, 'b' * 900000) }}",
    "urlize brackets": "{{ ('(' * 5000000)|urlize }}",
    "striptags": "{{ ('<!-->' * 1000000)|striptags }}",
    "striptags method": "{{ (('<!---->' * 1000000)|safe).striptags() }}",
    "title": _BIG + "{{ (b ~ b)|title }}",
    "pprint": "{{ [[1] * 500000]|pprint }}",
    "big literal": "{{ [" + "'" + "a" * 1000 + "', " + "1] * 99999 }}",
    "filter block": "{% filter center(999999999) %}a{% endfilter %}",
    "sum of lists": "{{ ([[1] * 1000] * 500)|sum(start=[])|length }}",
    # in several steps
    "plus": _doubling("'a'", "ns.x + ns.x"),
    "tilde": _doubling("'a'", "ns.x ~ ns.x"),
    "times two": _doubling("'a'", "ns.x * 2"),
    "lists": _doubling("[1]", "ns.x + ns.x"),
    "tuples": _doubling("(1,)", "ns.x + ns.x"),
    "square": _doubling("7", "ns.x * ns.x", "{{ ns.x }}"),
    "power in a loop": _doubling("7", "ns.x ** 2", "{{ ns.x }}"),
    "square, not printed": _doubling("7", "ns.x * ns.x", "ok"),
    "format in a loop": _doubling("'a'", "'%s%s' % (ns.x, ns.x)"),
    "format method in a loop": _doubling("'a'", "'{0}{0}'.format(ns.x)"),
    "join in a loop": _doubling("'a'", "[ns.x, ns.x]|join"),
    "replace in a loop": _doubling("'aa'", "ns.x.replace('a', 'aa')"),
    "escape in a loop": _doubling("'&'", "(ns.x ~ '&')|urlencode|replace('%', '&&')"),
    "nested lists": _doubling("[1]", "[ns.x, ns.x]", "{{ ns.x }}"),
    "nested tuples": _doubling("(1,)", "(ns.x, ns.x)", "{{ {ns.x: 1} }}"),
    "nested dictionaries": _doubling("{}", "{'a': ns.x, 'b': ns.x}", "{{ ns.x|tojson }}"),
    "nested by dict": _doubling("{}", "dict(a=ns.x, b=ns.x)", "{{ ns.x|string }}"),
    "nested, compared": "{% set n = namespace(x=[1], y=[1]) %}"
    + _loop(40, "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}")
    + "{{ n.x == n.y }}",
    "nested by arguments": "{% macro m(n) %}{% if n %}{{ m(n - 1, varargs, varargs) }}"
    "{% else %}{{ varargs }}{% endif %}{% endmacro %}{{ m(60, 1) }}",
    "captured block": "{% set a %}aaaaaaaaaa{% endset %}"
    + "{% set a %}{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}{% endset %}" * 20
    + "{{ a|length }}",
    "macro": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% else %}aaaa{% endif %}"
    "{% endmacro %}{{ m(60) }}",
    "macro of macros": "{% macro m(x, n) %}{% if n %}{{ m(x ~ x, n - 1) }}"
    "{% else %}{{ x }}{% endif %}"
    "{% endmacro %}{{ m('a', 60) }}",
    "caller": "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}"
    + "{% call m() %}" * 18 + "a" * 100 + "{% endcall %}" * 18,
    "built in a loop, then joined": "{% set n = namespace(l=[]) %}"
    + _loop(3000, "{% set n.l = n.l + ['a' * 100000] %}")
    + "{{ n.l|join }}",
    "distinct texts kept": "{% set n = namespace(l=[]) %}"
    + _loop(3000, "{% set n.l = n.l + [(i|string) * 30000] %}") + "{{ n.l|length }}",
    "output in a loop": _BIG + _loop(1000, "{{ b }}"),
    "short output in loops": _loop(1000, _loop(1000, "{{ name }}{{ name }}{{ name }}")),
    "constants in a loop": _loop(100000, "a" * 1000),
    "constants in a block": "{% set x %}" + _loop(100000, "a" * 1000) + "{% endset %}",
    "outputs in a block": "{% set x %}" + _loop(100000, "{{ name * 60 }}") + "{% endset %}",
    "loops": _loop(99999, _loop(99999, _loop(99999, "{% if i == 7 %}a{% endif %}"))),
    "loop calls itself": "{% for i in range(9) recursive %}{{ loop(range(9)) }}{% endfor %}",
    "loop calls itself widely": "{% for i in range(99999) recursive %}"
    "{% if loop.depth < 2 %}{{ loop(range(99999)) }}{% endif %}{% endfor %}",
    "endless macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "slow filter in a loop": _loop(99999, "{{ ('a b ' * 20000)|title|length }}"),
    "slow search in a loop": "{% set r = range(99999)|list %}" + _loop(99999, "{{ -1 in r }}"),
    "slow sort in a loop": _loop(99999, "{{ (range(50000)|list|reverse|sort)[0] }}"),
    "slow tests": "{% set r = range(99999)|list %}{{ r|map('abs')|reject('in', r)|list }}",
    "slow texts compared": "{% set a = 'a' * 4000000 ~ 'b' %}{% set b = 'a' * 4000000 ~ 'c' %}"
    + _loop(99999, "{{ a == b }}"),
    "slices kept": _BIG + "{% set n = namespace(l=[]) %}"
    + _loop(900, "{% set n.l = n.l + [b[i:]] %}"),
    "slices without a loop": _BIG
    + "".join(f"{{% set x{n} = b[{n}:] %}}" for n in range(500)),
    "import": "{% set b = 1 %}{% import 'mod.txt' as m with context %}{{ m.a }}",
    "include in a loop": _loop(99999, "{% include 'part.txt' %}"),
    "many pieces": _loop(900, _loop(900, "{{ i }},")),
    "split": _BIG + "{{ b.split('a')|length }}",
    "splitlines": "{{ ('a\\n' * 4000000).splitlines()|length }}",
    "encode": _loop(900, "{% set x = ('a' * 4000000).encode('utf-32') %}"),
    "fromkeys": "{{ {}.fromkeys(range(99999), 'a' * 999999)|string|length }}",
    "tags": _loop(99999, "<b></b>"),
    "page of values": _loop(40000, "{{ row }}"),
    "cycler": "{% set c = cycler('a' * 999999) %}" + _loop(9999, "{{ c.next() }}"),
    "whole row": _loop(99999, "{{ row }}"),
    "columns joined": _loop(99999, "{{ dict(a=name, b=name).values()|join(name * 9999) }}"),
}  # fmt: skip

HARMLESS: Final = frozenset(("", "tags", "page of values", "whole row"))
"""What is large, but may be within the limits."""

FILES: Final = {
    "mod.txt": "{% for i in range(99999) %}{{ 'a' * 99999 }}{% endfor %}{% set a = 1 %}",
    "part.txt": "{{ name }}{{ name }}{{ name }}{{ name }}\n" * 1000,
}


def write_campaign(folder: Path, source: str, part: str) -> None:
    """A campaign with one recipient, whose template of this part is the bomb."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "people.csv").write_text("email,name\nann@example.org,Ann\n", encoding="utf-8")
    (folder / f"body.{part}").write_text(f"Hello\n{source}", encoding="utf-8")
    (folder / "campaign.toml").write_text(
        f"""[campaign]
name = "bomb"
[recipients]
file = "people.csv"
[message]
from = "A <a@example.org>"
subject = "News"
{"text" if part == "txt" else "html"} = "body.{part}"
""",
        encoding="utf-8",
    )


def _render_all() -> Iterator[dict[str, object]]:
    from mailmerge.errors import MailmergeError
    from mailmerge.recipients.audience import Recipient, open_audience
    from mailmerge.rendering.content import Renderer
    from mailmerge.settings import load_settings

    for part in ("txt", "html"):
        for name, source in {"": "{{ name }}", **BOMBS}.items():
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made)
                write_campaign(folder, source, part)
                campaign = load_settings(folder)
                (recipient,) = [
                    one for one in open_audience(campaign) if isinstance(one, Recipient)
                ]
                begin = time.process_time()
                result: dict[str, object] = {"name": name, "part": part, "code": ""}
                try:
                    Renderer(campaign).render(recipient)
                except MailmergeError as error:
                    problem = error.problem
                    result |= {
                        "code": problem.code, "message": problem.message, "line": problem.line,
                        "file": problem.file, "row": problem.row,
                    }  # fmt: skip
                except BaseException as error:  # noqa: BLE001 - it is reported
                    result["message"] = f"{type(error).__name__}: {error}"
                yield {**result, "seconds": round(time.process_time() - begin, 3), "peak": _peak()}


def _peak() -> float:
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


if __name__ == "__main__":
    for result in _render_all():
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
