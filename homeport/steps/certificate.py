"""Certbot: a command that trusts what the machine trusts, a timer that renews, and a hook that tells the proxy."""

from __future__ import annotations

from homeport.paths import HOST_PROGRAM, SYSTEM_CA_FILE, TOOLS, UNITS
from homeport.state.wanted import CertificateWanted, Directory, File, Part, Unit
from homeport.steps.context import Context


def certificate(context: Context) -> Part:
    """Return what keeps certificates renewed without anybody's help."""
    hooks = "/etc/letsencrypt/renewal-hooks"
    return Part(
        directories=(Directory("/etc/letsencrypt"), Directory(hooks), Directory(f"{hooks}/deploy")),
        files=(
            File(
                "/usr/local/bin/certbot",
                context.render("certbot/certbot", ca_file=SYSTEM_CA_FILE, tools=TOOLS),
                mode=0o755,
            ),
            File(
                f"{hooks}/deploy/homeport",
                context.render("certbot/deploy-hook", host_program=HOST_PROGRAM),
                mode=0o755,
            ),
            File(
                f"{UNITS}/homeport-renew.service",
                context.render("certbot/homeport-renew.service", host_program=HOST_PROGRAM),
                file_set="systemd",
            ),
            File(f"{UNITS}/homeport-renew.timer", context.render("certbot/homeport-renew.timer"), file_set="systemd"),
        ),
        units=(Unit("homeport-renew.timer"),),
    )


def wanted_certificate(context: Context) -> CertificateWanted:
    """Return the certificate that the site shall have."""
    settings = context.settings
    return CertificateWanted(settings.domains, settings.acme_directory_url, settings.acme_email)
