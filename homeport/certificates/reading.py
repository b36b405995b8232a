"""What a certificate says of itself. Pure; reads text, and judges nothing (`certificate_life` does)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class CertificateRead:
    """Names, issuer, and times (UTC)."""

    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    self_signed: bool


def read(pem: str) -> CertificateRead:
    """Return what the first certificate of a PEM text says; raise ValueError when it is none."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return CertificateRead(
        names=_names(certificate),
        issuer=_issuer(certificate.issuer),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        self_signed=certificate.issuer == certificate.subject,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.get_values_for_type(x509.DNSName))


def _issuer(name: x509.Name) -> str:
    """Return an issuer as people know it: its organisation and its own name."""
    parts = [
        str(attribute.value)
        for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
        for attribute in name.get_attributes_for_oid(kind)
    ]
    return " ".join(dict.fromkeys(parts)) or name.rfc4514_string()
