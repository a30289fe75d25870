"""A command of campaign.toml that prints a secret: a password, a token, a key."""

from __future__ import annotations

import locale
import subprocess

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.library_messages import system_reason
from mailmerge.portable.commands import split_command
from mailmerge.portable.programs import TooMuchOutput, read_output
from mailmerge.settings import CAMPAIGN_FILE

_LARGEST_OUTPUT = 16_384
"""The bytes that a command may print. A token or a private key has some thousands."""


def output_of_command(command: str, key: str, seconds: float) -> str:
    """The first line that a command prints; it runs without a shell, for at most `seconds`.

    Raises:
        CampaignError: the command failed; `key` of campaign.toml names it.
    """
    return whole_output(command, key, seconds).partition("\n")[0].removesuffix("\r")


def whole_output(command: str, key: str, seconds: float) -> str:
    """All that a command prints, such as a private key; otherwise as `output_of_command`."""
    try:
        output = read_output(split_command(command), seconds=seconds, size=_LARGEST_OUTPUT)
        return output.decode(locale.getpreferredencoding(do_setlocale=False))
    except (OSError, ValueError, subprocess.SubprocessError, TooMuchOutput) as error:
        raise CampaignError(
            tr("{key} failed: {error}", key=key, error=_reason(error)),
            file=CAMPAIGN_FILE,
            column=key,
            hint=tr("run it by hand to see its output"),
            code="command-failed",
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, TooMuchOutput):
        return tr(
            "it prints more than {limit:,} bytes; only a secret is expected",
            limit=_LARGEST_OUTPUT,
        )
    if isinstance(error, subprocess.CalledProcessError):
        return tr("exit status {status}", status=error.returncode)
    if isinstance(error, subprocess.TimeoutExpired):
        return tr("no answer within {timeout:g} seconds", timeout=error.timeout)
    return system_reason(error) if isinstance(error, OSError) else str(error)
