"""--lang, at any place of the command line, else the language of the environment.

The language is needed before the arguments are parsed, because help and usage errors are texts too.
"""

from __future__ import annotations

import os
from typing import Any

from mailmerge.cli.plain_help import PlainGroup
from mailmerge.language import LANGUAGES, closest, from_environment, listed, tr, use
from mailmerge.portable.language import interface_language

_OPTION = "--lang"


class LanguageGroup(PlainGroup):
    """The program as a group of commands: it chooses the language first."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take --lang out of the arguments, and parse the others in that language."""
        use(from_environment(os.environ, interface_language()))
        wanted, others = _taken(args)
        if wanted is not None:
            _choose(ctx, wanted)
        return super().parse_args(ctx, others)


def chosen_by_option(context: Any) -> str:
    """The language that --lang names, in the context of a command; "" without the option."""
    return context.obj or ""


def _taken(args: list[str]) -> tuple[str | None, list[str]]:
    """The last value of --lang, and the other arguments; those after `--` are no options."""
    wanted: str | None = None
    others: list[str] = []
    left = iter(args)
    for one in left:
        if one == "--":
            others += [one, *left]
        elif one == _OPTION:
            wanted = next(left, "")
        elif one.startswith(f"{_OPTION}="):
            wanted = one.partition("=")[2]
        else:
            others.append(one)
    return wanted, others


def _choose(ctx: Any, wanted: str) -> None:
    """Use this language, here and in the programs that this one starts."""
    found = closest(wanted)
    if found is not None:
        use(found)
        ctx.obj = found
        os.environ["LANGUAGE"] = found
    elif wanted:
        names = listed(LANGUAGES)
        ctx.fail(tr("--lang: no texts in {name!r}; use {names}", name=wanted, names=names))
    else:
        ctx.fail(tr("{option} needs a value", option=_OPTION))
