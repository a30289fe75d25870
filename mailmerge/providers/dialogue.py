"""A server and a log-in -> the whole dialogue, line by line, each reply explained.

`examine` connects as a run would, may try an envelope (MAIL, RCPT, RSET: no message is sent), and
reports the extensions of the server. It passes on each line as it comes, and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mailmerge.errors import MailmergeError, ServerRefused
from mailmerge.providers.catalogue import Language, chosen_language, known_text, text
from mailmerge.providers.explanations import Explanation, explain, step_of
from mailmerge.providers.hints import as_user_error
from mailmerge.smtp import Awaited, Capabilities, Client, Credentials, Envelope, Reply, Server
from mailmerge.smtp.errors import SmtpError


@dataclass(frozen=True, slots=True)
class DialogueLine:
    """One line of the dialogue, of the client (`C`) or of the server (`S`).

    `code` is the reply code, 0 for the client. The last line of a reply has an `explanation`, whose
    action is "" if there is nothing to do.
    """

    side: Literal["C", "S"]
    text: str
    code: int = 0
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class ServerReport:
    """The server's extensions, and its replies to MAIL and RCPT if an envelope was tried.

    `impossible` is the reason why the envelope could not be tried; "" if it could.
    """

    capabilities: Capabilities
    tls_version: str
    envelope_replies: tuple[Reply, ...] = ()
    impossible: str = ""

    @property
    def refusal(self) -> Reply | None:
        """The reply that refused the envelope; None if none did."""
        return next((reply for reply in self.envelope_replies if not reply.positive), None)

    def error(self) -> ServerRefused | None:
        """The error for an envelope that the server does not accept; None if it does."""
        if self.impossible:
            return ServerRefused(
                text("connect.impossible", reason=self.impossible),
                hint=text("connect.nothing-sent"),
                code="envelope-impossible",
            )
        if self.refusal is None:
            return None
        return ServerRefused(
            text("connect.refused", reply=self.refusal),
            hint=text("connect.below"),
            code="envelope-refused",
        )


class Explainer:
    """Explains each line of the client's trace, and passes it to `show`.

    The explanations are in `language`, by default that of the user.
    """

    def __init__(
        self,
        show: Callable[[DialogueLine], None],
        *,
        provider: str,
        language: Language | None = None,
    ) -> None:
        self._show = show
        self._provider = provider
        self._language: Language = language or chosen_language()
        self._commands: dict[Awaited, str] = {}
        self._reply: list[str] = []
        self._refusal: tuple[Awaited, str] | None = None

    def trace(self, side: str, line: str, awaited: Awaited | None) -> None:
        """Take one line of the dialogue, as `Client` traces it."""
        if side == "C":
            # During AUTH, a line that does not begin with AUTH answers a challenge.
            if awaited is not None and (awaited is not Awaited.AUTH or line.startswith("AUTH ")):
                self._commands[awaited] = line
            self._show(DialogueLine("C", line))
            return
        self._reply.append(line[4:])
        code = int(line[:3])
        if line[3:4] == "-":
            self._show(DialogueLine("S", line, code))
            return
        reply, self._reply = " ".join(filter(None, self._reply)), []
        if awaited is not None and known_text(f"refused.{awaited.name}"):
            self._refusal = (awaited, f"{code} {reply}".rstrip()) if code >= 400 else None
        self._show(DialogueLine("S", line, code, self._explained(code, reply, awaited)))

    def brief(self, error: MailmergeError) -> MailmergeError:
        """The error in the reader's language, without the explanation that was shown already."""
        message = error.problem.message
        if self._refusal is None or f'"{self._refusal[1]}"' not in message:
            return error
        awaited, reply = self._refusal
        if self._language == "zh":
            message = f'{text(f"refused.{awaited.name}", "zh")}："{reply}"'
        hint = text("connect.below", self._language)
        return type(error)(message, hint=hint, code=error.problem.code)

    def _explained(self, code: int, reply: str, awaited: Awaited | None) -> Explanation | None:
        command = "" if awaited is None else self._commands.get(awaited, awaited.name)
        if code >= 400:
            return explain(
                code, reply, provider=self._provider, language=self._language, step=step_of(command)
            )
        if code >= 300:
            return None
        verb = command.partition(" ")[0].upper()
        meaning = known_text(f"success.{verb}", self._language)
        return Explanation(meaning, "") if meaning else None


def examine(
    server: Server,
    credentials: Credentials | None,
    explainer: Explainer,
    *,
    envelope: Envelope | None = None,
) -> ServerReport:
    """Connect, log in, try the envelope if there is one, and quit.

    Raises:
        ServerError: as `Client.open` raises; all lines before it have been shown.
    """
    client = Client(server, credentials, trace=explainer.trace)
    try:
        capabilities = client.open()
        tls_version = client.tls_version
        impossible = client.impossible(envelope) if envelope else ""
        replies = client.probe(envelope) if envelope and not impossible else ()
    except SmtpError as error:
        raise as_user_error(error, host=server.host) from error
    finally:
        client.quit()
    return ServerReport(capabilities, tls_version, replies, impossible)
