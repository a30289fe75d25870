"""The address of a server, and how to connect to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Server:
    """The address of a server, and how to connect to it.

    Attributes:
        host, port: the server's host name or IP address, and its TCP port.
        security: "tls" from the start, "starttls", or "none".
        protocol: "smtp", or "lmtp" (RFC 2033).
        socket: the path of a Unix socket, in place of `host` and `port`.
        ca_file: a PEM file of certificates to trust in place of the system's.
        local_name: the name in EHLO; empty means this machine's full name, else its address.
        pipelining, chunking: False means that the extension is not used even if the server offers
            it.
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
        """The host as it is written before a port, with brackets around an IPv6 address."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return self.socket or f"{self.host_in_brackets} port {self.port}"
