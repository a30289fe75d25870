"""The DNS record of a DKIM selector: is it the public half of our key (RFC 6376, 3.6.1)?"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

from mailmerge.deliverability.answers import Answer
from mailmerge.deliverability.tag_list import TagList, parse_tags
from mailmerge.language import tr

_State = Literal["good", "missing", "several", "broken", "revoked", "other-key", "unknown"]


@dataclass(frozen=True, slots=True)
class DkimKeyRecord:
    """What verifiers find at SELECTOR._domainkey.DOMAIN.

    Attributes:
        state: "good" if signatures of our key verify.
        reason: what is broken, or why nothing is known, in words.
        testing: whether the record has the flag `t=y`, so that receivers ignore its signatures.
    """

    state: _State
    reason: str = ""
    testing: bool = False


def judge_dkim_record(answer: Answer, wanted: str) -> DkimKeyRecord:
    """Compare the TXT records of a selector with `wanted`, the record that our key needs."""
    if answer.is_unknown:
        return DkimKeyRecord("unknown", answer.reason)
    if not answer.records:
        return DkimKeyRecord("missing")
    if len(answer.records) > 1:
        return DkimKeyRecord("several")
    return _judge(parse_tags(answer.records[0]), parse_tags(wanted))


def _judge(found: TagList, ours: TagList) -> DkimKeyRecord:
    testing = "y" in [flag.strip().lower() for flag in found.get("t").split(":")]
    reason = _broken(found, ours)
    if reason:
        return DkimKeyRecord("broken", reason, testing)
    public = "".join(found.get("p").split())
    if not public:
        return DkimKeyRecord("revoked", testing=testing)
    try:
        key = base64.b64decode(public, validate=True)
    except (binascii.Error, ValueError):
        return DkimKeyRecord("broken", tr("p= is not base64"), testing)
    if key != base64.b64decode(ours.get("p")):
        return DkimKeyRecord("other-key", testing=testing)
    return DkimKeyRecord("good", testing=testing)


def _broken(found: TagList, ours: TagList) -> str:
    """Why verifiers do not use the record at all; "" if they do."""
    return _broken_list(found) or _broken_values(found, ours)


def _broken_list(found: TagList) -> str:
    if found.broken:
        return tr("{text!r} is no tag", text=found.broken[0][:60])
    if found.repeated:
        return tr("{name}= is written twice", name=found.repeated[0])
    if "v" in found.tags and (found.get("v") != "DKIM1" or found.order[0] != "v"):
        return tr("v=DKIM1 must be the first tag")
    return "" if "p" in found.tags else tr("p= is missing")


def _broken_values(found: TagList, ours: TagList) -> str:
    kind, our_kind = found.get("k", "rsa").lower(), ours.get("k", "rsa")
    if kind != our_kind:
        return tr("k={kind} is another kind of key than {ours}", kind=kind, ours=our_kind)
    hashes = [one.strip().lower() for one in found.get("h").split(":") if one.strip()]
    if hashes and "sha256" not in hashes:
        return tr("h= does not allow sha256")
    services = [one.strip().lower() for one in found.get("s", "*").split(":")]
    if not {"*", "email"} & set(services):
        return tr("s= does not allow e-mail")
    return ""
