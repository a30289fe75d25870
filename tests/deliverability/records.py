"""A DNS in a mapping, for the pure functions: `{"example.org TXT": ["v=spf1 -all"]}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailmerge.deliverability.answers import Answer, RecordType


class Records:
    """Answers from a mapping; a value of None is a time-out. It counts the questions."""

    def __init__(self, records: Mapping[str, Sequence[str] | None]) -> None:
        self._records = records
        self.asked: list[str] = []

    def __call__(self, name: str, kind: RecordType) -> Answer:
        key = f"{name} {kind}"
        self.asked.append(key)
        if key in self._records:
            found = self._records[key]
            if found is None:
                return Answer("unknown", reason="the name server did not answer in time")
            return Answer("found", tuple(found))
        exists = any(one.split()[0].endswith(name) for one in self._records)
        return Answer("no-data" if exists else "no-name")
