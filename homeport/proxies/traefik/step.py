"""Traefik: its configuration, the plugin that follows the live slot, the application's site, and a unit of its own."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

from homeport.proxies.model import errors
from homeport.proxies.model.claim import claim_file, maintenance_file
from homeport.proxies.model.edges import check_overridden, edges, user_hashes
from homeport.proxies.model.paths import path_rules
from homeport.proxies.model.start_condition import start_condition
from homeport.state.paths import ACME_WEBROOT, HOST_PROGRAM, TOOLS, UNITS
from homeport.state.wanted import Directory, File, Part, Unit
from homeport.steps.context import Context

FOLDER = "/etc/traefik"
CONFIGURATION = f"{FOLDER}/traefik.yaml"
# Traefik looks for plugins here, below its working directory.
PLUGIN = f"{FOLDER}/plugins-local/src/homeport/front"
USER = "www-data"
# What keeps visitors out, by setting (templates/traefik/front.go).
MARKS = {"allow_from": r'"allowed": \[\s*"', "basic_auth": "-visitors, "}
# Names of a site come before those with a star, and those before what is nobody's.
NAMED, STARRED = 2000, 1000
MEGABYTE = 1024 * 1024
# Mozilla's intermediate profile, version 6.0, in Go's words; a client's order of suites counts in Go.
SUITES = (
    *("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    *("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    *("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
)
CURVES = ("X25519MLKEM768", "X25519", "CurveP256", "CurveP384")


def proxy(context: Context) -> Part:
    """Return the proxy's file set, its unit, and the claim of names and ports that other applications see."""
    return Part(
        directories=(
            Directory(FOLDER),
            Directory(f"{FOLDER}/homeport"),
            *(Directory(f"{FOLDER}/plugins-local{below}") for below in ("", "/src", "/src/homeport")),
            Directory(PLUGIN),
            Directory("/var/www"),
            Directory(ACME_WEBROOT),
            Directory(f"{UNITS}/traefik.service.d"),
        ),
        files=(
            File(CONFIGURATION, context.render("traefik/traefik.yaml", ipv6=context.machine.ipv6), file_set="traefik"),
            File(f"{FOLDER}/machine.yaml", _machine(context), file_set="traefik"),
            File(f"{PLUGIN}/front.go", context.render("traefik/front.go"), file_set="traefik"),
            File(f"{PLUGIN}/.traefik.yml", context.render("traefik/manifest.yml"), file_set="traefik"),
            File(
                f"{FOLDER}/homeport/prepare",
                context.render("traefik/prepare", tools=TOOLS, user=USER),
                mode=0o755,
                file_set="traefik",
            ),
            File(site_path(context.settings.app_name), site(context), file_set="traefik", with_release=True),
            File(
                f"{UNITS}/traefik.service",
                context.render("systemd/traefik.service", tools=TOOLS, user=USER),
                file_set="systemd",
            ),
            File(
                f"{UNITS}/traefik.service.d/homeport.conf",
                context.render("systemd/traefik.service.d-homeport.conf", host_program=HOST_PROGRAM),
                file_set="systemd",
            ),
            claim_file(context),
            maintenance_file(context),
            *_visitors(context),
        ),
        units=(Unit("traefik.service"),),
        start_conditions=(start_condition(context, "traefik"),),
    )


def site_path(app: str) -> str:
    """Return the file of an application's site."""
    return f"{FOLDER}/homeport/{app}.yaml"


def _visitors(context: Context) -> tuple[File, ...]:
    """Return the file of visitors' passwords, which is no part of a release: a way back lets nobody in again."""
    settings = context.settings
    if not settings.basic_auth:
        return ()
    text = context.render(
        "traefik/visitors.yaml", app=settings.app_name, domain=settings.domain, users=user_hashes(context)
    )
    # No application's name has a dot, so this is no site's file.
    path = f"{FOLDER}/homeport/{settings.app_name}.visitors.yaml"
    return (File(path, text, mode=0o600, file_set="traefik", secret=True),)


