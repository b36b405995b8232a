"""A small certificate authority of our own, made by openssl, which signs the ACME server's own HTTPS certificate.

It stands for a company's internal authority: the hosts' images carry it in the system's trust store. It is kept
beside the images in the user's cache directory, since whatever trusts it lives there too, and nothing else on the
machine ever trusts it.
"""

from __future__ import annotations

import fcntl
from pathlib import Path

from homeport.lab.machine import cache_directory, require_commands, run

DAYS = "3650"


def root_certificate() -> Path:
    """Return the authority's certificate (PEM), made at the first call; its private key is beside it."""
    folder = cache_directory() / "authority"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate = folder / "ca.pem"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not certificate.exists():
            require_commands("openssl")
            new = folder / "ca.pem.new"
            subject = ("-subj", "/CN=homeport lab authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
            run([*_request(folder / "ca.key", new), "-x509", "-days", DAYS, *subject])
            new.replace(certificate)
    return certificate


def issue(folder: Path, names: list[str]) -> tuple[Path, Path]:
    """Write a server certificate for these names (as `DNS:a.test`, `IP:10.0.0.1`) to `folder`; return certificate and
    key.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca = root_certificate()
    certificate, key = folder / "server.pem", folder / "server.key"
    extensions = [
        f"subjectAltName={','.join(names)}",
        "basicConstraints=critical,CA:FALSE",
        "extendedKeyUsage=serverAuth",
    ]
    added = [part for extension in extensions for part in ("-addext", extension)]
    signed_by = ["-CA", str(ca), "-CAkey", str(ca.with_suffix(".key")), "-days", DAYS]
    run([*_request(key, certificate), "-x509", "-subj", "/CN=homeport lab", *added, *signed_by])
    return certificate, key


def _request(key: Path, out: Path) -> list[str]:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    return ["openssl", "req", "-new", "-nodes", *curve, "-keyout", str(key), "-out", str(out)]
