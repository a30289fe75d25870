"""The text of campaign.toml -> Settings, or one line that names the key, the fault and the fix."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.library_messages import pydantic_message, system_reason
from mailmerge.settings.folder import CAMPAIGN_FILE, Settings
from mailmerge.settings.sections import (
    CampaignSection,
    DeliverySection,
    DkimSection,
    ImapSection,
    MessageSection,
    OAuthSection,
    RecipientsSection,
    RepliesSection,
    Section,
    SmimeSection,
    SmtpSection,
    UnsubscribeSection,
)
from mailmerge.settings.toml_errors import toml_error
from mailmerge.settings.toml_values import OTHER_NAMES, find_key, no_campaign, wrong_type
from mailmerge.wording import prefixed


class _CampaignFile(Section):
    campaign: CampaignSection = CampaignSection()
    recipients: RecipientsSection = RecipientsSection()
    message: MessageSection
    smtp: SmtpSection = SmtpSection()
    delivery: DeliverySection = DeliverySection()
    imap: ImapSection = ImapSection()
    replies: RepliesSection = RepliesSection()


def load_settings(where: Path) -> Settings:
    """Read the campaign in the folder `where`, or in the campaign.toml `where`.

    Raises:
        CampaignError: no such file, not TOML, or a key that is unknown, missing or of a wrong type;
            one line names the file, the key, the expected value and the nearest right key.
    """
    path = where if where.suffix == ".toml" else where / CAMPAIGN_FILE
    text = _read_text(path)
    parsed = _parse(text, path.name)
    try:
        checked = _CampaignFile.model_validate(parsed)
    except ValidationError as error:
        raise explained(error, parsed, path.name, text=text) from error
    return Settings(
        path.parent,
        checked.campaign,
        checked.recipients,
        checked.message,
        checked.smtp,
        checked.delivery,
        file=path.name,
        imap=checked.imap,
        replies=checked.replies,
    )


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise no_campaign(path) from error
    except OSError as error:
        raise CampaignError(
            tr("cannot be read: {reason}", reason=system_reason(error)),
            file=path.name,
            code="unreadable",
        ) from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        raise CampaignError(
            tr("the file is not UTF-8, but UTF-16") if wide else tr("the file is not UTF-8"),
            file=path.name,
            line=None if wide else line,
            hint=tr("save it as UTF-8: editors offer it under Save as, Encoding"), code="not-utf-8",
        ) from error  # fmt: skip


def _parse(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise toml_error(text, error, file) from error


def explained(
    error: ValidationError,
    given: object,
    file: str,
    names: Mapping[str, str] | None = None,
    *,
    text: str = "",
) -> CampaignError:
    """The first error of pydantic as one line: the key, the expected value, the nearest right key.

    Args:
        error: the error of pydantic.
        given: the values that were validated.
        file: the file of these values; "" for values from code.
        names: for values from code, the argument of each key whose name differs.
        text: the text of the file, to find the line of the key; "" for values from code.
    """
    found_errors = error.errors(include_url=False)
    # A misspelt key is also a missing one, but the user sees the misspelt one.
    first = next((one for one in found_errors if one["type"] == "extra_forbidden"), found_errors[0])
    location = first["loc"]
    key = ".".join(str(part) for part in location if not str(part).startswith("function-"))
    key = (names or {}).get(key, key)
    place = _place_of_key(text, location) if text else {}
    if first["type"] == "extra_forbidden":
        hint = _unknown_key_hint(location, given)
        return CampaignError(
            tr("unknown key {key}", key=key), file=file, hint=hint, code="unknown-key", **place
        )
    if first["type"] == "missing":
        return CampaignError(
            tr("{key} is missing", key=key), file=file, code="missing-key",
            hint=tr("add it: {example}", example=_EXAMPLES.get(key, f"{key} = ...")),
        )  # fmt: skip
    reason = first["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    reason = pydantic_message(reason)
    if first["type"] == "string_pattern_mismatch":
        reason = tr("a character, or the length, is not allowed here")
    found = _value_at(given, location)
    wanted = wrong_type(str(first["type"]), str(location[-1]), found) if not names else None
    if wanted is not None:
        reason = wanted.reason or reason
    if not isinstance(found, dict):
        reason = tr("{reason}, found {found!r}", reason=reason, found=found)
    return CampaignError(
        prefixed(key, reason), file=file, hint=wanted.hint if wanted else "",
        code="wrong-value", **place,
    )  # fmt: skip


def _place_of_key(text: str, location: tuple[int | str, ...]) -> dict[str, Any]:
    """Line, column and text of a key in the file; empty if it is not found."""
    parts = [str(part) for part in location if isinstance(part, str)]
    found = find_key(text, parts)
    if found is None:
        return {}
    line, character = found
    return {"line": line, "character": character, "excerpt": text.split("\n")[line - 1]}


_EXAMPLES = {
    "message": '[message] with from = "..." and subject = "..."',
    "message.from": 'from = "Example News <news@example.org>"',
    "message.subject": 'subject = "Hello {{ name }}"',
}


def _value_at(given: object, location: tuple[int | str, ...]) -> object:
    value = given
    for part in location:
        if isinstance(value, dict):
            value = value.get(part, value)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
    return value


def _unknown_key_hint(location: tuple[int | str, ...], given: object) -> str:
    """The fix of a key that does not exist: the right one, or all keys of its table."""
    *section, wrong = [part for part in location if isinstance(part, str)]
    about_secret = _secret_hint(wrong)
    if about_secret:
        return about_secret
    nearest = _nearest(location)
    if nearest:
        return _did_you_mean(nearest, location, given)
    if section and section[0] in _KEYS:
        return tr(
            "the keys of [{section}] are {keys}",
            section=section[0],
            keys=", ".join(_KEYS[section[0]]),
        )
    return tr("the tables are {keys}", keys=", ".join(f"[{name}]" for name in _KEYS))


def _did_you_mean(nearest: str, location: tuple[int | str, ...], given: object) -> str:
    at_top = len(location) == 1
    is_table = isinstance(_value_at(given, location), dict)
    table, _, _ = nearest.rpartition(".")
    if at_top and is_table:
        name = nearest if nearest in _KEYS else nearest.partition(".")[0]
        return tr("did you mean [{name}]?", name=name)
    if at_top and table:
        return tr("did you mean {name}? Write it below [{table}]", name=nearest, table=table)
    return tr("did you mean {name}?", name=nearest)


def _secret_hint(wrong: str) -> str:
    if _SECRET.fullmatch(wrong.replace("-", "_").casefold()):
        return tr(
            "a password does not go here: you are asked for it when you send; or keep "
            "it in the keyring, or set password_command"
        )
    return ""


_SECRET = re.compile(
    r"(?:smtp_|mail_|login_|app_)?(?:pass|password|passwd|passphrase|passwort|kennwort|pwd|pw|secret"
    r"|contrase\u00f1a|contrasena|mot_?de_?passe|motdepasse|senha|token|api_?key|app_?password)"
)


def _nearest(location: tuple[int | str, ...]) -> str:
    """The valid key most similar to the wrong one, from its own section if possible; or ""."""
    *section, wrong = [part for part in location if isinstance(part, str)]
    folded = wrong.casefold().replace("-", "_").replace(" ", "_")
    folded = OTHER_NAMES.get(folded, folded)
    own = _KEYS.get(".".join(section), ()) if section else tuple(_KEYS)
    close = difflib.get_close_matches(folded, own, n=1, cutoff=0.6)
    if close:
        return ".".join([*section, close[0]])
    everywhere = {key: f"{name}.{key}" for name, keys in _KEYS.items() for key in keys}
    close = difflib.get_close_matches(folded, everywhere, n=1, cutoff=0.75)
    return everywhere[close[0]] if close else ""


def _keys(section: type[Section]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in section.model_fields.items())


_KEYS = {
    "campaign": _keys(CampaignSection),
    "recipients": _keys(RecipientsSection),
    "message": _keys(MessageSection),
    "message.dkim": _keys(DkimSection),
    "message.smime": _keys(SmimeSection),
    "imap": _keys(ImapSection),
    "smtp": _keys(SmtpSection),
    "smtp.oauth": _keys(OAuthSection),
    "message.unsubscribe": _keys(UnsubscribeSection),
    "delivery": _keys(DeliverySection),
    "replies": _keys(RepliesSection),
}
"""Every key of campaign.toml by its section."""
