"""A reply of the server as a value (RFC 5321, 4.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the server: `lines` are its texts, without the codes.

    The code decides what a reply means, and for an unknown code its first digit; the text is for
    readers. `enhanced_status` is the X.Y.Z of RFC 2034, such as `5.1.1`, or None; it stays in the
    text.
    """

    code: int
    lines: tuple[str, ...]
    enhanced_status: str | None = None

    @property
    def text(self) -> str:
        """All lines as one."""
        if len(self.lines) == 1:
            return self.lines[0]
        return " ".join(line for line in self.lines if line)

    @property
    def positive(self) -> bool:
        """2yz: done."""
        return 200 <= self.code < 300

    @property
    def intermediate(self) -> bool:
        """3yz: go on."""
        return 300 <= self.code < 400

    @property
    def transient(self) -> bool:
        """4yz: not now."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5yz: not like this."""
        return 500 <= self.code < 600

    @property
    def closing(self) -> bool:
        """421: the server closes the connection; it may answer any command (RFC 5321, 3.8)."""
        return self.code == 421

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()
