"""The targets of a job, as small frozen values.

    RealServer      the recipients, over the server of an account
    SandboxServer   a server inside this program
    TestTo          test addresses, with the messages of some recipients
    Drafts          the drafts folder of the user's mailbox, without a send
    DryRun          no server: the job ends before the first connection
    NoServer        the server is not known yet; only for a DryRun

A job asks its target the questions of this table, and never which class it has:

    | question                              | RealServer | SandboxServer | TestTo   | DryRun       |
    |---------------------------------------|------------|---------------|----------|--------------|
    | whose limits apply                    | account    | none          | account  | its server's |
    | name of the ledger                    | ledger     | sandbox       | test     | its server's |
    | begins with an empty ledger           | no         | yes           | yes      | its server's |
    | reserved domains (RFC 2606) are errors| yes (1)    | no            | no       | no           |
    | keeps copies, if the campaign asks    | yes        | no            | no       |              |
    | counts towards the account's quotas   | yes        | no            | yes      |              |
    | waits for deferred recipients         | as asked   | as asked (2)  | if asked | its server's |

(1) Unless the server is on this machine. (2) Not with faults, whose clock skips the pauses.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from mailmerge.credentials import Account, Server, credential_source, require_account
from mailmerge.engine.redirect import DEFAULT_TEST_COUNT, Direct, Redirect
from mailmerge.errors import CampaignError
from mailmerge.language import listed, tr
from mailmerge.mailbox.account import ImapAccount, imap_account
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.sandbox import Faults, Sandbox
from mailmerge.settings import Settings
from mailmerge.smtp import CredentialSource
from mailmerge.smtp import Server as Address

_LEDGER: Final = "ledger"
"""The name of a campaign's own ledger, which records the real messages."""
SANDBOX: Final = "sandbox"
"""The name of the ledger of sandbox runs, and of the folder for their messages."""
_TEST: Final = "test"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server of a run and its log-in; None if the server asks for none."""

    server: Address
    credentials: CredentialSource = None


class Target:
    """The questions that a job asks its target, with default answers."""

    __slots__ = ()

    @property
    def account(self) -> Account | None:
        """The account whose limits and rules apply, or None."""
        return None

    @property
    def server_name(self) -> str:
        """The server in words, for the plan."""
        return self.account.server_name if self.account is not None else tr("none is named yet")

    @property
    def ledger_name(self) -> str:
        """The ledger's name in the campaign folder."""
        return _LEDGER

    @property
    def fresh(self) -> bool:
        """Whether a job begins with an empty ledger."""
        return self.ledger_name != _LEDGER

    @property
    def sends(self) -> bool:
        """Whether a job sends messages and writes a ledger."""
        return True

    @property
    def for_real(self) -> bool:
        """Whether messages leave this machine and go to the recipients."""
        return False

    @property
    def in_hours(self) -> bool:
        """Whether recipients are sent in the hours of campaign.toml alone."""
        return False

    @property
    def keeps_copies(self) -> bool:
        """Whether `keep_copy` of campaign.toml applies."""
        return False

    @property
    def counts_quotas(self) -> bool:
        """Whether messages count towards the account's quotas."""
        return True

    @property
    def drafts(self) -> ImapAccount | None:
        """The mailbox that gets the messages as drafts instead of a send; None for a send."""
        return None

    @property
    def test_to(self) -> str:
        """The addresses that get all messages of a test, in words; "" for other targets."""
        return ""

    @property
    def most(self) -> int | None:
        """The maximum number of recipients to use, from the first on; None for all."""
        return None

    @property
    def reviews(self) -> bool:
        """Whether only the review set is used (review_set.py)."""
        return False

    def redirect(self) -> Direct:
        """Return a new object that decides the address of each recipient's message."""
        return Direct()

    def limit(self, asked: int | None) -> int | None:
        """Return the maximum number of recipients to try; `asked` is the user's option."""
        return asked

    def wait(self, asked: float | None) -> float | None:
        """Return the seconds to wait for deferred recipients; None for campaign.toml's value."""
        return asked

    def endpoint(self) -> AbstractContextManager[Endpoint]:
        """Return a context manager with the server and its log-in.

        Raises:
            CampaignError: no server is named, or a command for the password failed.
            AuthenticationRefused: there is no password.
        """
        raise CampaignError(
            tr("no server is named"), hint=tr("add [smtp] to campaign.toml"), code="no-server"
        )

    def document(self) -> dict[str, Any]:
        """Return the target's part of the document of `send --json`."""
        return {}


