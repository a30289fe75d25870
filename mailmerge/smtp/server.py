"""Where a server is, and how to connect to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, and how to connect to it.

    `socket` is the path of a Unix socket, instead of `host` and `port`. `ca_file` is a PEM file of
    certificates to trust. `local_name` is the name in EHLO; empty means this machine's full name,
    else its address. With `pipelining` or `chunking` False that extension is not used,
    even where the server offers it.
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
        """The host as it is written before a port: an IPv6 address is put into brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return self.socket or f"{self.host_in_brackets} port {self.port}"
