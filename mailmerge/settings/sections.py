"""The sections of campaign.toml as frozen records; docs/campaign.md describes every key.

Every path is relative to the campaign folder and stays inside it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, NoReturn
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from mailmerge.language import tr
from mailmerge.paths import inside
from mailmerge.sending_hours import parse_days, parse_windows
from mailmerge.settings.rates import Rate, parse_duration, parse_rate

NEVER_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that no header field, address or file name may contain.

C0, DEL, C1 and the line separators end lines or hide text; UTF-8 cannot encode half a surrogate
pair.
"""

RESERVED_HEADER_FIELDS = frozenset({
    "from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id",
    "mime-version", "return-path", "received", "delivered-to", "apparently-to", "dkim-signature",
})  # fmt: skip
_RESERVED_PREFIXES = ("content-", "resent-")
"""Header fields that the program writes itself, or that no sender may write.

A relay may take its recipients from Resent-To or Apparently-To, just as from Bcc.
"""

_UNSUBSCRIBE_FIELDS = ("list-unsubscribe", "list-unsubscribe-post")
_STANDARD_FIELDS = {
    "list_id": "List-Id",
    "precedence": "Precedence",
    "auto_submitted": "Auto-Submitted",
    "feedback_id": "Feedback-ID",
    "csa_complaints": "X-CSA-Complaints",
}
"""The keys of [message] that are a header field of their own, and its name."""

