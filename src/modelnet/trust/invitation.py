"""Invitations to a named network: one line of text that lets a node through its fence.

The secret in it yields the network's certificate authority, the same for everyone who has it, and
with that every member issues its own certificate. Mutual TLS then keeps strangers out. It is a
fence and no more: who said what is told by signatures, since any member could issue any name.
"""

import base64
import hashlib
import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from modelnet.core.error import SettingsError
from modelnet.core.identity import NodeId

SECRET_SIZE_BYTES: Final = 32
CERTIFICATE_DAYS: Final = 365

_PREFIX: Final = "modelnet-invite"
_CHECK_SIZE_BYTES: Final = 4
_NETWORK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
# Everything in the authority's certificate is fixed: whoever has the secret makes the same bytes.
_AUTHORITY_FROM: Final = datetime(2025, 1, 1, tzinfo=UTC)
_AUTHORITY_UNTIL: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
# Members' clocks may be off by a while; that is for the envelope to say, not for TLS.
_BACKDATED: Final = timedelta(days=1)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What mutual TLS needs, as PEM texts. The private key does not show."""

    ca_pem: str
    certificate_pem: str
    private_key_pem: str

    def __repr__(self) -> str:
        return "Credentials(...)"


@dataclass(frozen=True, slots=True)
class Invitation:
    """The right to enter a named network. Whoever has the line has the right."""

    network: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _NETWORK.fullmatch(self.network):
            raise SettingsError(
                f"{self.network!r} cannot name a network: use up to 63 letters, digits,"
                " dots, hyphens and underscores, beginning with a letter or digit."
            )

    @classmethod
    def create(cls, network: str) -> Self:
        """Return an invitation with a fresh secret.

        Raises:
            SettingsError: a network cannot have this name.
        """
        return cls(network, secrets.token_bytes(SECRET_SIZE_BYTES))

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read an invitation from the line that `text` printed.

        Raises:
            SettingsError: it is not one, or was mistyped.
        """
        prefix, network, code = _fields(line)
        try:
            raw = base64.b64decode(code, altchars="-_", validate=True)
        except ValueError:
            raw = b""
        secret, check = raw[:SECRET_SIZE_BYTES], raw[SECRET_SIZE_BYTES:]
        if prefix != _PREFIX or check != _check_of(network, secret):
            raise SettingsError(
                "The invitation is incomplete or mistyped: copy the whole line, from"
                f" `{_PREFIX}:` to its last letter."
            )
        return cls(network, secret)

    @property
    def text(self) -> str:
        """The line to hand on, over a channel that only the invited can read."""
        code = base64.urlsafe_b64encode(self.secret + _check_of(self.network, self.secret))
        return f"{_PREFIX}:{self.network}:{code.decode()}"


def issue(invitation: Invitation, node: NodeId, *, now: float) -> Credentials:
    """Issue this node's own certificate, with a fresh key, for a year from `now` (Unix seconds)."""
    authority_key = _authority_key(invitation)
    authority = _authority(invitation, authority_key)
    private = Ed25519PrivateKey.generate()
    start = datetime.fromtimestamp(now, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)]))
        .issuer_name(authority.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATED)
        .not_valid_after(start + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_local_names(), critical=False)
        .add_extension(_both_ends_of_tls(), critical=False)
        .sign(authority_key, None)
    )
    return Credentials(
        ca_pem=_pem(authority), certificate_pem=_pem(certificate), private_key_pem=_key_pem(private)
    )


def authority_fingerprint(invitation: Invitation) -> str:
    """Return the SHA-256 of the authority's certificate (DER) in hexadecimal.

    It tells two people whether their invitations are the same, and gives nothing away.
    """
    authority = _authority(invitation, _authority_key(invitation))
    return authority.fingerprint(hashes.SHA256()).hex()


def _fields(line: str) -> tuple[str, str, str]:
    parts = line.strip().split(":")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", "")


def _check_of(network: str, secret: bytes) -> bytes:
    return hashlib.sha256(f"{_PREFIX}:{network}:".encode() + secret).digest()[:_CHECK_SIZE_BYTES]


def _authority_key(invitation: Invitation) -> Ed25519PrivateKey:
    kdf = HKDF(
        algorithm=hashes.SHA256(),
        length=32,
        salt=None,
        info=f"modelnet/1/authority/{invitation.network}".encode(),
    )
    return Ed25519PrivateKey.from_private_bytes(kdf.derive(invitation.secret))


def _authority(invitation: Invitation, key: Ed25519PrivateKey) -> x509.Certificate:
    """Return the authority's certificate: Ed25519 signatures hold no chance, nor does the rest."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, invitation.network)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_AUTHORITY_FROM)
        .not_valid_after(_AUTHORITY_UNTIL)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_signs_certificates(), critical=True)
        .sign(key, None)
    )


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _local_names() -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
            x509.IPAddress(ipaddress.IPv6Address("::1")),
        ]
    )


def _both_ends_of_tls() -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(private: Ed25519PrivateKey) -> str:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
