"""HAProxy: the whole of its configuration, the application's site, and a unit that comes back when it dies."""

from __future__ import annotations

from urllib.parse import unquote

from homeport.machine.platform import key_exchange_groups
from homeport.proxies.model.claim import claim_file, maintenance_file
from homeport.proxies.model.start_condition import start_condition
from homeport.state.paths import ACME_WEBROOT, HOST_PROGRAM, UNITS
from homeport.state.wanted import Directory, File, Part, Unit
from homeport.steps.context import Context

CONFIGURATION = "/etc/haproxy/haproxy.cfg"
FOLDER = "/etc/haproxy/homeport"
LUA = f"{FOLDER}/homeport.lua"


def proxy(context: Context) -> Part:
    """Return the proxy's file set, its drop-in, and the claim of names and ports that other applications see."""
    return Part(
        packages=("haproxy",),
        directories=(
            Directory(FOLDER),
            Directory("/var/www"),
            Directory(ACME_WEBROOT),
            Directory(f"{UNITS}/haproxy.service.d"),
        ),
        files=(
            File(CONFIGURATION, _configuration(context), file_set="haproxy"),
            File(LUA, context.render("haproxy/homeport.lua", webroot=ACME_WEBROOT), file_set="haproxy"),
            File(f"{FOLDER}/prepare", context.render("haproxy/prepare"), mode=0o755, file_set="haproxy"),
            File(site_path(context.settings.app_name), site(context), file_set="haproxy", with_release=True),
            File(
                f"{UNITS}/haproxy.service.d/homeport.conf",
                context.render("systemd/haproxy.service.d-homeport.conf", host_program=HOST_PROGRAM),
                file_set="systemd",
            ),
            claim_file(context),
            maintenance_file(context),
        ),
        units=(Unit("haproxy.service"),),
        start_conditions=(start_condition(context, "haproxy"),),
    )


def site_path(app: str) -> str:
    """Return the file of an application's site."""
    return f"{FOLDER}/{app}.cfg"


def _configuration(context: Context) -> str:
    return context.render(
        "haproxy/haproxy.cfg",
        ipv6=context.machine.ipv6,
        key_exchange_groups=key_exchange_groups(context.machine),
    )


def site(context: Context) -> str:
    """Render the application's site, which is part of its release."""
    settings, paths = context.settings, context.paths
    return context.render(
        "haproxy/site.cfg",
        app=settings.app_name,
        domain=settings.domain,
        aliases=list(settings.domain_aliases),
        port_blue=settings.port_blue,
        port_green=settings.port_green,
        flag=paths.flag,
        maintenance=paths.maintenance,
        maintenance_page=paths.maintenance_page,
        maintenance_retry_seconds=settings.maintenance_retry_seconds,
        health_uri=_uri(settings.health_path),
        standby=settings.standby,
        tls_profile=settings.tls_profile,
        hsts_seconds=settings.hsts_seconds,
        hsts_subdomains=settings.hsts_subdomains,
        hsts_preload=settings.hsts_preload,
        client_max_body_megabytes=settings.client_max_body_megabytes,
        proxy_read_timeout_seconds=settings.proxy_read_timeout_seconds,
    )


def _uri(path: str) -> str:
    """Return a path as it is compared; "" for one that the configuration cannot name."""
    uri = unquote(path.partition("?")[0])
    return "" if set(uri) & set("$\"'\\#% ") or not uri.isascii() else uri
