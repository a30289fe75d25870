"""A template that grows without end fills the memory or keeps the processor busy for minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mailmerge.cli import app
from mailmerge.errors import TemplateError
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Renderer
from mailmerge.settings import load_settings

from .bombs import BOMBS, HARMLESS, LINE, write_campaign

ROOT = Path(__file__).parents[2]
MEGABYTES = 200
SECONDS = 10.0

LIMITED = f"""
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
resource.setrlimit(resource.RLIMIT_CPU, (10 * {len(BOMBS)}, 10 * {len(BOMBS)}))
runpy.run_module("tests.faults.bombs", run_name="__main__")
"""


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    """The result of every bomb, rendered by one child process under limits."""
    if sys.platform == "win32":
        pytest.skip("this platform cannot limit the resources of a process")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_corpus_is_large() -> None:
    assert len(BOMBS) >= 100


@pytest.mark.long
def test_each_bomb_is_refused_with_file_line_and_row(results: list[dict[str, Any]]) -> None:
    assert len(results) == 2 * (len(BOMBS) + 1)
    for one in results[1:]:
        if not one["code"]:
            assert one["name"] in HARMLESS, one
            continue
        assert one["code"] == "template-endless", one
        assert one["row"] == 2, one
        assert one["file"] in (f"body.{one['part']}", "mod.txt"), one
        # Only the length of the whole text belongs to no line.
        assert one["line"] in (LINE, 1) or "more than" in one["message"], one


@pytest.mark.long
def test_no_bomb_takes_long_or_much_memory(results: list[dict[str, Any]]) -> None:
    # The first result is that of an ordinary template, after everything has been loaded.
    start = results[0]["peak"]
    assert max(one["peak"] for one in results) - start < MEGABYTES / 2
    slow = [one for one in results[1:] if one["seconds"] > SECONDS]
    assert not slow


@pytest.mark.parametrize("name", ["center", "tilde", "short output in loops", "nested lists"])
def test_check_reports_a_bomb_as_an_error(tmp_path: Path, name: str) -> None:
    write_campaign(tmp_path, BOMBS[name], "html")
    result = CliRunner().invoke(app, ["check", str(tmp_path), "--json"])
    assert result.exit_code == 3
    errors = [one for one in json.loads(result.stdout)["problems"] if one["severity"] == "error"]
    assert [(one["code"], one["file"]) for one in errors] == [("template-endless", "body.html")]
    assert "line 2" in CliRunner().invoke(app, ["check", str(tmp_path)]).output


def recipient(row: int, **cells: str) -> Recipient:
    address = "ann@example.org"
    return Recipient(row, {"email": address, **cells}, Mailbox(address, address, address), address)


@pytest.mark.parametrize("part", ["txt", "html"])
def test_a_known_structure_does_not_escape_the_budget(tmp_path: Path, part: str) -> None:
    write_campaign(tmp_path, "{{ name * (times|int) }}", part)
    renderer = Renderer(load_settings(tmp_path))
    for row in range(2, 6):
        renderer.render(recipient(row, name="Ann", times="3"))
        with pytest.raises(TemplateError, match=rf"line 2, row {row}: \* ?.*characters|characters"):
            renderer.render(recipient(row, name="Ann", times="999999999"))
    made = renderer.render(recipient(9, name="Ann", times="2"))
    assert "AnnAnn" in str(made.text)


@pytest.mark.parametrize(
    "output",
    [
        "{{ name|map }}",
        "{{ [''.format]|map('string')|list }}",
        "{{ [name.upper] }}",
        "{{ {'a': name.upper} }}",
        "{{ name ~ name.upper }}",
        "{{ '%s' % name.upper }}",
        "{{ '{}'.format(name.upper) }}",
        "{{ [name|map]|join }}",
        "{{ name.upper|string }}",
        "{{ (name|map)|upper }}",
        "{{ [namespace()]|string }}",
        "{% autoescape false %}{{ name|map }}{% endautoescape %}",
        "{% set x %}{{ name.upper }}{% endset %}{{ x }}",
        "{{ name|replace('A', name.upper) }}",
        "{{ cycler('a') }}",
    ],
)
@pytest.mark.parametrize("part", ["txt", "html"])
def test_text_that_depends_on_memory_is_refused(tmp_path: Path, part: str, output: str) -> None:
    write_campaign(tmp_path, output, part)
    renderer = Renderer(load_settings(tmp_path))
    with pytest.raises(TemplateError, match="cannot be printed") as caught:
        renderer.render(recipient(2, name="Ann"))
    assert "0x" not in str(caught.value)


@pytest.mark.parametrize(
    "output", ["{{ row|pprint }}", "{{ [row] }}", "{{ row }}", "{{ campaign }}"]
)
def test_text_of_the_row_is_the_same_in_each_run(tmp_path: Path, output: str) -> None:
    write_campaign(tmp_path, output, "txt")
    text = str(Renderer(load_settings(tmp_path)).render(recipient(2, name="Ann")).text)
    assert "0x" not in text


def test_ordinary_templates_are_not_limited(tmp_path: Path) -> None:
    source = (
        "{% for n in range(500) %}{{ '%05.2f'|format(n * 1.5) }} {{ name.center(20) }}"
        "{{ '{:>8}'.format(n) }}{{ (name ~ n)|upper|replace('A', 'b') }}\n{% endfor %}"
        "{{ range(100)|sum }} {{ [1, 2, 3]|join(', ') }} {{ 2 ** 64 }} {{ name[:2] }}"
        "{{ {'a': [name, 1.5]}|tojson }} {{ name|indent(4) }} {{ row }}"
    )
    write_campaign(tmp_path, source, "txt")
    text = str(Renderer(load_settings(tmp_path)).render(recipient(2, name="Ann")).text)
    assert text.startswith("Hello\n00.00         Ann                0bNN0\n")
    assert "4950 1, 2, 3 18446744073709551616 An" in text


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "9" * 6000 + " }}",
        "{% for i in 'a' %}" * 100 + "{% endfor %}" * 100,
        "{{ 1" + " + 1" * 5000 + " }}",
        "{{ name" + "|upper" * 5000 + " }}",
        "{{ " + "[" * 3000 + "]" * 3000 + " }}",
        "{{ name" + ".a" * 5000 + " }}",
        "{% if 1 %}" * 2000 + "{% endif %}" * 2000,
    ],
)
def test_nested_template_does_not_end_the_process(tmp_path: Path, source: str) -> None:
    write_campaign(tmp_path, source, "txt")
    with pytest.raises(TemplateError):
        Renderer(load_settings(tmp_path)).render(recipient(2, name="Ann"))
