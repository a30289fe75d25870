"""Records of the form `v=DKIM1; k=rsa; p=...` (RFC 6376, 3.2; RFC 9989, 4.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class TagList:
    """The tags of a record.

    Attributes:
        tags: the first value of each tag, by its name in lower case.
        order: the names in the order of the record.
        repeated: names that occur more than once.
        broken: parts that are no tag.
    """

    tags: dict[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """The value of a tag, or the default."""
        return self.tags.get(name, default)


def parse_tags(record: str) -> TagList:
    """Read the tags of a record. What is no tag is kept as broken, so that it can be named."""
    tags: dict[str, str] = {}
    repeated: list[str] = []
    broken: list[str] = []
    for part in record.split(";"):
        text = part.strip()
        if not text:
            continue
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            broken.append(text)
        elif name.lower() in tags:
            repeated.append(name.lower())
        else:
            tags[name.lower()] = value.strip()
    return TagList(tags, tuple(tags), tuple(repeated), tuple(broken))
