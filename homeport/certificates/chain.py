"""Whether a chain leads from a site's certificate to an authority that clients have: by signatures, not by names. Pure.

A server sends what lies between; a client that has to guess an intermediate does not open the site (browsers often have
it from elsewhere, which is why nobody notices; curl, Python and phones do not).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

Certificates = Sequence[x509.Certificate]


def chain_problem(chain: Certificates, anchors: Certificates, now: datetime) -> tuple[str, str] | None:
    """Return what is wrong with a chain (the site's certificate first) and what to do; None when clients can follow it.

    `anchors` are the authorities that this machine trusts. Each certificate has to be issued by the one after it (RFC
    5246, 7.4.2), up to one that an anchor has issued or that has signed itself; what comes after that does not matter.
    """
    current, rest = chain[0], list(chain[1:])
    while not _ends(current, anchors):
        following = next((one for one in rest if _issued(one, current)), None)
        if following is None:
            missing, by = name(current.issuer), "the site's own" if current is chain[0] else name(current.subject)
            return (
                f"the chain lacks the certificate of {missing}, which issued {by}",
                f"append the certificate of {missing}; with an authority of your own, all up to its root",
            )
        if following is not rest[0]:
            before, wrong = name(current.subject), name(rest[0].subject)
            return (
                f"certificate {len(chain) - len(rest) + 1} in it ({wrong}) did not issue the certificate before it "
                f"({before})",
                f"put certificate {_place(chain, following)} ({name(following.subject)}) there",
            )
        if following.not_valid_after_utc <= now:
            ended = f"{following.not_valid_after_utc:%Y-%m-%d}"
            return f"the certificate of {name(following.subject)} in it expired on {ended}", "put in its successor"
        current, rest = following, rest[1:]
    return None


def _ends(certificate: x509.Certificate, anchors: Certificates) -> bool:
    """Tell whether nothing has to follow: it has signed itself, or an anchor has issued it."""
    return _signed(certificate, certificate) or any(_signed(anchor, certificate) for anchor in anchors)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    return _signed(issuer, certificate) and _is_authority(issuer)


def _signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError):
        return False
    except UnsupportedAlgorithm:
        # Nothing better can be told here than the name.
        return True
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _place(chain: Certificates, certificate: x509.Certificate) -> int:
    return next(number for number, one in enumerate(chain, 1) if one is certificate)


def name(of: x509.Name) -> str:
    """Return a certificate's name as people know it: its own, or all that there is."""
    own = of.get_attributes_for_oid(NameOID.COMMON_NAME) or of.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return f'"{own[0].value!s}"' if own else of.rfc4514_string()
