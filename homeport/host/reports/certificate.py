"""The site's certificate on the disk, and whether visitors get it: read once for status and doctor."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..proxies.model import certificates, mounts
from ..services.health import site_name
from ..system.layout import Layout

# The certificate that the proxy gives a visitor: this one, another one, or none.
Served = Literal["it", "another", "none"]


class CertificateOnDisk(NamedTuple):
    """`folder` is where the site's link leads to, `pem` the certificate without the chain ("": there is none)."""

    folder: str
    pem: str
    served: Served


def read(layout: Layout) -> CertificateOnDisk:
    """Return what is on the disk, and what is served on this machine for the site's first name.

    A mounted application has the certificate of the name's owner.
    """
    layout = mounts.owner(layout)
    wanted, given = certificates.on_disk(layout.certificate), certificates.served(site_name(layout))
    served: Served = "none" if given is None else "it" if given == wanted else "another"
    return CertificateOnDisk(str(layout.certificate.parent.resolve()), _pem(layout) if wanted else "", served)


def _pem(layout: Layout) -> str:
    text, end = layout.certificate.read_text(), certificates.PEM_END
    return text[text.index("-----BEGIN") : text.index(end) + len(end)]
