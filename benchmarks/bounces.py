"""How received mails are classified: over a folder of real bounces, and how fast.

    python -m benchmarks.bounces FOLDER [EXPECTED]

FOLDER has bounces as files, such as `maildir/bsd` of https://github.com/sisimai/set-of-emails
(BSD-2-Clause), whose mails are not part of this repository. EXPECTED is the folder `test/public` of
https://github.com/sisimai/rb-sisimai, whose tests say for each file the reason and whether it is a
hard bounce. Without it, only the addresses, the kinds and the speed are measured.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mailmerge.mailbox.classify import classify
from mailmerge.mailbox.facts import Fact, Kind

_ENTRY = re.compile(r"'(\d+)'\s*=>\s*\[|\['([\d.]*)',\s*'(\d*)',\s*'(\w+)',\s*(true|false)")
_MODULE = re.compile(r"(?:lhost|rhost)-\w+|arf|rfc3464|rfc3834")
_ROUNDS = 5
_NO_BOUNCES = {
    "feedback": Kind.COMPLAINED,
    "vacation": Kind.AUTO_REPLIED,
    "delivered": Kind.DELIVERED,
}

Expected = dict[str, list[tuple[str, bool]]]


def read_expected(folder: Path) -> Expected:
    """The reasons of each file, with whether each is a hard bounce, from the tests of Sisimai."""
    found: Expected = {}
    for path in sorted(folder.glob("*.rb")):
        name = ""
        for entry in _ENTRY.finditer(
            path.read_text("utf-8") if _MODULE.fullmatch(path.stem) else ""
        ):
            if entry[1]:
                name = f"{path.stem}-{entry[1]}"
                found.setdefault(name, [])
            elif name:
                found[name].append((entry[4], entry[5] == "true"))
    return {name: reasons for name, reasons in found.items() if reasons}


def is_right(fact: Fact, expected: Iterable[tuple[str, bool]]) -> bool:
    """Whether the class is that of one of the recipients of the bounce."""
    return any(
        fact.kind is _NO_BOUNCES[reason]
        if reason in _NO_BOUNCES
        else fact.kind is Kind.BOUNCED and fact.hard == hard
        for reason, hard in expected
    )


def main(folder: Path, tests: Path | None = None) -> None:
    """Print the figures."""
    mails = {path.stem: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    facts = {name: classify(raw) for name, raw in mails.items()}
    named = sum(bool(one.addresses or one.ids or one.envid) for one in facts.values())
    print(f"{len(facts):,} mails, {sum(map(len, mails.values())) / 1e6:.1f} MB")
    print(f"address or id   {named / len(facts):.1%}")
    kinds = Counter(
        f"{one.kind} {'hard' if one.hard else 'soft'}"
        if one.kind is Kind.BOUNCED
        else one.kind.value
        for one in facts.values()
    )
    print(
        "kinds           " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    )
    if tests is not None:
        expected = read_expected(tests)
        both = sorted(expected.keys() & facts.keys())
        wrong = [name for name in both if not is_right(facts[name], expected[name])]
        print(
            f"right class     {1 - len(wrong) / len(both):.1%} of {len(both):,} with a known class"
        )
        for name in wrong:
            one = facts[name]
            wanted = ", ".join(reason for reason, _ in expected[name][:3])
            print(f"  {name:<26} {wanted:<22} {one.kind} {one.cause or ''} {one.text[:60]!r}")
    begun = time.process_time()
    for _ in range(_ROUNDS):
        for raw in mails.values():
            classify(raw)
    rate = _ROUNDS * len(mails) / (time.process_time() - begun)
    print(f"speed           {rate:,.0f} mails a second on one core")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