def _machine(context: Context) -> str:
    return context.render("traefik/machine.yaml", webroot=ACME_WEBROOT, tls_intermediate=_intermediate())


def _intermediate() -> str:
    """Return the lines of Mozilla's profile, as they stand below the name of options."""
    lines = ["minVersion: VersionTLS12", f"curvePreferences: [{', '.join(CURVES)}]", "cipherSuites:"]
    return "\n".join(f"      {line}" for line in (*lines, *(f"  - {suite}" for suite in SUITES)))


def site(context: Context) -> str:
    """Render the application's site, which is part of its release."""
    settings = context.settings
    text = context.render(
        "traefik/site.yaml",
        app=settings.app_name,
        names=settings.domains,
        rules=_rules(settings.domains),
        asks=bool(settings.basic_auth),
        site=json.dumps(_plugin_settings(context), indent=2),
        tls_profile=settings.tls_profile,
        tls_intermediate=_intermediate(),
        curves=CURVES,
    )
    return check_overridden(settings, text, "traefik/site.yaml", MARKS)


def _rules(names: tuple[str, ...]) -> list[tuple[str, str, int]]:
    """Return what the site's routers are called, which names they are for in Traefik's words, and their priorities."""
    exact = [f"Host(`{name}`)" for name in names if not name.startswith("*")]
    starred = [f"HostRegexp(`^[^.]+{re.escape(name[1:])}$`)" for name in names if name.startswith("*")]
    found = (("names", exact, NAMED), ("starred", starred, STARRED))
    return [(kind, " || ".join(some), priority) for kind, some, priority in found if some]


def _plugin_settings(context: Context) -> dict[str, object]:
    """Return what templates/traefik/front.go knows of the site."""
    settings, paths = context.settings, context.paths
    health = unquote(settings.health_path.partition("?")[0])
    known = edges(settings, health, "")
    return {
        "domain": settings.domain,
        "aliases": list(settings.domain_aliases),
        "blue": f"127.0.0.1:{settings.port_blue}",
        "green": f"127.0.0.1:{settings.port_green}",
        "flag": paths.flag,
        "held": paths.held,
        "hold_seconds": settings.hold_seconds,
        "standby": settings.standby,
        "maintenance": paths.maintenance,
        "maintenance_page": paths.maintenance_page,
        "maintenance_retry": str(settings.maintenance_retry_seconds),
        "maintenance_said": errors.MAINTENANCE,
        "health": health,
        "tls13": settings.tls_profile == "modern",
        "headers": {"X-Content-Type-Options": "nosniff", **_hsts(context), **settings.response_headers},
        "header_bytes": settings.response_headers_kilobytes * 1024,
        "body_bytes": settings.client_max_body_megabytes * MEGABYTE,
        "seconds": settings.proxy_read_timeout_seconds,
        "paths": [
            {"path": one.path, "body_bytes": one.body_megabytes * MEGABYTE, "seconds": one.read_seconds}
            for one in path_rules(settings)
        ],
        "redirects": {
            path: {"target": one.target, "status": one.status, "keeps_query": one.keeps_query}
            for path, one in settings.redirects.items()
        },
        "allowed": list(settings.allow_from),
        "trusted": list(settings.trusted_proxies),
        "limits": [
            {"path": one.path, "at_once": one.rate.at_once, "seconds": one.rate.window_milliseconds / 1000}
            for one in known.limits
        ],
        "limit_retry": str(known.retry_seconds),
        "said": {str(status): said for status, said in errors.SAID.items()},
        "error_retry": str(errors.RETRY_SECONDS),
        "json": list(errors.JSON),
        "page": list(errors.PAGE),
    }


def _hsts(context: Context) -> dict[str, str]:
    settings = context.settings
    if not settings.hsts_seconds:
        return {}
    more = "; includeSubDomains" * settings.hsts_subdomains + "; preload" * settings.hsts_preload
    return {"Strict-Transport-Security": f"max-age={settings.hsts_seconds}{more}"}
