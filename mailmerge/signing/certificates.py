"""Certificates of S/MIME: PEM -> a certificate with its key, and the addresses that it is for.

A PEM text may hold several certificates: the first is that of the sender, the others its chain.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.signing.smime import SmimeIdentity

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate


def read_certificates(pem: bytes, column: str) -> list[Certificate]:
    """The certificates in a PEM text, in their order; `column` is the key that names it.

    Raises:
        CampaignError: there is none, or one cannot be read.
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CampaignError(
            tr("this is not a certificate in PEM form"), column=column,
            hint=tr("convert it: openssl x509 -in FILE -out certificate.pem"),
            code="smime-certificate",
        ) from error  # fmt: skip


def read_private_key(pem: bytes, column: str) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """The private key in a PEM text; other parts of the text, such as certificates, are ignored.

    Raises:
        CampaignError: there is none, it has a password, or it is neither RSA nor elliptic.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        hint = tr("decrypt it with key_command: openssl pkey -in FILE")
        raise _key_error(tr("the key has a password"), hint, column) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = tr("export it: openssl pkcs12 -in FILE.p12 -nodes -nocerts -out key.pem")
        raise _key_error(tr("this is not a private key in PEM form"), hint, column) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        hint = tr("get a certificate with an RSA key")
        raise _key_error(tr("S/MIME signs with RSA or ECDSA keys only"), hint, column)
    return key


def identity_of(
    certificates: list[Certificate],
    key: RSAPrivateKey | EllipticCurvePrivateKey,
    now: datetime,
) -> SmimeIdentity:
    """The sender's certificate with its key.

    Raises:
        CampaignError: the key belongs to another certificate, or the certificate is not valid now.
    """
    own, *chain = certificates
    if own.public_key() != key.public_key():
        raise _key_error(
            tr("the key does not belong to the certificate"),
            tr("name the key of this certificate; the certificate of the sender comes first"),
            "message.smime.key_file",
        )
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        after = now > own.not_valid_after_utc
        day = own.not_valid_after_utc if after else own.not_valid_before_utc
        message = (
            tr("the certificate expired on {day}", day=f"{day:%Y-%m-%d}")
            if after
            else tr("the certificate is not valid before {day}", day=f"{day:%Y-%m-%d}")
        )
        raise CampaignError(
            message, column="message.smime.certificate", hint=tr("renew it"), code="smime-expired"
        )
    return SmimeIdentity(own, key, tuple(chain))


def addresses_of(certificate: Certificate) -> tuple[str, ...]:
    """The addresses that a certificate is for (RFC 8550, 3): the alternative names, the subject."""
    from cryptography.x509 import ExtensionNotFound, RFC822Name, SubjectAlternativeName
    from cryptography.x509.oid import NameOID

    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        found = names.get_values_for_type(RFC822Name)
    except (ExtensionNotFound, ValueError):
        found = []
    subject = certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    return (*found, *(str(one.value) for one in subject))


def _key_error(message: str, hint: str, column: str) -> CampaignError:
    return CampaignError(message, column=column, hint=hint, code="smime-key")
