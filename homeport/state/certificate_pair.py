"""A certificate and its key as the user provides them. Not with their check, which loads most of cryptography."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

CERTIFICATE, KEY = "tls_certificate_file", "tls_key_file"


@dataclass(frozen=True)
class CertificatePair:
    """A certificate chain, the site's own certificate first, and its private key: PEM texts."""

    chain: str = field(repr=False)
    key: str = field(repr=False)

    @property
    def id(self) -> str:
        """Return a name for this very pair: 12 hexadecimal digits of the SHA-256 of both."""
        return sha256(f"{self.chain}\0{self.key}".encode()).hexdigest()[:12]
