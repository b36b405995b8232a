"""Reads the names and dates in a certificate. Pure; takes text or bytes, and judges nothing (`lifetime` does)."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID

from homeport.certificates.lifetime import Certificate


def read(certificate: str | bytes) -> Certificate:
    """Return what the first certificate of a PEM text, or one in DER, says; raise ValueError when it is not one."""
    if isinstance(certificate, str):
        return said(x509.load_pem_x509_certificate(certificate.encode()))
    return said(x509.load_der_x509_certificate(certificate))


def said(certificate: x509.Certificate) -> Certificate:
    """Return what a certificate says."""
    return Certificate(
        names=_names(certificate),
        issuer=_issuer(certificate.issuer),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        self_signed=certificate.issuer == certificate.subject,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names that it is for; the common name counts for no client any more (RFC 9525, 2)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
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
