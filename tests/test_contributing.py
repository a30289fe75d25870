"""CONTRIBUTING.md: the recipes for providers and commands, tried out in a copy of the package.

The recipes for formats and checks are tested with the packages that they extend.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mailmerge
from tests.campaign_folder import make_campaign_folder

GUIDE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BEFORE_IT = "_COMMANDS = (\n    init,\n    check,\n"


def chapter(title: str) -> str:
    text = GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert text, title
    return text


def examples(title: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", chapter(title), re.MULTILINE | re.DOTALL)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that a recipe may change."""
    source = Path(mailmerge.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(source, tmp_path / "mailmerge", ignore=ignored)


def run(package: Path, *arguments: str) -> str:
    """What the copy prints; it succeeds."""
    done = subprocess.run(
        [sys.executable, "-m", "mailmerge", *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        cwd=package.parent,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def append(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{text}", encoding="utf-8")


def test_recipe_for_a_provider_works(package: Path) -> None:
    provider, explanation = examples("Add a provider", "toml")
    append(package / "providers" / "providers.toml", provider)
    append(package / "providers" / "explanations.toml", explanation)
    shown = json.loads(run(package, "providers", "mail.example", "--json"))
    assert (shown["name"], shown["port"], shown["rates"]) == ("examplemail", 465, ["500/day"])
    sourced = {field for source in shown["sources"] for field in source["of"]}
    assert {rule["of"] for rule in shown["rules"]} <= sourced
    script = (
        "from mailmerge.providers.explanations import explain\n"
        "from mailmerge.providers.lookup import find_provider\n"
        "provider = find_provider('examplemail')\n"
        "print(provider.action_for(550, 'Your daily limit is reached'))\n"
        "print(explain(550, 'Your daily limit is reached', provider='examplemail').key)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, cwd=package.parent, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert answer.stdout.split() == ["stop", "examplemail-daily"]


def test_recipe_for_a_command_works(package: Path) -> None:
    (module,) = examples("Add a command", "python")
    (package / "cli" / "columns.py").write_text(module, encoding="utf-8")
    described = chapter("Add a command").rpartition("In `cli/__init__.py`:\n")[2]
    imported, listed = re.findall(r"^    (\S.*)$", described, re.MULTILINE)[:2]
    main = package / "cli" / "__init__.py"
    source = main.read_text(encoding="utf-8")
    source = source.replace(
        "from mailmerge.cli.check import", f"{imported}\nfrom mailmerge.cli.check import"
    )
    assert source.count(BEFORE_IT) == 1
    assert listed.startswith("_COMMANDS = (init, check, columns,")
    main.write_text(source.replace(BEFORE_IT, f"{BEFORE_IT}    columns,\n"), encoding="utf-8")
    make_campaign_folder(package.parent / "spring")
    assert run(package, "columns", "spring").split() == ["email", "name"]
    assert json.loads(run(package, "columns", "spring", "--json")) == {"columns": ["email", "name"]}


def test_links_to_recipes_lead_to_one() -> None:
    titles = re.findall(r"^## (Add .+)$", GUIDE, re.MULTILINE)
    links = re.findall(r"^\* \[(.+)\]\(#(.+)\)$", GUIDE, re.MULTILINE)
    assert links == [(title, title.lower().replace(" ", "-")) for title in titles]
