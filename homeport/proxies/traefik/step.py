"""Traefik: its configuration, the plugin that follows the live slot, the application's site, and a unit of its own."""

from __future__ import annotations

import json
import re

from homeport.proxies.model.claim import claim_file, maintenance_file
from homeport.proxies.model.edges import check_overridden, user_hashes
from homeport.proxies.model.start_condition import start_condition
from homeport.proxies.traefik.plugin_settings import plugin_settings
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
# Mozilla's intermediate profile, version 6.0, in Go's words; a client's order of suites counts in Go.
SUITES = (
    *("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    *("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    *("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
)
CURVES = ("X25519MLKEM768", "X25519", "CurveP256", "CurveP384")


def proxy(context: Context) -> Part:
    """Return the proxy's file set, its unit, and the claim of names and ports that other applications see."""
    folders = ("", "/homeport", "/plugins-local", "/plugins-local/src", "/plugins-local/src/homeport")
    return Part(
        directories=(
            *(Directory(f"{FOLDER}{below}") for below in folders),
            *map(Directory, (PLUGIN, "/var/www", ACME_WEBROOT, f"{UNITS}/traefik.service.d")),
        ),
        files=(
            File(site_path(context.settings.app_name), site(context), file_set="traefik", with_release=True),
            *_machine(context),
            *_unit(context),
            claim_file(context),
            maintenance_file(context),
            *_visitors(context),
        ),
        units=(Unit("traefik.service"),),
        start_conditions=(start_condition(context, "traefik"),),
    )


def _machine(context: Context) -> tuple[File, ...]:
    """Return what is the same for every application of the machine."""
    prepare = context.render("traefik/prepare", tools=TOOLS, user=USER)
    texts = {
        CONFIGURATION: context.render("traefik/traefik.yaml", ipv6=context.machine.ipv6),
        f"{FOLDER}/machine.yaml": context.render(
            "traefik/machine.yaml", webroot=ACME_WEBROOT, tls_intermediate=_intermediate()
        ),
        f"{PLUGIN}/front.go": context.render("traefik/front.go"),
        f"{PLUGIN}/.traefik.yml": context.render("traefik/manifest.yml"),
    }
    return (
        *(File(path, text, file_set="traefik") for path, text in texts.items()),
        File(f"{FOLDER}/homeport/prepare", prepare, mode=0o755, file_set="traefik"),
    )


def _unit(context: Context) -> tuple[File, ...]:
    settings = context.render("systemd/traefik.service.d-homeport.conf", host_program=HOST_PROGRAM)
    return (
        File(
            f"{UNITS}/traefik.service",
            context.render("systemd/traefik.service", tools=TOOLS, user=USER),
            file_set="systemd",
        ),
        File(f"{UNITS}/traefik.service.d/homeport.conf", settings, file_set="systemd"),
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
        site=json.dumps(plugin_settings(context), indent=2),
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
