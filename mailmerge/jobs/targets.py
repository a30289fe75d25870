"""Where a job sends to, as small frozen values.

    RealServer      the recipients, over the server of an account
    SandboxServer   a server inside this program
    TestTo          the user's own address: the messages of the first recipients
    DryRun          nowhere: a job that ends before the first connection
    NoServer        not known yet: only for a DryRun

A job asks its target and never which kind it is. What differs between the kinds:

    | question                              | RealServer | SandboxServer | TestTo | DryRun      |
    |---------------------------------------|------------|---------------|--------|-------------|
    | whose limits hold                     | account    | none          | account| its target's|
    | name of the ledger                    | ledger     | sandbox       | test   | its target's|
    | begins with an empty ledger           | no         | yes           | yes    | its target's|
    | reserved domains (RFC 2606) are errors| yes (1)    | no            | no     | no          |
    | copies are kept, if the campaign asks | yes        | no            | no     |             |
    | counts towards the account's quotas   | yes        | no            | yes    |             |
    | waits for deferred recipients         | as asked   | as asked (2)  | if asked | its target's |

(1) Unless the server is on this machine. (2) Not at all with faults: their clock skips the pauses.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from mailmerge.credentials import Account, Server, read_credentials, require_account
from mailmerge.engine.redirect import USUAL_NUMBER, Direct, Redirect
from mailmerge.errors import CampaignError
from mailmerge.recipients.address import parse_mailbox
from mailmerge.sandbox import Faults, Sandbox
from mailmerge.settings import Settings
from mailmerge.smtp import Credentials
from mailmerge.smtp import Server as Address

LEDGER: Final = "ledger"
"""The name of a campaign's own ledger: what was really sent to its recipients."""
SANDBOX: Final = "sandbox"
"""The name of the ledger of sandbox runs, and of the folder with their messages."""
_TEST: Final = "test"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the connections of a run go, and the log-in; None where the server asks for none."""

    server: Address
    credentials: Credentials | None = None


class Target:
    """What a job asks of its target."""

    __slots__ = ()

    @property
    def account(self) -> Account | None:
        """The account whose limits and rules hold; None where the server has none."""
        return None

    @property
    def server_name(self) -> str:
        """The server as the plan shows it."""
        return self.account.server_name if self.account is not None else "none is named yet"

    @property
    def ledger_name(self) -> str:
        """The ledger's name in the campaign folder."""
        return LEDGER

    @property
    def fresh(self) -> bool:
        """Whether a job begins with an empty ledger of that name."""
        return self.ledger_name != LEDGER

    @property
    def sends(self) -> bool:
        """Whether a job sends anything; otherwise it writes no ledger, either."""
        return True

    @property
    def for_real(self) -> bool:
        """Whether messages leave this machine for the recipients."""
        return False

    @property
    def keeps_copies(self) -> bool:
        """Whether `keep_copy` of campaign.toml applies."""
        return False

    @property
    def counts_quotas(self) -> bool:
        """Whether messages count towards what the account allows in a day."""
        return True

    @property
    def test_to(self) -> str:
        """The one address that all messages go to; empty where they go to the recipients."""
        return ""

    @property
    def most(self) -> int | None:
        """How many of the first recipients are used; None for all of them."""
        return None

    def redirect(self) -> Direct:
        """A new object that decides which address each recipient's message goes to."""
        return Direct()

    def limit(self, asked: int | None) -> int | None:
        """The number of recipients to try at most, where the user asked for `asked`."""
        return asked

    def wait(self, asked: float | None) -> float | None:
        """The seconds to wait for deferred recipients; None for what campaign.toml says."""
        return asked

    def endpoint(self) -> AbstractContextManager[Endpoint]:
        """Where to connect to, as long as the context lasts.

        Raises:
            CampaignError: no server is named; or a command for the password failed.
            AuthenticationRefused: there is no password.
        """
        raise CampaignError("no server is named", code="no-server")

    def document(self) -> dict[str, Any]:
        """What the target adds to the document of `send --json`."""
        return {}


@dataclass(frozen=True, slots=True)
class NoServer(Target):
    """No server is named yet: a dry run needs none."""


@dataclass(frozen=True, slots=True)
class RealServer(Target):
    """The recipients, over the server of `to`; `credentials` reads the log-in when it is needed."""

    to: Account
    credentials: Callable[[], Credentials | None] = field(repr=False, compare=False)

    @classmethod
    def of(cls, server: Server | Address) -> RealServer:
        """The target of a server in code; a plain address has no log-in and no known limits."""
        if isinstance(server, Server):
            return cls(server.account, server.credentials)
        return cls(Account(server), lambda: None)

    @classmethod
    def of_settings(
        cls,
        settings: Settings,
        find_ask: Callable[[], Callable[[str], str] | None] = lambda: None,
    ) -> RealServer:
        """The target that [smtp] describes.

        `find_ask` is called when a password is needed. It returns what shows a question and returns
        the answer, or None where there is no terminal.

        Raises:
            CampaignError: [smtp] names no server, or its keys contradict each other.
        """
        account = require_account(settings.smtp, settings.folder)
        return cls(account, lambda: read_credentials(account, ask=find_ask()))

    @property
    def account(self) -> Account:
        """The account of the server."""
        return self.to

    @property
    def for_real(self) -> bool:
        """Unless the server is on this machine: a sink, a test server or a local relay."""
        return not self.to.is_loopback

    @property
    def keeps_copies(self) -> bool:
        """Copies are kept of what recipients really get."""
        return True

    def endpoint(self) -> AbstractContextManager[Endpoint]:
        """The server with the log-in."""
        return nullcontext(Endpoint(self.to.server, self.credentials()))


