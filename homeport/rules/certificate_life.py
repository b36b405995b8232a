"""How long a certificate lasts, and when Certbot will ask for the next one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

# certbot 5.8, renewal.py (_default_renewal_time): half of a short life, two thirds of any other. An authority that
# gives renewal information (ARI, RFC 9773) may ask for it earlier.
SHORT_LIFE = timedelta(days=10)


@dataclass(frozen=True)
class CertificateLife:
    """What a certificate says of itself; times are UTC."""

    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    self_signed: bool

    @property
    def due(self) -> datetime:
        """Return from when on Certbot renews it."""
        life = self.not_after - self.not_before
        return self.not_before + (life / 2 if life < SHORT_LIFE else life * 2 / 3)

    @property
    def overdue(self) -> datetime:
        """Return when it is plain that renewing does not work: a third of the time between due and the end is gone."""
        return self.due + (self.not_after - self.due) / 3


def read(pem: str) -> CertificateLife:
    """Return what the first certificate of a PEM text says; raise ValueError when it is none."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return CertificateLife(
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
