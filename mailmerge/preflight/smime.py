"""Rules on [message.smime]: a certificate that the mail programs of the readers accept.

Whether the certificate and its key can be used at all, and whether it is valid today, is decided
where the signer is made (signing/certificates.py); the message maker reports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mailmerge.errors import CampaignError, Problem
from mailmerge.language import tr, trn
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.sender import sender_of
from mailmerge.settings import CAMPAIGN_FILE
from mailmerge.signing.certificates import addresses_of
from mailmerge.signing.settings import smime_identity

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from mailmerge.signing.smime import SmimeIdentity

_COLUMN: Final = "message.smime.certificate"
_SOON: Final = timedelta(days=30)
_SMALLEST_RSA: Final = 2048  # bits (RFC 8550, 4.3)


def check_certificate_address(setup: Setup) -> Iterator[Problem]:
    """The certificate is for the address of From; readers see a warning otherwise (RFC 8550, 3)."""
    identity, sender = _identity(setup), sender_of(setup)
    if identity is None or sender is None:
        return
    found = addresses_of(identity.certificate)
    own = {sender.address.casefold(), sender.forward_path.casefold()}
    if own.isdisjoint(address.casefold() for address in found):
        listed = ", ".join(found) or tr("no address")
        message = tr(
            "the certificate is for {addresses}, and From is {sender}",
            addresses=listed, sender=sender.address,
        )  # fmt: skip
        hint = tr("use a certificate for {sender}", sender=sender.address)
        yield Problem("error", "smime-address", message, CAMPAIGN_FILE, column=_COLUMN, hint=hint)


def check_certificate_expiry(setup: Setup) -> Iterator[Problem]:
    """The certificate is valid for some time to come."""
    identity = _identity(setup)
    if identity is None:
        return
    left = identity.certificate.not_valid_after_utc - setup.now
    if left < _SOON:
        message = trn(
            "the certificate expires in {count} day, on {day}",
            "the certificate expires in {count} days, on {day}",
            left.days,
            day=f"{identity.certificate.not_valid_after_utc:%Y-%m-%d}",
        )
        yield _warning("smime-expires", message, tr("renew it"))


def check_certificate_use(setup: Setup) -> Iterator[Problem]:
    """The certificate may sign mail, and its key is large enough (RFC 8550, 4.3 and 4.4)."""
    identity = _identity(setup)
    if identity is None:
        return
    if not _may_sign_mail(identity.certificate):
        hint = tr("get a certificate for e-mail protection")
        yield _warning("smime-usage", tr("the certificate is not made for signing mail"), hint)
    bits = identity.key.key_size
    if _is_rsa(identity) and bits < _SMALLEST_RSA:
        message = tr("the RSA key of the certificate has {bits} bits", bits=bits)
        hint = tr("get a certificate with a key of {bits:,} bits or more", bits=_SMALLEST_RSA)
        yield _warning("smime-key-size", message, hint)


def check_certificate_chain(setup: Setup) -> Iterator[Problem]:
    """The certificates between the sender's and the root are part of the message."""
    identity = _identity(setup)
    if identity is None:
        return
    own = identity.certificate
    if own.issuer == own.subject:
        message = tr("the certificate is self-signed, so mail programs do not trust it")
        hint = tr("get one from a certificate authority, unless your readers have imported this")
        yield _warning("smime-chain", message, hint)
    elif all(own.issuer != one.subject for one in identity.chain):
        message = tr("the certificate of the issuer is missing, so some mail programs trust none")
        hint = tr('add the intermediate certificates: chain = "chain.pem"')
        yield _warning("smime-chain", message, hint)


def check_smime_encoding(setup: Setup) -> Iterator[Problem]:
    """A signature on 8-bit text may break on the way (RFC 8551, 3.1.3; RFC 6376, 5.3)."""
    message = setup.campaign.message
    if message.encoding != "8bit":
        return
    if message.smime is not None:
        said = tr('encoding = "8bit" has no effect with S/MIME: signed text is 7-bit')
    elif message.dkim:
        said = tr("a relay that encodes 8-bit text again breaks the DKIM signature")
    else:
        return
    hint = tr("remove encoding")
    yield Problem(
        "warning", "signed-8bit", said, CAMPAIGN_FILE, column="message.encoding", hint=hint
    )


def _identity(setup: Setup) -> SmimeIdentity | None:
    try:
        return smime_identity(setup.campaign, setup.now)
    except CampaignError:
        return None  # the message maker reports it


def _may_sign_mail(certificate: Certificate) -> bool:
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound, KeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID

    extensions = certificate.extensions
    try:
        usage = extensions.get_extension_for_class(KeyUsage).value
        if not (usage.digital_signature or usage.content_commitment):
            return False
    except ExtensionNotFound:
        pass  # no limit
    try:
        purposes = extensions.get_extension_for_class(ExtendedKeyUsage).value
    except ExtensionNotFound:
        return True
    wanted = (ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    return any(purpose in purposes for purpose in wanted)


def _is_rsa(identity: SmimeIdentity) -> bool:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    return isinstance(identity.key, RSAPrivateKey)


def _warning(code: str, message: str, hint: str) -> Problem:
    return Problem("warning", code, message, CAMPAIGN_FILE, column=_COLUMN, hint=hint)
