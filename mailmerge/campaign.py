"""campaign.toml -> Campaign: read, validated, frozen; and the fingerprint of what it sends.

A campaign is a folder. Every path in campaign.toml is relative to that folder and stays inside it.
docs/campaign.md describes every key for the people who write them.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from mailmerge.errors import CampaignError

CAMPAIGN_FILE = "campaign.toml"
STATE_FOLDER = ".mailmerge"

NEVER_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no header field, address or file name holds: C0, DEL, C1, line separators, half a character.

They end lines, or hide what stands there; half a surrogate pair cannot be written in UTF-8.
"""

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*(?:(\d{1,6})\s*)?(second|minute|hour|day)s?\s*")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` messages in any window of `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        for name, seconds in reversed(_SECONDS.items()):
            if self.seconds % seconds == 0:
                times = int(self.seconds // seconds)
                return f"{self.count}/{name}" if times == 1 else f"{self.count}/{times} {name}s"
        return f"{self.count}/{self.seconds:g} seconds"


def parse_rate(text: str) -> Rate:
    """Read `60/minute`, `10/second`, `500/day` or `50/5 minutes`.

    Raises:
        ValueError: the text is none of these, or the count is zero.
    """
    match = _RATE.fullmatch(text)
    if match is None or int(match[1]) == 0 or match[2] == "0":
        raise ValueError('expected a rate such as "60/minute", "10/second" or "500/day"')
    return Rate(int(match[1]), int(match[2] or 1) * _SECONDS[match[3]])


def _rates(value: object) -> object:
    listed: list[object] = value if isinstance(value, list) else [value]
    return tuple(parse_rate(item) if isinstance(item, str) else _no_rate() for item in listed)


def _no_rate() -> NoReturn:
    raise ValueError('expected a rate such as "60/minute", or a list of them')


def _listed(value: object) -> object:
    """One word may stand without its list."""
    return value if isinstance(value, list | tuple) else (value,)


def _inside(value: str) -> str:
    path = PurePosixPath(value.replace("\\", "/"))
    if not value or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise ValueError("expected a path inside the campaign folder")
    return value


def _one_line(value: str) -> str:
    if NEVER_IN_A_LINE.search(value):
        raise ValueError("expected one line without control characters")
    return value


Rates = Annotated[tuple[Rate, ...], BeforeValidator(_rates)]
InsidePath = Annotated[str, AfterValidator(_inside)]
Line = Annotated[str, AfterValidator(_one_line)]


Notice = Literal["success", "failure", "delay", "never"]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        populate_by_name=False,
        arbitrary_types_allowed=True,
    )


class CampaignSection(_Section):
    """[campaign]: what this mailing is called; the name is part of every Message-ID."""

    name: Line = Field(default="", max_length=200)


class RecipientsSection(_Section):
    """[recipients]: where the people are, and who of them is meant."""

    file: str = "recipients.csv"
    address: Line = "email"
    key: Line = ""
    where: str = ""
    sheet: Line = ""
    encoding: Line = ""
    delimiter: str = Field(default="", max_length=1)
    skip_rows: int = Field(default=0, ge=0)
    parse_names: bool = False
    required: tuple[Line, ...] = Field(default=(), strict=False)
    dedupe: Literal["exact", "loose", "off"] = "exact"
    fill_merged: bool = False
    hidden_rows: bool = True
    suppress: InsidePath = "suppressed.csv"

    @property
    def key_column(self) -> str:
        """The column that says who a person is: `key`, or else the address."""
        return self.key or self.address

    @field_validator("file")
    @classmethod
    def _file_or_standard_input(cls, value: str) -> str:
        return value if value == "-" else _inside(value)


