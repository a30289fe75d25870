"""mailmerge login: logs in once with OAuth, or puts the password into the keyring, and tries it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.discovery import account_or_suggestion
from mailmerge.cli.passwords import log_in_and_quit
from mailmerge.cli.terminal import (
    CampaignPath,
    NoDns,
    ask_line,
    ask_password,
    reports_errors,
    say,
)
from mailmerge.language import tr

if TYPE_CHECKING:
    from mailmerge.credentials import Account
    from mailmerge.oauth.flows import Dialogue
    from mailmerge.oauth.grants import Tokens
    from mailmerge.oauth.servers import OAuthClient
    from mailmerge.smtp import Credentials


@reports_errors
def login(
    where: CampaignPath = Path(),
    device: Annotated[
        bool, typer.Option("--device", help="Show a code to type in a browser on another device.")
    ] = False,
    paste: Annotated[
        bool,
        typer.Option("--paste", help="Ask for the address at which a browser elsewhere ends."),
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the page's address, and open no browser.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Remove the stored log-in or password.")
    ] = False,
    no_dns: NoDns = False,
) -> None:
    """Log in to the server once; later commands use the stored log-in.

    OAuth opens a page of the service in the browser. Other services ask for the password, which the
    keyring of the system stores. Then the connection is tested; no message is sent.
    """
    from mailmerge.settings import load_settings

    settings = load_settings(where)
    account = account_or_suggestion(settings, ask_dns=not no_dns)
    _require_one_way(account, device, paste, no_browser, forget)
    if forget:
        _forget(account)
    elif account.oauth is not None:
        _log_in(account, account.oauth, _Way(device, paste, no_browser))
    else:
        _store_password(account)


class _Way:
    """How the user reaches the page of the service."""

    def __init__(self, device: bool, paste: bool, no_browser: bool) -> None:
        self._device = device
        self._paste = paste
        self._no_browser = no_browser

    def run(self, client: OAuthClient) -> Tokens:
        from mailmerge.oauth import flows

        dialogue = self._dialogue(client)
        if self._device:
            return flows.log_in_on_device(client, dialogue)
        if self._paste:
            return flows.log_in_with_paste(client, dialogue, ask_line)
        return flows.log_in_with_browser(client, dialogue)

    def _dialogue(self, client: OAuthClient) -> Dialogue:
        from mailmerge.credentials import client_secret
        from mailmerge.oauth.flows import Dialogue

        return Dialogue(
            say,
            secret=lambda: client_secret(client),
            open_browser=(lambda _: False) if self._no_browser else _open_browser,
        )


def _open_browser(url: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


def _require_one_way(
    account: Account, device: bool, paste: bool, no_browser: bool, forget: bool
) -> None:
    """The options do not exclude each other, and there is something to log in to."""
    from mailmerge.errors import CampaignError
    from mailmerge.settings import CAMPAIGN_FILE

    chosen = [device, paste, no_browser, forget]
    if sum(chosen) > 1:
        raise CampaignError(
            tr("--device, --paste, --no-browser and --forget exclude each other"),
            hint=tr("leave out all but one"),
            code="usage",
        )
    if not (account.username or forget):
        raise CampaignError(
            tr("there is no username, so this server needs no log-in"), file=CAMPAIGN_FILE,
            column="smtp.username", hint=tr("add username if it needs one"), code="usage",
        )  # fmt: skip
    if account.token_command and not forget:
        raise CampaignError(
            tr("token_command prints the token, so nothing is stored"), file=CAMPAIGN_FILE,
            column="smtp.token_command",
            hint=tr("`mailmerge connect` tests it; or replace it by client_id"), code="usage",
        )  # fmt: skip
    if account.oauth is None and (device or paste or no_browser):
        raise CampaignError(
            tr("this log-in uses a password, not a browser"), file=CAMPAIGN_FILE, column="smtp",
            hint=tr('add auth = "oauth" and client_id; docs/login.md has the steps'), code="usage",
        )  # fmt: skip


def _log_in(account: Account, client: OAuthClient, way: _Way) -> None:
    from mailmerge.credentials import with_token
    from mailmerge.errors import AuthenticationRefused
    from mailmerge.oauth.storage import LoginStore

    tokens = way.run(client)
    if not tokens.refresh:
        raise AuthenticationRefused(
            tr(
                "{title} gave no refresh token, so nothing can be stored", title=client.server.title
            ),
            hint=tr("add offline_access to scopes in [smtp.oauth], or the service's word for it"),
            code="oauth-no-refresh",
        )
    store = LoginStore(client)
    with store.lock():
        place = store.save(tokens.refresh)
    say(
        tr(
            "Logged in at {title}. The log-in is stored in {place}.",
            title=client.server.title,
            place=place,
        )
    )
    try:
        _try_connection(account, with_token(account, tokens.access))
    except AuthenticationRefused as error:
        other = tokens.account and tokens.account.lower() != client.username.lower()
        if not other or error.problem.code != "login-refused":
            raise
        raise AuthenticationRefused(
            tr(
                "the browser logged in as {account}, and username is {username}: {message}",
                account=tokens.account,
                username=client.username,
                message=error.problem.message,
            ),
            hint=tr("log out in the browser and run `mailmerge login` again, or correct username"),
            code="oauth-account",
        ) from error


def _store_password(account: Account) -> None:
    from mailmerge.credentials import password_question, store_password, with_password
    from mailmerge.errors import AuthenticationRefused

    ask = ask_password()
    if ask is None:
        raise AuthenticationRefused(
            tr("there is no terminal to ask for the password"),
            hint=tr("run it in a terminal, or set password_command"),
            code="no-password",
        )
    if account.provider is not None:
        say(
            tr(
                "{title} needs {login_hint}.",
                title=account.provider.title,
                login_hint=account.provider.login_hint(),
            )
        )
    password = ask(password_question(account))
    if not password:
        raise AuthenticationRefused(
            tr("no password was typed"), hint=tr("run `mailmerge login` again"), code="no-password"
        )
    _try_connection(account, with_password(account, password))
    store_password(account, password)
    say(tr("The password is stored in the keyring of the system."))


def _try_connection(account: Account, credentials: Credentials) -> None:
    """Connect and log in, as a run would.

    Raises:
        MailmergeError: the server refuses, or cannot be reached.
    """
    log_in_and_quit(account, credentials)
    say(
        tr(
            "It works: {server_name} accepts the log-in as {username}.",
            server_name=account.server_name,
            username=account.username,
        )
    )


def _forget(account: Account) -> None:
    from mailmerge.credentials import forget_password
    from mailmerge.oauth.storage import LoginStore

    if account.oauth is not None:
        store = LoginStore(account.oauth)
        with store.lock():
            existed = store.forget()
    else:
        existed = forget_password(account)
    say(tr("The stored log-in is removed.") if existed else tr("There was no stored log-in."))