@dataclass(frozen=True, slots=True)
class NoServer(Target):
    """No server is named yet, which is enough for a dry run."""

    @property
    def in_hours(self) -> bool:
        """True: the plan is that of a real run."""
        return True


@dataclass(frozen=True, slots=True)
class RealServer(Target):
    """The recipients, over the server of the account `to`; `credentials` reads the log-in."""

    to: Account
    credentials: Callable[[], CredentialSource] = field(repr=False, compare=False)

    @classmethod
    def of(cls, server: Server | Address) -> RealServer:
        """Return the target for a server in code; an smtp.Server has no log-in and no limits."""
        if isinstance(server, Server):
            return cls(server.account, server.credential_source)
        return cls(Account(server), lambda: None)

    @classmethod
    def of_settings(
        cls,
        settings: Settings,
        find_ask: Callable[[], Callable[[str], str] | None] = lambda: None,
    ) -> RealServer:
        """Return the target that [smtp] describes.

        `find_ask` is called if a password is needed. It returns a function that shows a question
        and returns the answer, or None if there is no terminal.

        Raises:
            CampaignError: [smtp] names no server, or its keys contradict each other.
        """
        account = require_account(settings.smtp, settings.folder)
        return cls(account, lambda: credential_source(account, ask=find_ask()))

    @property
    def account(self) -> Account:
        """The account of the server."""
        return self.to

    @property
    def for_real(self) -> bool:
        """True unless the server is on this machine: a sink, a test server or a local relay."""
        return not self.to.is_loopback

    @property
    def in_hours(self) -> bool:
        """True: the recipients get these messages."""
        return True

    @property
    def keeps_copies(self) -> bool:
        """True: the recipients get these messages."""
        return True

    def endpoint(self) -> AbstractContextManager[Endpoint]:
        """Return the account's server and its log-in."""
        return nullcontext(Endpoint(self.to.server, self.credentials()))


