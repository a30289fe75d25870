"""The text of campaign.toml -> Settings, or one line that names the key, the fault and the fix."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mailmerge.errors import CampaignError
from mailmerge.settings.folder import CAMPAIGN_FILE, Settings
from mailmerge.settings.sections import (
    CampaignSection,
    DeliverySection,
    MessageSection,
    OAuthSection,
    RecipientsSection,
    Section,
    SmtpSection,
)


class _CampaignFile(Section):
    campaign: CampaignSection = CampaignSection()
    recipients: RecipientsSection = RecipientsSection()
    message: MessageSection
    smtp: SmtpSection = SmtpSection()
    delivery: DeliverySection = DeliverySection()


def load_settings(where: Path) -> Settings:
    """Read the campaign in the folder `where`, or in the campaign.toml `where`.

    Raises:
        CampaignError: no such file, not TOML, or a key that is unknown, missing or of a wrong type;
            one line names the file, the key, the expected value and the nearest right key.
    """
    path = where if where.suffix == ".toml" else where / CAMPAIGN_FILE
    parsed = _read_toml(path)
    try:
        checked = _CampaignFile.model_validate(parsed)
    except ValidationError as error:
        raise explained(error, parsed, path.name) from error
    return Settings(
        path.parent,
        checked.campaign,
        checked.recipients,
        checked.message,
        checked.smtp,
        checked.delivery,
        file=path.name,
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise CampaignError(
            f"there is no {path.name} in {path.parent.resolve()}",
            hint='create a campaign with "mailmerge init DIR"',
            code="no-campaign",
        ) from error
    except UnicodeDecodeError as error:
        raise CampaignError(
            "the file is not UTF-8", file=path.name, hint="save it as UTF-8", code="not-utf-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise CampaignError(
            f"not TOML: {error}", file=path.name,
            hint="text values must be in quotes", code="not-toml",
        ) from error  # fmt: skip
    except OSError as error:
        raise CampaignError(
            f"cannot be read: {error.strerror}", file=path.name, code="unreadable"
        ) from error


def explained(
    error: ValidationError, given: object, file: str, names: Mapping[str, str] | None = None
) -> CampaignError:
    """The first error of pydantic as one line: the key, the expected value, the nearest right key.

    Args:
        error: the error of pydantic.
        given: the values that were validated.
        file: the file of these values; "" for values from code.
        names: for values from code, the argument of each key whose name differs.
    """
    found_errors = error.errors(include_url=False)
    # A misspelt key is also a missing one, but the user sees the misspelt one.
    first = next((one for one in found_errors if one["type"] == "extra_forbidden"), found_errors[0])
    location = first["loc"]
    key = ".".join(str(part) for part in location if not str(part).startswith("function-"))
    key = (names or {}).get(key, key)
    if first["type"] == "extra_forbidden":
        nearest = _nearest(location)
        return CampaignError(
            f"unknown key {key}",
            file=file,
            hint=f"did you mean {nearest}?" if nearest else "docs/campaign.md lists every key",
            code="unknown-key",
        )
    if first["type"] == "missing":
        return CampaignError(
            f"{key} is missing", file=file, hint=f"add it: {_EXAMPLES.get(key, key + ' = ...')}",
            code="missing-key",
        )  # fmt: skip
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason.replace("Input should be", "expected")
    found = _value_at(given, location)
    shown = "" if isinstance(found, dict) else f", found {found!r}"
    return CampaignError(f"{key}: {reason}{shown}", file=file, code="wrong-value")


_EXAMPLES = {
    "message": '[message] with from = "..." and subject = "..."',
    "message.from": 'from = "Example News <news@example.org>"',
    "message.subject": 'subject = "Hello {{ name }}"',
}


def _value_at(given: object, location: tuple[int | str, ...]) -> object:
    value = given
    for part in location:
        if isinstance(value, dict) and part in value:
            value = value[part]
    return value


def _nearest(location: tuple[int | str, ...]) -> str:
    """The valid key most similar to the wrong one, from its own section if possible; or ""."""
    *section, wrong = [str(part) for part in location]
    own = _KEYS.get(".".join(section), ()) if section else tuple(_KEYS)
    close = difflib.get_close_matches(wrong, own, n=1, cutoff=0.6)
    if close:
        return ".".join([*section, close[0]])
    everywhere = {key: f"{name}.{key}" for name, keys in _KEYS.items() for key in keys}
    close = difflib.get_close_matches(wrong, everywhere, n=1, cutoff=0.75)
    return everywhere[close[0]] if close else ""


def _keys(section: type[Section]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in section.model_fields.items())


_KEYS = {
    "campaign": _keys(CampaignSection),
    "recipients": _keys(RecipientsSection),
    "message": _keys(MessageSection),
    "smtp": _keys(SmtpSection),
    "smtp.oauth": _keys(OAuthSection),
    "delivery": _keys(DeliverySection),
}
"""Every key of campaign.toml by its section."""
