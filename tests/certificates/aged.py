"""A certificate with other dates: what it will be in some days, without anybody's clock being changed.

Its authority's key signs it anew with all that it says, so that whoever trusts the authority trusts it.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.certificates.pairs import Authority


def resigned(
    certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, begin: datetime, end: datetime
) -> str:
    """Return the certificate, valid from `begin` to `end` (UTC) and signed by its issuer's `key`, as PEM."""
    builder = (
        x509.CertificateBuilder(certificate.issuer, certificate.subject, certificate.public_key())
        .serial_number(certificate.serial_number)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension in certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def pem_of(begin: datetime, end: datetime, name: str = "notes.example.com") -> str:
    """Return a certificate of an authority that nobody knows, valid from `begin` to `end` (UTC), as PEM."""
    authority = Authority()
    issued = x509.load_pem_x509_certificate(authority.issue(name).chain.encode())
    return resigned(issued, authority.key, begin, end)