@dataclass(frozen=True, slots=True)
class SandboxServer(Target):
    """A server inside this program, which keeps the messages in `folder`.

    `real_account` is the account of a real run, or None; a run with faults reports how long a real
    run would take. `seed` is the seed of the faults, or None for no faults.
    """

    folder: Path
    real_account: Account | None = None
    seed: int | None = None

    @property
    def server_name(self) -> str:
        """The sandbox in words, without its port."""
        return tr("the sandbox on this machine")

    @property
    def ledger_name(self) -> str:
        """The ledger of sandbox runs."""
        return SANDBOX

    @property
    def counts_quotas(self) -> bool:
        """False: nothing leaves this machine."""
        return False

    def wait(self, asked: float | None) -> float | None:
        """Return 0 with faults, because the pauses between runs are skipped."""
        return asked if self.seed is None else 0.0

    def start(self) -> Sandbox:
        """Make the server, which does not run yet, and remove the messages of earlier runs."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return Sandbox(self.folder, None if self.seed is None else Faults(self.seed))

    @contextmanager
    def endpoint(self) -> Iterator[Endpoint]:
        """Run the server, and yield its address."""
        with self.start() as sandbox:
            yield Endpoint(sandbox.server)

    def document(self) -> dict[str, Any]:
        """Return the folder of the messages."""
        return {"maildir": str(self.folder)}


@dataclass(frozen=True, slots=True)
class TestTo(Target):
    """Test addresses: the messages of the first `count` recipients, over `server`.

        TestTo("me@example.net", server, count=5)
        TestTo(("me@example.net", "boss@example.net"), server, count=None)

    Each address gets all of them. A `count` of None sends the review set: a few recipients whose
    messages together take every branch of the templates. The recipients themselves get nothing. A
    recipient with a test address is skipped.

    Raises:
        AddressError: `address` is not a mailbox, or there is none.
    """

    __test__: ClassVar = False  # pytest must not collect this class

    address: str | Sequence[str]
    server: AnyServer
    count: int | None = DEFAULT_TEST_COUNT

    def __post_init__(self) -> None:
        if not self._mailboxes():
            parse_mailbox("")

    @property
    def account(self) -> Account | None:
        """The account of the server, whose limits count test messages, too."""
        return as_target(self.server).account

    @property
    def ledger_name(self) -> str:
        """The ledger of test messages."""
        return _TEST

    @property
    def test_to(self) -> str:
        """The test addresses, each once."""
        return listed(self.redirect().addresses)

    @property
    def most(self) -> int | None:
        """The number of recipients whose messages are sent; None for the review set."""
        return self.count

    @property
    def reviews(self) -> bool:
        """Whether the review set is sent."""
        return self.count is None

    def redirect(self) -> Redirect:
        """Return a redirection to the test addresses."""
        return Redirect(self._mailboxes(), sys.maxsize if self.count is None else self.count)

    def limit(self, asked: int | None) -> int | None:
        """Return None: the ledger of a test has no other recipients."""
        del asked
        return None

    def wait(self, asked: float | None) -> float:
        """Return 0 unless the user asks to wait, for example for greylisting."""
        return 0.0 if asked is None else asked

    def endpoint(self) -> AbstractContextManager[Endpoint]:
        """Return the server and its log-in."""
        return as_target(self.server).endpoint()

    def document(self) -> dict[str, Any]:
        """Return the test address; a list of several."""
        return {"test_to": self.address if isinstance(self.address, str) else list(self.address)}

    def _mailboxes(self) -> list[Mailbox]:
        given = (self.address,) if isinstance(self.address, str) else self.address
        return [parse_mailbox(one.strip()) for one in given]


@dataclass(frozen=True, slots=True)
class Drafts(Target):
    """The drafts folder of a mailbox: each message becomes a draft, and none is sent."""

    mailbox: ImapAccount = field(repr=False)

    @classmethod
    def of_settings(cls, settings: Settings, ask: Callable[[str], str] | None = None) -> Drafts:
        """Return the target for the mailbox that [imap] and [smtp] describe.

        `ask` shows a question and returns the answer; None without a terminal.

        Raises:
            CampaignError: no IMAP server or user name is named.
        """
        return cls(imap_account(settings, ask))

    @property
    def server_name(self) -> str:
        """The folder in words."""
        user, host = self.mailbox.username, self.mailbox.host
        return tr("the drafts of {username} at {host}", username=user, host=host)

    @property
    def counts_quotas(self) -> bool:
        """False: nothing is sent."""
        return False

    @property
    def drafts(self) -> ImapAccount:
        """The mailbox."""
        return self.mailbox


@dataclass(frozen=True, slots=True)
class DryRun(Target):
    """A job for `server` that ends before the first connection; its ledger is only read."""

    server: AnyServer = field(default_factory=NoServer)

    @property
    def _target(self) -> Target:
        return as_target(self.server)

    @property
    def account(self) -> Account | None:
        """The account of the server."""
        return self._target.account

    @property
    def server_name(self) -> str:
        """The server in words."""
        return self._target.server_name

    @property
    def ledger_name(self) -> str:
        """The ledger that a real job would use."""
        return self._target.ledger_name

    @property
    def sends(self) -> bool:
        """False: nothing is sent."""
        return False

    @property
    def in_hours(self) -> bool:
        """Whether the hours hold for the server's target."""
        return self._target.in_hours

    @property
    def test_to(self) -> str:
        """The test addresses of the server's target."""
        return self._target.test_to

    @property
    def reviews(self) -> bool:
        """Whether the server's target uses only the review set."""
        return self._target.reviews

    @property
    def most(self) -> int | None:
        """The maximum number of recipients of the server's target."""
        return self._target.most

    def redirect(self) -> Direct:
        """Return the redirection of the server's target."""
        return self._target.redirect()

    def limit(self, asked: int | None) -> int | None:
        """Return the limit of the server's target."""
        return self._target.limit(asked)

    def wait(self, asked: float | None) -> float | None:
        """Return the wait of the server's target."""
        return self._target.wait(asked)

    def endpoint(self) -> AbstractContextManager[Endpoint]:
        """Raise CampaignError: a dry run does not connect."""
        raise CampaignError(tr("a dry run does not connect"), code="no-server")


AnyServer = Server | Address | Target
"""The values that a job accepts as its server; a server means a RealServer."""


def as_target(server: AnyServer) -> Target:
    """Return the target for a server; a target is returned unchanged."""
    return server if isinstance(server, Target) else RealServer.of(server)