_LIST_LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`|~-]+"
_LIST_ID = re.compile(rf"(?:[^<>{{}}]*<)?{_LIST_LABEL}(?:\.{_LIST_LABEL})+>?")
_FEEDBACK_ID = re.compile(r"(?:[!-9;-z|~]*:){0,3}[!-9;-z|~]{5,15}")
_URL = re.compile(
    r"https://[!$-;=A-Z\[\]_a-z~]+"
)  # what a URL in angle brackets may hold, but no "?"
_MAILTO = re.compile(r"[A-Za-z0-9.+_-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = rf"^{_LABEL}(?:\.{_LABEL})*$"  # ASCII labels of the DNS (RFC 6376, 3.1)
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")


def _rates(value: object) -> object:
    listed: list[object] = value if isinstance(value, list) else [value]
    return tuple(parse_rate(item) if isinstance(item, str) else _no_rate() for item in listed)


def _no_rate() -> NoReturn:
    raise ValueError(tr('expected a rate such as "60/minute", or a list of them'))


def _listed(value: object) -> object:
    """A single value means a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


def _inside(value: str) -> str:
    if inside(value) is None:
        raise ValueError(tr("expected a path inside the campaign folder"))
    return _one_line(value)


def _one_line(value: str) -> str:
    if NEVER_IN_A_LINE.search(value):
        raise ValueError(
            tr("expected one line without control characters; in paths write / instead of \\")
        )
    return value


_Rates = Annotated[tuple[Rate, ...], BeforeValidator(_rates)]
_InsidePath = Annotated[str, AfterValidator(_inside)]
_Line = Annotated[str, AfterValidator(_one_line)]
_Templates = Annotated[tuple[str, ...], BeforeValidator(_listed)]
_Notice = Literal["success", "failure", "delay", "never"]


class Section(BaseModel):
    """A table of campaign.toml: frozen, strict about types, and without unknown keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        populate_by_name=False,
        arbitrary_types_allowed=True,
    )


class CampaignSection(Section):
    """[campaign]: the name of the mailing; it is part of every Message-ID."""

    name: _Line = Field(default="", max_length=200)


class RecipientsSection(Section):
    """[recipients]: the spreadsheet, and which of its rows are recipients."""

    file: str = "recipients.csv"
    address: _Line = "email"
    key: _Line = ""
    where: str = ""
    group_by: _Line = ""
    group_where: str = ""
    sheet: _Line = ""
    encoding: _Line = ""
    delimiter: str = Field(default="", max_length=1)
    skip_rows: int = Field(default=0, ge=0)
    parse_names: bool = False
    required: tuple[_Line, ...] = Field(default=(), strict=False)
    dedupe: Literal["exact", "loose", "off"] = "exact"
    fill_merged: bool = False
    hidden_rows: bool = True
    locale: _Line = ""
    suppress: _InsidePath = "suppressed.csv"
    not_in: Annotated[tuple[_Line, ...], BeforeValidator(_listed)] = Field(default=(), strict=False)
    several: Literal["", "each", "together"] = ""

    @model_validator(mode="after")
    def _has_one_recipient_of_a_group(self) -> RecipientsSection:
        if self.several and self.group_by:
            raise ValueError(
                tr("expected several or group_by: the rows of a group have one address")
            )
        return self

    @property
    def together_column(self) -> str:
        """The column of the addresses if all addresses of a cell get one message; else ""."""
        return self.address if self.several == "together" else ""

    @property
    def key_column(self) -> str:
        """The column that identifies a recipient: `group_by`, `key`, or else the address."""
        return self.group_by or self.key or self.address

    @field_validator("not_in")
    @classmethod
    def _folders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(one.strip() for one in value):
            raise ValueError(tr('expected folders of campaigns, such as ["../november"]'))
        return value

    @field_validator("file")
    @classmethod
    def _file_or_standard_input(cls, value: str) -> str:
        return value if value == "-" else _inside(value)


class UnsubscribeSection(Section):
    """[message.unsubscribe]: how a recipient unsubscribes (RFC 2369 and RFC 8058).

    Each message gets a link of its own; unsubscribe_links.py makes it.
    """

    url: _Line = ""
    mailto: _Line = ""
    key_file: _InsidePath = "unsubscribe.key"
    secret_command: _Line = ""
    page: _InsidePath | None = None

    @field_validator("url")
    @classmethod
    def _https(cls, value: str) -> str:
        """RFC 8058, 3.1: https. A token is added to the path, so nothing may follow it."""
        if value and not (_is_secure(value) and _URL.fullmatch(value)):
            raise ValueError(
                tr('expected an https address without ? and #, "https://example.org/u"')
            )
        return value

    @field_validator("mailto")
    @classmethod
    def _address_alone(cls, value: str) -> str:
        if value and not _MAILTO.fullmatch(value):
            raise ValueError(tr('expected an address alone, such as "unsubscribe@example.org"'))
        return value

    @model_validator(mode="after")
    def _has_a_way(self) -> UnsubscribeSection:
        if not (self.url or self.mailto):
            raise ValueError(tr("expected url, mailto, or both"))
        return self


class DkimSection(Section):
    """[message.dkim]: a key that signs; several keys are written as [[message.dkim]]."""

    selector: Annotated[str, Field(pattern=_HOST_NAME)]
    domain: Annotated[str, Field(pattern=rf"^$|{_HOST_NAME}")] = ""
    key_file: _Line = ""
    key_command: _Line = ""

    @model_validator(mode="after")
    def _has_one_key(self) -> DkimSection:
        if bool(self.key_file) == bool(self.key_command):
            raise ValueError(tr('expected key_file = "dkim.pem" or key_command'))
        return self


class SmimeSection(Section):
    """[message.smime]: the certificate that signs each message for its readers (RFC 8551)."""

    certificate: _Line = ""
    certificate_command: _Line = ""
    chain: _Line = ""
    key_file: _Line = ""
    key_command: _Line = ""

    @model_validator(mode="after")
    def _has_one_certificate_and_one_key(self) -> SmimeSection:
        if bool(self.certificate) == bool(self.certificate_command):
            raise ValueError(tr('expected certificate = "certificate.pem" or certificate_command'))
        if bool(self.key_file) == bool(self.key_command):
            raise ValueError(tr('expected key_file = "key.pem" or key_command'))
        return self


class AttachmentSection(Section):
    """An entry of `attachments` as a table: the file, and the name that the recipient sees."""

    file: _Line
    as_: _Line = Field(alias="as", default="")


class MessageSection(Section):
    """[message]: header fields and body parts; all but `from` and the file names are Jinja2."""

    from_: _Line = Field(alias="from")
    to_name: _Line = ""
    reply_to: _Line = ""
    reverse_path: _Line = ""
    verp: Literal["", "+", "-"] = ""
    subject: _Line
    html: _InsidePath | None = None
    text: _InsidePath | None = None
    attachments: tuple[_Line | AttachmentSection, ...] = Field(default=(), strict=False)
    related_by: Literal["content-id", "content-location"] = "content-id"
    content_base: _Line = ""
    encoding: Literal["7bit", "8bit"] = "7bit"
    inline_css: bool = True
    css_to_attributes: bool = True
    headers: dict[str, _Line] = Field(default_factory=dict)
    list_id: _Line = Field(default="", max_length=400)
    precedence: Literal["", "bulk", "list"] = ""
    auto_submitted: Literal["", "auto-generated"] = ""
    feedback_id: _Line = ""
    csa_complaints: _Line = ""
    unsubscribe: UnsubscribeSection | None = None
    dkim: Annotated[tuple[DkimSection, ...], BeforeValidator(_listed)] = Field(
        default=(), strict=False
    )
    smime: SmimeSection | None = None
    cc: _Templates = Field(default=(), strict=False)
    bcc: _Templates = Field(default=(), strict=False)
    cc_sees_unsubscribe: bool = False

    @property
    def own_fields(self) -> tuple[tuple[str, str], ...]:
        """The header fields of the campaign, name and template: those of the keys come first."""
        given = ((name, getattr(self, key)) for key, name in _STANDARD_FIELDS.items())
        return (*((name, value) for name, value in given if value), *self.headers.items())

    @field_validator("list_id")
    @classmethod
    def _list_id(cls, value: str) -> str:
        """RFC 2919, 3: a name like that of a host in angle brackets, and words before it."""
        if value and (not _LIST_ID.fullmatch(value) or ("<" in value) != value.endswith(">")):
            raise ValueError('expected "Words <news.example.org>", or news.example.org alone')
        return value if "<" in value or not value else f"<{value}>"

    @field_validator("feedback_id")
    @classmethod
    def _feedback_id(cls, value: str) -> str:
        """Up to three names, and last that of the sender, which has 5 to 15 characters."""
        if value and not _FEEDBACK_ID.fullmatch(value):
            raise ValueError(
                'expected "campaign:customer:kind:sender", the last 5 to 15 characters'
            )
        return value

    @field_validator("csa_complaints")
    @classmethod
    def _complaints(cls, value: str) -> str:
        if value and not _MAILTO.fullmatch(value):
            raise ValueError('expected an address alone, such as "csa-complaints@eco.de"')
        return value

    @property
    def attached(self) -> tuple[AttachmentSection, ...]:
        """The entries of `attachments`, all as tables."""
        return tuple(
            AttachmentSection.model_validate({"file": one}) if isinstance(one, str) else one
            for one in self.attachments
        )

    @field_validator("headers")
    @classmethod
    def _field_names(cls, value: dict[str, str]) -> dict[str, str]:
        met: dict[str, str] = {}
        for name in value:
            folded = name.lower()
            if not _FIELD_NAME.fullmatch(name):
                raise ValueError(
                    tr("{name!r} is not a header field name (RFC 5322, 2.2)", name=name)
                )
            if folded in RESERVED_HEADER_FIELDS or folded.startswith(_RESERVED_PREFIXES):
                raise ValueError(
                    tr("{name} is written by the program or by servers; remove it here", name=name)
                )
            if folded in met:
                raise ValueError(
                    tr(
                        "{met} and {name} are the same field; remove one of them",
                        met=met[folded],
                        name=name,
                    )
                )
            met[folded] = name
        return value

    @model_validator(mode="after")
    def _has_a_body(self) -> MessageSection:
        if self.html is None and self.text is None:
            raise ValueError(tr('expected html = "body.html", text = "body.txt", or both'))
        return self

    @model_validator(mode="after")
    def _one_unsubscribe_field(self) -> MessageSection:
        own = [name for name in self.headers if name.lower() in _UNSUBSCRIBE_FIELDS]
        if self.unsubscribe and own:
            raise ValueError(
                tr(
                    "[message.unsubscribe] writes {own}; remove it from [message.headers]",
                    own=own[0],
                )
            )
        return self

    @model_validator(mode="after")
    def _one_field_of_each_name(self) -> MessageSection:
        given = {name.lower() for name in self.headers}
        for key, name in _STANDARD_FIELDS.items():
            if getattr(self, key) and name.lower() in given:
                raise ValueError(f"{key} writes {name}; remove it from [message.headers]")
        return self


class OAuthSection(Section):
    """[smtp.oauth]: the authorization server of a service that mailmerge does not know."""

    authorization_url: _Line = ""
    device_authorization_url: _Line = ""
    token_url: _Line = ""
    scopes: tuple[_Line, ...] = Field(default=(), strict=False)

    @field_validator("authorization_url", "device_authorization_url", "token_url")
    @classmethod
    def _secure_url(cls, value: str) -> str:
        """Secrets travel over TLS (RFC 6749, 3.1 and 3.2), or stay on this machine."""
        if value and not _is_secure(value):
            raise ValueError(tr("expected an https address, or http on 127.0.0.1"))
        return value


def _is_secure(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError:
        return False
    loopback = parts.scheme == "http" and host in ("127.0.0.1", "::1")
    plain = parts.username is None and not parts.fragment and " " not in url
    return bool(host) and plain and (parts.scheme == "https" or loopback)


class SmtpSection(Section):
    """[smtp]: the server, and how to log in to it."""

    provider: _Line = ""
    protocol: Literal["smtp", "lmtp"] = "smtp"
    host: _Line = ""
    port: int | None = Field(default=None, ge=1, le=65_535)
    socket: _Line = ""
    security: Literal["tls", "starttls", "none"] | None = None
    username: _Line = ""
    password_command: _Line = ""
    token_command: _Line = ""
    auth: Literal["", "plain", "login", "cram-md5", "xoauth2", "oauthbearer", "oauth"] = ""
    client_id: _Line = ""
    client_secret_command: _Line = ""
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]*$")] = ""
    oauth: OAuthSection = OAuthSection()
    plain_text_login: bool = False
    ca_file: _Line = ""
    local_name: _Line = ""
    pipelining: bool = True
    chunking: bool = True


_Suppressing = Literal["bounced", "soft", "complained", "unsubscribed"]


class ImapSection(Section):
    """[imap]: the mailbox that `replies` reads and that gets copies; the rest is that of [smtp]."""

    host: _Line = ""
    port: int | None = Field(default=None, ge=1, le=65_535)
    security: Literal["tls", "starttls", "none"] = "tls"
    username: _Line = ""
    password_command: _Line = ""
    ca_file: _Line = ""
    folder: _Line = "INBOX"
    sent: _Line = ""
    drafts: _Line = ""


class RepliesSection(Section):
    """[replies]: what received mails change."""

    suppress: tuple[_Suppressing, ...] = Field(
        default=("bounced", "soft", "complained", "unsubscribed"), strict=False
    )


class DeliverySection(Section):
    """[delivery]: rates, connections, retries, and what to keep."""

    rate: _Rates = ()
    domain_rates: dict[str, _Rates] = Field(default_factory=dict)
    connections: int | None = Field(default=None, ge=1, le=100)
    messages_per_connection: int | None = Field(default=None, ge=1)
    window: int = Field(default=1, ge=1, le=1000)
    wait: _Line = "15 minutes"
    hours: _Line = ""
    days: _Line = ""
    time_zone: _Line = ""
    keep_copy: Literal["", "mbox", "maildir"] = ""
    save_sent: bool = False
    notify: Annotated[tuple[_Notice, ...], BeforeValidator(_listed)] = Field(
        default=(), strict=False
    )
    return_: Literal["", "headers", "full"] = Field(default="", alias="return")
    test_to: Annotated[tuple[_Line, ...], BeforeValidator(_listed)] = Field(
        default=(), strict=False
    )

    @field_validator("notify")
    @classmethod
    def _known_notices(cls, value: tuple[_Notice, ...]) -> tuple[_Notice, ...]:
        """NEVER excludes the others (RFC 3461, 4.1)."""
        if "never" in value and len(value) > 1:
            raise ValueError(tr('expected "never" alone'))
        if len(set(value)) < len(value):
            raise ValueError(tr("expected each word once"))
        return value

    @field_validator("test_to")
    @classmethod
    def _addresses_alone(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not _MAILTO.fullmatch(one):
                raise ValueError(
                    tr(
                        'expected addresses alone, such as ["me@example.org"], found "{one}"',
                        one=one,
                    )
                )
        return value

    @field_validator("hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        if value.strip():
            parse_windows(value)
        return value

    @field_validator("days")
    @classmethod
    def _days(cls, value: str) -> str:
        if value.strip():
            parse_days(value)
        return value

    @field_validator("wait")
    @classmethod
    def _duration(cls, value: str) -> str:
        parse_duration(value)
        return value
