"""The resolver against a real name server: each kind of answer, slow servers, the rate."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rrset
import pytest

from mailmerge.deliverability.answers import Answer
from mailmerge.deliverability.resolver import Dns, DnsOptions
from mailmerge.errors import CampaignError
from tests.servers.name_server import SlowProxy, name_server

LONG = " ".join(f'"{letter * 250}"' for letter in "abcdefghij")
ZONE = f"""
@ IN MX 20 backup
@ IN MX 10 MX.mailer.eu.
@ IN TXT "v=spf1 " "-all"
long IN TXT {LONG}
null IN MX 0 .
alias IN CNAME ns
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with name_server({"mailer.eu": ZONE, "broken.eu": None}) as address:
        yield address


def _ask(server: str, name: str, kind: str, **options: float) -> Answer:
    return Dns(DnsOptions(server, **options))(name, kind)  # type: ignore[arg-type]  # a record type


@pytest.mark.real
def test_records_are_text_in_lower_case(server: str) -> None:
    found = sorted(_ask(server, "mailer.eu", "MX").records)
    assert found == [
        "10 mx.mailer.eu",
        "20 backup.mailer.eu",
    ]
    assert _ask(server, "mailer.eu", "TXT").records == ("v=spf1 -all",)
    assert _ask(server, "null.mailer.eu", "MX").records == ("0 ",)
    assert _ask(server, "alias.mailer.eu", "A").records == ("127.0.0.1",)


@pytest.mark.real
def test_absence_is_an_answer_and_failure_is_not(server: str) -> None:
    assert _ask(server, "mailer.eu", "A").status == "no-data"
    assert _ask(server, "nothing.mailer.eu", "A").status == "no-name"
    failed = _ask(server, "broken.eu", "TXT")
    assert (failed.status, failed.reason) == ("unknown", "the name server answered SERVFAIL")
    assert _ask(server, "elsewhere.eu", "TXT").status == "unknown"


@pytest.mark.real
def test_truncated_answer_is_asked_over_tcp(server: str) -> None:
    (text,) = _ask(server, "long.mailer.eu", "TXT").records
    assert len(text) == 2500
    assert text.startswith("aaa")
    assert text.endswith("jjj")


@pytest.mark.real
def test_slow_server_is_waited_for_and_a_lost_answer_is_unknown(server: str) -> None:
    with SlowProxy(server, delay=0.2, lost=b"never") as proxy:
        assert _ask(proxy.address, "mailer.eu", "TXT").status == "found"
        lost = _ask(proxy.address, "never.mailer.eu", "TXT", timeout=0.3)
    assert (lost.status, lost.reason) == ("unknown", "the name server did not answer in time")


@pytest.mark.real
def test_silent_server_is_given_up(server: str) -> None:
    with SlowProxy(server, lost=b"mailer") as proxy:
        resolver = Dns(DnsOptions(proxy.address, timeout=0.1))
        answers = [resolver(f"{number}.mailer.eu", "A") for number in range(50)]
        asked = len(proxy.asked)
    assert {one.status for one in answers} == {"unknown"}
    assert asked < 20


@pytest.mark.real
def test_each_question_is_asked_once(server: str) -> None:
    with SlowProxy(server) as proxy:
        resolver = Dns(DnsOptions(proxy.address))
        for _ in range(5):
            assert resolver("Mailer.EU.", "TXT").status == "found"
        resolver.prefetch(["mailer.eu"] * 3, "TXT")
        assert len(proxy.asked) == 1


@pytest.mark.real
def test_questions_keep_to_the_rate(server: str) -> None:
    slept: list[float] = []
    resolver = Dns(DnsOptions(server, per_second=10), monotonic=lambda: 100.0, sleep=slept.append)
    resolver.prefetch([f"{number}.mailer.eu" for number in range(5)], "A")
    assert sorted(round(one, 3) for one in slept) == [0.1, 0.2, 0.3, 0.4]


class _WithoutEdns:
    """A name server of the old kind: it answers FORMERR to EDNS (RFC 6891, 7)."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.with_edns: list[bool] = []

    def __enter__(self) -> _WithoutEdns:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, client = self._socket.recvfrom(4096)
                asked = dns.message.from_wire(data)
                self.with_edns.append(asked.edns >= 0)
                reply = dns.message.make_response(asked)
                if asked.edns >= 0:
                    reply.use_edns(-1)
                    reply.set_rcode(dns.rcode.FORMERR)
                else:
                    name = asked.question[0].name
                    reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "5.9.0.1"))
                self._socket.sendto(reply.to_wire(), client)


def test_server_without_edns_is_asked_without_it() -> None:
    with _WithoutEdns() as server:
        answer = Dns(DnsOptions(server.address))("mailer.eu", "A")
    assert answer.records == ("5.9.0.1",)
    assert server.with_edns == [True, False]


@pytest.mark.real
def test_server_that_works_is_given_more_time(server: str) -> None:
    with SlowProxy(server, lost=b"lost") as proxy:
        resolver = Dns(DnsOptions(proxy.address, timeout=3, per_second=1000))
        assert resolver("mailer.eu", "TXT").status == "found"
        resolver.prefetch([f"lost{number}.mailer.eu" for number in range(10)], "A")
        assert resolver("null.mailer.eu", "MX").status == "found"


def test_impossible_name_does_not_exist() -> None:
    started = time.monotonic()
    resolver = Dns(DnsOptions("127.0.0.1:9"))
    assert resolver("a..b", "A").status == "no-name"
    assert resolver("x" * 64 + ".eu", "A").status == "no-name"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "text", ["ns.example.org", "127.0.0.1:x", "127.0.0.1:0", "[::1]:x", "1.2.3"]
)
def test_name_server_is_an_address(text: str) -> None:
    with pytest.raises(CampaignError, match="is not a name server") as caught:
        Dns(DnsOptions(text))
    assert caught.value.problem.code == "name-server"


@pytest.mark.parametrize("text", ["::1", "[::1]:5353", "127.0.0.1", "127.0.0.1:5353"])
def test_addresses_of_name_servers(text: str) -> None:
    assert Dns(DnsOptions(text)) is not None
