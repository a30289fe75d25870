"""The rules of large receivers, and whether a sender meets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mailmerge.deliverability.receivers import Receiver
from mailmerge.deliverability.sender import SenderFacts
from mailmerge.language import marked, tr

RULES: Final = {
    "spf": (marked("SPF lets the server send"), marked("add the server to the SPF record")),
    "dkim": (
        marked("the messages are signed with DKIM"),
        marked("sign with [message.dkim], or let the server sign"),
    ),
    "spf-or-dkim": (
        marked("SPF or DKIM passes"),
        marked("add the server to the SPF record, or sign with [message.dkim]"),
    ),
    "dmarc": (
        marked("From has a DMARC policy"),
        marked('publish "v=DMARC1; p=none; rua=mailto:..." at _dmarc of the domain'),
    ),
    "aligned": (
        marked("SPF or DKIM counts for the domain of From"),
        marked("sign with the domain of From"),
    ),
    "aligned-dkim": (
        marked("a DKIM signature counts for the domain of From"),
        marked("sign with the domain of From"),
    ),
    "unsubscribe": (
        marked("recipients can unsubscribe with one click"),
        marked("set url in [message.unsubscribe]"),
    ),
    "names": (
        marked("the server's address has a name that leads back to it"),
        marked("set the PTR record of the server's address"),
    ),
}
"""Each rule of receivers.toml: the rule and the fix, in words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a rule is met; None if that is not known."""

    rule: str
    met: bool | None

    @property
    def text(self) -> str:
        """The rule in words."""
        return tr(RULES[self.rule][0])

    @property
    def fix(self) -> str:
        """What to do, in words."""
        return tr(RULES[self.rule][1])


def verdicts(receiver: Receiver, facts: SenderFacts, messages: int) -> list[Verdict]:
    """Each rule of a receiver that holds for this number of messages a day."""
    states = rule_states(facts)
    names = [*receiver.rules, *(receiver.bulk if messages >= receiver.many else ())]
    return [Verdict(name, states[name]) for name in dict.fromkeys(names)]


def rule_states(facts: SenderFacts) -> Mapping[str, bool | None]:
    """Whether each rule is met."""
    signs = _by_keys(facts, [_good(one.found.state) for one in facts.keys])
    by_dkim = _by_keys(facts, [_both(_good(one.found.state), one.aligned) for one in facts.keys])
    by_spf = _both(facts.spf_allows, facts.spf_aligned)
    return {
        "spf": facts.spf_allows,
        "dkim": signs,
        "spf-or-dkim": _any([facts.spf_allows, signs]),
        "dmarc": _has_policy(facts),
        "aligned": _any([by_spf, by_dkim]),
        "aligned-dkim": by_dkim,
        "unsubscribe": facts.identity.one_click,
        "names": _is_named(facts),
    }


def _by_keys(facts: SenderFacts, states: list[bool | None]) -> bool | None:
    """Whether one of the keys is right. Without keys, and at a provider, the server may sign."""
    found = _any(states)
    return None if not found and (not states or facts.identity.provider) else found


def _good(state: str) -> bool | None:
    return None if state == "unknown" else state == "good"


def _has_policy(facts: SenderFacts) -> bool | None:
    record = facts.dmarc.record
    if record is not None and record.usable:
        return True
    return None if facts.dmarc.unknown else False


def _is_named(facts: SenderFacts) -> bool | None:
    if facts.identity.provider:
        return True
    if facts.relay is None:
        return None
    return _all(one.confirmed for one in facts.relay.addresses)


def _any(states: Iterable[bool | None]) -> bool | None:
    found = list(states)
    if any(state is True for state in found):
        return True
    return None if None in found else False


def _all(states: Iterable[bool | None]) -> bool | None:
    found = list(states)
    if any(state is False for state in found):
        return False
    return None if None in found else True


def _both(one: bool | None, other: bool | None) -> bool | None:
    return _all([one, other])
