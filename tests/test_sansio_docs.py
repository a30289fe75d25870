"""docs/sansio.md: every example runs and prints what it says; the drawings are the tables."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from mailmerge.smtp.state import SESSION, TRANSACTION
from tests.scripted_server import serve

Place = TypeVar("Place", bound=StrEnum)
Cause = TypeVar("Cause", bound=StrEnum)

PAGE = Path(__file__).parent.parent / "docs" / "sansio.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)


def drawn(table: Mapping[tuple[Place, Cause], Place]) -> str:
    """A table of states as a Mermaid diagram: one arrow for each pair of states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (before, cause), after in table.items():
        arrows.setdefault((before.name, after.name), []).append(cause)
    lines = [
        f"    {before} --> {after}: {', '.join(causes)}"
        for (before, after), causes in arrows.items()
    ]
    first, last = next(iter(table))[0].name, list(table.values())[-1].name
    return "\n".join(
        [
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {first}",
            *lines,
            f"    {last} --> [*]",
            "```",
        ]
    )


def test_the_drawings_are_the_tables() -> None:
    page = PAGE.read_text("utf-8")
    for name, drawing in (("session", drawn(SESSION)), ("transaction", drawn(TRANSACTION))):
        assert f"<!-- {name} -->\n{drawing}\n" in page, f"replace the drawing by:\n{drawing}"


def test_every_example_prints_what_the_page_says() -> None:
    examples = EXAMPLE.findall(PAGE.read_text("utf-8"))
    assert len(examples) >= 5
    names: dict[str, Any] = {"__name__": "__main__"}
    with serve() as server:
        for number, (program, printed) in enumerate(examples):
            assert printed, f"example {number} has no output to compare with"
            output = io.StringIO()
            code = compile(program.replace("2525", str(server.port)), f"example {number}", "exec")
            with contextlib.redirect_stdout(output):
                exec(code, names)
            assert output.getvalue() == printed, f"example {number}"
        assert server.violations == []
        assert len(server.taken) == 111


def test_the_asyncio_driver_is_about_sixty_lines() -> None:
    (driver,) = (
        program for program, _ in EXAMPLE.findall(PAGE.read_text("utf-8")) if "asyncio" in program
    )
    body = driver.partition("class AsyncClient")[2].partition("async def main")[0]
    assert 45 <= sum(bool(line.strip()) for line in body.splitlines()) <= 65