class MessageSection(_Section):
    """[message]: header fields and body parts; all but `from` and the file names are Jinja2."""

    from_: Line = Field(alias="from")
    to_name: Line = ""
    reply_to: Line = ""
    reverse_path: Line = ""
    subject: Line
    html: InsidePath | None = None
    text: InsidePath | None = None
    attachments: tuple[Line, ...] = Field(default=(), strict=False)
    related_by: Literal["content-id", "content-location"] = "content-id"
    content_base: Line = ""
    encoding: Literal["7bit", "8bit"] = "7bit"
    inline_css: bool = True
    headers: dict[str, Line] = Field(default_factory=dict)

    @field_validator("headers")
    @classmethod
    def _field_names(cls, value: dict[str, str]) -> dict[str, str]:
        met: dict[str, str] = {}
        for name in value:
            folded = name.lower()
            if not re.fullmatch(r"[!-9;-~]{1,76}", name):
                raise ValueError(f"{name!r} is not a header field name (RFC 5322, 2.2)")
            if folded in RESERVED_HEADER_FIELDS or folded.startswith(RESERVED_BEGINNINGS):
                raise ValueError(f"{name} is written by the program or by servers; remove it here")
            if folded in met:
                raise ValueError(f"{met[folded]} and {name} are one field; remove one of them")
            met[folded] = name
        return value

    @model_validator(mode="after")
    def _something_to_say(self) -> MessageSection:
        if self.html is None and self.text is None:
            raise ValueError('expected html = "body.html", text = "body.txt", or both')
        return self


RESERVED_HEADER_FIELDS = frozenset({
    "from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id",
    "mime-version", "return-path", "received", "delivered-to", "apparently-to", "dkim-signature",
})  # fmt: skip
RESERVED_BEGINNINGS = ("content-", "resent-")
"""Header fields that the program writes itself, or that are not a sender's to write.

A relay may take its recipients from Resent-To or Apparently-To as it would from Bcc.
"""


class SmtpSection(_Section):
    """[smtp]: the server that takes the messages, and how to log in there."""

    provider: Line = ""
    protocol: Literal["smtp", "lmtp"] = "smtp"
    host: Line = ""
    port: int | None = Field(default=None, ge=1, le=65_535)
    socket: Line = ""
    security: Literal["tls", "starttls", "none"] | None = None
    username: Line = ""
    password_command: Line = ""
    token_command: Line = ""
    auth: Literal["", "plain", "login", "cram-md5", "xoauth2", "oauthbearer"] = ""
    plain_text_login: bool = False
    ca_file: Line = ""
    local_name: Line = ""
    pipelining: bool = True
    chunking: bool = True


class DeliverySection(_Section):
    """[delivery]: how fast, over how many connections, and what to keep."""

    rate: Rates = ()
    domain_rates: dict[str, Rates] = Field(default_factory=dict)
    connections: int | None = Field(default=None, ge=1, le=100)
    messages_per_connection: int | None = Field(default=None, ge=1)
    window: int = Field(default=1, ge=1, le=1000)
    wait: Line = "15 minutes"
    keep_copy: Literal["", "mbox", "maildir"] = ""
    notify: Annotated[tuple[Notice, ...], BeforeValidator(_listed)] = Field(
        default=(), strict=False
    )
    return_: Literal["", "headers", "full"] = Field(default="", alias="return")

    @field_validator("notify")
    @classmethod
    def _known_notices(cls, value: tuple[Notice, ...]) -> tuple[Notice, ...]:
        """NEVER excludes the others (RFC 3461, 4.1)."""
        if "never" in value and len(value) > 1:
            raise ValueError('"never" stands alone')
        if len(set(value)) < len(value):
            raise ValueError("expected each word once")
        return value

    @field_validator("wait")
    @classmethod
    def _duration(cls, value: str) -> str:
        parse_duration(value)
        return value


_DURATION = re.compile(r"\s*(\d{1,6})\s*(second|minute|hour|day)s?\s*")


def parse_duration(text: str) -> float:
    """Read `15 minutes`, `1 hour` or `0 seconds` as seconds.

    Raises:
        ValueError: the text is none of these.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError('expected a duration such as "15 minutes" or "0 seconds"')
    return int(match[1]) * _SECONDS[match[2]]


class _CampaignFile(_Section):
    campaign: CampaignSection = CampaignSection()
    recipients: RecipientsSection = RecipientsSection()
    message: MessageSection
    smtp: SmtpSection = SmtpSection()
    delivery: DeliverySection = DeliverySection()


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign folder and what its campaign.toml says."""

    folder: Path
    campaign: CampaignSection
    recipients: RecipientsSection
    message: MessageSection
    smtp: SmtpSection
    delivery: DeliverySection

    @property
    def name(self) -> str:
        """The name of the mailing; the folder's name where campaign.toml gives none."""
        return self.campaign.name or self.folder.resolve().name

    @property
    def state_folder(self) -> Path:
        """Where the ledger and everything else that the program makes is kept (mode 0700)."""
        return self.folder / STATE_FOLDER

    def fingerprint(self) -> str:
        """A digest of all that shapes the octets of a message, apart from the people.

        It covers the sections that shape a message and every file of the folder except the
        spreadsheet, the suppression list, campaign.toml itself and the program's own state.
        """
        digest = hashlib.sha256()
        shaping = (self.name, self.message.model_dump_json(by_alias=True))
        digest.update("\0".join(shaping).encode())
        for path in sorted(self._shaping_files()):
            content = hashlib.sha256(path.read_bytes()).digest()
            digest.update(path.relative_to(self.folder).as_posix().encode() + b"\0" + content)
        return digest.hexdigest()

    def _shaping_files(self) -> Iterator[Path]:
        left_out = {CAMPAIGN_FILE, self.recipients.file, self.recipients.suppress}
        for path in self.folder.rglob("*"):
            relative = path.relative_to(self.folder)
            hidden = any(part.startswith(".") for part in relative.parts)
            if path.is_file() and not hidden and relative.as_posix() not in left_out:
                yield path


