"""A certificate authority of our own -> the files a TLS server and its client need."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """What one server shows, and the authority that a client must trust to believe it.

    `chain_file` holds the private key followed by the certificates (PEM), `ca_file` the authority.
    """

    ca_file: Path
    chain_file: Path

    def server_context(self) -> ssl.SSLContext:
        """For a server of ours."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain_file)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client that verifies."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def make_certificates(
    folder: Path,
    *,
    names: tuple[str, ...] = ("localhost", "127.0.0.1", "::1"),
    expired: bool = False,
) -> Certificates:
    """A new authority, and a certificate of it for `names`.

    Readable by all users: servers read them after they gave up root.
    """
    authority = trustme.CA()
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    issued = authority.issue_cert(*names, not_after=yesterday if expired else None)
    ca_file, chain_file = folder / "ca.pem", folder / "chain.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    issued.private_key_and_cert_chain_pem.write_to_path(str(chain_file))
    chain_file.chmod(0o644)
    return Certificates(ca_file, chain_file)
