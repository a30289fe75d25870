"""Rules that are used again and again: what real servers do when they do not simply say yes."""

from __future__ import annotations

from tests.scripted_server.script import (
    FOREVER,
    Accept,
    Action,
    Close,
    Drip,
    Endless,
    Hold,
    Reply,
    Reset,
    Rule,
    Send,
    Sleep,
    Stage,
    Usual,
    When,
)

_END = 1 << 62


def greylist(times: int, *, recipient: str = "*") -> Rule:
    """The first `times` attempts for each recipient are deferred."""
    when = When(Stage.RCPT, recipient=recipient, times=times, each_recipient=True)
    return Rule(when, (Reply(450, "4.2.0 Greylisted, come back later"),))


def messages_per_connection(most: int, answer: Action | None) -> Rule:
    """After `most` MAIL commands a connection gets this answer, or is closed where it is None.

    A 421 closes too. 452 is OpenSMTPD's way (`452 4.5.3 Too many messages sent`), 451 NetEase's.
    """
    closes = answer is None or (isinstance(answer, Reply) and answer.code == 421)
    actions: tuple[Action, ...] = (*([answer] if answer else []), *([Close()] if closes else []))
    return Rule(When(Stage.MAIL, transaction=(most, _END)), actions)


def end_of_data_faults(length: int = 1000) -> dict[str, tuple[Action, ...]]:
    """What may happen instead of a plain 250, by name."""
    return {
        "late": (Sleep(0.2), Usual()),
        "split": (Drip(0.0), Usual()),
        "multi-line": (Reply(250, "2.0.0 Ok\nqueued\nthank you"),),
        "deferred": (Reply(451, "4.3.0 Try again later"),),
        "refused": (Reply(554, "5.7.1 Refused by policy"),),
        "refused-421": (Reply(421, "4.3.2 Shutting down"), Close()),
        "closed-before": (Close(),),
        "reset-before": (Reset(),),
        "taken-and-closed": (Accept(), Close()),
        "taken-and-reset": (Accept(), Reset()),
        "taken-and-silent": (Accept(), Sleep(FOREVER)),
        "taken-and-unfinished": (Accept(), Send(b"250-2.0.0 Ok\r\n"), Close()),
        "unknown-code": (Accept(), Reply(999, "?"), Sleep(FOREVER)),
        "no-code": (Accept(), Send(b"hello\r\n"), Sleep(FOREVER)),
        "endless-lines": (Accept(), Endless(b"250-more\r\n")),
        "endless-line": (Accept(), Endless(b"250 " + b"x" * length)),
        "twice": (Usual(), Reply(250, "2.0.0 Ok once more")),
        "unsolicited": (Usual(), Send(b"* a line of its own\r\n")),
        "left-out": (Accept(),),
        "with-the-next": (Usual(), Hold()),
    }


def before_content() -> dict[str, Rule]:
    """What may happen up to the 354, by name; nothing of these takes a message."""
    closing: dict[str, tuple[Action, ...]] = {
        "closed": (Close(),),
        "reset": (Reset(),),
        "421": (Reply(421, "4.3.2 Shutting down"), Close()),
        "garbage": (Send(b"\xff\xfe\x00garbage\r\n"), Close()),
    }
    stages = (Stage.GREETING, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA)
    return {
        f"{stage}-{name}": Rule(When(stage, times=1), actions)
        for stage in stages
        for name, actions in closing.items()
    }


def random_menu() -> tuple[Rule, ...]:
    """A menu for `Faults`: every way of failing that leaves the client a chance to go on."""
    failing: tuple[Action, ...] = (Reply(451, "4.3.0 Try again later"),)
    leaving: tuple[Action, ...] = (Reply(421, "4.3.2 Shutting down"), Close())
    at_the_end = (
        failing,
        leaving,
        (Close(),),
        (Reset(),),
        (Accept(), Close()),
        (Accept(), Reset()),
    )
    return (
        *(Rule(When(Stage.END_OF_DATA), actions) for actions in at_the_end),
        *(Rule(When(stage), failing) for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)),
        *(Rule(When(stage), leaving) for stage in (Stage.GREETING, Stage.MAIL, Stage.RCPT)),
        *(Rule(When(stage), (Close(),)) for stage in (Stage.GREETING, Stage.MAIL, Stage.DATA)),
        Rule(When(Stage.BDAT, chunk="first"), failing),
        Rule(When(Stage.CONTENT, size=10), (Reset(),)),
        Rule(When(Stage.END_OF_DATA), (Drip(), Usual())),
    )
