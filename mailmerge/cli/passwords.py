"""The question for a password: the host is looked up first, and a refused password is asked again.

The password is tried at once by a log-in. So a mistyped password costs the answer, not the check
and the confirmation before it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mailmerge.cli.questions import read_answer
from mailmerge.cli.terminal import ask_password, say
from mailmerge.language import tr
from mailmerge.wording import counted

if TYPE_CHECKING:
    from mailmerge.credentials import Account
    from mailmerge.smtp import Credentials

TRIES: Final = 3
_YES: Final = frozenset({"y", "yes", "是"})


def password_prompt(
    account: Account, *, offers_to_keep: bool = False
) -> Callable[[str], str] | None:
    """A function (prompt) -> password that the server accepts; None without a terminal.

    After three refused passwords the function returns the last one, and the caller meets the
    refusal. With `offers_to_keep` it offers to store an accepted password in the keyring.

    The function raises:
        ServerUnreachable: the server has no address, so there is nothing to ask.
        MailmergeError: the server cannot be reached.
    """
    ask = ask_password()
    if ask is None:
        return None

    def asked(prompt: str) -> str:
        if not _has_address(account):
            _try(account, "")  # raises the usual error, with its hint
        password = ""
        for left in reversed(range(TRIES)):
            password = ask(prompt)
            if not password or _try(account, password):
                break
            if left:
                say(
                    tr(
                        "The server refused this password; {tries} left.",
                        tries=counted(left, "try", "tries"),
                    )
                )
        else:
            return password
        if password and offers_to_keep:
            _offer_to_keep(account, password)
        return password

    return asked


def _has_address(account: Account) -> bool:
    if account.server.socket:
        return True
    try:
        return bool(socket.getaddrinfo(account.server.host, account.server.port))
    except (OSError, UnicodeError):
        return False


def log_in_and_quit(account: Account, credentials: Credentials) -> None:
    """Connect and log in as a run would, and print nothing.

    Raises:
        MailmergeError: the server refuses, or cannot be reached.
    """
    from mailmerge.providers.dialogue import Explainer, examine

    name = account.provider.name if account.provider else ""
    explainer = Explainer(lambda _: None, provider=name)
    examine(account.server, credentials, explainer)


def _try(account: Account, password: str) -> bool:
    """Log in and quit. Returns False if the server refuses this password.

    Raises:
        MailmergeError: any other failure.
    """
    from mailmerge.credentials import with_password
    from mailmerge.errors import AuthenticationRefused

    try:
        log_in_and_quit(account, with_password(account, password))
    except AuthenticationRefused as error:
        if error.problem.code != "login-refused":
            raise
        return False
    return True


def _offer_to_keep(account: Account, password: str) -> None:
    from mailmerge.credentials import has_keyring, store_password

    if not has_keyring():
        return
    say(
        tr(
            "The server accepts it. Keep the password of {username} in the keyring? [y/N]",
            username=account.username,
        )
    )
    if read_answer().casefold() in _YES:
        store_password(account, password)
        say(tr("The password is stored. `mailmerge login --forget` removes it."))
