"""HAProxy: the whole of its configuration, the application's site, and a unit that comes back when it dies."""

from __future__ import annotations

from homeport.machine.platform import key_exchange_groups
from homeport.proxies.model.claim import claim_file, maintenance_file
from homeport.proxies.model.edges import check_overridden, edges, user_hashes
from homeport.proxies.model.site import plain_uri, site_values
from homeport.proxies.model.start_condition import start_condition
from homeport.state.paths import ACME_WEBROOT, HOST_PROGRAM, UNITS
from homeport.state.wanted import Directory, File, Part, Unit
from homeport.steps.context import Context

CONFIGURATION = "/etc/haproxy/haproxy.cfg"
FOLDER = "/etc/haproxy/homeport"
LUA = f"{FOLDER}/homeport.lua"
# What no path has that the configuration could name.
UNSPEAKABLE = "$\"'\\#% "
# What keeps visitors out, by setting (templates/haproxy/edges.cfg).
MARKS = {"allow_from": r"deny_status 403 if !allowed", "basic_auth": r"http-request auth realm "}


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
            *_users(context),
        ),
        units=(Unit("haproxy.service"),),
        start_conditions=(start_condition(context, "haproxy"),),
    )


def site_path(app: str) -> str:
    """Return the file of an application's site."""
    return f"{FOLDER}/{app}.cfg"


def _users_path(app: str) -> str:
    # No application's name has a dot, so this is no site's file.
    return f"{FOLDER}/{app}.visitors.cfg"


def _users(context: Context) -> tuple[File, ...]:
    """Return the file of visitors' passwords, which HAProxy reads as root when it starts or is reloaded.

    It is no part of a release: a way back lets nobody in again who has been taken off.
    """
    app = context.settings.app_name
    if not context.settings.basic_auth:
        return ()
    text = context.render("haproxy/users.cfg", app=app, users=user_hashes(context))
    return (File(_users_path(app), text, mode=0o600, file_set="haproxy", secret=True),)


def _configuration(context: Context) -> str:
    return context.render(
        "haproxy/haproxy.cfg",
        ipv6=context.machine.ipv6,
        balancers=context.settings.balancers,
        key_exchange_groups=key_exchange_groups(context.machine),
    )


def site(context: Context) -> str:
    """Render the application's site, which is part of its release."""
    settings = context.settings
    health_uri = plain_uri(settings.health_path, UNSPEAKABLE)
    text = context.render(
        "haproxy/site.cfg",
        **site_values(context, health_uri),
        standby=settings.standby,
        edges=edges(settings, health_uri, _users_path(settings.app_name)),
    )
    return check_overridden(settings, text, "haproxy/site.cfg", MARKS)
