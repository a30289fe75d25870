"""An address -> the server that takes its mail for delivery, found in the DNS and by autoconfig.

The sources, in this order; the first that knows the domain is used:

1. The domain belongs to a known service. This asks no network.
2. The MX records (RFC 5321, 5.1) name a server of a known service: a company's own domain at
   Microsoft 365, for example.
3. The SRV records of the domain (RFC 6186 and RFC 8314, 5.1).
4. Thunderbird's autoconfig: a file of the domain, then Thunderbird's database of services.

What can go wrong. A resolver or a web server may not answer: then the result is *unknown*, which is
no statement about the domain. Each question has a time-out of its own. A forged answer could lead a
password to another server: so the result is a suggestion that the user sees, a file is read
over HTTPS only, and a server without encryption is never suggested.
"""

from __future__ import annotations

import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from mailmerge.providers.lookup import Provider, Security, load_providers, provider_of_host
from mailmerge.providers.mx import service_of_mx

if TYPE_CHECKING:
    from dns.resolver import Resolver
    from lxml.etree import _Element

_Way = Literal["domain", "mx", "srv", "autoconfig"]

_DNS_SECONDS: Final = 4.0
_HTTP_SECONDS: Final = 5.0
_LARGEST: Final = 262_144
_DNS_VARIABLE: Final = "MAILMERGE_DNS_SERVER"
_HOST: Final = re.compile(r"(?=.{1,253}\Z)(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*\.?")
_SECURITY: Final[Mapping[str, Security]] = {"SSL": "tls", "STARTTLS": "starttls"}


@dataclass(frozen=True, slots=True)
class Network:
    """How the questions are asked.

    Attributes:
        dns_server: the address of the DNS server; "" for those of the system.
        dns_port: its port.
        dns_seconds: the seconds for one question.
        http_seconds: the seconds without a byte after which a web server is given up.
        autoconfig: the addresses of the files, with {domain} in them.
        ca_file: a PEM file with the authorities of web servers; "" for those of the system.
    """

    dns_server: str = ""
    dns_port: int = 53
    dns_seconds: float = _DNS_SECONDS
    http_seconds: float = _HTTP_SECONDS
    autoconfig: tuple[str, ...] = (
        "https://autoconfig.{domain}/mail/config-v1.1.xml",
        "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
        "https://autoconfig.thunderbird.net/v1.1/{domain}",
    )
    ca_file: str = ""


def network_of(environ: Mapping[str, str] = os.environ) -> Network:
    """The system's network; MAILMERGE_DNS_SERVER names another DNS server, as ADDRESS or HOST:PORT.

    An IPv6 address with a port stands in brackets.
    """
    given = environ.get(_DNS_VARIABLE, "").strip()
    host, colon, port = given.rpartition(":")
    if colon and port.isdecimal() and (":" not in host or host.startswith("[")):
        return Network(host.strip("[]"), int(port))
    return Network(given.strip("[]"))


@dataclass(frozen=True, slots=True)
class FoundServer:
    """The server for an address.

    Attributes:
        way: which source knew it.
        host, port, security: the server.
        username: the log-in.
        provider: the service, if it is a known one.
    """

    way: _Way
    host: str
    port: int
    security: Security
    username: str
    provider: Provider | None = None

    def as_json(self) -> dict[str, object]:
        """The server as plain values for `--json`."""
        values = {"way": self.way, "host": self.host, "port": self.port, "security": self.security}
        return {
            **values,
            "username": self.username,
            "provider": self.provider.name if self.provider else "",
        }

    @property
    def toml(self) -> tuple[str, ...]:
        """The lines of [smtp] in campaign.toml for this server."""
        user = f'username = "{self.username}"'
        if self.provider is None:
            server = (f'host = "{self.host}"', f"port = {self.port}")
            return (*server, f'security = "{self.security}"', user)
        lines = (f'provider = "{self.provider.name}"', user)
        return (*lines, 'auth = "oauth"') if self.provider.login == "oauth" else lines


@dataclass(frozen=True, slots=True)
class Discovery:
    """What is known of the domain of an address.

    Attributes:
        domain: the domain that was asked about.
        found: the server; None if no source knows one.
        silent: the names of the servers that did not answer. If nothing was found, a later attempt
            may find something.
    """

    domain: str
    found: FoundServer | None = None
    silent: tuple[str, ...] = ()


class _Silent(Exception):
    """A server did not answer in time; its name is the argument."""


def discover(address: str, network: Network | None = None, *, ask_dns: bool = True) -> Discovery:
    """Find the server for an address, such as ann@example.org.

    With `ask_dns` False nothing is sent over the network.
    """
    user, _, domain = address.strip().rpartition("@")
    domain = _ascii(domain)
    if not user or not _HOST.fullmatch(domain):
        return Discovery(domain)
    if provider := _of_domain(domain):
        return Discovery(domain, _at_service("domain", provider, address))
    if not ask_dns:
        return Discovery(domain)
    question = _Question(address.strip(), user, domain, network or network_of())
    silent: list[str] = []
    for source in (question.by_dns, question.by_autoconfig):
        try:
            if found := source():
                return Discovery(domain, found, tuple(silent))
        except _Silent as error:
            silent += error.args
    return Discovery(domain, None, tuple(silent))


def _ascii(domain: str) -> str:
    """The A-labels of a domain (RFC 5890); "" if it has none."""
    try:
        return domain.lower().rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _of_domain(domain: str) -> Provider | None:
    services = load_providers().values()
    return next((one for one in services if domain in one.domains), None)


