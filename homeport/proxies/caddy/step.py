"""Caddy: the whole of its configuration, the application's site, and a unit that comes back when it dies."""

from __future__ import annotations

from homeport.proxies.model import holding
from homeport.proxies.model.claim import claim_file, maintenance_file
from homeport.proxies.model.edges import check_overridden, edges
from homeport.proxies.model.site import plain_uri, site_values
from homeport.proxies.model.start_condition import start_condition
from homeport.state.paths import ACME_WEBROOT, CLOSING, HOLD_SOCKET, HOST_PROGRAM, UNITS
from homeport.state.wanted import Directory, File, Part, Unit
from homeport.steps.context import Context

CONFIGURATION = "/etc/caddy/Caddyfile"
FOLDER = "/etc/caddy/homeport"
PREPARE = f"{FOLDER}/prepare"
# Copies of certificates and keys, which Caddy's user may read; a boot removes them.
CERTIFICATES = "/run/homeport/caddy"
# As much as HAProxy's buffer, and about what Nginx accepts of a client.
HEADER_BYTES = 32768
# What no path has that the configuration could name.
UNSPEAKABLE = "$\"'\\#%*?[]{} `"
# What keeps visitors out, by setting (templates/caddy/site.caddy).
MARKS = {"allow_from": r"error @outside "}


def proxy(context: Context) -> Part:
    """Return the proxy's file set, its drop-in, and the claim of names and ports that other applications see."""
    return Part(
        packages=("caddy",),
        directories=(
            Directory(FOLDER),
            Directory("/var/www"),
            Directory(ACME_WEBROOT),
            Directory(f"{UNITS}/caddy.service.d"),
        ),
        files=(
            File(CONFIGURATION, _configuration(context), file_set="caddy"),
            File(PREPARE, context.render("caddy/prepare"), mode=0o755, file_set="caddy"),
            File(site_path(context.settings.app_name), site(context), file_set="caddy", with_release=True),
            File(
                f"{UNITS}/caddy.service.d/homeport.conf",
                context.render("systemd/caddy.service.d-homeport.conf", host_program=HOST_PROGRAM),
                file_set="systemd",
            ),
            *holding.units(context),
            claim_file(context),
            maintenance_file(context),
        ),
        units=(Unit(holding.UNIT), Unit("caddy.service")),
        start_conditions=(start_condition(context, "caddy"),),
    )


def site_path(app: str) -> str:
    """Return the file of an application's site."""
    return f"{FOLDER}/{app}.caddy"


def _configuration(context: Context) -> str:
    return context.render("caddy/Caddyfile", webroot=ACME_WEBROOT, header_bytes=HEADER_BYTES)


def site(context: Context) -> str:
    """Render the application's site, which is part of its release."""
    settings = context.settings
    health_uri = plain_uri(settings.health_path, UNSPEAKABLE)
    text = context.render(
        "caddy/site.caddy",
        **site_values(context, health_uri),
        certificates=CERTIFICATES,
        webroot=ACME_WEBROOT,
        closing=CLOSING,
        hold_socket=HOLD_SOCKET,
        response_headers=settings.response_headers,
        response_headers_kilobytes=settings.response_headers_kilobytes,
        edges=edges(settings, health_uri, ""),
    )
    return check_overridden(settings, text, "caddy/site.caddy", MARKS)
