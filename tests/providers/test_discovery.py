"""The server for an address, asked of a real DNS server and of a real web server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mailmerge.providers.discovery import Network, discover, network_of
from tests import servers
from tests.servers.nsd import nsd

ZONES = {
    "firma.example": "@ MX 0 firma-example.mail.protection.outlook.com.",
    "workspace.example": "@ MX 1 aspmx.l.google.com.\n@ MX 5 alt1.aspmx.l.google.com.",
    "two.example": "@ MX 1 aspmx.l.google.com.\n@ MX 2 mx01.mail.icloud.com.",
    "filtered.example": "@ MX 10 mx1.hc123-4.iphmx.com.",
    "srv.example": "_submissions._tcp SRV 0 1 465 smtp.srv.example.",
    "starttls.example": "_submission._tcp SRV 9 1 25 b.x.org.\n"
    "_submission._tcp SRV 1 1 587 a.x.org.",
    "none.example": "_submissions._tcp SRV 0 0 0 .\n@ MX 0 .",
    "xn--mnchen-3ya.example": "@ MX 0 mx1.messagingengine.com.",
    "own.example": "@ MX 10 mail.own.example.",
}


@pytest.fixture(scope="module")
def dns() -> Iterator[Network]:
    """Questions to a real DNS server, and to no web server."""
    with nsd(ZONES) as port:
        yield Network(servers.LOOPBACK, port, autoconfig=())


@pytest.mark.real
@pytest.mark.parametrize(
    ("domain", "service", "lines"),
    [
        ("firma.example", "office365", 'auth = "oauth"'),
        ("workspace.example", "workspace", 'provider = "workspace"'),
        ("m\u00fcnchen.example", "fastmail", 'provider = "fastmail"'),
    ],
)
def test_mx_record_names_the_service(dns: Network, domain: str, service: str, lines: str) -> None:
    found = discover(f"ann@{domain}", dns).found
    assert found is not None
    assert found.provider is not None
    assert (found.way, found.provider.name) == ("mx", service)
    assert found.username == f"ann@{domain}"
    assert lines in found.toml


@pytest.mark.real
@pytest.mark.parametrize(
    ("domain", "host", "port", "security"),
    [
        ("srv.example", "smtp.srv.example", 465, "tls"),
        ("starttls.example", "a.x.org", 587, "starttls"),
    ],
)
def test_srv_record_names_the_server(
    dns: Network, domain: str, host: str, port: int, security: str
) -> None:
    found = discover(f"ann@{domain}", dns).found
    assert found is not None
    assert (found.way, found.host, found.port, found.security) == ("srv", host, port, security)
    assert found.toml[:2] == (f'host = "{host}"', f"port = {port}")


@pytest.mark.real
@pytest.mark.parametrize(
    "domain", ["two.example", "filtered.example", "none.example", "own.example"]
)
def test_records_that_name_no_service_find_nothing(dns: Network, domain: str) -> None:
    known = discover(f"ann@{domain}", dns)
    assert (known.domain, known.found, known.silent) == (domain, None, ())


def test_dns_server_that_refuses_makes_the_server_unknown(dns: Network) -> None:
    """nsd refuses questions about zones that are not its own: that says nothing about them."""
    known = discover("ann@elsewhere.example", dns)
    assert (known.found, known.silent) == (None, ("DNS",))


def test_dns_server_that_is_silent_makes_the_server_unknown() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((servers.LOOPBACK, 0))
        port = silent.getsockname()[1]
        known = discover("ann@own.example", Network("127.0.0.1", port, 0.2, autoconfig=()))
    assert (known.found, known.silent) == (None, ("DNS",))


def test_domain_of_a_service_needs_no_dns() -> None:
    found = discover("ann@gmail.com", Network("127.0.0.1", 1), ask_dns=False).found
    assert found is not None
    assert (found.way, found.host, found.port) == ("domain", "smtp.gmail.com", 465)


@pytest.mark.parametrize(
    "address", ["ann@firma.example", "ann", "@x.org", "a@-x.org", "a@", "a@x y"]
)
def test_without_dns_nothing_is_asked(address: str) -> None:
    known = discover(address, Network("127.0.0.1", 1), ask_dns=False)
    assert (known.found, known.silent) == (None, ())


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [
        ("", "", 53),
        ("192.0.2.1", "192.0.2.1", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]:5353", "2001:db8::1", 5353),
    ],
)
def test_variable_names_another_dns_server(given: str, host: str, port: int) -> None:
    network = network_of({"MAILMERGE_DNS_SERVER": given})
    assert (network.dns_server, network.dns_port) == (host, port)


FILE = """<?xml version="1.0"?>
<clientConfig version="1.1"><emailProvider id="own.example"><domain>own.example</domain>
<incomingServer type="imap"><hostname>imap.own.example</hostname><port>993</port>
<socketType>SSL</socketType></incomingServer>
<outgoingServer type="smtp"><hostname>plain.own.example</hostname><port>25</port>
<socketType>plain</socketType><username>%EMAILADDRESS%</username></outgoingServer>
<outgoingServer type="smtp"><hostname>smtp.%EMAILDOMAIN%</hostname><port>587</port>
<socketType>STARTTLS</socketType><username>%EMAILLOCALPART%</username></outgoingServer>
</emailProvider></clientConfig>"""


@dataclass
class Web:
    """A web server: the answer to each path, and the paths that were asked for."""

    port: int = 0
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def web_server(certificates: servers.Certificates | None) -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append(self.path)
            status, text = web.answers.get(self.path, (404, "<html>no</html>"))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", text)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificates is not None:
        http.socket = certificates.server_context().wrap_socket(http.socket, server_side=True)
    web.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture
def web(certificates: servers.Certificates) -> Iterator[Web]:
    with web_server(certificates) as running:
        yield running


@pytest.fixture
def network(dns: Network, web: Web, certificates: servers.Certificates) -> Network:
    """The DNS server, and two places for a file on the web server."""
    base = f"https://127.0.0.1:{web.port}"
    places = (f"{base}/own/{{domain}}", f"{base}/all/{{domain}}")
    return replace(dns, autoconfig=places, ca_file=str(certificates.ca_file), http_seconds=2.0)


@pytest.mark.real
def test_autoconfig_names_the_first_encrypted_server(network: Network, web: Web) -> None:
    web.answers["/all/own.example"] = (200, FILE)
    found = discover("ann@own.example", network).found
    assert found is not None
    assert (found.way, found.host, found.port) == ("autoconfig", "smtp.own.example", 587)
    assert (found.security, found.username) == ("starttls", "ann")
    assert web.asked == ["/own/own.example", "/all/own.example"]


@pytest.mark.real
def test_autoconfig_of_a_known_service_names_it(network: Network, web: Web) -> None:
    web.answers["/own/own.example"] = (200, FILE.replace("smtp.%EMAILDOMAIN%", "smtp.strato.de"))
    found = discover("ann@own.example", network).found
    assert found is not None
    assert found.provider is not None
    assert found.provider.name == "strato"


@pytest.mark.real
@pytest.mark.parametrize(
    "answer",
    [
        (404, ""),
        (500, FILE),
        (200, "<html><p>not here</html>"),
        (200, "<clientConfig/>"),
        (200, ""),
        (200, FILE.replace("STARTTLS", "plain")),
        (200, FILE.replace("smtp.%EMAILDOMAIN%", "x y")),
        (200, FILE.replace("587", "99999")),
        (200, FILE.replace("STARTTLS", "plain") + "x" * 300_000),
        (
            200,
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><clientConfig>&a;</clientConfig>',
        ),
    ],
)
def test_answers_without_a_server_find_nothing(
    network: Network, web: Web, answer: tuple[int, str]
) -> None:
    web.answers["/own/own.example"] = answer
    known = discover("ann@own.example", network)
    assert (known.found, known.silent) == (None, ())


@pytest.mark.real
def test_file_is_not_followed_to_where_it_can_be_changed(network: Network, web: Web) -> None:
    """A redirect to another HTTPS address is followed, one to HTTP is not."""
    with web_server(None) as plain:
        plain.answers["/file"] = (200, FILE)
        web.answers["/own/own.example"] = (302, f"http://127.0.0.1:{plain.port}/file")
        assert discover("ann@own.example", network).found is None
        assert plain.asked == []
    web.answers["/file"] = (200, FILE)
    web.answers["/own/own.example"] = (302, f"https://127.0.0.1:{web.port}/file")
    assert discover("ann@own.example", network).found is not None


@pytest.mark.real
def test_file_of_an_untrusted_server_is_not_read(network: Network, web: Web) -> None:
    web.answers["/own/own.example"] = (200, FILE)
    assert discover("ann@own.example", replace(network, ca_file="")).found is None
    assert web.asked == []


@pytest.mark.real
def test_web_server_that_is_silent_makes_the_server_unknown(dns: Network) -> None:
    with socket.create_server((servers.LOOPBACK, 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        network = replace(dns, autoconfig=(f"https://{place}/{{domain}}",), http_seconds=0.2)
        known = discover("ann@own.example", network)
    assert (known.found, known.silent) == (None, (place,))


@pytest.mark.real
def test_username_that_cannot_be_one_is_the_address(network: Network, web: Web) -> None:
    bad = FILE.replace("%EMAILLOCALPART%", 'x"\nhost = "evil.org')
    web.answers["/own/own.example"] = (200, bad)
    found = discover("ann@own.example", network).found
    assert found is not None
    assert found.username == "ann@own.example"
