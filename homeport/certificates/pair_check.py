"""Whether a certificate and a key that the user provides can serve a site. Pure; no part of the key is in a message."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from homeport.certificates import reading
from homeport.certificates.chain import chain_problem
from homeport.state.certificate_pair import CERTIFICATE, KEY, CertificatePair


class PairError(ValueError):
    """The pair cannot serve the site: `key` is the setting to correct, `fix` says how."""

    def __init__(self, key: str, problem: str, fix: str):
        super().__init__(problem)
        self.key, self.fix = key, fix


def check_pair(pair: CertificatePair, domains: Iterable[str], now: datetime, anchors: Sequence[bytes] = ()) -> None:
    """Raise PairError unless they belong together, cover `domains`, are valid at `now` (UTC), and have a whole chain.

    `anchors` are the certificates (DER) of the authorities that this machine trusts.
    """
    certificate, *others = _certificates(pair.chain)
    public = _public(_private_key(pair.key).public_key())
    if _public(certificate.public_key()) != public:
        if any(_public(other.public_key()) == public for other in others):
            raise PairError(CERTIFICATE, "the site's own certificate is not the first one in it", "put it first")
        raise PairError(KEY, "the key belongs to another certificate", f"name the key of {CERTIFICATE}")
    said = reading.said(certificate)
    stage = said.life("provided").stage(now)
    if stage == "over":
        raise PairError(CERTIFICATE, f"it expired on {said.not_after:%Y-%m-%d}", "provide a new one")
    if stage == "to come":
        problem = f"it is not valid before {said.not_before:%Y-%m-%d %H:%M} UTC"
        raise PairError(CERTIFICATE, problem, "provide one that is valid now")
    if missing := said.lacks(domains):
        problem = f"it is for {', '.join(sorted(said.names)) or 'no name'}, and not for {', '.join(missing)}"
        raise PairError(CERTIFICATE, problem, "provide one for domain, served_domains and domain_aliases")
    if found := chain_problem((certificate, *others), _trusted(anchors), now):
        raise PairError(CERTIFICATE, *found)


def _trusted(anchors: Sequence[bytes]) -> list[x509.Certificate]:
    """Return the authorities that can be read; a machine may have a file that is not a valid one by today's rules."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for anchor in anchors:
            with suppress(ValueError):
                found.append(x509.load_der_x509_certificate(anchor))
    return found


def _certificates(chain: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(chain.encode())
    except ValueError:
        raise PairError(CERTIFICATE, "it is not a PEM certificate", "provide the full chain as PEM") from None


def _private_key(key: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(key.encode(), password=None)
    except TypeError:
        raise PairError(KEY, "the key has a passphrase, which Nginx cannot ask for", "provide it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise PairError(KEY, "it is not a PEM private key", "provide the certificate's key as PEM") from None


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
