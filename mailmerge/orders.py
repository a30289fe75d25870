"""What a person asks of `send`: for real, or one of three ways to try it first."""

from __future__ import annotations

from dataclasses import dataclass

from mailmerge.errors import CampaignError
from mailmerge.ledger.interface import InDoubt
from mailmerge.settings import Rate

SANDBOX = "sandbox"
TRIAL = "trial"
LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Orders:
    """What the person asked for; None means what campaign.toml says.

    `test_to` is an address of their own, `faults` the seed of a sandbox that misbehaves.

    Raises:
        CampaignError: two of them contradict each other.
    """

    dry_run: bool = False
    sandbox: bool = False
    faults: int | None = None
    test_to: str = ""
    where: str = ""
    only: str = ""
    limit: int | None = None
    rates: tuple[Rate, ...] | None = None
    connections: int | None = None
    window: int | None = None
    wait: float | None = None
    in_doubt: InDoubt = "hold"
    retry_rejected: bool = False
    accept_changes: bool = False

    def __post_init__(self) -> None:
        if self.faults is not None and not self.sandbox:
            raise CampaignError("--faults are for a rehearsal", hint="add --sandbox", code="usage")
        if self.sandbox and self.test_to:
            raise CampaignError(
                "--test-to goes over the real server and --sandbox does not",
                hint="leave one of them out",
                code="usage",
            )

    @property
    def for_real(self) -> bool:
        """Whether messages would leave this machine for the people of the spreadsheet."""
        return not (self.dry_run or self.sandbox or self.test_to)

    @property
    def partial(self) -> bool:
        """Whether only some of the people are meant."""
        return bool(self.where or self.only)

    @property
    def ledger(self) -> str:
        """The name of the ledger: only what is for real goes into the campaign's own."""
        return SANDBOX if self.sandbox else TRIAL if self.test_to else LEDGER
