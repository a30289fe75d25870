"""The addresses of a server that did not answer, as notes to the user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailmerge.language import tr

if TYPE_CHECKING:
    from mailmerge.smtp import Server


def silent_address_notes(server: Server) -> Iterator[str]:
    """One line for each address of the host that did not answer in this process.

    A host may have several addresses, and the next one is tried after a quarter of a second
    (RFC 8305). So such an address costs little, but its owner should know.
    """
    from mailmerge.smtp.dialing import answered_address, silent_addresses

    used = answered_address(server.host, server.port)
    for address in silent_addresses(server.host, server.port):
        yield tr(
            "Note: {address}, an address of {host}, does not answer; {used} was used instead.",
            address=address,
            host=server.host,
            used=used,
        )
