"""One fact about the computer or the installation, as `mailmerge doctor` shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One part of the installation.

    `works` is False if mailmerge cannot send like this. `fix` says what to do; a part that works
    may have one too, where something can be better.
    """

    name: str
    works: bool
    text: str
    fix: str = ""
