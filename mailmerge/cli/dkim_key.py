"""mailmerge dkim-key: make a key of DKIM, and print its DNS record."""

from __future__ import annotations

import os
from enum import StrEnum
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from mailmerge.cli.terminal import Json, print_json, reports_errors
from mailmerge.language import tr
from mailmerge.library_messages import system_reason


class _Algorithm(StrEnum):
    rsa = "rsa"
    ed25519 = "ed25519"


@reports_errors
def dkim_key(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain of From.")],
    selector: Annotated[
        str, typer.Argument(metavar="SELECTOR", help="The name of the key in the DNS, such as s1.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The new file of the private key.")
    ],
    algorithm: Annotated[
        _Algorithm, typer.Option("--algorithm", help="RSA is understood by all receivers.")
    ] = _Algorithm.rsa,
    bits: Annotated[
        int, typer.Option("--bits", min=2048, max=4096, help="The size of an RSA key.")
    ] = 2048,
    json: Json = False,
) -> None:
    """Make a DKIM key and print the DNS record that receivers need."""
    from pydantic import ValidationError

    from mailmerge.errors import CampaignError
    from mailmerge.private_files import open_private
    from mailmerge.settings import DkimSection, explained
    from mailmerge.signing.keys import new_key, zone_line

    domain = domain.rstrip(".").lower()
    given = {"domain": domain, "selector": selector, "key_file": str(out)}
    try:
        DkimSection.model_validate(given)
    except ValidationError as error:
        raise explained(error, given, "") from error
    key = new_key(algorithm.value, bits)
    try:
        with os.fdopen(open_private(out, "create"), "wb") as file:
            file.write(key.pem())
    except OSError as error:
        raise CampaignError(
            tr("{out} cannot be written: {reason}", out=out, reason=system_reason(error)),
            hint=tr("name a new file; an existing key is never replaced"), code="unwritable",
        ) from error  # fmt: skip
    name, record = f"{selector}._domainkey.{domain}", key.record()
    if json:
        print_json({"name": name, "type": "TXT", "record": record, "key_file": str(out)})
        return
    typer.echo(zone_line(domain, selector, record))
    typer.echo(tr("The private key is in {out}. Keep it secret. campaign.toml:", out=out), err=True)
    for line in _settings(domain, selector, out.resolve()):
        typer.echo(line, err=True)


def _settings(domain: str, selector: str, file: Path) -> tuple[str, ...]:
    """The lines of campaign.toml for a key. A string of JSON is one of TOML, too."""
    here = Path.cwd()
    if (here / "campaign.toml").exists() and file.is_relative_to(here):
        file = file.relative_to(here)  # a campaign folder that is moved keeps its key
    return (
        "[message.dkim]",
        f'selector = "{selector}"',
        f'domain = "{domain}"',
        f"key_file = {dumps(file.as_posix(), ensure_ascii=False)}",
    )