def _at_service(way: _Way, provider: Provider, address: str, host: str = "") -> FoundServer:
    place = host or provider.host or provider.host_hint
    return FoundServer(way, place, provider.port, provider.security, address.strip(), provider)


@dataclass(frozen=True, slots=True)
class _Question:
    """The questions about one address."""

    address: str
    user: str
    domain: str
    network: Network

    def by_dns(self) -> FoundServer | None:
        """The service of the MX records, or the server of the SRV records.

        Raises:
            _Silent: the DNS does not answer; it is not asked again then.
        """
        return self._by_mx() or self._by_srv()

    def _by_mx(self) -> FoundServer | None:
        """The service that takes the mail for the domain."""
        hosts = [str(one.exchange).rstrip(".").lower() for one in self._records(self.domain, "MX")]
        name = service_of_mx(hosts)
        return _at_service("mx", load_providers()[name], self.address) if name else None

    def _by_srv(self) -> FoundServer | None:
        """The server that the domain names; port 0 and the name "." mean that there is none."""
        for service, security in _SRV.items():
            records = self._records(f"{service}.{self.domain}", "SRV")
            for one in sorted(records, key=lambda one: (one.priority, -one.weight)):
                host = str(one.target).rstrip(".").lower()
                if one.port and _HOST.fullmatch(host):
                    return self._at("srv", host, one.port, security, self.address)
        return None

    def by_autoconfig(self) -> FoundServer | None:
        """The server in the first file that there is.

        Raises:
            _Silent: no file names a server, and a web server did not answer.
        """
        silent: list[str] = []
        for template in self.network.autoconfig:
            url = template.replace("{domain}", self.domain)
            try:
                content = _fetch(url, self.network)
            except _Silent as error:
                silent += error.args
                continue
            if content and (found := self._in_file(content)):
                return found
        if silent:
            raise _Silent(*silent)
        return None

    def _in_file(self, content: bytes) -> FoundServer | None:
        """The first encrypted SMTP server of an autoconfig file."""
        for server in _servers(content):
            security = _SECURITY.get(_text(server, "socketType"))
            host = self._filled(_text(server, "hostname")).lower()
            port = _text(server, "port")
            if security and _HOST.fullmatch(host) and port.isdecimal() and int(port) < 65_536:
                username = self._filled(_text(server, "username")) or self.address
                return self._at("autoconfig", host, int(port), security, username)
        return None

    def _at(
        self, way: _Way, host: str, port: int, security: Security, username: str
    ) -> FoundServer:
        known = provider_of_host(host)
        if known is not None:
            return _at_service(way, known, self.address, host)
        return FoundServer(way, host, port, security, _safe(username) or self.address)

    def _filled(self, text: str) -> str:
        for name, value in (
            ("%EMAILADDRESS%", self.address),
            ("%EMAILLOCALPART%", self.user),
            ("%EMAILDOMAIN%", self.domain),
        ):
            text = text.replace(name, value)
        return text

    def _records(self, name: str, kind: str) -> list[Any]:
        """The records of a name; none if it does not exist.

        Raises:
            _Silent: no DNS server answered in time, or none could answer.
        """
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            answer = _resolver(self.network).resolve(name, kind, lifetime=self.network.dns_seconds)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise _Silent("DNS") from error
        return list(answer)


_SRV: Final[Mapping[str, Security]] = {
    "_submissions._tcp": "tls",  # RFC 8314, 5.1
    "_submission._tcp": "starttls",  # RFC 6186, 3.1
}


def _safe(username: str) -> str:
    """A log-in that can stand in campaign.toml; "" for anything else."""
    return username if re.fullmatch(r"[^\s\"\\\x00-\x1f\x7f%]{1,254}", username) else ""


def _resolver(network: Network) -> Resolver:
    """A resolver; `configure` reads the system's servers, which may be missing.

    Raises:
        dns.resolver.NoResolverConfiguration: the system names no server.
        ValueError: the address of the server is none.
    """
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=not network.dns_server)
    if network.dns_server:
        resolver.nameservers = [network.dns_server]
        resolver.port = network.dns_port
    return resolver


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """A file may be elsewhere, but not where anyone on the way could change it."""

    def redirect_request(  # noqa: PLR0917 - the signature of the standard library
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(url: str, network: Network) -> bytes:
    """The content of a file; empty if there is none.

    Raises:
        _Silent: the server did not answer in time.
    """
    context = ssl.create_default_context(cafile=network.ca_file or None)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _HttpsOnly())
    host = urlsplit(url).netloc
    ends = time.monotonic() + network.http_seconds
    content = bytearray()
    try:
        with opener.open(url, timeout=network.http_seconds) as answer:
            while part := answer.read1(_LARGEST):
                content += part
                if len(content) > _LARGEST:
                    return b""
                if time.monotonic() > ends:
                    raise _Silent(host)
    except TimeoutError as error:
        raise _Silent(host) from error
    except urllib.error.HTTPError as error:
        error.close()
        return b""
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _Silent(host) from error
        return b""
    except (OSError, HTTPException, ValueError):
        return b""
    return bytes(content)


def _servers(content: bytes) -> Iterator[_Element]:
    """The SMTP servers of an autoconfig file; none if it is no such file."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return
    if root.tag == "clientConfig":
        yield from root.iterfind("emailProvider/outgoingServer[@type='smtp']")


def _text(server: _Element, name: str) -> str:
    return (server.findtext(name) or "").strip()
