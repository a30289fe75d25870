"""Starter campaigns -> a new campaign folder. The starters are the real files under templates/."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path
from typing import Final

from mailmerge.errors import CampaignError
from mailmerge.language import listed, marked, tr
from mailmerge.settings import CAMPAIGN_FILE

# The first lines of the starters' files, which are no texts of this program.
_DESCRIPTIONS: Final = (
    marked("One announcement: what changes, when, and what the reader should do."),
    marked("An invitation with a picture, a personal link to reply, and a calendar file."),
    marked("A message with a separate file for each recipient: invoices, certificates, payslips."),
    marked("A newsletter with a picture, a list of stories and an unsubscribe link."),
    marked(
        "A short message in plain text: no design, no pictures, readable in every mail program."
    ),
)


def starters() -> dict[str, Path]:
    """Every starter by its name, from the installed package or from the source tree.

    Raises:
        CampaignError: the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "templates", package.parent / "templates"):
        found = {path.parent.name: path.parent for path in folder.glob(f"*/{CAMPAIGN_FILE}")}
        if found:
            return dict(sorted(found.items()))
    raise CampaignError(
        tr("the starters are missing; install the program again"), code="no-starters"
    )


def describe(starter: Path) -> str:
    """The purpose of a starter: the comment in the first line of its campaign.toml."""
    first = (starter / CAMPAIGN_FILE).read_text(encoding="utf-8").partition("\n")[0]
    return tr(first.lstrip("# ").strip())


def start_campaign(target: Path, name: str) -> list[Path]:
    """Copy the starter `name` into the folder `target` and list the new files.

    No file is overwritten.

    Raises:
        CampaignError: there is no such starter, or one of its files exists in the folder already.
    """
    starter = _starter(name)
    sources = [path for path in sorted(starter.rglob("*")) if path.is_file()]
    relative = [path.relative_to(starter) for path in sources]
    existing = [path for path in relative if (target / path).exists()]
    if existing:
        raise CampaignError(
            tr("{target} already exists; nothing was written", target=target / existing[0]),
            hint=tr("choose another folder"), code="not-empty",
        )  # fmt: skip
    for source, path in zip(sources, relative, strict=True):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / path)
    return [target / path for path in relative]


def _starter(name: str) -> Path:
    known = starters()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    names = listed(known)
    if close:
        hint = tr("did you mean {name}? choose one of {names}", name=close[0], names=names)
    else:
        hint = tr("choose one of {names}", names=names)
    raise CampaignError(
        tr("there is no starter {name!r}", name=name), hint=hint, code="unknown-starter"
    )
