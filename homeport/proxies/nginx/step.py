"""Nginx: the whole of its configuration, the application's site, and a unit that comes back when it dies."""

from __future__ import annotations

from homeport.machine.platform import has_http2_directive, has_hybrid_groups, key_exchange_groups
from homeport.proxies.model import holding
from homeport.proxies.model.claim import claim_file, maintenance_file
from homeport.proxies.model.edges import check_overridden, edges, user_hashes
from homeport.proxies.model.site import application_values, plain_uri, site_values
from homeport.proxies.model.start_condition import start_condition
from homeport.settings import Settings
from homeport.settings.static import application_paths
from homeport.state.paths import (
    ACME_WEBROOT,
    CLOSING,
    HOLD_SOCKET,
    HOST_PROGRAM,
    NGINX_DEFAULT,
    NGINX_MOUNTS,
    NGINX_WELCOME,
    UNITS,
)
from homeport.state.wanted import Directory, File, Part, Unit
from homeport.steps.context import Context

# A machine without a record has Nginx: it does not start only where one of these is recorded.
OTHERS = ("haproxy", "caddy")
USER = "www-data"
# Debian's module, which compresses, and the one that sends what a build has compressed.
BROTLI = ("libnginx-mod-http-brotli-filter", "libnginx-mod-http-brotli-static")
# What no path has that its configuration could compare with $uri.
UNSPEAKABLE = '$"\\'
# What keeps visitors out, by setting (templates/nginx/edges_server.conf).
MARKS = {"allow_from": r"if \(\$edge_refused\)", "basic_auth": r"auth_basic_user_file "}


def proxy(context: Context) -> Part:
    """Return the proxy's file set, its drop-in, and the claim of names and ports that other applications see."""
    return Part(
        packages=("nginx", *(BROTLI if context.settings.brotli else ())),
        directories=(
            Directory("/etc/nginx/homeport"),
            Directory("/var/www"),
            Directory(ACME_WEBROOT),
            Directory(f"{UNITS}/nginx.service.d"),
            *_mount_folders(context),
        ),
        files=(
            File("/etc/nginx/nginx.conf", context.render("nginx/nginx.conf"), file_set="nginx"),
            File(NGINX_DEFAULT, _default(context), file_set="nginx"),
            File(_place(context.settings), site(context), file_set="nginx", with_release=True),
            File(
                f"{UNITS}/nginx.service.d/homeport.conf",
                context.render("systemd/nginx.service.d-homeport.conf", host_program=HOST_PROGRAM),
                file_set="systemd",
            ),
            *holding.units(context),
            claim_file(context),
            maintenance_file(context),
            *_users(context),
        ),
        # Debian's welcome page claims port 80's default server, which ours needs. Somebody's own stays.
        absent=(NGINX_WELCOME,),
        units=(Unit(holding.UNIT), Unit("nginx.service")),
        start_conditions=(start_condition(context, "nginx", unrecorded=OTHERS),),
    )


def site_path(app: str) -> str:
    """Return the file of the site of an application that has a name of its own."""
    return f"/etc/nginx/homeport/{app}.conf"


def _place(settings: Settings) -> str:
    """Return the file of an application's site; of a mounted one, in the folder that the owner's site includes."""
    app, owner = settings.app_name, settings.mounted_on
    return f"{NGINX_MOUNTS}/{owner}/{app}.conf" if owner else site_path(app)


def _mount_folders(context: Context) -> tuple[Directory, ...]:
    owner = context.settings.mounted_on
    return (Directory(NGINX_MOUNTS), Directory(f"{NGINX_MOUNTS}/{owner}")) if owner else ()


def _users_path(context: Context) -> str:
    return f"{context.paths.etc}/visitors"


def _users(context: Context) -> tuple[File, ...]:
    """Return the file of visitors' passwords, which Nginx reads at each request.

    It is no part of a release: a way back lets nobody in again who has been taken off.
    """
    if not context.settings.basic_auth:
        return ()
    text = context.render("nginx/users", app=context.settings.app_name, users=user_hashes(context))
    return (File(_users_path(context), text, mode=0o640, group=USER, secret=True),)


def _default(context: Context) -> str:
    machine = context.machine
    return context.render(
        "nginx/default.conf",
        webroot=ACME_WEBROOT,
        ipv6=machine.ipv6,
        elsewhere=dict(machine.defaults),
        balancers=context.settings.balancers,
        key_exchange_groups=_hybrid_groups(context),
    )


def _hybrid_groups(context: Context) -> str:
    """Return the groups of a system that has a hybrid one; "" where nginx.conf names all that there are."""
    return key_exchange_groups(context.machine) if has_hybrid_groups(context.machine) else ""


def site(context: Context) -> str:
    """Render the application's site, which is part of its release."""
    return _mounted_site(context) if context.settings.mounted_on else _own_site(context)


def _own_site(context: Context) -> str:
    settings, paths = context.settings, context.paths
    health_uri = plain_uri(settings.health_path, UNSPEAKABLE, ascii_only=False)
    text = context.render(
        "nginx/site.conf",
        **site_values(context, health_uri),
        **_shared_values(context),
        tls=paths.tls,
        standby=settings.standby,
        webroot=ACME_WEBROOT,
        ipv6=context.machine.ipv6,
        http2_directive=has_http2_directive(context.machine),
        key_exchange_groups=_hybrid_groups(context),
        static_root=paths.static,
        served=settings.served,
        spas=any(one.spa for one in settings.served),
        asks_first=settings.api_paths is None,
        brotli=settings.brotli,
        api_paths=application_paths(settings.api_paths, settings.health_path),
        edges=edges(settings, health_uri, _users_path(context)),
    )
    return check_overridden(settings, text, "nginx/site.conf", MARKS)


def _mounted_site(context: Context) -> str:
    """Render what the owner's site has of an application that is mounted on it."""
    settings = context.settings
    return context.render(
        "nginx/mount.conf",
        **application_values(context),
        **_shared_values(context),
        name=settings.app_name.replace("-", "_"),
        owner=settings.mounted_on,
        domain=settings.domain,
        path=settings.mount_path,
    )


def _shared_values(context: Context) -> dict[str, object]:
    """Return what a site's template has of Nginx, and that of a mounted application."""
    settings = context.settings
    return {
        "closing": CLOSING,
        "response_headers_kilobytes": settings.response_headers_kilobytes,
        "hold_socket": HOLD_SOCKET,
        "mounts": f"{NGINX_MOUNTS}/{settings.app_name}",
    }
