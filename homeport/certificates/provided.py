"""The certificate files that the user provides, read from this machine and checked before any host is touched.

That is the certificate itself, or what Certbot needs to prove the names by DNS. No secret enters a message.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from homeport.certificates.dns_plugin_lock import check_plugin_lock
from homeport.errors import UsageError
from homeport.settings.model import Settings
from homeport.state.certificate_pair import CERTIFICATE, KEY, CertificatePair


def load_certificate(settings: Settings, project: Path, host: str | None = None) -> CertificatePair | None:
    """Return the pair that the settings name (paths are relative to `project`); None with `tls = "acme"`.

    Raises UsageError when a file cannot be read, and when the two cannot serve this site.
    """
    if settings.tls != "files":
        return None
    # Loaded here, since every deploy would wait for it.
    from homeport.certificates.pair_check import PairError, check_pair

    chain = _read(project / str(settings.tls_certificate_file), CERTIFICATE, host)
    pair = CertificatePair(chain, _read(project / str(settings.tls_key_file), KEY, host))
    try:
        check_pair(pair, settings.domains, datetime.now(UTC), _anchors())
    except PairError as error:
        raise UsageError(str(error), host=host, key=error.key, fix=error.fix) from None
    return pair


def _anchors() -> list[bytes]:
    """Return the certificates (DER) of the authorities that this machine trusts, or else of those that Mozilla does."""
    import ssl

    found = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not found:
        with suppress(ImportError, OSError):
            import certifi

            found = ssl.create_default_context(cafile=certifi.where()).get_ca_certs(binary_form=True)
    return found


def load_dns_credentials(settings: Settings, project: Path, host: str | None = None) -> str:
    """Return the DNS plugin's credentials, "" without a plugin; raise UsageError when they cannot be read."""
    if not settings.acme_dns_plugin:
        return ""
    return _read(project / str(settings.acme_dns_credentials_file), "acme_dns_credentials_file", host)


def load_dns_requirements(settings: Settings, project: Path, host: str | None = None) -> str:
    """Return the requirements of the DNS plugin, "" without one.

    Raises UsageError when they cannot be read, do not have the plugin, or have no hashes: what runs as root on the
    host is what was locked.
    """
    if not settings.acme_dns_plugin:
        return ""
    key = "acme_dns_requirements_file"
    text = _read(project / str(settings.acme_dns_requirements_file), key, host)
    try:
        check_plugin_lock(text, settings.acme_dns_plugin)
    except ValueError as error:
        fix = (
            f"write it with: uv pip compile --universal --generate-hashes -o FILE FILE.in ({settings.acme_dns_plugin})"
        )
        raise UsageError(str(error), host=host, key=key, fix=fix) from None
    return text


def _read(path: Path, key: str, host: str | None) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        problem, fix = f"{path} is not a text file", "provide the certificate and its key as PEM"
    except OSError:
        problem, fix = f"{path} cannot be read", "paths are relative to the project's folder"
    raise UsageError(problem, host=host, key=key, fix=fix)
