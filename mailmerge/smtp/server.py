"""Where a server is, and how to speak to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, and how to speak to it.

    `socket` is the path of a Unix socket, instead of `host` and `port`. `ca_file` is a PEM file of
    certificates to trust. `local_name` is what EHLO says; empty means this machine's own full name,
    or else its address. `pipelining` and `chunking` set to False leave these extensions unused
    where the server offers them.
    """

    host: str = ""
    port: int = 587
    security: Literal["tls", "starttls", "none"] = "starttls"
    protocol: Literal["smtp", "lmtp"] = "smtp"
    socket: str = ""
    ca_file: str = ""
    local_name: str = ""
    pipelining: bool = True
    chunking: bool = True

    @property
    def host_in_brackets(self) -> str:
        """The host as it stands before a colon: an IPv6 address is put into brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return self.socket or f"{self.host_in_brackets} port {self.port}"
