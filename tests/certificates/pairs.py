"""Certificates and keys, made on the spot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from homeport.state.certificate_pair import CertificatePair

NOW = datetime.now(UTC).replace(microsecond=0)

USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


class Authority:
    """An authority with an ECDSA key."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = _build("homeport test authority", self.key.public_key(), self.key, ca=True)

    @property
    def pem(self) -> str:
        """Return its certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, *names: str, days: int = 60, begins: datetime = NOW, passphrase: str = "") -> CertificatePair:
        """Return a certificate for these names with its chain, and a new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        until = begins + timedelta(days=days)
        signed = _build("site", key.public_key(), self.key, names=names, begins=min(begins, until), ends=until)
        how: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()
        return CertificatePair(signed.public_bytes(Encoding.PEM).decode() + self.pem, pem)


def _build(
    subject: str,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    names: tuple[str, ...] = (),
    ca: bool = False,
    begins: datetime = NOW,
    ends: datetime = NOW + timedelta(days=3650),
) -> x509.Certificate:
    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named("homeport test authority"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins - timedelta(days=1))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if ca:
        usage = dict.fromkeys(USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    else:
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(server, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    return builder.sign(signer, hashes.SHA256())
