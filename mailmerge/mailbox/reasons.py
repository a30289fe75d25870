"""Why a message came back: status code and text of a server -> a reason, and whether it is final.

A *hard* bounce says that the address will never take mail: it does not exist, its domain does not,
it has moved, or it takes no mail at all. Everything else is *soft*: a full mailbox, a block list, a
size limit or a server that is down say nothing about the address. Such an address may be written to
again.

What can go wrong: the status code alone is not enough. Servers report a full mailbox as 5.1.1, a
spam filter as 5.1.1, and an unknown user as 5.7.1 or 5.0.0 (RFC 3463 defines the codes; the text is
what the administrator wrote). So texts that can mean only one thing come first, then the code, then
the texts that are vague. A code 5.1.1 counts only if no text contradicts it. In doubt the bounce is
soft: that costs another message, while a wrong hard one costs a reader.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from mailmerge.language import marked, tr


class Reason(StrEnum):
    """Why a message came back."""

    NO_SUCH_ADDRESS = "no-such-address"
    NO_SUCH_DOMAIN = "no-such-domain"
    MOVED = "moved"
    TAKES_NO_MAIL = "takes-no-mail"
    MAILBOX_FULL = "mailbox-full"
    DISABLED = "disabled"
    TOO_BIG = "too-big"
    RELAY_DENIED = "relay-denied"
    NOT_AUTHENTICATED = "not-authenticated"
    BLOCKED = "blocked"
    SPAM = "spam"
    VIRUS = "virus"
    CONTENT = "content"
    POLICY = "policy"
    TOO_FAST = "too-fast"
    EXPIRED = "expired"
    NETWORK = "network"
    SERVER = "server"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def hard(self) -> bool:
        """Whether the address will never take mail."""
        return self in _HARD

    @property
    def words(self) -> str:
        """The reason in words."""
        return tr(_WORDS[self])


_HARD: Final = frozenset(
    {Reason.NO_SUCH_ADDRESS, Reason.NO_SUCH_DOMAIN, Reason.MOVED, Reason.TAKES_NO_MAIL}
)

_WORDS: Final = {
    Reason.NO_SUCH_ADDRESS: marked("the address does not exist"),
    Reason.NO_SUCH_DOMAIN: marked("the domain of the address does not exist"),
    Reason.MOVED: marked("the mailbox has moved to another address"),
    Reason.TAKES_NO_MAIL: marked("the domain takes no mail"),
    Reason.MAILBOX_FULL: marked("the mailbox is full"),
    Reason.DISABLED: marked("the mailbox is disabled"),
    Reason.TOO_BIG: marked("the message is too big"),
    Reason.RELAY_DENIED: marked("the server does not relay to this address"),
    Reason.NOT_AUTHENTICATED: marked("SPF, DKIM or DMARC of the sender failed"),
    Reason.BLOCKED: marked("the sending server or the sender is blocked"),
    Reason.SPAM: marked("the message was taken for spam"),
    Reason.VIRUS: marked("the message was taken for a virus"),
    Reason.CONTENT: marked("the content was refused"),
    Reason.POLICY: marked("a policy of the receiver refuses it"),
    Reason.TOO_FAST: marked("too many messages or connections"),
    Reason.EXPIRED: marked("the server could not deliver it in time"),
    Reason.NETWORK: marked("the receiving server could not be reached"),
    Reason.SERVER: marked("the receiving server has a fault"),
    Reason.REFUSED: marked("the receiver refused it"),
    Reason.UNKNOWN: marked("the server gave no reason that is known"),
}

# A star stands for any text in between. All phrases are in small letters, with single spaces.
_Table = tuple[tuple[Reason, tuple[str, ...]], ...]
_AGAINST_THE_CODE: Final[_Table] = (
    (Reason.NO_SUCH_ADDRESS, ("the account or domain may not exist",)),
    (
        Reason.MAILBOX_FULL,
        (
            "mailbox full", "mailbox is full", "full mailbox", "inbox is full", "mailfolder is full", "mailbox_full",
            "over quota", "overquota", "over-quota", "over the quota", "over the allowed quota", "over disk quota",
            "exceeded*quota", "exceeds*quota", "exceeding*quota", "quota*exceeded", "out of quota", "quota violation",
            "disk quota", "disc quota", "diskspace quota", "quotaexceeded", "mailboxfull", "storeexhausted", "dépassé son quota",
            "out of storage", "storage space", "storage allocation", "storage limit", "maximum allowed storage", "not enough storage",
            "insufficient*space", "not sufficient disk space", "exceeded its disk space", "does not have enough space",
            "mailbox size limit exceeded", "mailbox exceeded the local limit", "mailbox*has exceeded", "mailbox limit", "mailbox exceeds",
            "too many messages on the server", "reached disk quota", "user's mailbox is too large", "mail file size exceeds",
            "has too much mail", "too much mail data", "is exceeding*limit", "exceeding receiving limits",
            "destinataire pleine", "boîte aux lettres pleine", "postfach ist voll", "postfach voll", "speicherplatz*überschritten",
            "quota superata", "casella piena", "buzón lleno", "caixa postal cheia", "переполнен", "превышен*квот",
            "空间已满", "邮箱已满", "容量已满", "信箱已满", "空间不足", "メールボックスが一杯", "容量を超え", "容量オーバー", "편지함이 가득",
            "no space left on device",
        ),
    ),
    (
        Reason.TOO_BIG,
        (
            "message too big", "message too large", "message is too big", "message is too large", "message too long",
            "message size exceeds", "message length exceeds", "message exceeds*size", "message header size*exceed", "exceeds maximum message size",
            "exceeds the maximum*size", "max message size exceeded", "max size exceeded", "exceeded maximum inbound message size",
            "exceeds the size limit", "line limit exceeded", "message file too big", "size limit", "larger than the current",
            "too large for this", "rst.recipsizelimit", "messagetoolarge", "email size*exceed", "size*exceeds*maximum",
            "taille limite du message", "nachricht ist zu groß", "mensaje demasiado grande", "邮件大小超过", "邮件过大", "大きすぎ",
        ),
    ),
    (
        Reason.MOVED,
        (
            "has moved", "has been moved to", "has been changed to", "has been replaced by", "address changed", "new email address is",
            "user is now known as", "recipient has changed", "ist umgezogen", "has a new address",
        ),
    ),
    (
        Reason.DISABLED,
        (
            "been suspended", "is suspended", "user suspended", "account suspended", "mailbox suspended", "recipient suspended", "currently suspended", "is temporarily suspended", "is disabled", "mailbox disabled", "been disabled", "account disabled", "user disabled", "account is locked",
            "temporarily locked", "temporary locked", "inactive account", "account is inactive", "invalid/inactive user", "inactive user", "temporarily inactive",
            "deactivated mailbox", "mailbox is frozen", "archived recipient", "destinataire archivee", "unavailable or access denied",
            "suspend the service", "user is terminated", "extended inactivity", "disabled or discontinued", "user or domain is disabled",
            "已停用", "被禁用", "已被停用", "已冻结", "is not active anymore",
        ),
    ),
    (
        Reason.REFUSED,  # filters of mobile phone operators, which answer as if there were no user
        ("550 : user unknown", "550: : user unknown", "domain-filter", "domain filter"),
    ),
    (
        Reason.VIRUS,
        ("virus detected", "contains a virus", "contains virus", "infected", "malware", "virus found", "had a virus", "suspicious virus", "trojan", "the following virus"),
    ),
    (
        Reason.BLOCKED,
        (
            "blocked using", "blacklist", "black list", "block list", "blocklist", "dnsbl", "spamhaus", "barracudacentral", "spamcop", "sorbs", "banned sending ip",
            "reputation", "ip address*blocked", "client host*blocked", "client host rejected", "reverse dns", "ptr record", "no ptr", "reverse mapping", "reverse hostname",
            "cannot find your hostname", "cannot find your reverse", "unfortunately, messages from", "helo command rejected", "rejecting open proxy", "dynamic ip", "too many spams",
            "group you tried to contact", "groupe que vous", "群組", "群组", "グループ", "grupo que", "gruppe, ", "unroutable sender", "unrouteable sender", "sender domain",
            "user complaints", "sender address rejected", "sender verify failed", "domain of sender address", "发信ip", " rbl ",
        ),
    ),
    (
        Reason.TOO_FAST,
        ("too many recipients this hour", "rate limit", "ratelimit", "too many connections", "too many concurrent", "throttl", "sending rate", "per hour", "frequency limited", "频率"),
    ),
)  # fmt: skip
"""Texts that can mean only one thing, whatever the code is."""

_BY_TEXT: Final[_Table] = (
    (
        Reason.NOT_AUTHENTICATED,
        (
            "dmarc", "spf check", "spf fail", "fail spf", "failed spf", "spf: fail", "spf hard fail", "spf validation", "spf-record", "spf record", "spf result", "openspf",
            "sender policy framework", "(spf)", "dkim", "unauthenticated email", "is not authenticated", "is unauthenticated", "not pass authentication", "didn't pass authentication",
            "authentication tests", "failed authentication", "sender id (pra)", "spf:", "spf (",
        ),
    ),
    (
        Reason.RELAY_DENIED,
        (
            "relaying denied", "relay access denied", "relay denied", "relaying is prohibited", "relaying not", "unable to relay", "to relay", "do not relay", "relaying prohibited", "no relaying",
            "relay not permitted", "relaying mail to*not allowed", "as a relay", "relay operation rejected", "insecure mail relay", "relaying disallowed", "cannot relay", "will not relay",
            "list of allowed rcpthosts", "authentication required for relay", "no relay access", "relaynotallowed",
        ),
    ),
    (
        Reason.NO_SUCH_DOMAIN,
        (
            "host unknown", "unknown host", "host not found", "host*not found", "domain*not reachable", "domain not found", "no such domain", "unknown domain", "nxdomain", "domain name not found", "domain does not exist", "nonexistent domain",
            "non-existent domain", "unrouteable", "unroutable", "couldn't find any host", "can't find any host", "no mx or a record", "no mail exchanger", "recipient domain must exist",
            "name or service not known", "illegal host/domain name", "domain mentioned in email address is unknown", "domain must resolve", "address lookup failed", "no such host", "unable to find dns records",
            "bad destination host", "domain*does not exist", "domain*could not be found", "account or domain may not exist", "域名不存在", "answer with no data", "couldn't be found", "no route found to domain",
            "no mail hosts for domain", "couldn't resolve host", "dns domain*does not", "all relevant mx records point to non-existent", "domain isn't in my list", "illegal domain", "server for*not exist",
        ),
    ),
    (
        Reason.TAKES_NO_MAIL,
        (
            "null mx", "nullmx", "does not accept mail", "does not accept e-mail", "domain accepts no mail", "doesn't accept mail", "does not receive mail", "doesn't receive mail", "smtp protocol returned a permanent error",
            "indicated no smtp service", "no mx record found", "invalid mx", "mx record points to", "mx records point to", "listed in mx",
        ),
    ),
    (
        Reason.NO_SUCH_ADDRESS,
        (
            "user unknown", "unknown user", "userunknown", "unknown address", "unknown recipient", "unknown mailbox", "unknown local", "unknown email", "unknown e-mail", "unknown account", "recipient*unknown", "address unknown", "not known",
            "no such user", "no such recipient", "no such address", "no such mailbox", "no such person", "no such account", "no such local", "no such email", "no such e-mail", "nosuchuser",
            "user*does not exist", "address*does not exist", "mailbox*does not exist", "account*does not exist", "recipient*does not exist", "doesn't exist", "not exist", "no existe", "n'existe pas", "existiert nicht", "non esiste", "não existe", "не существует", "不存在",
            "existent user", "existent mailbox", "user not found", "user was not found", "recipient not found", "mailbox not found", "address not found", "account not found", "recipientnotfound", "recipient notfound",
            "email address could not be found", "wasn't found at", "was not found", "> not found", "not found in", "not listed in", "invalid recipient", "invalid mailbox", "invalid address", "invalid user", "invalid account", "invalid final delivery userid",
            "address invalid", "mailbox invalid", "bad recipient", "bad destination mailbox", "bad address", "badrcptto", "badrecipientto", "not a valid", "not in my validrcptto", "not a known user", "not our customer", "not a local address", "recipient is not local",
            "no mailbox", "no account", "no mail box", "no one at this address", "user missing", "user doesn't have", "have a*account", "not recognized", "unable to deliver to recipient: user", "recipient address rejected: access denied", "recipient address rejected: user", "recipient address rejected: invalid",
            "no longer accepts mail", "no longer valid", "no longer exist", "no longer on server", "not on this server", "not hosted here", "not active address", "is not an active address", "account is unavailable", "account unavailable", "account has been closed", "account closed",
            "destinataire invalide", "utilisateur inconnu", "utente simile", "utente sconosciuto", "unbekannt", "usuario desconocido", "desconocido", "ありません", "見つかりません", "用户不存在", "name directory", "not present in directory",
            "can't accept user", "unrecognized recipient", "unable to find user", "addressee unknown", "addresses were unknown", "illegal alias", "not a registered", "wrong or no longer valid", "has no mailbox", "unknown or",
        ),
    ),
    (
        Reason.BLOCKED,
        (
            "listed at", "listed by", "rbl", "ip*is blocked", "sender*rejected", "connection refused by", "go away", "esmtp not accepting", "not accepting mail from", "not accepting messages from", "unresolvable", "your ip", "your network", "not allowed to send mail from",
            "mail from*refused", "access from*denied", "suspicious due to the nature", "blocked by", "is blocked", "been blocked", "was blocked", "service refused", "connections not accepted", "connections will not be accepted", "sender denied",
            "access denied", "you have been denied", "invalid sender", "backscatter", "closing transmission channel", "unknown sender", "not member", "only members", "specific email addresses", "specific addresses", "connection rejected", "bad sender", "sender not",
            "permission to post", "isn't allowed to post", "not authorized to send", "may not exist, or you may not", "group you tried to contact", "groupe que vous", "this group", "grupp", "gruppe",
            "lookup failure", "does not resolve", "dns lookup",
        ),
    ),
    (
        Reason.SPAM,
        ("spam", "content rejected", "junk mail", "bulk mail", "bulk e-mail", "bulk email", "unsolicited", "phishing", "垃圾邮件", "surbl", "uribl", "message looks like", "identified as junk", "considered as ube"),
    ),
    (
        Reason.TOO_FAST,
        (
            "too many messages", "too many recipients", "rate-limit", "rate is limited", "rate that", "too many emails", "too many smtp sessions", "too much mail", "maximum number of connections", "connection limit", "mail rate", "connection rate",
            "too quickly", "too fast", "exceeded*per day", "message limit exceeded", "limit exceeded", "sending limit",
        ),
    ),
    (
        Reason.REFUSED,
        ("user rules", "recipient preferences", "refuses to receive", "user refuses", "by the recipient", "not accepting any mail", "recipient filter", "rejected by recipient", "account is protected", "refuse to receive", "restricted sms", "domain filter", "domain-filter", "rejected by a remote"),
    ),
    (
        Reason.EXPIRED,
        (
            "expired", "retry timeout", "retry time not reached", "could not be delivered for", "timed out", "timeout", "time out", "for more than", "too long in", "queue too long", "unable to deliver*days", "will keep trying", "will continue trying",
            "will be retried", "maximum retry", "delayed", "not yet been delivered", "deferred", "days in queue", "giving up", "was undeliverable within", "not delivered within", "socket error", "retry count", "delivery failed*attempts", "has been in the queue", "within*days",
        ),
    ),
    (
        Reason.NETWORK,
        (
            "connection refused", "connection reset", "connection lost", "lost connection", "no route to host", "network is unreachable", "host is unreachable", "loops back", "too many hops", "hop count", "loop", "could not connect", "couldn't connect", "unable to connect",
            "cannot connect", "dns error", "connection was dropped", "connection dropped", "conversation with", "name server", "temporary lookup", "bad connection", "unreachable", "no answer from host", "communication failure", "connection established", "smtp connection",
        ),
    ),
    (
        Reason.CONTENT,
        ("content", "attachment", "header error", "improper", "bare lf", "bare linefeed", "contains illegal", "malformed", "8-bit", "charset", "mime", "executable", "header field", "multiple*header", "duplicate header", "rfc 5322", "rfc 2822", "rfc5322", "rfc2822", "media error"),
    ),
    (
        Reason.POLICY,
        ("policy", "not permitted", "prohibited", "not allowed", "security", "not authorized", "unauthorized", "authorization", "authentication", "by administrator", "denied", "verification", "starttls", "restricted", "restriction", "tls"),
    ),
    (
        Reason.SERVER,
        (
            "configuration error", "system config", "internal error", "internal software", "service unavailable", "service not available", "unable to open", "system failure", "system error", "transaction failed", "currently unavailable", "disk full", "insufficient system", "aliasing/forwarding", "broken pipe", "local error",
            "command died", "command failed", "command output", "mailer died", "exit status", "unable to create", "pipe to", "procmail", "temporary failure", "temporarily unavailable", "out of memory", "can't create", "cannot open", "internal server", "misconfigur", "x-unix", "mailer error", "on hold",
        ),
    ),
    (
        Reason.NO_SUCH_ADDRESS,
        (
            "recipient rejected", "recipient not accepted", "recipient not ok", "recipient is not accepted", "recipient refused", "mailbox unavailable", "mailbox is unavailable", "mailbox unavaiable", "mailbox not available", "mailbox is inactive", "no longer available", "undeliverable address",
            "no valid recipient", "no recipients", "is not valid", "user reject", "could not be found", "not active", "refuses to accept your mail", "recipient has been denied", "no mail here", "recipient address rejected. (in reply to rcpt", "unknown",
        ),
    ),
)  # fmt: skip
"""Texts in the order of what they prove; the first that fits decides."""

_BY_STATUS: Final = {
    "1.1": Reason.NO_SUCH_ADDRESS, "1.0": Reason.NO_SUCH_ADDRESS, "1.3": Reason.NO_SUCH_ADDRESS, "1.4": Reason.NO_SUCH_ADDRESS,
    "1.2": Reason.NO_SUCH_DOMAIN, "1.6": Reason.MOVED, "1.10": Reason.TAKES_NO_MAIL, "1.7": Reason.BLOCKED, "1.8": Reason.BLOCKED,
    "2.0": Reason.REFUSED, "2.1": Reason.DISABLED, "2.2": Reason.MAILBOX_FULL, "2.3": Reason.TOO_BIG, "2.4": Reason.SERVER,
    "3.0": Reason.SERVER, "3.1": Reason.SERVER, "3.2": Reason.TAKES_NO_MAIL, "3.3": Reason.SERVER, "3.4": Reason.TOO_BIG, "3.5": Reason.SERVER,
    "4.1": Reason.EXPIRED, "4.2": Reason.NETWORK, "4.3": Reason.SERVER, "4.4": Reason.NO_SUCH_DOMAIN, "4.5": Reason.TOO_FAST, "4.6": Reason.NETWORK, "4.7": Reason.EXPIRED, "4.0": Reason.NETWORK,
    "5.0": Reason.SERVER, "5.2": Reason.CONTENT, "5.3": Reason.TOO_FAST, "5.4": Reason.CONTENT, "5.6": Reason.CONTENT,
    "6.0": Reason.CONTENT, "6.1": Reason.CONTENT, "6.2": Reason.CONTENT, "6.3": Reason.CONTENT, "6.5": Reason.CONTENT, "6.6": Reason.CONTENT,
    "0.0": Reason.UNKNOWN, "7.0": Reason.POLICY, "7.1": Reason.POLICY, "7.2": Reason.POLICY, "7.7": Reason.CONTENT, "7.13": Reason.DISABLED, "7.17": Reason.NO_SUCH_ADDRESS,
    "7.20": Reason.NOT_AUTHENTICATED, "7.21": Reason.NOT_AUTHENTICATED, "7.22": Reason.NOT_AUTHENTICATED, "7.23": Reason.NOT_AUTHENTICATED,
    "7.24": Reason.NOT_AUTHENTICATED, "7.25": Reason.BLOCKED, "7.26": Reason.NOT_AUTHENTICATED, "7.27": Reason.BLOCKED, "7.28": Reason.TOO_FAST,
}  # fmt: skip
"""The reason of a status code without its class (RFC 3463, RFC 7372, RFC 7504, RFC 7505)."""

_VAGUE: Final = frozenset({"3.2", "1.10", "1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "7.1", "0.0", "4.7", "4.1", "2.1", "1.2", "4.4"})
"""Codes that servers use for anything, so that the text decides."""

_KNOWS_USERS: Final = "This user doesn't have a"
"""Yahoo looks the address up after the text of the message."""

_SPACE: Final = re.compile(r"\s+")
_LONGEST: Final = 1500


def reason_of(status: str, text: str, *, after_data: bool = False) -> Reason:
    """Return the reason of a bounce.

    Args:
        status: the enhanced status code, such as "5.1.1"; "" if there is none.
        text: what the server said.
        after_data: the server had accepted the address, and refused only after the text came. Then
            "user unknown" is the answer of a filter and says nothing about the address.
    """
    found = _reason(status, text)
    filtered = after_data and found is Reason.NO_SUCH_ADDRESS and _KNOWS_USERS not in text
    return Reason.REFUSED if filtered else found


def _reason(status: str, text: str) -> Reason:
    small = _SPACE.sub(" ", text[:_LONGEST].lower()).replace("’", "'")
    detail = status.partition(".")[2]
    found = _first(_AGAINST_THE_CODE, small)
    if found is not None:
        return found
    by_code = _BY_STATUS.get(detail)
    if by_code is not None and detail not in _VAGUE:
        return by_code
    return _first(_BY_TEXT, small) or (by_code if by_code is not Reason.UNKNOWN else None) or _by_class(status)


def _by_class(status: str) -> Reason:
    if status[2:].startswith("7."):
        return Reason.POLICY
    return Reason.EXPIRED if status.startswith("4") else Reason.UNKNOWN


def _first(table: _Table, text: str) -> Reason | None:
    for reason, phrases in table:
        for phrase in phrases:
            if phrase in text or ("*" in phrase and _has_in_order(phrase, text)):
                return reason
    return None


def _has_in_order(phrase: str, text: str) -> bool:
    first, _, second = phrase.partition("*")
    at = text.find(first)
    return at >= 0 and text.find(second, at + len(first)) >= 0