def load_campaign(where: Path) -> Campaign:
    """Read the campaign in the folder `where`, or in the campaign.toml `where`.

    Raises:
        CampaignError: no such file, not TOML, or a key that is unknown, missing or of a wrong type;
            one line names the file, the key, what was expected and the nearest right key.
    """
    path = where if where.suffix == ".toml" else where / CAMPAIGN_FILE
    parsed = _read_toml(path)
    try:
        checked = _CampaignFile.model_validate(parsed)
    except ValidationError as error:
        raise _explained(error, parsed, path.name) from error
    return Campaign(
        path.parent,
        checked.campaign,
        checked.recipients,
        checked.message,
        checked.smtp,
        checked.delivery,
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise CampaignError(
            f"there is no {path.name} in {path.parent.resolve()}",
            hint='"mailmerge init DIR" makes a campaign',
            code="no-campaign",
        ) from error
    except UnicodeDecodeError as error:
        raise CampaignError(
            "the file is not UTF-8", file=path.name, hint="save it as UTF-8", code="not-utf-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise CampaignError(
            f"not TOML: {error}", file=path.name, hint="texts stand in quotes", code="not-toml"
        ) from error
    except OSError as error:
        raise CampaignError(
            f"cannot be read: {error.strerror}", file=path.name, code="unreadable"
        ) from error


def _explained(error: ValidationError, parsed: dict[str, Any], file: str) -> CampaignError:
    """Turn pydantic's first complaint into one line: key, what was expected, nearest right key."""
    complaints = error.errors(include_url=False)
    # A misspelt key is also a missing one: the misspelling is what the person can see.
    first = next((one for one in complaints if one["type"] == "extra_forbidden"), complaints[0])
    key = ".".join(str(part) for part in first["loc"] if not str(part).startswith("function-"))
    if first["type"] == "extra_forbidden":
        nearest = _nearest(first["loc"])
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
    found = _value_at(parsed, first["loc"])
    shown = "" if isinstance(found, dict) else f", found {found!r}"
    return CampaignError(f"{key}: {reason}{shown}", file=file, code="wrong-value")


_EXAMPLES = {
    "message": '[message] with from = "..." and subject = "..."',
    "message.from": 'from = "Example News <news@example.org>"',
    "message.subject": 'subject = "Hello {{ name }}"',
}


def _value_at(parsed: object, location: tuple[int | str, ...]) -> object:
    value = parsed
    for part in location:
        if isinstance(value, dict) and part in value:
            value = value[part]
    return value


def _nearest(location: tuple[int | str, ...]) -> str:
    """The right key that is most like the wrong one, in its own section first."""
    *section, wrong = [str(part) for part in location]
    own = SECTIONS.get(section[0], ()) if section else tuple(SECTIONS)
    close = difflib.get_close_matches(wrong, own, n=1, cutoff=0.6)
    if close:
        return ".".join([*section, close[0]])
    everywhere = {key: f"{name}.{key}" for name, keys in SECTIONS.items() for key in keys}
    close = difflib.get_close_matches(wrong, everywhere, n=1, cutoff=0.75)
    return everywhere[close[0]] if close else ""


def _keys(section: type[_Section]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in section.model_fields.items())


SECTIONS = {
    "campaign": _keys(CampaignSection),
    "recipients": _keys(RecipientsSection),
    "message": _keys(MessageSection),
    "smtp": _keys(SmtpSection),
    "delivery": _keys(DeliverySection),
}
"""Every key of campaign.toml by its section."""
