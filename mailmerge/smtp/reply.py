"""A reply of the server as a value (RFC 5321, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the server.

    Attributes:
        code: the three-digit code. The first digit decides if a code is unknown.
        lines: the text of each line, without the code.
        enhanced_status: the status code of RFC 2034, for example "5.1.1", or None. The text
            contains it, too.
    """

    code: int
    lines: tuple[str, ...]
    enhanced_status: str | None = None

    @property
    def text(self) -> str:
        """The text of all lines, joined by spaces."""
        if len(self.lines) == 1:
            return self.lines[0]
        return " ".join(line for line in self.lines if line)

    @property
    def positive(self) -> bool:
        """2yz: the command succeeded."""
        return 200 <= self.code < 300

    @property
    def intermediate(self) -> bool:
        """3yz: the server waits for more input."""
        return 300 <= self.code < 400

    @property
    def transient(self) -> bool:
        """4yz: the command failed for now."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5yz: the command failed for good."""
        return 500 <= self.code < 600

    @property
    def closing(self) -> bool:
        """421, a possible reply to any command: the server closes (RFC 5321, 3.8)."""
        return self.code == 421

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()
