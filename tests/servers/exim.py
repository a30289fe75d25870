"""A real Exim of its own that insists on synchronisation and keeps what it takes in its spool.

Debian's Exim conflicts with its Postfix, so it may lie anywhere: the environment variable
MAILMERGE_TEST_EXIM names its binary.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers import programs
from tests.servers.certificates import Certificates
from tests.servers.namespace import private_view
from tests.servers.queue_file import Accepted

_ACCOUNT = "Debian-exim"

_SETTINGS = """\
primary_hostname = localhost
spool_directory = FOLDER/spool
log_file_path = FOLDER/%slog
pid_file_path = FOLDER/pid
local_interfaces = ADDRESS
daemon_smtp_ports = PORT
exim_user = Debian-exim
exim_group = Debian-exim
QUEUING
smtp_enforce_sync = true
smtp_accept_max = 100
smtp_accept_max_per_connection = MESSAGES
smtp_accept_max_nonmail = 10
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
pipelining_connect_advertise_hosts =
smtputf8_advertise_hosts = *
message_size_limit = 10M
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = check_recipient
log_selector = +smtp_connection +smtp_protocol_error
TLS

DELIVERY

begin acl
check_recipient:
RECIPIENTS
  accept
RELAYING
"""

_RELAYING = """\

begin routers
everything:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  self = send
  transport = next

begin transports
next:
  driver = smtp
  port = NEXT
  allow_localhost
  hosts_avoid_tls = *

begin retry
"""
"""Without a rule for retries, a refusal for now fails at once: the message has expired."""


@dataclass(frozen=True, slots=True)
class Exim:
    """A running Exim."""

    host: str
    port: int
    folder: Path

    @property
    def log(self) -> str:
        """The main log and the log of rejections."""
        names = ("mainlog", "rejectlog", "paniclog", "output")
        return "".join(programs.text_of(self.folder / name) for name in names)

    def accepted(self) -> list[Accepted]:
        """Every message in the spool, in the order of arrival."""
        headers = (self.folder / "spool" / "input").glob("*-H")
        return [_read_spool(path) for path in sorted(headers)]


@contextlib.contextmanager
def exim(
    *,
    certificates: Certificates | None = None,
    recipients: Mapping[str, str] | None = None,
    messages_per_connection: int = 1000,
    relay_port: int = 0,
) -> Iterator[Exim]:
    """Start Exim; `recipients` maps an address to `defer`, `deny` or `drop`, with a message.

    With `relay_port` it delivers everything at once to that port of this machine.
    """
    program = programs.require("exim4", variable="MAILMERGE_TEST_EXIM")
    programs.require_root("exim")
    with programs.server_folder("exim") as folder:
        server = Exim(programs.LOOPBACK, programs.free_port(), folder)
        if relay_port:  # Exim starts itself for each bounce, under an account that enters no /root
            program = Path(shutil.copy(program, folder / "exim4"))
        configuration = folder / "exim.conf"
        settings = _settings(
            server, certificates, recipients or {}, messages_per_connection, relay_port, program
        )
        configuration.write_text(settings, encoding="utf-8")
        folder.chmod(0o777)
        command = private_view(folder, [program, "-C", configuration, "-bdf"], users=[_ACCOUNT])
        with programs.process(command, log=folder / "output"):
            programs.wait_until(
                lambda: programs.greets(server.port), "exim", log=lambda: server.log
            )
            yield server


def _settings(
    server: Exim,
    certificates: Certificates | None,
    recipients: Mapping[str, str],
    messages: int,
    relay_port: int,
    program: Path,
) -> str:
    tls = "tls_advertise_hosts ="
    if certificates:
        tls = f"tls_advertise_hosts = *\ntls_certificate = {certificates.chain_file}"
    values = {
        "FOLDER": str(server.folder),
        "ADDRESS": f"<; {server.host}",
        "PORT": str(server.port),
        "MESSAGES": str(messages),
        "TLS": tls,
        "QUEUING": "" if relay_port else "queue_only\nqueue_only_override = false",
        "DELIVERY": f"deliver_drop_privilege = true\nexim_path = {program}" if relay_port else "",
        "RELAYING": _RELAYING.replace("NEXT", str(relay_port)) if relay_port else "",
        "RECIPIENTS": "\n".join(_rule(*item) for item in recipients.items()),
    }
    return re.sub("|".join(values), lambda match: values[match[0]], _SETTINGS)


def _rule(address: str, answer: str) -> str:
    verb, _, message = answer.partition(" ")
    return f"  {verb}\n    message = {message}\n    recipients = {address}"


def _read_spool(path: Path) -> Accepted:
    """The -H file holds envelope and header, the -D file the body (Exim manual, chapter 57)."""
    envelope, _, header = path.read_bytes().partition(b"\n\n")
    lines = envelope.split(b"\n")
    body = path.with_name(path.name[:-1] + "D").read_bytes().partition(b"\n")[2]
    count = next(index for index, line in enumerate(lines) if line.isdigit())
    forward_paths = tuple(line.split()[0].decode() for line in lines[count + 1 :])
    content = b"".join(_fields(header)) + b"\n" + body
    reverse_path = lines[2].decode().strip("<>")
    return Accepted(path.name[:-2], reverse_path, forward_paths, content.replace(b"\n", b"\r\n"))


def _fields(header: bytes) -> Iterator[bytes]:
    """Header fields as the client sent them: without the field that Exim added (its first)."""
    place, first = 0, True
    while match := re.compile(rb"(\d{3,})(.) ").match(header, place):
        end = match.end() + int(match[1])
        own = match[2] == b"*" or (match[2] == b"P" and first)
        first = first and match[2] != b"P"
        if not own:
            yield header[match.end() : end]
        place = end
