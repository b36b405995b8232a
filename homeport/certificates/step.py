"""Certbot: as homeport runs it, as people run it, a timer that renews, and a hook that tells the proxy."""

from __future__ import annotations

from datetime import datetime

from homeport.state.certificate_pair import CertificatePair
from homeport.state.paths import CERTBOT, HOST_PROGRAM, SYSTEM_CA_FILE, TOOLS, UNITS
from homeport.state.wanted import CertificateWanted, Directory, File, Part, Unit
from homeport.steps.context import Context


def certificate(context: Context) -> Part:
    """Return what keeps certificates renewed without anybody's help."""
    hooks = "/etc/letsencrypt/renewal-hooks"
    return Part(
        directories=(Directory("/etc/letsencrypt"), Directory(hooks), Directory(f"{hooks}/deploy")),
        files=(
            File(CERTBOT, context.render("certbot/launcher", ca_file=SYSTEM_CA_FILE, tools=TOOLS), mode=0o755),
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


def provided_certificate(context: Context) -> Part:
    """Return what the user has brought for the certificate: the pair itself, or what a DNS plugin of Certbot needs.

    The pair's folder is named after it, so that the site goes from one pair to the next in one step.
    """
    paths, pair = context.paths, context.certificate
    if pair is not None:
        folder = paths.provided_certificate(pair.id)
        return Part(
            directories=(Directory(folder, mode=0o700),),
            files=(
                File(f"{folder}/fullchain.pem", pair.chain, mode=0o600),
                File(f"{folder}/privkey.pem", pair.key, mode=0o600, secret=True),
            ),
            absent=(paths.dns_credentials, paths.dns_plugin),
        )
    if not context.settings.acme_dns_plugin:
        return Part(absent=(paths.dns_credentials, paths.dns_plugin))
    return Part(
        files=(
            File(paths.dns_credentials, context.dns_credentials, mode=0o600, secret=True),
            File(paths.dns_plugin, context.dns_requirements),
        )
    )


def wanted_certificate(context: Context) -> CertificateWanted:
    """Return the certificate that the site should have."""
    settings, pair = context.settings, context.certificate
    plugin = settings.acme_dns_plugin
    return CertificateWanted(
        domains=settings.certificate_names,
        directory_url=settings.acme_directory_url,
        email=settings.acme_email,
        folder=context.paths.provided_certificate(pair.id) if pair else "",
        profile=settings.acme_profile or "",
        curve=settings.acme_key_curve,
        # Certbot's own plugins, and those of others that follow them, are called like their packages.
        authenticator=plugin.removeprefix("certbot-") if plugin else "webroot",
        propagation_seconds=settings.acme_dns_propagation_seconds,
        renews=settings.outbound == "controller",
        valid=_valid(pair) if pair else None,
    )


def _valid(pair: CertificatePair) -> tuple[datetime, datetime]:
    # Loaded here, since every deploy would wait for it.
    from homeport.certificates.reading import read

    said = read(pair.chain)
    return said.not_before, said.not_after