@dataclass(frozen=True, slots=True)
class SandboxServer(Target):
    """A server inside this program, which keeps the messages in `folder`.

    `real_account` is the account that a real run would use, None where none is named: a run with
    faults says how long that would take. `seed` is that of the faults, None for none.
    """

    folder: Path
    real_account: Account | None = None
    seed: int | None = None

    @property
    def server_name(self) -> str:
        """Its name in words: the port means nothing."""
        return "the sandbox on this machine"

    @property
    def ledger_name(self) -> str:
        """A ledger of its own."""
        return SANDBOX

    @property
    def counts_quotas(self) -> bool:
        """Nothing leaves this machine."""
        return False

    def wait(self, asked: float | None) -> float | None:
        """With faults, pauses are skipped between the runs."""
        return asked if self.seed is None else 0.0

    def start(self) -> Sandbox:
        """The server, not running yet; what an earlier one has kept is removed."""
        # Messages of an earlier run would only mislead.
        shutil.rmtree(self.folder, ignore_errors=True)
        return Sandbox(self.folder, None if self.seed is None else Faults(self.seed))

    @contextmanager
    def endpoint(self) -> Iterator[Endpoint]:
        """The server, running."""
        with self.start() as sandbox:
            yield Endpoint(sandbox.server)

    def document(self) -> dict[str, Any]:
        """Where the messages are."""
        return {"maildir": str(self.folder)}


@dataclass(frozen=True, slots=True)
class TestTo(Target):
    """The user's own address: the messages of the first `count` recipients, over `server`.

        TestTo("me@example.net", server, count=5)

    The recipients themselves get nothing. A recipient with that address is passed over.

    Raises:
        AddressError: `address` is no mailbox.
    """

    __test__: ClassVar = False  # no class of tests

    address: str
    server: AnyServer
    count: int = USUAL_NUMBER

    def __post_init__(self) -> None:
        parse_mailbox(self.address.strip())

    @property
    def account(self) -> Account | None:
        """The account of the server: test messages count like others."""
        return as_target(self.server).account

    @property
    def ledger_name(self) -> str:
        """A ledger of its own."""
        return _TEST

    @property
    def test_to(self) -> str:
        """The user's address."""
        return self.redirect().mailbox.address

    @property
    def most(self) -> int:
        """The number of test messages."""
        return self.count

    def redirect(self) -> Redirect:
        """To the user's address, with the recipient's in the subject."""
        return Redirect(parse_mailbox(self.address.strip()), self.count)

    def limit(self, asked: int | None) -> int | None:
        """`count` says it already: no other recipient is in the ledger."""
        del asked
        return None

    def wait(self, asked: float | None) -> float:
        """A test does not wait for a grey list unless it is asked to."""
        return 0.0 if asked is None else asked

    def endpoint(self) -> AbstractContextManager[Endpoint]:
        """That of the server."""
        return as_target(self.server).endpoint()

    def document(self) -> dict[str, Any]:
        """The user's address."""
        return {"test_to": self.address}


@dataclass(frozen=True, slots=True)
class DryRun(Target):
    """A job for `server` that ends before the first connection; its ledger is only read."""

    server: AnyServer = field(default_factory=NoServer)

    @property
    def _target(self) -> Target:
        return as_target(self.server)

    @property
    def account(self) -> Account | None:
        """That of the server."""
        return self._target.account

    @property
    def server_name(self) -> str:
        """That of the server."""
        return self._target.server_name

    @property
    def ledger_name(self) -> str:
        """That of the server."""
        return self._target.ledger_name

    @property
    def sends(self) -> bool:
        """Nothing is sent."""
        return False

    @property
    def test_to(self) -> str:
        """That of the server."""
        return self._target.test_to

    @property
    def most(self) -> int | None:
        """That of the server."""
        return self._target.most

    def redirect(self) -> Direct:
        """That of the server."""
        return self._target.redirect()

    def limit(self, asked: int | None) -> int | None:
        """That of the server."""
        return self._target.limit(asked)

    def wait(self, asked: float | None) -> float | None:
        """That of the server."""
        return self._target.wait(asked)

    def endpoint(self) -> AbstractContextManager[Endpoint]:
        """There is none."""
        raise CampaignError("a dry run does not connect", code="no-server")


AnyServer = Server | Address | Target
"""What a job can send to; a server stands for a RealServer."""


def as_target(server: AnyServer) -> Target:
    """The target that stands for a server."""
    return server if isinstance(server, Target) else RealServer.of(server)
